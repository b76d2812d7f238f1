// The lifetime of a virtual register: sorted ranges of positions with holes, and the positions where it must be in a
// register. Every instruction i has two positions:
//
//        2i  operands are read          2i+1  results are written
//
// so that an operand that dies and a result that is born may share a register. An interval may be split; its parts are
// kept in order by the root and each part has one location for all its life.
using Ebpfcc.Backend.Ebpf.Machine;

namespace Ebpfcc.Backend.Ebpf.Allocation;

internal readonly record struct LiveRange(int Start, int End);

internal sealed class LiveInterval
{
    public const int NoRegister = -1;

    private readonly LiveInterval? _root;

    public LiveInterval(int virtualRegister)
    {
        VirtualRegister = virtualRegister;
        Members.Add(virtualRegister);
    }

    private LiveInterval(LiveInterval root, int effectiveStart)
    {
        _root = root;
        VirtualRegister = root.VirtualRegister;
        EffectiveStart = effectiveStart;
    }

    public int VirtualRegister { get; }

    public LiveInterval Root => _root ?? this;

    /// <summary>Half-open, ascending, neither overlapping nor touching.</summary>
    public List<LiveRange> Ranges { get; set; } = [];

    /// <summary>Positions that need the value in a register, ascending.</summary>
    public List<int> Uses { get; set; } = [];

    /// <summary>The machine register of this part, or <see cref="NoRegister"/> when it is in memory or not yet allocated.</summary>
    public int Register { get; set; } = NoRegister;

    /// <summary>Parts in order, this one included; only at the root.</summary>
    public List<LiveInterval> Parts { get; } = [];

    /// <summary>From here on the value is found in this part (a part may overlap its predecessor by one position, see Split).</summary>
    public int EffectiveStart { get; private set; }

    public int Start => Ranges[0].Start;

    public int End => Ranges[^1].End;

    // Facts of the root.

    /// <summary>The virtual registers that were merged into this one, itself included.</summary>
    public List<int> Members { get; } = [];

    /// <summary>Machine registers this value is copied from or to, most valuable first.</summary>
    public List<int> FixedHints { get; } = [];

    /// <summary>Other values it is copied from or to.</summary>
    public List<int> ValueHints { get; } = [];

    /// <summary>The only instruction that defines it, when there is one; its index in linear order.</summary>
    public MachineInstruction? Definition { get; set; }

    public int DefinitionIndex { get; set; } = -1;

    public int DefinitionCount { get; set; }

    /// <summary>Memory is not needed: the definition is repeated instead.</summary>
    public bool IsRematerializable { get; set; }

    /// <summary>Some part of it is in memory.</summary>
    public bool NeedsMemory { get; set; }

    public StackObject? SpillSlot { get; set; }

    public int FirstUseFrom(int position)
    {
        int index = LowerBound(position);
        return index < Uses.Count ? Uses[index] : int.MaxValue;
    }

    /// <summary>Forgets that an instruction (that became no code) uses the value.</summary>
    public void DropUses(int index)
    {
        int first = LowerBound(2 * index), end = LowerBound(2 * index + 2);
        Uses.RemoveRange(first, end - first);
    }

    public int LastUseBefore(int position)
    {
        int index = LowerBound(position) - 1;
        return index >= 0 ? Uses[index] : -1;
    }

    public bool HasUseAt(int position) => FirstUseFrom(position) == position;

    private int LowerBound(int position)
    {
        int low = 0, high = Uses.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Uses[middle] < position)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    public bool Covers(int position)
    {
        int index = FirstRangeEndingAfter(Ranges, position);
        return index < Ranges.Count && Ranges[index].Start <= position;
    }

    /// <summary>Index of the first range whose end lies behind the position.</summary>
    public static int FirstRangeEndingAfter(List<LiveRange> ranges, int position)
    {
        int low = 0, high = ranges.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (ranges[middle].End <= position)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// <summary>The first position where both are live, or int.MaxValue.</summary>
    public static int FirstIntersection(List<LiveRange> a, List<LiveRange> b)
    {
        if (a.Count == 0 || b.Count == 0)
            return int.MaxValue;
        int i = FirstRangeEndingAfter(a, b[0].Start), j = FirstRangeEndingAfter(b, a[0].Start);
        while (i < a.Count && j < b.Count)
        {
            if (a[i].End <= b[j].Start)
                i++;
            else if (b[j].End <= a[i].Start)
                j++;
            else
                return Math.Max(a[i].Start, b[j].Start);
        }
        return int.MaxValue;
    }

    /// <summary>
    /// Cuts at a position inside the interval and returns the later part.
    ///
    /// An even position lies before an instruction, and a move can be put there. An odd one lies between an instruction's
    /// reads and writes: the move must come before the instruction, so that the later part begins one position early and
    /// both parts hold the (unchanged) value while the operands are read:
    ///
    ///     earlier  ==========2i|            reads at 2i find the earlier part
    ///     later           |2i==2i+1=====>   EffectiveStart = 2i+1
    /// </summary>
    public LiveInterval Split(int position)
    {
        bool overlap = (position & 1) != 0;
        if (overlap && (HasUseAt(position) || !Covers(position - 1)))
        {
            position--;
            overlap = false;
        }
        var later = new LiveInterval(Root, position);
        int index = FirstRangeEndingAfter(Ranges, position);
        List<LiveRange> tail = Ranges.GetRange(index, Ranges.Count - index);
        Ranges.RemoveRange(index, Ranges.Count - index);
        if (tail.Count > 0 && tail[0].Start < position)
        {
            Ranges.Add(new LiveRange(tail[0].Start, position));
            tail[0] = new LiveRange(overlap ? position - 1 : position, tail[0].End);
        }
        else if (tail.Count > 0)
        {
            later.EffectiveStart = tail[0].Start;
        }
        later.Ranges = tail;
        int use = LowerBound(position);
        later.Uses = Uses.GetRange(use, Uses.Count - use);
        Uses.RemoveRange(use, Uses.Count - use);
        List<LiveInterval> parts = Root.Parts;
        parts.Insert(parts.IndexOf(this) + 1, later);
        return later;
    }

    /// <summary>The part that holds the value at a position.</summary>
    public LiveInterval PartAt(int position)
    {
        LiveInterval found = Parts[0];
        for (int i = 1; i < Parts.Count && Parts[i].EffectiveStart <= position; i++)
            found = Parts[i];
        return found;
    }

    public override string ToString()
        => $"%{VirtualRegister}{(Register >= 0 ? $" r{Register}" : "")} {string.Join(' ', Ranges.Select(range => $"[{range.Start},{range.End})"))} uses {string.Join(',', Uses)}";
}
