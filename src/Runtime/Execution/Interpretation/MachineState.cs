// What the interpreter's loop keeps outside its registers: call frames and, for sandboxed programs, the memory windows.
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Execution.Interpretation;

/// <summary>A suspended caller.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CallFrame
{
    public DecodedInstruction* Return;
    public ulong R6, R7, R8, R9, R10;
    public long MayGoto;
}

/// <summary>A range of addresses: <c>address - Start &lt;= Room - size</c> is the whole check.</summary>
internal struct MemoryWindow
{
    public ulong Start;

    /// <summary>Bytes; at least 8 in a cached window, so that subtracting a size does not wrap.</summary>
    public ulong Room;
}

internal enum MachineFault { None, BadRead, BadWrite, OutOfFuel, FellOff, CallDepth, UnknownHelper, HelperRefused, BadFunction }

internal unsafe struct MachineState
{
    /// <summary>The kernel's BPF_MAX_LOOPS: iterations of may_goto per frame.</summary>
    public const long MayGotoLimit = 8 * 1024 * 1024;

    public CallFrame* Frames;
    public int Depth;

    /// <summary>Frames that are available; a callback runs above its caller's.</summary>
    public int MaxDepth;

    /// <summary>The run that the engine was called for, rather than a callback within it.</summary>
    public bool IsEntry;

    /// <summary>Instructions that may still be executed, when they are counted.</summary>
    public long Fuel;

    /// <summary>The stack, and the windows that the last slow checks found: one for reading, one for writing.</summary>
    public MemoryWindow Stack, Readable, Writable;

    /// <summary>The program's own code, for functions as values: first and one past the last instruction.</summary>
    public DecodedInstruction* Code, CodeEnd;

    public MachineFault Fault;
    public DecodedInstruction* FaultAt;
    public ulong FaultAddress;
    public int FaultSize;
}
