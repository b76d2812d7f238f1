// One function through the whole backend: selection, allocation with its proof, frame, layout, encoding.
using Ebpfcc.Backend.Ebpf.Allocation;
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Backend.Ebpf.Layout;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Backend.Ebpf.Selection;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf;

public static class CodeGenerator
{
    /// <summary>Virtual machine code of a function: what <c>--emit=mir</c> shows first.</summary>
    public static MachineFunction SelectInstructions(Function function, BackendOptions options, DiagnosticBag diagnostics)
        => InstructionSelector.Select(function, options, diagnostics);

    /// <summary>Final machine code, printable, before encoding; null when the function was refused (reported).</summary>
    public static MachineFunction? Generate(Function function, BackendOptions options, DiagnosticBag diagnostics)
    {
        int before = diagnostics.ErrorCount;
        MachineFunction machine = InstructionSelector.Select(function, options, diagnostics);
        if (diagnostics.ErrorCount > before)
            return null;
        RegisterAllocation.Run(machine, options.CheckAllocation);
        FrameLayout.Run(machine, diagnostics);
        BlockLayout.Run(machine, options.Cpu);
        return diagnostics.ErrorCount > before ? null : machine;
    }

    /// <summary>Encoded code; null when the function was refused (reported).</summary>
    public static EmittedFunction? Compile(Function function, BackendOptions options, DiagnosticBag diagnostics, Func<string, GlobalValue?>? findSymbol = null)
        => Generate(function, options, diagnostics) is { } machine ? CodeEmitter.Emit(machine, options, diagnostics, findSymbol ?? (_ => null)) : null;
}
