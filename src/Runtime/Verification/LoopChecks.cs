// Loops: those that converge by design (iterators, callbacks, may_goto), those that are counted by walking them, and those in
// which the very same state comes back: infinite ones.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private const int IteratorActive = 1, IteratorDrained = 2;

    /// <summary>
    /// The current path came back to a checkpoint on itself. True when walking on would teach nothing new; throws when the
    /// loop cannot end.
    /// </summary>
    private bool IsLoopConverged(AbstractState checkpoint, ref InstructionInfo instruction, out bool isLoop)
    {
        isLoop = true;
        AbstractState current = _state;
        if (instruction.IsIteratorNext)
            return IsWithin(checkpoint, current, Strength.WithinRange) && IsIteratorActive();
        if (instruction.Opcode == EbpfOpcode.MayGoto && checkpoint.MayGotoDepth != current.MayGotoDepth && IsWithin(checkpoint, current, Strength.WithinRange))
            return true;
        if (instruction.CallsCallback)
            return IsWithin(checkpoint, current, Strength.WithinRange);
        if (MayBeSame(checkpoint, current) && IsWithin(checkpoint, current, Strength.Exact) && !IteratorDepthsDiffer(checkpoint, current)
            && checkpoint.MayGotoDepth == current.MayGotoDepth && checkpoint.CallbackUnrolls == current.CallbackUnrolls)
        {
            throw Reject($"infinite loop detected at insn {_slot}");
        }
        return false;
    }

    /// <summary>A quick look before the exact comparison.</summary>
    private static bool MayBeSame(AbstractState a, AbstractState b)
    {
        if (a.Depth != b.Depth)
            return false;
        RegisterState[] mine = a.Current.Registers, its = b.Current.Registers;
        for (int i = 0; i < 10; i++)
        {
            if (!mine[i].SameShape(in its[i]) || !mine[i].Value.SameAs(in its[i].Value))
                return false;
        }
        return true;
    }

    private bool IsIteratorActive()
    {
        ref RegisterState argument = ref _state.Current.Registers[1];
        if (argument.Kind != RegisterKind.Stack)
            return false;
        int index = (-(argument.Offset + (int)argument.Value.Bits.Value) - 1) / 8;
        FrameState frame = FrameOf(in argument);
        return (uint)index < (uint)frame.SlotCount && frame.Slot(index).Spill.Part == IteratorActive;
    }

    private static bool IteratorDepthsDiffer(AbstractState old, AbstractState current)
    {
        for (int i = 0; i <= old.Depth; i++)
        {
            FrameState frame = old.Frames[i]!;
            for (int s = 0; s < frame.SlotCount; s++)
            {
                ref StackSlot slot = ref frame.Slot(s);
                if (slot[0] == SlotType.Iterator && slot.Spill.Part == IteratorActive && current.Frames[i]!.Slot(s).Spill.Extra != slot.Spill.Extra)
                    return true;
            }
        }
        return false;
    }

    /// <summary>may_goto: the kernel may leave the loop here at any time; both ways are walked, the loop's as an iteration deeper.</summary>
    private void TransferMayGoto(ref InstructionInfo instruction)
    {
        AbstractState? before = _state.Parent is { } parent ? FindPreviousEntry(parent, _slot) : null;
        AbstractState next = Fork(_slot + 1);
        next.MayGotoDepth++;
        if (before is not null)
            Widen(before, next);
        _slot = instruction.JumpTarget(_slot);
    }

    /// <summary>The nearest earlier pass through the same instruction on this path.</summary>
    private AbstractState? FindPreviousEntry(AbstractState current, int slot)
    {
        for (AbstractState? checkpoint = _checkpoints[slot]; checkpoint is not null; checkpoint = checkpoint.NextAtSlot)
        {
            if (checkpoint.Branches > 0 && SameCallSites(checkpoint, current) && checkpoint.TreeDepth < current.TreeDepth)
                return checkpoint;
        }
        return null;
    }

    /// <summary>Numbers that changed from one iteration to the next without having mattered become unknown, so that the loop converges.</summary>
    private void Widen(AbstractState old, AbstractState current)
    {
        _idMap.Reset(_ids);
        for (int i = old.Depth; i >= 0; i--)
        {
            FrameState before = old.Frames[i]!, frame = current.Frames[i]!;
            for (int r = 0; r < 11; r++)
                WidenRegister(in before.Registers[r], ref frame.Registers[r]);
            for (int s = 0; s < Math.Min(before.SlotCount, frame.SlotCount); s++)
            {
                if (before.Slot(s).IsSpill && frame.Slot(s).IsSpill)
                    WidenRegister(in before.Slot(s).Spill, ref frame.Slot(s).Spill);
            }
        }
    }

    private void WidenRegister(in RegisterState before, ref RegisterState now)
    {
        if (!before.IsScalar || !now.IsScalar || before.Precise || now.Precise || IsSame(in before, in now))
            return;
        MarkUnknown(ref now);
    }
}
