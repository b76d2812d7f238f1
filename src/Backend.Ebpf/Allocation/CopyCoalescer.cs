// Aggressive coalescing (Chaitin): the two sides of a copy become one interval when their lifetimes do not overlap, which
// removes the copies of two-address arithmetic and of phis. Copies in deep loops are tried first. The copy instruction
// stays in the code as a mark for the allocation checker and is dropped after the proof.
using Ebpfcc.Backend.Ebpf.Machine;

namespace Ebpfcc.Backend.Ebpf.Allocation;

internal static class CopyCoalescer
{
    /// <summary>Merges intervals; afterwards <c>Intervals[v]</c> is the merged interval of v.</summary>
    public static void Run(IntervalBuilder code)
    {
        var copies = new List<int>();
        for (int i = 0; i < code.Linear.Count; i++)
        {
            if (code.Linear[i] is { IsCopy: true, Dst.IsVirtual: true, Src.IsVirtual: true })
                copies.Add(i);
        }
        if (copies.Count > 0)
        {
            int[] keys = new int[copies.Count];
            for (int i = 0; i < keys.Length; i++)
                keys[i] = -code.BlockOf[copies[i]].LoopDepth;
            int[] order = [.. copies];
            // A stable order: by depth, then by place.
            for (int i = 0; i < keys.Length; i++)
                keys[i] = keys[i] * code.Linear.Count + i;
            Array.Sort(keys, order);
            foreach (int index in order)
                TryMerge(code, code.Linear[index], index);
        }
        CountDefinitions(code);
    }

    private static void TryMerge(IntervalBuilder code, MachineInstruction copy, int index)
    {
        LiveInterval dst = code.Intervals[copy.Dst.Index]!, src = code.Intervals[copy.Src.Index]!;
        if (!ReferenceEquals(dst, src))
        {
            if (LiveInterval.FirstIntersection(dst.Ranges, src.Ranges) != int.MaxValue)
                return;
            src.Ranges = MergeRanges(src.Ranges, dst.Ranges);
            src.Uses = MergeSorted(src.Uses, dst.Uses);
            src.FixedHints.AddRange(dst.FixedHints);
            src.ValueHints.AddRange(dst.ValueHints);
            foreach (int member in dst.Members)
                code.Intervals[member] = src;
            src.Members.AddRange(dst.Members);
        }
        copy.IsCoalesced = true;
        src.DropUses(index);
    }

    public static List<LiveRange> MergeRanges(List<LiveRange> a, List<LiveRange> b)
    {
        var merged = new List<LiveRange>(a.Count + b.Count);
        int i = 0, j = 0;
        while (i < a.Count || j < b.Count)
        {
            LiveRange next = j == b.Count || (i < a.Count && a[i].Start < b[j].Start) ? a[i++] : b[j++];
            if (merged.Count > 0 && merged[^1].End >= next.Start)
                merged[^1] = new LiveRange(merged[^1].Start, Math.Max(merged[^1].End, next.End));
            else
                merged.Add(next);
        }
        return merged;
    }

    private static List<int> MergeSorted(List<int> a, List<int> b)
    {
        var merged = new List<int>(a.Count + b.Count);
        int i = 0, j = 0;
        while (i < a.Count || j < b.Count)
        {
            int next = j == b.Count || (i < a.Count && a[i] < b[j]) ? a[i++] : b[j++];
            if (merged.Count == 0 || merged[^1] != next)
                merged.Add(next);
        }
        return merged;
    }

    /// <summary>Definitions that are left once coalesced copies are gone.</summary>
    private static void CountDefinitions(IntervalBuilder code)
    {
        foreach (LiveInterval? interval in code.Intervals)
        {
            if (interval is not null)
                interval.DefinitionCount = 0;
        }
        var accesses = new List<RegisterAccess>();
        for (int i = 0; i < code.Linear.Count; i++)
        {
            MachineInstruction instruction = code.Linear[i];
            if (instruction.IsCoalesced)
                continue;
            RegisterAccesses.Collect(instruction, accesses);
            foreach (RegisterAccess access in accesses)
            {
                if (!access.Writes || !access.Register.IsVirtual)
                    continue;
                LiveInterval interval = code.Intervals[access.Register.Index]!;
                interval.DefinitionCount++;
                interval.Definition = instruction;
                interval.DefinitionIndex = i;
                // A merged interval holds several values by name; repeating the definition would revive only one of them.
                interval.IsRematerializable = interval.DefinitionCount == 1 && instruction.IsRematerializable;
            }
        }
        for (int v = 0; v < code.Intervals.Length; v++)
        {
            if (code.Intervals[v] is { IsRematerializable: true } interval && interval.VirtualRegister != v)
                interval.IsRematerializable = false;
        }
    }
}
