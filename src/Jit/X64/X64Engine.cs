// The x86-64 engine: analyses, compiles, seals the code in executable pages, and calls it.
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Jit.X64;

/// <summary>Runs programs as native x86-64 code in this process.</summary>
public sealed class X64Engine : IExecutionEngine
{
    public string Name => "x64";

    public string? WhyUnavailable
        => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? null : $"this process runs on {RuntimeInformation.ProcessArchitecture}, not on x86-64";

    public IExecutable Prepare(VerifiedProgram program, ExecutionEnvironment environment)
    {
        RequiredSupport.Check(program, environment, probesMemory: false);
        return CompileTrusted(program.Program, program.Instructions, program.Facts, environment);
    }

    /// <exception cref="GuestFaultException">The instructions are malformed: an unknown operation, a used reserved field, a jump out of the program.</exception>
    public IExecutable PrepareSandboxed(LoadedProgram program, SandboxOptions sandbox, ExecutionEnvironment environment)
    {
        StructuralCheck.RequireSandboxable(program.Instructions);
        return new X64SandboxedExecutable(program, sandbox, environment);
    }

    /// <summary>Compiles without checks: for programs with a proof, and for tests that bring their own.</summary>
    internal static X64Executable CompileTrusted(LoadedProgram program, EbpfInstruction[] instructions, IReadOnlyList<InstructionFacts>? facts, ExecutionEnvironment environment)
    {
        ProgramShape shape = ProgramShape.Analyze(instructions, [.. program.Subprograms.Select(function => function.Start)]);
        X64Code code = X64Compiler.Compile(shape, OptionsFor(program, facts, environment));
        return new X64Executable(program, environment, code);
    }

    /// <summary>Translation alone, for listings: helper addresses are those of this process.</summary>
    public static X64Code Translate(VerifiedProgram program, ExecutionEnvironment environment)
    {
        RequiredSupport.Check(program, environment, probesMemory: false);
        return X64Compiler.Compile(
            ProgramShape.Analyze(program.Instructions, [.. program.Program.Subprograms.Select(function => function.Start)]),
            OptionsFor(program.Program, program.Facts, environment));
    }

    private static unsafe X64CompilerOptions OptionsFor(LoadedProgram program, IReadOnlyList<InstructionFacts>? facts, ExecutionEnvironment environment) => new()
    {
        ResolveHelper = id =>
        {
            HelperImplementation? helper = environment.Helpers.Find(id);
            return helper is not null && helper.Native is not null
                ? (nint)helper.Native
                : throw new InternalCompilerException("x86-64 compiler", program.Name, HelperRegistry.WhyMissing(id));
        },
        ResolveImmediate = (first, second) => ImmediateOf(program, first, second),
        FindInlineArray = slot => facts is null || facts[slot].MapIndex < 0 || program.Instructions[slot].Immediate != LookupHelper
            ? null
            : InlineArrayOf(program.Maps[facts[slot].MapIndex]),
        ResolveTailCall = X64Runtime.TailCallAddress,
        ResolvePacketLoad = X64Runtime.PacketLoadAddress,
    };

    /// <summary>Number of bpf_map_lookup_elem.</summary>
    private const int LookupHelper = 1;

    private static unsafe ulong ImmediateOf(LoadedProgram program, EbpfInstruction first, EbpfInstruction second)
    {
        switch ((WideImmediateKind)first.Src)
        {
            case WideImmediateKind.MapFd or WideImmediateKind.MapIndex:
                return (ulong)program.Maps[first.Immediate].Handle;
            case WideImmediateKind.MapValue or WideImmediateKind.MapIndexValue:
                byte* value = program.Maps[first.Immediate].DirectValue((uint)second.Immediate);
                return value is not null ? (ulong)value : throw new InternalCompilerException("x86-64 compiler", program.Name, "a direct map value lies outside its map");
            case WideImmediateKind.BtfId:
                return 0; // as in the interpreter: variables of the kernel do not exist here
            default:
                throw new InternalCompilerException("x86-64 compiler", program.Name, $"no value for a wide immediate of kind {(WideImmediateKind)first.Src}");
        }
    }

    /// <summary>Plain arrays have their elements at computable addresses; the descriptor says where.</summary>
    private static unsafe InlineArray? InlineArrayOf(IMap map)
    {
        var descriptor = (MapDescriptor*)map.Handle;
        return descriptor->Values != 0 && descriptor->CpuStride == 0 && descriptor->Stride is > 0 and <= int.MaxValue
            ? new InlineArray(descriptor->Values, descriptor->Stride, descriptor->MaxEntries)
            : null;
    }
}

/// <summary>Compiled code that can be called. Thread-safe; each call uses the calling thread's stack.</summary>
public sealed unsafe class X64Executable : IExecutable
{
    private readonly ExecutableMemory _memory;
    private readonly byte[] _code;
    private readonly int _entryOffset;

    internal X64Executable(LoadedProgram program, ExecutionEnvironment environment, X64Code code)
    {
        (Program, Environment, _code, _entryOffset) = (program, environment, code.Bytes, code.EntryOffset);
        _memory = ExecutableMemory.Create(code.Bytes.Length, (span, _) => code.Bytes.CopyTo(span));
        Entry = _memory.Address + code.EntryOffset;
        CallsBack = program.Instructions.Any(instruction => instruction.IsWide && instruction.Src == (int)WideImmediateKind.Function);
    }

    public LoadedProgram Program { get; }

    public ExecutionEnvironment Environment { get; }

    public ReadOnlyMemory<byte> Code => _code;

    /// <summary>Native address of the program: <c>u64 entry(r1, r2)</c> in the platform's convention.</summary>
    public nint Entry { get; }

    /// <summary>Helpers may call functions of this program.</summary>
    private bool CallsBack { get; }

    public ulong Run(nint r1, nint r2 = 0)
    {
        nint entry = _memory.Address + _entryOffset; // throws when disposed
        if (CallsBack)
            return RunWithCallbacks(entry, r1, r2);
        ulong result = ((delegate* unmanaged<nint, nint, ulong>)entry)(r1, r2);
        GC.KeepAlive(this);
        return result;
    }

    private ulong RunWithCallbacks(nint entry, nint r1, nint r2)
    {
        GuestContext context = GuestContext.Current;
        delegate*<ulong, ulong, ulong, ulong, ulong, ulong, ulong> outer = context.CallbackInvoker;
        context.CallbackInvoker = &X64Runtime.InvokeCallback;
        ulong result = ((delegate* unmanaged<nint, nint, ulong>)entry)(r1, r2);
        context.CallbackInvoker = outer;
        GC.KeepAlive(this);
        return result;
    }

    public void Dispose() => _memory.Dispose();
}
