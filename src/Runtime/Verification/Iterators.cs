// Open-coded iterators: objects of a kernel structure on the program's stack, made by a _new function, advanced by _next until that
// returns null, given up by _destroy. A loop over one converges: at _next both outcomes are walked, "drained" at once, and "one
// more element" as a pending path in which numbers that changed since the last round without having mattered are unknown.
//
//      slot:  types = Iterator x8, Spill.Target = BTF id of the structure, Spill.Reference (first slot) = held reference,
//             Spill.Part = active or drained, Spill.Extra = rounds so far, Spill.Kind's flags = Rcu or Untrusted
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const string IteratorPrefix = "bpf_iter_";

    private static string IteratorName(BtfType structure) => structure.Name.StartsWith(IteratorPrefix, StringComparison.Ordinal) ? structure.Name[IteratorPrefix.Length..] : structure.Name;

    /// <summary>The kernel's name of the iterator in a slot, for the log.</summary>
    public string IteratorName(in RegisterState slot) => KernelTypes is { } types ? IteratorName(types[slot.Target]) : "";

    private void CheckIterator(Kfunc kfunc, int number, BtfType structure, ref KfuncCall call)
    {
        CheckArgumentOffset(in _registers[number], number, Ebpf.Abi.HelperArgument.Anything);
        if (_registers[number].Kind != RegisterKind.Stack)
            throw Reject($"arg#{number - 1} expected pointer to an iterator on stack");
        int slots = structure is { Kind: BtfKind.Struct } && structure.Name.StartsWith(IteratorPrefix, StringComparison.Ordinal) ? (int)structure.Size / 8 : 0;
        if (slots == 0)
            throw Reject($"expected valid iter pointer as arg #{number - 1}");
        if (kfunc.Name == "bpf_iter_css_task_new" && !(_type == Ebpf.Abi.ProgramType.Lsm || (_type == Ebpf.Abi.ProgramType.Tracing && _attach == Ebpf.Abi.AttachType.TraceIter) || InSleepable))
            throw Reject("css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs");
        FrameState frame = FrameOf(in _registers[number]);
        int index = IteratorPlace(in _registers[number], slots);
        if (kfunc.Has(KfuncFlags.IteratorNew))
        {
            if (index < 0 || HasIterator(frame, index, slots))
                throw Reject($"expected uninitialized iter_{IteratorName(structure)} as arg #{number - 1}");
            MakeIterator(kfunc, number, frame, index, slots, structure.Id);
            return;
        }
        if (index < 0 || !IsIterator(frame, index, slots, structure.Id))
            throw Reject($"expected an initialized iter_{IteratorName(structure)} as arg #{number - 1}");
        ref RegisterState first = ref frame.Slot(index).Spill;
        if (first.Kind.Has(RegisterKind.Untrusted))
            throw Reject($"expected an RCU CS when using {kfunc.Name}");
        for (int i = 0; i < slots; i++)
            MarkStackRead(frame, index - i);
        call.IteratorFrame = frame;
        call.IteratorIndex = index;
        call.Reference = first.Reference;
        if (kfunc.Has(KfuncFlags.IteratorDestroy))
            DestroyIterator(frame, index, slots);
    }

    /// <summary>Index of the slot the iterator begins in, the one nearest to the frame pointer being last; -1 when there can be none.</summary>
    private int IteratorPlace(in RegisterState pointer, int slots)
    {
        if (!pointer.Value.IsConst)
        {
            Say("iter has to be at a constant offset");
            return -1;
        }
        long offset = pointer.Offset + (long)pointer.Value.Bits.Value;
        if (offset is < -StackSize or >= 0 || offset % 8 != 0 || (-offset - 1) / 8 + 1 < slots)
        {
            Say($"cannot pass in iter at an offset={offset}");
            return -1;
        }
        return (int)((-offset - 1) / 8);
    }

    private static bool HasIterator(FrameState frame, int index, int slots)
    {
        for (int i = index; i > index - slots; i--)
        {
            for (int part = 0; i < frame.SlotCount && part < 8; part++)
            {
                if (frame.Slot(i)[part] == SlotType.Iterator)
                    return true;
            }
        }
        return false;
    }

    private static bool IsIterator(FrameState frame, int index, int slots, int type)
    {
        if (index >= frame.SlotCount)
            return false;
        for (int i = 0; i < slots; i++)
        {
            ref StackSlot slot = ref frame.Slot(index - i);
            if (slot.Types != (ulong)SlotType.Iterator * StackSlot.EachByte || slot.Spill.Target != type || (slot.Spill.Reference != 0) != (i == 0))
                return false;
        }
        return true;
    }

    private void MakeIterator(Kfunc kfunc, int number, FrameState frame, int index, int slots, int type)
    {
        CheckStackBounds(number, _registers[number].Offset, slots * 8, isHelper: false, isWrite: true);
        for (int i = 0; i < slots; i++)
            DestroyDynptrAt(frame, index - i);
        uint reference = AcquireReference();
        for (int i = 0; i < slots; i++)
        {
            ref StackSlot slot = ref frame.Slot(index - i);
            slot.SetAll(SlotType.Iterator);
            slot.Spill = RegisterState.Pointer(RegisterKind.Stack | (!kfunc.Has(KfuncFlags.RcuProtected) ? 0 : InRcuSection ? RegisterKind.Rcu : RegisterKind.Untrusted));
            slot.Spill.Target = type;
            slot.Spill.Reference = i == 0 ? reference : 0;
            slot.Spill.Part = IteratorActive;
            frame.Written |= 1UL << (index - i);
            _log.TouchStack(frame, index - i);
        }
    }

    private void DestroyIterator(FrameState frame, int index, int slots)
    {
        if (!ReleaseReference(frame.Slot(index).Spill.Reference))
            throw Reject("the iterator does not belong to this function's caller");
        for (int i = 0; i < slots; i++)
        {
            ref StackSlot slot = ref frame.Slot(index - i);
            slot.Types = 0;
            slot.Spill.MarkUninitialized();
            frame.Written |= 1UL << (index - i);
            _log.TouchStack(frame, index - i);
        }
    }

    /// <summary>_next returned: null and drained on this path; an element on another one, walked later.</summary>
    private void ApplyIteratorNext(ref KfuncCall call)
    {
        FrameState frame = call.IteratorFrame!;
        if (frame.Slot(call.IteratorIndex).Spill.Part == IteratorActive)
        {
            AbstractState? before = _state.Parent is { } parent ? FindPreviousEntry(parent, _slot) : null;
            AbstractState more = Fork(_slot + 1);
            more.Frames[frame.Number]!.Slot(call.IteratorIndex).Spill.Extra++;
            if (before is not null)
                Widen(before, more);
            more.Current.Registers[EbpfRegisters.R0].Kind &= ~RegisterKind.MaybeNull;
        }
        frame.Slot(call.IteratorIndex).Spill.Part = IteratorDrained;
        SetZero(ref _registers[EbpfRegisters.R0]);
    }
}
