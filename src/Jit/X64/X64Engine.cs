// The x86-64 engine: analyses, compiles, seals the code in executable pages, and calls it.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
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
        RequiredSupport.Check(program, environment, probesMemory: true);
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
        X64CompilerOptions options = OptionsFor(program, facts, environment);
        return new X64Executable(program, environment, X64Compiler.Compile(shape, options), StaysInside(shape, options));
    }

    /// <summary>A short program that calls nothing and jumps forwards only.</summary>
    private static bool StaysInside(ProgramShape shape, X64CompilerOptions options)
    {
        const int Short = 4096;
        if (shape.Functions.Length > 1 || shape.Instructions.Length > Short)
            return false;
        for (int slot = 0; slot < shape.Instructions.Length; slot++)
        {
            OpcodeRow row = shape.Rows[slot];
            if (row.Effect is Effect.Call or Effect.PacketLoad || row.Opcode == EbpfOpcode.LoadFunction || row.Effect == Effect.Load && options.IsProbing(slot)
                || row.IsJump && ProgramShape.JumpTarget(slot, shape.Instructions[slot], row) <= slot)
                return false;
        }
        return true;
    }

    /// <summary>Translation alone, for listings: helper addresses are those of this process.</summary>
    public static X64Code Translate(VerifiedProgram program, ExecutionEnvironment environment)
    {
        RequiredSupport.Check(program, environment, probesMemory: true);
        return X64Compiler.Compile(
            ProgramShape.Analyze(program.Instructions, [.. program.Program.Subprograms.Select(function => function.Start)]),
            OptionsFor(program.Program, program.Facts, environment));
    }

    /// <summary>Translation of a program that nobody verified, for listings.</summary>
    /// <exception cref="GuestFaultException">The instructions are malformed.</exception>
    public static X64Code TranslateSandboxed(LoadedProgram program, ExecutionEnvironment environment)
    {
        StructuralCheck.RequireSandboxable(program.Instructions);
        using var executable = new X64SandboxedExecutable(program, new SandboxOptions(), environment);
        return executable.Translation;
    }

    private static X64CompilerOptions OptionsFor(LoadedProgram program, IReadOnlyList<InstructionFacts>? facts, ExecutionEnvironment environment)
    {
        var references = new GuestReferences("x86-64 compiler", program, facts, environment);
        return new X64CompilerOptions
        {
            ResolveHelper = references.ResolveHelper,
            ResolveImmediate = references.ResolveImmediate,
            FindInlineArray = references.FindInlineArray,
            FindHashTable = references.FindHashTable,
            ResolveTailCall = X64Runtime.TailCallAddress,
            ResolvePacketLoad = X64Runtime.PacketLoadAddress,
            HasContextInR6 = facts is not null,
            IsProbing = references.IsProbing,
            ProbeLoad = ProbingLoads.Address,
            IsReachable = facts is null ? static _ => true : slot => facts[slot].IsReachable,
        };
    }
}

/// <summary>x86-64 code that can be called.</summary>
public sealed class X64Executable : NativeExecutable
{
    private readonly ExecutableMemory _memory;
    private readonly byte[] _code;
    private readonly int _entryOffset;

    internal X64Executable(LoadedProgram program, ExecutionEnvironment environment, X64Code code, bool staysInside)
        : base(program, environment, staysInside)
    {
        (_code, _entryOffset) = (code.Bytes, code.EntryOffset);
        _memory = ExecutableMemory.Create(code.Bytes.Length, (span, _) => code.Bytes.CopyTo(span));
    }

    public override ReadOnlyMemory<byte> Code => _code;

    public override nint Entry => _memory.Address + _entryOffset;

    public override void Dispose() => _memory.Dispose();
}
