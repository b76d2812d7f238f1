// The engines by name, one row each. Engines are made on demand, because some start processes or open libraries.
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.Llvm;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Cli;

/// <param name="Name">As <c>--engine</c> names it.</param>
/// <param name="Create">Makes the engine.</param>
public sealed record EngineRow(string Name, string Summary, Func<CommandContext, IExecutionEngine> Create);

public static class EngineTable
{
    public static IReadOnlyList<EngineRow> Rows { get; } =
    [
        new("interp", "the interpreter, on any machine", _ => new Interpreter()),
        new("x64", "native code of this process on x86-64", _ => new X64Engine()),
        new("llvm", "verified programs, optimised by an installed LLVM library (EBPFCC_LLVM names it)", context => new LlvmEngine(LlvmLibrary(context))),
        new("arm32", "ARM32 code, elsewhere than on ARM under qemu-arm", context => new Arm32Engine(FindProgram(context, "qemu-arm-static") ?? FindProgram(context, "qemu-arm"))),
    ];

    public static EngineRow? Find(string name)
    {
        foreach (EngineRow row in Rows)
        {
            if (row.Name == name)
                return row;
        }
        return null;
    }

    /// <summary>Where maps and contexts for programs of this engine must be allocated.</summary>
    public static IGuestAllocator AllocatorOf(IExecutionEngine engine) => engine is Arm32Engine { WhyUnavailable: null } arm ? arm.Allocator : GuestHeap.Shared;

    /// <summary>The LLVM library that the user chose, or null to search for one.</summary>
    public static string? LlvmLibrary(CommandContext context) => context.Environment("EBPFCC_LLVM") is { Length: > 0 } path ? path : null;

    /// <summary>The path of a program on PATH, or null.</summary>
    public static string? FindProgram(CommandContext context, string name)
    {
        foreach (string folder in (context.Environment("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            string candidate = Path.Combine(folder, name);
            if (File.Exists(candidate))
                return candidate;
        }
        return null;
    }
}
