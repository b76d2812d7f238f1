// What sandboxed code keeps outside its registers, at fixed offsets from one register (r12 on x86-64, r11 on ARM32, which
// reads the low words). Hot fields come first, so that their displacements take one byte on x86-64.
//
//   window:  Start, and for each access size n its limit Room - n;   address - Start <= limit   is the whole check
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution.Interpretation;

namespace Ebpfcc.Jit.Sandboxing;

/// <summary>What compiled code does when the gate returns.</summary>
internal enum GateResult { Continue, LeaveProgram, LeaveFunction }

/// <summary>The kind of an access that the code asks about: its size in bytes with these bits.</summary>
internal static class AccessKinds
{
    public const int Write = 0x100, Misaligned = 0x200;
}

/// <summary>A range of addresses as compiled code compares with it. Rooms are at least 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SandboxWindow
{
    public ulong Start, Limit1, Limit2, Limit4, Limit8;

    public static implicit operator SandboxWindow(MemoryWindow window) => new()
    {
        Start = window.Start, Limit1 = window.Room - 1, Limit2 = window.Room - 2, Limit4 = window.Room - 4, Limit8 = window.Room - 8,
    };
}

/// <summary>The state of one sandboxed run. Lives where the code can address it: on the stack of the thread that runs, or in guest memory.</summary>
[StructLayout(LayoutKind.Explicit)]
internal unsafe struct SandboxState
{
    public const int StackBytes = EbpfRegisters.StackSize * EbpfRegisters.MaxCallFrames;

    public const int FuelOffset = 0, ReadableOffset = 8, WritableOffset = 48, StackOffset = 88, DeepestCallerOffset = 96, MayGotoOffset = 104,
        SavedStackPointerOffset = 112, FaultOffset = 120, RegistersOffset = 128, FaultSlotOffset = 216, RunOffset = 224, MachineOffset = 232;

    /// <summary>Instructions left.</summary>
    [FieldOffset(FuelOffset)] public long Fuel;

    /// <summary>The windows that the last slow checks found.</summary>
    [FieldOffset(ReadableOffset)] public SandboxWindow Readable;
    [FieldOffset(WritableOffset)] public SandboxWindow Writable;

    /// <summary>Lowest address of all frames.</summary>
    [FieldOffset(StackOffset)] public ulong Stack;

    /// <summary>Lowest R10 that may still call a function.</summary>
    [FieldOffset(DeepestCallerOffset)] public ulong DeepestCaller;

    /// <summary>Iterations of may_goto left in this frame.</summary>
    [FieldOffset(MayGotoOffset)] public long MayGoto;

    /// <summary>The native stack pointer of the innermost entry: where faults unwind to.</summary>
    [FieldOffset(SavedStackPointerOffset)] public ulong SavedStackPointer;

    /// <summary>A <see cref="MachineFault"/>.</summary>
    [FieldOffset(FaultOffset)] public long Fault;

    /// <summary>R0 to R10 at entry and around calls out of the code.</summary>
    [FieldOffset(RegistersOffset)] public fixed ulong Registers[EbpfRegisters.Count];

    [FieldOffset(FaultSlotOffset)] public long FaultSlot;

    /// <summary>GCHandle of the <see cref="SandboxedRun"/>.</summary>
    [FieldOffset(RunOffset)] public nint Run;

    /// <summary>The same windows as the sandbox's checks of regions and helper arguments know them.</summary>
    [FieldOffset(MachineOffset)] public MachineState Machine;
}
