// The state of one function call on the abstract call stack: its registers and the part of its stack that was touched.
namespace Ebpfcc.Runtime.Verification;

/// <summary>One frame. Pooled; <see cref="CopyFrom"/> copies spans and allocates only when the stack has grown beyond any before it.</summary>
internal sealed class FrameState
{
    public const int MaxSlots = 64;

    public readonly RegisterState[] Registers = new RegisterState[11];
    private StackSlot[] _slots = [];

    /// <summary>Slots in use, counted from the frame pointer downwards.</summary>
    public int SlotCount;

    /// <summary>The call instruction in the frame below; -1 in the outermost.</summary>
    public int CallSite;

    public int Number;
    public int Subprogram;
    public bool InCallback;
    public bool InAsyncCallback;
    public bool InExceptionCallback;
    public int CallbackDepth;
    public int AsyncEntries;
    public int ReturnMinimum, ReturnMaximum;

    /// <summary>
    /// Liveness of the stack, one bit a slot. Written: whole slots overwritten since the last checkpoint, which hide it from
    /// later reads. Read (of checkpoints): slots whose content at the checkpoint something after it depends on.
    /// </summary>
    public ulong Written, Read;

    public Span<StackSlot> Slots => _slots.AsSpan(0, SlotCount);

    public ref StackSlot Slot(int index) => ref _slots[index];

    public void Reset(int callSite, int number, int subprogram)
    {
        Array.Fill(Registers, RegisterState.Uninitialized);
        Registers[10] = RegisterState.Pointer(RegisterKind.Stack);
        Registers[10].Frame = (byte)number;
        SlotCount = 0;
        CallSite = callSite;
        Number = number;
        Subprogram = subprogram;
        InCallback = InAsyncCallback = InExceptionCallback = false;
        CallbackDepth = AsyncEntries = 0;
        ReturnMinimum = ReturnMaximum = 0;
        Written = ulong.MaxValue;
        Read = 0;
    }

    /// <summary>Makes slots 0 to <paramref name="count"/>-1 exist; new ones are untouched memory.</summary>
    public void Grow(int count)
    {
        if (count <= SlotCount)
            return;
        if (count > _slots.Length)
            Array.Resize(ref _slots, Math.Min(MaxSlots, Math.Max(count, Math.Max(4, _slots.Length * 2))));
        _slots.AsSpan(SlotCount, count - SlotCount).Clear();
        SlotCount = count;
    }

    public void CopyFrom(FrameState source)
    {
        source.Registers.AsSpan().CopyTo(Registers);
        if (_slots.Length < source.SlotCount)
            _slots = new StackSlot[source._slots.Length];
        source.Slots.CopyTo(_slots);
        SlotCount = source.SlotCount;
        CallSite = source.CallSite;
        Number = source.Number;
        Subprogram = source.Subprogram;
        InCallback = source.InCallback;
        InAsyncCallback = source.InAsyncCallback;
        InExceptionCallback = source.InExceptionCallback;
        CallbackDepth = source.CallbackDepth;
        AsyncEntries = source.AsyncEntries;
        ReturnMinimum = source.ReturnMinimum;
        ReturnMaximum = source.ReturnMaximum;
        Written = source.Written;
        Read = source.Read;
    }
}
