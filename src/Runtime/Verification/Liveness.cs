// Which stack slots of a checkpoint anything after it reads. A read walks up the tree of checkpoints and marks the slot until a
// full write hides it: Written of the state below a checkpoint are the writes since that checkpoint was made.
//
//      checkpoint A  -- writes since: A' --  checkpoint B  -- writes since: B' --  current state reads slot s
//      s not in B': mark s in B.  s not in A' (= B.Written): mark s in A.  and so on.
//
// (Registers are simpler: their liveness is computed once for every instruction, see ControlFlow.)
namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private void MarkStackRead(FrameState frame, int index) => MarkStackRead(_state, frame.Number, 1UL << index);

    private static void MarkStackRead(AbstractState state, int frameNumber, ulong slots)
    {
        AbstractState? current = state;
        while (true)
        {
            slots &= ~current.Frames[frameNumber]!.Written;
            current = current.Parent;
            if (slots == 0 || current is null || current.Depth < frameNumber)
                return;
            FrameState frame = current.Frames[frameNumber]!;
            slots &= ~frame.Read;
            if (slots == 0)
                return;
            frame.Read |= slots;
        }
    }

    /// <summary>The current path continues like one that went on from <paramref name="covering"/>: what that one reads, this one does.</summary>
    private void PropagateStackReads(AbstractState covering)
    {
        for (int i = 0; i <= covering.Depth; i++)
        {
            ulong read = covering.Frames[i]!.Read;
            if (read == 0 || _state.Parent is not { } parent || parent.Depth < i)
                continue;
            // What this path wrote since its last checkpoint hides the read from it, as for any other read.
            MarkStackRead(_state, i, read);
        }
    }

    /// <summary>Drops from a finished checkpoint what nothing after it needs, so that more states are covered by it.</summary>
    private void Clean(AbstractState checkpoint)
    {
        if (checkpoint.IsCleaned)
            return;
        checkpoint.IsCleaned = true;
        for (int i = 0; i <= checkpoint.Depth; i++)
        {
            FrameState frame = checkpoint.Frames[i]!;
            ushort live = LiveRegisters(checkpoint, i);
            for (int r = 0; r < 10; r++)
            {
                if ((live >> r & 1) == 0)
                    frame.Registers[r].MarkUninitialized();
            }
            for (int s = 0; s < frame.SlotCount; s++)
            {
                if ((frame.Read >> s & 1) != 0)
                    continue;
                ref StackSlot slot = ref frame.Slot(s);
                slot.Spill.MarkUninitialized();
                slot.Types = 0;
            }
        }
    }

    /// <summary>Registers of a frame that may still be read: those live at the checkpoint, in outer frames those live at the call.</summary>
    private ushort LiveRegisters(AbstractState checkpoint, int frame)
        => _code[frame == checkpoint.Depth ? checkpoint.AtSlot : checkpoint.Frames[frame + 1]!.CallSite].LiveBefore;
}
