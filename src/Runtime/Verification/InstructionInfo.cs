// A decoded instruction and what the verifier notes about its slot: decoding once keeps table searches out of the main loop.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

/// <summary>One instruction slot.</summary>
internal struct InstructionInfo
{
    // Decoded once.
    public EbpfOpcode Opcode;
    public Operation Operation;
    public Effect Effect;
    public byte Width;
    public bool IsRegisterForm;
    public byte Dst, Src;
    public short Offset;
    public int Immediate;

    /// <summary>Why the instruction is not well-formed; null when it is.</summary>
    public string? Defect;

    // Control flow.

    /// <summary>A checkpoint may be made here, and paths may be found to be covered.</summary>
    public bool IsPrunePoint;

    /// <summary>Not always reached from the instruction before it: paths through it are recorded.</summary>
    public bool IsJumpPoint;

    /// <summary>A checkpoint is always made here (loops that converge by it).</summary>
    public bool ForcesCheckpoint;

    public bool CallsCallback;

    /// <summary>Calls an iterator's next function.</summary>
    public bool IsIteratorNext;

    /// <summary>Registers that something may read before writing them, from here on.</summary>
    public ushort LiveBefore;

    // Findings over all paths.
    public bool IsSeen;
    public RegisterKind AccessedKind;

    /// <summary>Operands that held a pointer into this process's memory on some path, and operands that held something else.</summary>
    public ushort ReadPointers, ReadOthers;
    public AccessKind Access;

    /// <summary>0 when no map was seen, 1 + index of the one map, -1 when there were several.</summary>
    public int MapSeen;

    /// <summary>Loads of a context field hold a pointer that the native context keeps beside the UAPI structure.</summary>
    public bool LoadsContextPointer;

    public readonly bool IsWide => Effect == Effect.LoadImmediate;

    public readonly int Slots => IsWide ? 2 : 1;

    public readonly int JumpTarget(int slot) => slot + 1 + (Opcode == EbpfOpcode.JaLong ? Immediate : Offset);
}

/// <summary>What the verifier knows of a function of the program.</summary>
internal sealed class SubprogramInfo(int start)
{
    public int Start = start;
    public int End;
    public string Name = "";
    public bool IsGlobal;
    public int BtfTypeId;

    /// <summary>Deepest byte of its own stack frame any path touched.</summary>
    public int StackDepth;
    public bool HasTailCall, HasPacketLoad, IsCallback, IsAsyncCallback, IsExceptionCallback, ChangesPacketData, MightSleep;
    public bool IsCalled, IsVerified;

    /// <summary>Its BTF prototype does not describe what it is called with.</summary>
    public bool IsUnreliable;

    /// <summary>Arguments by its BTF prototype; null until prepared, empty when it has none.</summary>
    public FunctionArgument[]? Arguments;

    /// <summary>Why its prototype cannot be used; null when it can.</summary>
    public string? PrototypeError;
}

/// <summary>What a function's BTF prototype promises of an argument.</summary>
/// <param name="Kind">Scalar, Context, Memory, Object, Dynptr or Arena, with flags.</param>
/// <param name="Size">Bytes of memory arguments.</param>
/// <param name="TypeId">Kernel BTF type of object arguments.</param>
internal readonly record struct FunctionArgument(RegisterKind Kind, int Size = 0, int TypeId = 0);
