// The proof that a program is safe, as a type: only the Verifier makes one, and engines that leave out checks take nothing else.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Runtime.Verification;

/// <summary>The kernel whose rules apply.</summary>
public enum KernelVersion { V5_15, V6_1, V6_6, V6_12, V6_18 }

public sealed record VerifierOptions
{
    public KernelVersion Kernel { get; init; } = KernelVersion.V6_18;

    /// <summary>0: only the verdict; 1: the kernel's log; 2: with the state at every instruction.</summary>
    public int LogLevel { get; init; }

    /// <summary>CAP_BPF and friends; false applies the unprivileged rules.</summary>
    public bool IsPrivileged { get; init; } = true;

    public bool StrictAlignment { get; init; }

    /// <summary>Processed instructions before the program is too complex.</summary>
    public int InstructionLimit { get; init; } = 1_000_000;

    /// <summary>Opens the kernel's types for programs that need them and did not bring them; null when there are none.</summary>
    public Func<Ebpf.Btf.BtfReader?>? KernelTypes { get; init; }

    /// <summary>Receives the state in front of every instruction; null collects nothing.</summary>
    public StateListing? States { get; init; }

    /// <summary>Refuses what lets results depend on addresses or on memory that nobody wrote, which privileged programs may otherwise do.</summary>
    internal bool RefusesLeaks { get; init; }

    /// <summary>Keeps the path being walked, for explanations.</summary>
    internal PathRecorder? Recorder { get; init; }

    /// <summary>Sees the state before every instruction of every path.</summary>
    internal Action<int, AbstractState>? Observer { get; init; }

    /// <summary>Walks every path to its end.</summary>
    internal bool IsPruningOff { get; init; }

    /// <summary>Helpers beyond the table, from the embedder, by id.</summary>
    public IReadOnlyDictionary<int, Ebpf.Abi.HelperRow> ExtraHelpers { get; init; } = new Dictionary<int, Ebpf.Abi.HelperRow>();
}

/// <summary>Why a program was refused.</summary>
/// <param name="Message">In the kernel's wording.</param>
/// <param name="Slot">The instruction.</param>
/// <param name="Code">A coarse family for diagnostics and statistics.</param>
public sealed record Rejection(string Message, int Slot, string Code);

public sealed record VerificationStatistics(int ProcessedInstructions, int TotalStates, int PeakStates, int StackDepth, TimeSpan Time);

public sealed record VerificationResult(VerifiedProgram? Program, Rejection? Rejection, string Log, VerificationStatistics Statistics)
{
    public bool IsAccepted => Program is not null;
}

/// <summary>What the verifier proved about one memory instruction, joined over all paths; engines use it.</summary>
public enum AccessKind : byte { None, Context, Stack, Packet, MapValue, Memory, ProbeRead, Arena }

/// <summary>Facts about one instruction slot.</summary>
/// <param name="IsReachable">Some path executes it.</param>
/// <param name="Access">What the memory operand points at.</param>
/// <param name="MapIndex">For helper calls with one constant map argument: which; -1 otherwise.</param>
/// <param name="Pointers">
/// Registers that the instruction reads and that hold a pointer into memory of this process on all paths, one bit each. (There is no
/// such fact about numbers: paths are cut without regard to the values of numbers that safety does not depend on.)
/// </param>
public readonly record struct InstructionFacts(bool IsReachable, AccessKind Access, int MapIndex = -1, ushort Pointers = 0);

/// <summary>A program with its proof.</summary>
public sealed class VerifiedProgram
{
    internal VerifiedProgram(LoadedProgram program, EbpfInstruction[] instructions, InstructionFacts[] facts, int stackDepth)
        => (Program, Instructions, Facts, StackDepth) = (program, instructions, facts, stackDepth);

    public LoadedProgram Program { get; }

    /// <summary>
    /// The instructions to execute: as loaded, except that context accesses are rewritten to the native context's layout
    /// (one for one, so that slots keep their numbers), and that what no path executes is a jump to itself.
    /// </summary>
    public EbpfInstruction[] Instructions { get; }

    /// <summary>One entry per slot.</summary>
    public IReadOnlyList<InstructionFacts> Facts { get; }

    /// <summary>Bytes of stack over the deepest call chain.</summary>
    public int StackDepth { get; }
}
