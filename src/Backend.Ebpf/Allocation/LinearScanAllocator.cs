// Linear scan with lifetime holes and interval splitting (Wimmer and Mössenböck, "Optimized Interval Splitting in a Linear
// Scan Register Allocator", 2005).
//
// Intervals are visited in order of their start. Each gets the register that stays free longest, or best fits; if none is
// free at all, the one whose value is needed furthest away is taken from it. What a call destroys, and the registers that
// instructions name themselves, are fixed ranges that allocation works around; R10 is never given away.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Allocation;

internal sealed partial class LinearScanAllocator
{
    private readonly MachineFunction _function;
    private readonly IntervalBuilder _code;
    private readonly PriorityQueue<LiveInterval, (int Start, int Order)> _unhandled = new();
    private readonly List<LiveInterval> _active = [];
    private readonly List<LiveInterval> _inactive = [];
    private readonly int[] _freeUntil = new int[EbpfRegisters.WritableCount];
    private readonly int[] _neededAt = new int[EbpfRegisters.WritableCount];
    private readonly int[] _blockedAt = new int[EbpfRegisters.WritableCount];
    private int _order;

    private LinearScanAllocator(MachineFunction function, IntervalBuilder code)
    {
        _function = function;
        _code = code;
    }

    /// <summary>Replaces all virtual registers of the function by machine registers and spill slots.</summary>
    public static void Allocate(MachineFunction function)
    {
        IntervalBuilder code = IntervalBuilder.Build(function);
        CopyCoalescer.Run(code);
        var allocator = new LinearScanAllocator(function, code);
        allocator.Scan();
        SpillSlotSharing.Run(function, code);
        new MoveResolver(function, code).Run();
    }

    private InternalCompilerException Broken(string problem) => new("register allocation", _function.Name, problem);

    private void Enqueue(LiveInterval interval) => _unhandled.Enqueue(interval, (interval.Start, _order++));

    private void Scan()
    {
        for (int v = 0; v < _code.Intervals.Length; v++)
        {
            if (_code.Intervals[v] is { } interval && interval.VirtualRegister == v && interval.Ranges.Count > 0)
                Enqueue(interval);
        }
        while (_unhandled.TryDequeue(out LiveInterval? current, out _))
        {
            int position = current.Start;
            Retire(position);
            if (current.Uses.Count == 0 && current.Root != current)
            {
                // Nobody reads this part in a register: it stays in memory until an edge or a later part wants it.
                AssignMemory(current);
                continue;
            }
            if (!TryAllocateFree(current))
                AllocateBlocked(current);
            if (current.Register != LiveInterval.NoRegister)
                _active.Add(current);
        }
    }

