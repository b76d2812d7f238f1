// What a generated program may be made of, and how careful its author is.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Fuzzing;

/// <summary>Parts of programs that can be left out.</summary>
[Flags]
public enum ProgramParts
{
    Numbers = 1,
    Branches = 2,
    Stack = 4,
    Spills = 8,
    Context = 16,
    Packet = 32,
    Maps = 64,
    Atomics = 128,
    Helpers = 256,
    Functions = 512,
    Callbacks = 1024,
    Loops = 2048,

    /// <summary>Loops that only may_goto bounds.</summary>
    MayGoto = 4096,
    Records = 8192,
    TailCalls = 16384,
    All = 32767,
}

public sealed record GeneratorOptions
{
    /// <summary>The program type; null draws one. <see cref="ProgramType.Unspec"/> makes <c>u64 prog(void *mem, u64 len)</c> with at least <see cref="RawMemory"/> bytes.</summary>
    public ProgramType? Type { get; init; }

    public ProgramParts Parts { get; init; } = ProgramParts.All;

    /// <summary>Statements of the entry function, at most.</summary>
    public int Length { get; init; } = 16;

    /// <summary>One in so many safeguards is left out or wrong; 0 for never.</summary>
    public int Slips { get; init; }

    /// <summary>Bytes behind R1 of raw programs.</summary>
    public const int RawMemory = 64;
}
