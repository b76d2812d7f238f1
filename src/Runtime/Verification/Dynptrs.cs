// Dynamic pointers: two stack slots that only helpers may touch, over memory whose size is known when the program runs.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int DynptrLocal = 1, DynptrRingbuf = 2, DynptrSkb = 3, DynptrXdp = 4;

    private static string DynptrName(int kind) => kind switch { DynptrLocal => "local", DynptrRingbuf => "ringbuf", DynptrSkb => "skb", DynptrXdp => "xdp", _ => "<invalid>" };

    /// <summary>Index of the slot a dynptr on the stack begins in; -1 when the pointer cannot name one. Slots need not exist yet.</summary>
    private int DynptrPlace(in RegisterState register)
    {
        if (register.Kind != RegisterKind.Stack)
            return -1;
        if (!register.Value.IsConst)
        {
            Say("dynptr has to be at a constant offset");
            return -1;
        }
        int offset = register.Offset + (int)register.Value.Bits.Value;
        int index = (-offset - 1) / 8;
        if (offset % 8 != 0 || offset >= 0 || index < 1)
        {
            Say($"cannot pass in dynptr at an offset={offset}");
            return -1;
        }
        return index;
    }

    private int DynptrSlot(in RegisterState register)
    {
        int index = DynptrPlace(in register);
        return index >= 0 && index < FrameOf(in register).SlotCount ? index : -1;
    }

    private ref RegisterState DynptrState(int number)
    {
        ref RegisterState register = ref _registers[number];
        if (register.Kind == RegisterKind.Dynptr)
            return ref register;
        return ref FrameOf(in register).Slot(DynptrSlot(in register)).Spill;
    }

    private void ApplyDynptrArgument(int number, HelperArgument argument)
    {
        ref RegisterState register = ref _registers[number];
        if (register.Kind is not (RegisterKind.Stack or RegisterKind.Dynptr))
            throw Reject($"arg#{number - 1} expected pointer to stack or const struct bpf_dynptr");
        int wanted = argument.Is(HelperArgument.RingbufDynptr) ? DynptrRingbuf : argument.Is(HelperArgument.LocalDynptr) ? DynptrLocal : 0;
        if (argument.Is(HelperArgument.Uninit))
        {
            ReserveDynptr(number, wanted, reference: 0);
            return;
        }
        if (register.Kind == RegisterKind.Dynptr)
        {
            if (!argument.Is(HelperArgument.ReadOnly))
                throw Reject("cannot pass pointer to const bpf_dynptr, the helper mutates it");
        }
        else
        {
            int index = DynptrSlot(in register);
            if (index < 0 || !IsDynptr(FrameOf(in register), index))
                throw Reject($"Expected an initialized dynptr as arg #{number - 1}");
            MarkStackRead(FrameOf(in register), index);
            MarkStackRead(FrameOf(in register), index - 1);
        }
        if (wanted != 0 && DynptrState(number).Target != wanted)
            throw Reject($"Expected a dynptr of type {DynptrName(wanted)} as arg #{number - 1}");
    }

    /// <summary>The call makes a dynptr where the argument points; one that shares what another holds shares its reference.</summary>
    private void ReserveDynptr(int number, int kind, uint reference)
    {
        ref RegisterState register = ref _registers[number];
        if (register.Kind == RegisterKind.Dynptr || DynptrPlace(in register) < 0)
            throw Reject("Dynptr has to be an uninitialized dynptr");
        CheckStackBounds(number, register.Offset, 16, isHelper: false, isWrite: true);
        MakeDynptr(FrameOf(in register), DynptrPlace(in register), kind, reference);
    }

    private static bool IsDynptr(FrameState frame, int index)
        => frame.Slot(index).Types == (ulong)SlotType.Dynptr * StackSlot.EachByte && frame.Slot(index - 1).Types == (ulong)SlotType.Dynptr * StackSlot.EachByte
            && frame.Slot(index).Spill.Part == 1;

    private void MakeDynptr(FrameState frame, int index, int kind, uint shared)
    {
        DestroyDynptrAt(frame, index);
        DestroyDynptrAt(frame, index - 1);
        uint id = NewId();
        uint reference = kind != DynptrRingbuf ? 0 : shared != 0 ? shared : AcquireReference();
        for (int part = 0; part < 2; part++)
        {
            ref StackSlot slot = ref frame.Slot(index - part);
            slot.SetAll(SlotType.Dynptr);
            slot.Spill = RegisterState.Pointer(RegisterKind.Dynptr);
            slot.Spill.Target = kind;
            slot.Spill.Part = (byte)(part == 0 ? 1 : 0);
            slot.Spill.Id = id;
            slot.Spill.Reference = reference;
            _log.TouchStack(frame, index - part);
        }
        frame.Written |= 3UL << (index - 1);
    }

    private static void EraseDynptr(FrameState frame, int index)
    {
        for (int part = 0; part < 2; part++)
        {
            frame.Slot(index - part).Types = 0;
            frame.Slot(index - part).Spill.MarkUninitialized();
        }
        frame.Written |= 3UL << (index - 1);
    }

    /// <summary>A store into a dynptr destroys it, and what was sliced from it; one that owns something must not be lost.</summary>
    private void DestroyDynptrAt(FrameState frame, int index)
    {
        if (index >= frame.SlotCount || frame.Slot(index)[0] != SlotType.Dynptr)
            return;
        if (frame.Slot(index).Spill.Part == 0)
            index++;
        if (frame.Slot(index).Spill.Target == DynptrRingbuf)
            throw Reject("cannot overwrite referenced dynptr");
        InvalidateSlices(frame.Slot(index).Spill.Id);
        _log.TouchStack(frame, index);
        _log.TouchStack(frame, index - 1);
        EraseDynptr(frame, index);
    }

    private void InvalidateSlices(uint dynptr)
    {
        for (int i = 0; i <= _state.Depth; i++)
        {
            FrameState frame = _state.Frames[i]!;
            for (int r = 0; r < frame.Registers.Length; r++)
            {
                if (IsSlice(in frame.Registers[r], dynptr))
                    Invalidate(ref frame.Registers[r]);
            }
            foreach (ref StackSlot slot in frame.Slots)
            {
                if (slot.IsSpill && IsSlice(in slot.Spill, dynptr))
                    Invalidate(ref slot.Spill);
            }
        }

        static bool IsSlice(in RegisterState register, uint dynptr)
            => register.Kind.Base() == RegisterKind.Memory && register.Extra == dynptr;
    }

    private bool ReleaseDynptr(in RegisterState register)
    {
        FrameState frame = FrameOf(in register);
        int index = DynptrSlot(in register);
        if (index < 0)
            return false;
        uint reference = frame.Slot(index).Spill.Reference;
        if (frame.Slot(index).Spill.Target != DynptrRingbuf)
        {
            EraseDynptr(frame, index);
            return true;
        }
        if (!ReleaseReference(reference))
            return false;
        // All that share the reference go, wherever they are.
        for (int depth = 0; depth <= _state.Depth; depth++)
        {
            FrameState holder = _state.Frames[depth]!;
            for (int i = 1; i < holder.SlotCount; i++)
            {
                ref StackSlot slot = ref holder.Slot(i);
                if (slot[0] != SlotType.Dynptr || slot.Spill.Reference != reference || slot.Spill.Part != 1)
                    continue;
                InvalidateSlices(slot.Spill.Id);
                EraseDynptr(holder, i);
            }
        }
        return true;
    }
}
