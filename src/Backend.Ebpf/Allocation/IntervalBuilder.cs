// Liveness by backward data flow over bit sets, then live intervals by one backward walk (Wimmer and Franz, "Linear Scan
// Register Allocation on SSA Form", 2010, section 4.1, here for code that is no longer SSA). Instructions whose only
// effect is a register that is never read are dropped on the way.
using System.Numerics;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Allocation;

/// <summary>Everything the allocator wants to know about lifetimes.</summary>
internal sealed class IntervalBuilder
{
    private readonly MachineFunction _function;
    private readonly int _words;
    private readonly List<RegisterAccess> _accesses = [];

    private IntervalBuilder(MachineFunction function)
    {
        _function = function;
        _words = (function.VirtualRegisterCount + 63) / 64;
        int blocks = function.Blocks.Count;
        LiveIn = new ulong[blocks][];
        LiveOut = new ulong[blocks][];
        From = new int[blocks];
        To = new int[blocks];
        Intervals = new LiveInterval?[function.VirtualRegisterCount];
        for (int i = 0; i < Fixed.Length; i++)
            Fixed[i] = [];
    }

    /// <summary>Positions of each block: from its first instruction up to behind its last.</summary>
    public int[] From { get; }

    public int[] To { get; }

    public ulong[][] LiveIn { get; }

    public ulong[][] LiveOut { get; }

    public LiveInterval?[] Intervals { get; }

    /// <summary>When each allocatable machine register is taken by the instructions themselves.</summary>
    public List<LiveRange>[] Fixed { get; } = new List<LiveRange>[EbpfRegisters.WritableCount];

    /// <summary>All instructions in order; index i has positions 2i and 2i + 1.</summary>
    public List<MachineInstruction> Linear { get; } = [];

    /// <summary>The block of each instruction.</summary>
    public List<MachineBlock> BlockOf { get; } = [];

    public static IntervalBuilder Build(MachineFunction function)
    {
        var builder = new IntervalBuilder(function);
        // Dropping code can make what it read dead in other blocks: a few rounds find nearly all of it.
        const int Rounds = 3;
        builder.ComputeLiveness();
        for (int round = 0; round < Rounds && builder.DropDeadCode(); round++)
            builder.ComputeLiveness();
        builder.Number();
        builder.BuildIntervals();
        return builder;
    }

    private static bool Get(ulong[] set, int index) => (set[index >> 6] >> (index & 63) & 1) != 0;

    private static void Put(ulong[] set, int index) => set[index >> 6] |= 1UL << (index & 63);

    private static void Clear(ulong[] set, int index) => set[index >> 6] &= ~(1UL << (index & 63));

