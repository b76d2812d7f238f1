// Spill slots by lifetime: intervals that are never in memory at the same time share a slot (greedy colouring of interval
// graphs over the ranges in which a value lives, which bounds from above when it is in memory). Every store of a spilled
// value writes the whole slot, so that the verifier sees a fresh value each time.
using Ebpfcc.Backend.Ebpf.Machine;

namespace Ebpfcc.Backend.Ebpf.Allocation;

internal static class SpillSlotSharing
{
    /// <summary>Gives each spilled value its slot; to be called when the scan is over.</summary>
    public static void Run(MachineFunction function, IntervalBuilder code)
    {
        var spilled = new List<(LiveInterval Root, List<LiveRange> Ranges)>();
        for (int v = 0; v < code.Intervals.Length; v++)
        {
            if (code.Intervals[v] is { NeedsMemory: true } root && root.VirtualRegister == v)
                spilled.Add((root, Lifetime(root)));
        }
        spilled.Sort((a, b) => a.Ranges[0].Start != b.Ranges[0].Start ? a.Ranges[0].Start.CompareTo(b.Ranges[0].Start) : a.Root.VirtualRegister.CompareTo(b.Root.VirtualRegister));
        var slots = new List<(StackObject Slot, List<LiveRange> Taken)>();
        foreach ((LiveInterval root, List<LiveRange> ranges) in spilled)
        {
            int chosen = slots.FindIndex(slot => LiveInterval.FirstIntersection(slot.Taken, ranges) == int.MaxValue);
            if (chosen < 0)
            {
                chosen = slots.Count;
                slots.Add((function.NewStackObject(8, 8, null), []));
            }
            root.SpillSlot = slots[chosen].Slot;
            slots[chosen] = (slots[chosen].Slot, CopyCoalescer.MergeRanges(slots[chosen].Taken, ranges));
        }
    }

    /// <summary>
    /// The whole life of the value, from its first part to its last, widened to whole instructions because moves stand between
    /// them.
    /// </summary>
    private static List<LiveRange> Lifetime(LiveInterval root)
    {
        List<LiveRange> life = [];
        foreach (LiveInterval part in root.Parts)
        {
            var widened = new List<LiveRange>(part.Ranges.Count);
            foreach (LiveRange range in part.Ranges)
            {
                var whole = new LiveRange(range.Start & ~1, (range.End + 1) & ~1);
                if (widened.Count > 0 && widened[^1].End >= whole.Start)
                    widened[^1] = new LiveRange(widened[^1].Start, Math.Max(widened[^1].End, whole.End));
                else
                    widened.Add(whole);
            }
            life = CopyCoalescer.MergeRanges(life, widened);
        }
        return life;
    }
}