    private void Retire(int position)
    {
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            LiveInterval interval = _active[i];
            if (interval.End <= position)
                RemoveAt(_active, i);
            else if (!interval.Covers(position))
            {
                RemoveAt(_active, i);
                _inactive.Add(interval);
            }
        }
        for (int i = _inactive.Count - 1; i >= 0; i--)
        {
            LiveInterval interval = _inactive[i];
            if (interval.End <= position)
                RemoveAt(_inactive, i);
            else if (interval.Covers(position))
            {
                RemoveAt(_inactive, i);
                _active.Add(interval);
            }
        }
    }

    private static void RemoveAt(List<LiveInterval> list, int index)
    {
        list[index] = list[^1];
        list.RemoveAt(list.Count - 1);
    }

    private bool TryAllocateFree(LiveInterval current)
    {
        for (int register = 0; register < _freeUntil.Length; register++)
        {
            _freeUntil[register] = _function.ReservesR6 && register == EbpfRegisters.R6 ? 0
                : LiveInterval.FirstIntersection(_code.Fixed[register], current.Ranges);
        }
        foreach (LiveInterval interval in _active)
            _freeUntil[interval.Register] = 0;
        foreach (LiveInterval interval in _inactive)
        {
            if (_freeUntil[interval.Register] == 0)
                continue;
            int meeting = LiveInterval.FirstIntersection(interval.Ranges, current.Ranges);
            _freeUntil[interval.Register] = Math.Min(_freeUntil[interval.Register], meeting);
        }

        int chosen = ChooseFree(current);
        int free = _freeUntil[chosen];
        if (free >= current.End)
        {
            current.Register = chosen;
            return true;
        }
        // Free for a while only: take it if a use falls into that time, and look again for the rest.
        if (free <= current.Start + 1 || current.Uses.Count == 0 || current.Uses[0] >= free)
            return false;
        int latest = free;
        int earliest = current.LastUseBefore(latest) + 1;
        int split = BestSplit(Math.Max(earliest, current.Start + 1), latest);
        if (split <= current.Start + 1 && split <= current.Uses[0])
            return false;
        LiveInterval later = current.Split(split);
        if (current.Ranges.Count == 0)
            throw Broken("a split left nothing");
        current.Register = chosen;
        if (later.Ranges.Count > 0)
            Enqueue(later);
        return true;
    }

    /// <summary>A hinted register that is free long enough; else the tightest that is; else the one free longest.</summary>
    private int ChooseFree(LiveInterval current)
    {
        int end = current.End;
        if (BestHint(current, end) is { } hint)
            return hint;
        int best = -1;
        for (int register = 0; register < _freeUntil.Length; register++)
        {
            int candidate = Preference(register);
            if (_freeUntil[candidate] >= end && (best < 0 || _freeUntil[candidate] < _freeUntil[best]))
                best = candidate;
        }
        if (best >= 0)
            return best;
        best = Preference(0);
        for (int register = 1; register < _freeUntil.Length; register++)
        {
            int candidate = Preference(register);
            if (_freeUntil[candidate] > _freeUntil[best])
                best = candidate;
        }
        return best;
    }

    /// <summary>Order of preference among equals: argument registers, R0, then those that survive calls.</summary>
    private static int Preference(int index) => index switch { < 5 => index + 1, 5 => 0, _ => index };

    private int? BestHint(LiveInterval current, int end)
    {
        LiveInterval root = current.Root;
        if (!ReferenceEquals(root, current))
        {
            // Staying in the register of the part before saves a move.
            int index = root.Parts.IndexOf(current);
            if (index > 0 && root.Parts[index - 1].Register is >= 0 and var previous && _freeUntil[previous] >= end)
                return previous;
        }
        foreach (int register in root.FixedHints)
        {
            if (register < _freeUntil.Length && _freeUntil[register] >= end)
                return register;
        }
        foreach (int value in root.ValueHints)
        {
            LiveInterval other = _code.Intervals[value]!;
            foreach (LiveInterval part in other.Parts)
            {
                if (part.Register >= 0 && _freeUntil[part.Register] >= end)
                    return part.Register;
            }
            foreach (int register in other.FixedHints)
            {
                if (register < _freeUntil.Length && _freeUntil[register] >= end)
                    return register;
            }
        }
        return null;
    }

    private void AllocateBlocked(LiveInterval current)
    {
        for (int register = 0; register < _neededAt.Length; register++)
        {
            int taken = _function.ReservesR6 && register == EbpfRegisters.R6 ? 0
                : LiveInterval.FirstIntersection(_code.Fixed[register], current.Ranges);
            _blockedAt[register] = taken;
            _neededAt[register] = taken;
        }
        int position = current.Start;
        foreach (LiveInterval interval in _active)
            _neededAt[interval.Register] = Math.Min(_neededAt[interval.Register], interval.FirstUseFrom(position));
        foreach (LiveInterval interval in _inactive)
        {
            if (LiveInterval.FirstIntersection(interval.Ranges, current.Ranges) != int.MaxValue)
                _neededAt[interval.Register] = Math.Min(_neededAt[interval.Register], interval.FirstUseFrom(position));
        }
        int chosen = Preference(0);
        for (int i = 1; i < _neededAt.Length; i++)
        {
            if (_neededAt[Preference(i)] > _neededAt[chosen])
                chosen = Preference(i);
        }
        int firstUse = current.FirstUseFrom(position);
        if (firstUse > _neededAt[chosen] || firstUse == int.MaxValue)
        {
            // Everybody else needs a register sooner.
            if ((firstUse & ~1) <= position && firstUse != int.MaxValue)
                throw NoRegister(current, position);
            SpillUntilUse(current);
            return;
        }
        if (_neededAt[chosen] <= position + 1 && _neededAt[chosen] <= firstUse)
            throw NoRegister(current, position);
        if (_blockedAt[chosen] < current.End)
        {
            int latest = _blockedAt[chosen];
            int earliest = current.LastUseBefore(latest) + 1;
            int split = BestSplit(Math.Max(earliest, position + 1), latest);
            if (split <= position)
                throw NoRegister(current, position);
            LiveInterval later = current.Split(split);
            if (later.Ranges.Count > 0)
                Enqueue(later);
        }
        current.Register = chosen;
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            LiveInterval interval = _active[i];
            if (interval.Register != chosen)
                continue;
            RemoveAt(_active, i);
            Evict(interval, position);
        }
        for (int i = _inactive.Count - 1; i >= 0; i--)
        {
            LiveInterval interval = _inactive[i];
            if (interval.Register != chosen || LiveInterval.FirstIntersection(interval.Ranges, current.Ranges) == int.MaxValue)
                continue;
            // In a hole now: only the part behind the hole is in the way.
            RemoveAt(_inactive, i);
            LiveInterval later = interval.Split(position);
            if (later.Ranges.Count > 0)
                Enqueue(later);
        }
    }

    private InternalCompilerException NoRegister(LiveInterval current, int position)
        => Broken($"no register for %{current.VirtualRegister} at '{_code.Linear[position / 2]}'");

    /// <summary>Takes the register away from an active interval at a position.</summary>
    private void Evict(LiveInterval interval, int position)
    {
        LiveInterval later;
        if (interval.Start >= (position & ~1) && interval.FirstUseFrom(interval.Start) > position)
        {
            // It only began here and nobody has read it yet: it never had the register.
            interval.Register = LiveInterval.NoRegister;
            later = interval;
        }
        else
        {
            int earliest = Math.Max(interval.LastUseBefore(position) + 1, interval.Start + 1);
            later = interval.Split(BestSplit(earliest, position));
        }
        if (later.Ranges.Count > 0)
            SpillUntilUse(later);
    }

    /// <summary>Puts an interval into memory up to its first use; from there on it is allocated anew.</summary>
    private void SpillUntilUse(LiveInterval interval)
    {
        int firstUse = interval.FirstUseFrom(interval.Start);
        if (firstUse == int.MaxValue)
        {
            AssignMemory(interval);
            return;
        }
        int latest = firstUse & ~1;
        if (latest <= interval.Start)
        {
            // Needed at once after all: it competes again.
            Enqueue(interval);
            return;
        }
        int split = BestSplit(interval.Start + 1, latest) & ~1;
        if (split <= interval.Start)
            split = latest;
        LiveInterval later = interval.Split(split);
        if (interval.Ranges.Count > 0)
            AssignMemory(interval);
        if (later.Ranges.Count > 0)
            Enqueue(later);
    }

    private void AssignMemory(LiveInterval interval)
    {
        interval.Register = LiveInterval.NoRegister;
        LiveInterval root = interval.Root;
        root.NeedsMemory |= !root.IsRematerializable;
    }

    /// <summary>
    /// The best place for a cut in [earliest, latest]: the start of the block with the fewest loops around it, else as late as
    /// possible.
    /// </summary>
    private int BestSplit(int earliest, int latest)
    {
        if (earliest >= latest)
            return latest;
        int last = Math.Min(latest >> 1, _code.BlockOf.Count - 1);
        MachineBlock end = _code.BlockOf[last], start = _code.BlockOf[Math.Min(earliest >> 1, last)];
        if (ReferenceEquals(start, end))
            return latest;
        int best = latest, depth = end.LoopDepth;
        for (int b = end.Index; b > start.Index; b--)
        {
            MachineBlock block = _function.Blocks[b];
            if (block.LoopDepth < depth && _code.From[b] >= earliest && _code.From[b] <= latest)
            {
                best = _code.From[b];
                depth = block.LoopDepth;
            }
        }
        return best;
    }
}