    private void ComputeLiveness()
    {
        int count = _function.Blocks.Count;
        var kill = new ulong[count][];
        for (int b = 0; b < count; b++)
        {
            ulong[] gen = new ulong[_words], killed = new ulong[_words];
            foreach (MachineInstruction instruction in _function.Blocks[b].Instructions)
            {
                RegisterAccesses.Collect(instruction, _accesses);
                foreach (RegisterAccess access in _accesses)
                {
                    if (access.Reads && access.Register.IsVirtual && !Get(killed, access.Register.Index))
                        Put(gen, access.Register.Index);
                }
                foreach (RegisterAccess access in _accesses)
                {
                    if (access.Writes && access.Register.IsVirtual)
                        Put(killed, access.Register.Index);
                }
            }
            LiveIn[b] = gen;
            LiveOut[b] = new ulong[_words];
            kill[b] = killed;
        }
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int b = count - 1; b >= 0; b--)
            {
                (MachineBlock? first, MachineBlock? second) = _function.Blocks[b].Successors;
                changed |= Flow(b, first) | Flow(b, second);
            }
        }

        bool Flow(int from, MachineBlock? to)
        {
            if (to is null)
                return false;
            bool changed = false;
            ulong[] source = LiveIn[to.Index], target = LiveOut[from], into = LiveIn[from], killed = kill[from];
            for (int w = 0; w < _words; w++)
            {
                ulong added = source[w] & ~target[w];
                if (added == 0)
                    continue;
                target[w] |= added;
                into[w] |= added & ~killed[w];
                changed = true;
            }
            return changed;
        }
    }

    private bool DropDeadCode()
    {
        bool any = false;
        var live = new ulong[_words];
        for (int b = 0; b < _function.Blocks.Count; b++)
        {
            LiveOut[b].CopyTo(live, 0);
            List<MachineInstruction> instructions = _function.Blocks[b].Instructions;
            bool dropped = false;
            for (int i = instructions.Count - 1; i >= 0; i--)
            {
                MachineInstruction instruction = instructions[i];
                if (instruction.Dst.IsVirtual && !Get(live, instruction.Dst.Index) && IsPure(instruction))
                {
                    instructions[i] = null!;
                    dropped = true;
                    continue;
                }
                RegisterAccesses.Collect(instruction, _accesses);
                foreach (RegisterAccess access in _accesses)
                {
                    if (access.Register.IsVirtual && access.Writes && !access.Reads)
                        Clear(live, access.Register.Index);
                }
                foreach (RegisterAccess access in _accesses)
                {
                    if (access.Register.IsVirtual && access.Reads)
                        Put(live, access.Register.Index);
                }
            }
            if (dropped)
                instructions.RemoveAll(instruction => instruction is null);
            any |= dropped;
        }
        return any;
    }

    private static bool IsPure(MachineInstruction instruction) => instruction.Pseudo == PseudoOpcode.FrameAddress
        || (instruction.Pseudo == PseudoOpcode.None && instruction.Row.Effect is Effect.Alu or Effect.LoadImmediate);

    private void Number()
    {
        foreach (MachineBlock block in _function.Blocks)
        {
            From[block.Index] = 2 * Linear.Count;
            foreach (MachineInstruction instruction in block.Instructions)
            {
                Linear.Add(instruction);
                BlockOf.Add(block);
            }
            To[block.Index] = 2 * Linear.Count;
        }
    }

    private LiveInterval IntervalOf(MachineRegister register)
    {
        ref LiveInterval? interval = ref Intervals[register.Index];
        if (interval is null)
        {
            interval = new LiveInterval(register.Index);
            interval.Parts.Add(interval);
        }
        return interval;
    }

    // Built backwards: lists grow at their ends and are reversed when all is done.

    private static void AddRange(List<LiveRange> ranges, int start, int end)
    {
        if (ranges.Count > 0 && ranges[^1].Start <= end)
            ranges[^1] = new LiveRange(Math.Min(start, ranges[^1].Start), Math.Max(end, ranges[^1].End));
        else
            ranges.Add(new LiveRange(start, end));
    }

    private static void Define(LiveInterval interval, int position, int floor)
    {
        List<LiveRange> ranges = interval.Ranges;
        if (ranges.Count > 0 && ranges[^1].Start <= position && ranges[^1].End > position)
            ranges[^1] = new LiveRange(position, ranges[^1].End);
        else
            AddRange(ranges, position, Math.Max(position + 1, floor));
    }

    private void BuildIntervals()
    {
        var fixedEnd = new int[EbpfRegisters.Count];
        for (int b = _function.Blocks.Count - 1; b >= 0; b--)
        {
            int from = From[b], to = To[b];
            ulong[] liveOut = LiveOut[b];
            for (int w = 0; w < _words; w++)
            {
                for (ulong bits = liveOut[w]; bits != 0; bits &= bits - 1)
                    AddRange(IntervalOf(MachineRegister.Virtual(64 * w + BitOperations.TrailingZeroCount(bits))).Ranges, from, to);
            }
            for (int position = to - 2; position >= from; position -= 2)
                Walk(Linear[position / 2], position, from, fixedEnd);
            for (int register = 0; register < EbpfRegisters.WritableCount; register++)
            {
                if (fixedEnd[register] == 0)
                    continue;
                bool isParameter = b == 0 && register is >= EbpfRegisters.R1 and <= EbpfRegisters.R5;
                bool isPinned = _function.ReservesR6 && register == EbpfRegisters.R6;
                if (!isParameter && !isPinned)
                    throw new InternalCompilerException("live intervals", _function.Name, $"r{register} is read before it is written in {_function.Blocks[b]}");
                AddRange(Fixed[register], from, fixedEnd[register]);
                fixedEnd[register] = 0;
            }
        }
        foreach (List<LiveRange> ranges in Fixed)
            ranges.Reverse();
        foreach (LiveInterval? interval in Intervals)
        {
            if (interval is null)
                continue;
            interval.Ranges.Reverse();
            interval.Uses.Reverse();
        }
    }

    private void Walk(MachineInstruction instruction, int position, int from, int[] fixedEnd)
    {
        RegisterAccesses.Collect(instruction, _accesses);
        bool assembly = instruction.Pseudo == PseudoOpcode.InlineAssembly;
        for (int register = 0; register < EbpfRegisters.WritableCount; register++)
        {
            if (((instruction.ImplicitDefs | instruction.Clobbers) >> register & 1) == 0)
                continue;
            // Assembly may destroy its registers before it has read its inputs.
            DefineFixed(register, assembly ? position : position + 1, position + 2, fixedEnd);
        }
        foreach (RegisterAccess access in _accesses)
        {
            if (!access.Writes)
                continue;
            if (access.Register.IsPhysical)
            {
                if (access.Register.Number < EbpfRegisters.WritableCount)
                    DefineFixed(access.Register.Number, position + 1, position + 2, fixedEnd);
                continue;
            }
            LiveInterval interval = IntervalOf(access.Register);
            int at = access.IsEarly && !access.Reads ? position : position + 1;
            Define(interval, at, position + 2);
            interval.Uses.Add(position + 1);
            if (at == position)
                interval.Uses.Add(position);
            interval.DefinitionCount++;
            interval.Definition = instruction;
            interval.DefinitionIndex = position / 2;
        }
        for (int register = 0; register < EbpfRegisters.WritableCount; register++)
        {
            if ((instruction.ImplicitUses >> register & 1) != 0)
                fixedEnd[register] = Math.Max(fixedEnd[register], position + 1);
        }
        foreach (RegisterAccess access in _accesses)
        {
            if (!access.Reads)
                continue;
            if (access.Register.IsPhysical)
            {
                if (access.Register.Number < EbpfRegisters.WritableCount)
                    fixedEnd[access.Register.Number] = Math.Max(fixedEnd[access.Register.Number], position + 1);
                continue;
            }
            LiveInterval interval = IntervalOf(access.Register);
            AddRange(interval.Ranges, from, position + 1);
            if (interval.Uses.Count == 0 || interval.Uses[^1] != position)
                interval.Uses.Add(position);
        }
        if (instruction.IsCopy)
            AddHints(instruction);
    }

    private void DefineFixed(int register, int position, int minimumEnd, int[] fixedEnd)
    {
        AddRange(Fixed[register], position, Math.Max(fixedEnd[register], minimumEnd));
        fixedEnd[register] = 0;
    }

    private void AddHints(MachineInstruction copy)
    {
        if (copy.Dst.IsVirtual && copy.Src.IsVirtual)
        {
            IntervalOf(copy.Dst).ValueHints.Add(copy.Src.Index);
            IntervalOf(copy.Src).ValueHints.Add(copy.Dst.Index);
        }
        else if (copy.Dst.IsVirtual && copy.Src.IsPhysical)
        {
            IntervalOf(copy.Dst).FixedHints.Add(copy.Src.Number);
        }
        else if (copy.Src.IsVirtual && copy.Dst.IsPhysical)
        {
            IntervalOf(copy.Src).FixedHints.Add(copy.Dst.Number);
        }
    }
}
