// After the scan: writes the registers into the operands and connects the parts of split intervals. Where a part follows
// another inside a block, a move stands between them; where control flow joins parts, moves stand on the edge. All moves
// of one place happen at once.
using System.Numerics;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Allocation;

internal sealed class MoveResolver(MachineFunction function, IntervalBuilder code)
{
    /// <summary>Order of moves in front of one instruction.</summary>
    private enum Phase { AfterDefinition, BlockStart, BeforeReads, BeforeWrites, BlockEnd }

    /// <summary>A register (0 to 9), a slot, or the repetition of a definition.</summary>
    private readonly record struct Place(int Register, StackObject? Slot, MachineInstruction? Definition)
    {
        public bool IsRegister => Register >= 0;
    }

    private readonly record struct Move(Place From, Place To, int VirtualRegister);

    private readonly SortedDictionary<(int Index, Phase Phase), List<Move>> _moves = [];
    private readonly List<RegisterAccess> _accesses = [];
    private readonly List<StackObject> _exchanges = [];

    public void Run()
    {
        var split = new ulong[(code.Intervals.Length + 63) / 64];
        for (int v = 0; v < code.Intervals.Length; v++)
        {
            if (code.Intervals[v] is not { } root)
                continue;
            if (root.Parts.Count > 1 || root.Register == LiveInterval.NoRegister)
                split[v >> 6] |= 1UL << (v & 63);
            if (root.VirtualRegister == v && root.Parts.Count > 1)
                ConnectParts(root);
        }
        ConnectEdges(split);
        StoreOnce();
        Rewrite();
    }

    private static Place PlaceOf(LiveInterval part)
    {
        LiveInterval root = part.Root;
        return part.Register != LiveInterval.NoRegister ? new Place(part.Register, null, null)
            : root.IsRematerializable ? new Place(-1, null, root.Definition)
            : new Place(-1, root.SpillSlot, null);
    }

    private void Add(int index, Phase phase, LiveInterval from, LiveInterval to)
    {
        Place source = PlaceOf(from), target = PlaceOf(to);
        if (source == target || target.Definition is not null)
            return;
        if (!_moves.TryGetValue((index, phase), out List<Move>? list))
            _moves[(index, phase)] = list = [];
        var move = new Move(source, target, from.VirtualRegister);
        if (!list.Contains(move))
            list.Add(move);
    }

    private void ConnectParts(LiveInterval root)
    {
        for (int i = 1; i < root.Parts.Count; i++)
        {
            LiveInterval part = root.Parts[i], previous = root.Parts[i - 1];
            if (part.Ranges.Count == 0 || previous.Ranges.Count == 0 || previous.End != part.EffectiveStart)
                continue;
            int index = part.EffectiveStart >> 1;
            if (code.From[code.BlockOf[index].Index] == part.EffectiveStart)
                continue;
            Add(index, (part.EffectiveStart & 1) == 0 ? Phase.BeforeReads : Phase.BeforeWrites, previous, part);
        }
    }

    private void ConnectEdges(ulong[] split)
    {
        foreach (MachineBlock block in function.Blocks)
        {
            (MachineBlock? first, MachineBlock? second) = block.Successors;
            Connect(first, second is null);
            Connect(second, false);

            void Connect(MachineBlock? target, bool only)
            {
                if (target is null)
                    return;
                ulong[] live = code.LiveIn[target.Index];
                for (int w = 0; w < split.Length; w++)
                {
                    for (ulong bits = live[w] & split[w]; bits != 0; bits &= bits - 1)
                    {
                        LiveInterval root = code.Intervals[64 * w + BitOperations.TrailingZeroCount(bits)]!;
                        LiveInterval from = root.PartAt(code.To[block.Index] - 1), to = root.PartAt(code.From[target.Index]);
                        // Liveness is an upper bound; what the interval does not cover is not needed there.
                        if (ReferenceEquals(from, to) || !to.Covers(code.From[target.Index]))
                            continue;
                        if (only)
                            Add(code.From[block.Index] / 2 + block.TerminatorIndex, Phase.BlockEnd, from, to);
                        else if (target.Predecessors.Count == 1)
                            Add(code.From[target.Index] / 2, Phase.BlockStart, from, to);
                        else
                            throw new InternalCompilerException("register allocation", function.Name, $"the edge from {block} to {target} is critical");
                    }
                }
            }
        }
    }

    /// <summary>
    /// A value with one definition that is stored in several places, or in a deeper loop than it is defined in, is stored once
    /// behind its definition instead.
    /// </summary>
    private void StoreOnce()
    {
        var stores = new Dictionary<LiveInterval, (int Count, int Depth)>();
        foreach (((int index, Phase _), List<Move> list) in _moves)
        {
            foreach (Move move in list)
            {
                LiveInterval root = code.Intervals[move.VirtualRegister]!;
                if (move.To.Slot is null || root.DefinitionCount != 1)
                    continue;
                stores.TryGetValue(root, out (int Count, int Depth) known);
                stores[root] = (known.Count + 1, Math.Max(known.Depth, code.BlockOf[index].LoopDepth));
            }
        }
        foreach ((LiveInterval root, (int count, int depth)) in stores)
        {
            if (count < 2 && depth <= code.BlockOf[root.DefinitionIndex].LoopDepth)
                continue;
            foreach (List<Move> list in _moves.Values)
                list.RemoveAll(move => move.To.Slot is not null && ReferenceEquals(code.Intervals[move.VirtualRegister], root));
            LiveInterval part = root.PartAt(2 * root.DefinitionIndex + 1);
            (int, Phase) key = (root.DefinitionIndex + 1, Phase.AfterDefinition);
            if (!_moves.TryGetValue(key, out List<Move>? behind))
                _moves[key] = behind = [];
            behind.Add(new Move(PlaceOf(part), new Place(-1, root.SpillSlot, null), root.VirtualRegister));
        }
    }

    private void Rewrite()
    {
        using SortedDictionary<(int Index, Phase Phase), List<Move>>.Enumerator moves = _moves.GetEnumerator();
        bool more = moves.MoveNext();
        int index = 0;
        foreach (MachineBlock block in function.Blocks)
        {
            List<MachineInstruction> old = block.Instructions;
            var rewritten = new List<MachineInstruction>(old.Count + 4);
            foreach (MachineInstruction instruction in old)
            {
                for (; more && moves.Current.Key.Index == index; more = moves.MoveNext())
                    EmitParallel(moves.Current.Value, rewritten);
                Assign(instruction, index);
                rewritten.Add(instruction);
                index++;
            }
            block.Instructions = rewritten;
        }
    }

    private void Assign(MachineInstruction instruction, int index)
    {
        instruction.VirtualDst = instruction.Dst;
        instruction.VirtualSrc = instruction.Src;
        if (instruction.IsCoalesced)
            return;
        if (instruction.Assembly is { } assembly)
            assembly.VirtualRegisters = [.. assembly.Registers];
        RegisterAccesses.Collect(instruction, _accesses);
        foreach (RegisterAccess access in _accesses)
        {
            if (!access.Register.IsVirtual)
                continue;
            LiveInterval root = code.Intervals[access.Register.Index]!;
            LiveInterval part = root.PartAt(access.Reads ? 2 * index : 2 * index + 1);
            if (part.Register == LiveInterval.NoRegister)
                throw new InternalCompilerException("register allocation", function.Name, $"operand {access.Register} of '{instruction}' is in memory");
            RegisterAccesses.Set(instruction, access.Slot, MachineRegister.Physical(part.Register));
        }
    }

    // ---------------------------------------------------------------------------------------------- parallel moves

    private void EmitParallel(List<Move> moves, List<MachineInstruction> output)
    {
        var pending = new List<Move>(moves);
        // Stores read registers and write memory of their own: first. Loads and repeated definitions read no register: last.
        foreach (Move move in pending)
        {
            if (move.To.Slot is not null)
                EmitMove(move, output);
        }
        pending.RemoveAll(move => move.To.Slot is not null);
        List<Move> late = pending.FindAll(move => !move.From.IsRegister);
        pending.RemoveAll(move => !move.From.IsRegister);
        int cycles = 0;
        while (pending.Count > 0)
        {
            int ready = pending.FindIndex(move => !pending.Exists(other => other != move && other.From.Register == move.To.Register));
            if (ready >= 0)
            {
                EmitMove(pending[ready], output);
                pending.RemoveAt(ready);
                continue;
            }
            // A cycle: one of its values takes a detour through the stack.
            Move first = pending[0];
            if (cycles == _exchanges.Count)
                _exchanges.Add(function.NewStackObject(8, 8, null));
            var detour = new Place(-1, _exchanges[cycles++], null);
            EmitMove(first with { To = detour }, output);
            pending.RemoveAt(0);
            late.Add(first with { From = detour });
        }
        foreach (Move move in late)
            EmitMove(move, output);
    }

    private void EmitMove(Move move, List<MachineInstruction> output)
    {
        if (move.From.Definition is { } definition)
            output.Add(definition.Repeat(MachineRegister.Physical(move.To.Register)));
        else if (move.From.Slot is { } source)
            output.Add(new MachineInstruction(EbpfOpcode.Load64) { Dst = MachineRegister.Physical(move.To.Register), Src = MachineRegister.R10, Object = source, IsAllocatorMove = true });
        else if (move.To.Slot is { } target)
            output.Add(new MachineInstruction(EbpfOpcode.StoreReg64) { Dst = MachineRegister.R10, Src = MachineRegister.Physical(move.From.Register), Object = target, IsAllocatorMove = true });
        else
            output.Add(new MachineInstruction(EbpfOpcode.Mov64Reg) { Dst = MachineRegister.Physical(move.To.Register), Src = MachineRegister.Physical(move.From.Register), IsAllocatorMove = true });
    }
}
