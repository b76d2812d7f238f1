// The smallest program that still shows something: delta debugging over instructions (A. Zeller, R. Hildebrandt, "Simplifying and
// Isolating Failure-Inducing Input", IEEE TSE 2002), after which single instructions are made simpler. Jumps and calls keep their
// targets; those to something removed go to what follows it:
//
//     0: if r1 > 3 goto 3        0: if r1 > 3 goto 2
//     1: r2 = 5             ->   1: r3 = 7
//     2: r3 = 7                  2: exit
//     3: exit
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Fuzzing;

/// <summary>Makes programs smaller while a property holds.</summary>
public sealed class ProgramReducer
{
    private readonly Func<EbpfInstruction[], bool> _holds;
    private int _attempts;

    /// <summary>Programs tried before the result so far is given back.</summary>
    public int AttemptLimit { get; init; } = 3000;

    /// <param name="holds">The property: that the program still fails in the same way. Must answer any program.</param>
    public ProgramReducer(Func<EbpfInstruction[], bool> holds) => _holds = holds;

    /// <summary>One instruction with its targets as references, so that removing others does not disturb it.</summary>
    private sealed class Node(EbpfInstruction first, EbpfInstruction? second)
    {
        public EbpfInstruction First = first;
        public readonly EbpfInstruction? Second = second;

        /// <summary>Where it leads to: an index into the original list; -1 for nowhere.</summary>
        public int Target = -1;
        public int Number;

        public Node Copy(EbpfInstruction instruction) => new(instruction, Second) { Target = Target, Number = Number };
    }

    public EbpfInstruction[] Reduce(EbpfInstruction[] program)
    {
        List<Node> nodes = Parse(program);
        if (Encode(nodes) is not { } same || !_holds(same))
            return program;
        bool smaller = true;
        while (smaller && _attempts < AttemptLimit)
        {
            smaller = Remove(ref nodes);
            smaller |= Simplify(nodes);
        }
        return Encode(nodes)!;
    }

    private bool Try(List<Node> nodes)
    {
        if (_attempts >= AttemptLimit || nodes.Count == 0)
            return false;
        _attempts++;
        return Encode(nodes) is { } program && _holds(program);
    }

    /// <summary>Removes pieces of halving size as long as that goes.</summary>
    private bool Remove(ref List<Node> nodes)
    {
        bool smaller = false;
        for (int size = Math.Max(1, nodes.Count / 2); size >= 1; size /= 2)
        {
            for (int start = nodes.Count - size; start >= 0 && _attempts < AttemptLimit;)
            {
                List<Node> without = [.. nodes[..start], .. nodes[(start + size)..]];
                if (Try(without))
                {
                    nodes = without;
                    smaller = true;
                }
                start = Math.Min(start - size, nodes.Count - size);
            }
        }
        return smaller;
    }

    /// <summary>Replaces instructions by constants and immediates by smaller ones.</summary>
    private bool Simplify(List<Node> nodes)
    {
        bool simpler = false;
        for (int i = 0; i < nodes.Count; i++)
        {
            Node node = nodes[i];
            OpcodeRow? row = OpcodeTable.Find(node.First);
            if (row is null || node.Second is not null)
                continue;
            if (row.Effect is Effect.Alu or Effect.Load && row.Opcode != EbpfOpcode.Mov64Imm)
                simpler |= Replace(nodes, i, OpcodeTable.Encode(EbpfOpcode.Mov64Imm, node.First.Dst, 0, 0, 1));
            if (row.Immediate == ImmediateUse.Value)
            {
                foreach (int value in (ReadOnlySpan<int>)[0, 1, node.First.Immediate / 2])
                {
                    if (Math.Abs((long)value) < Math.Abs((long)nodes[i].First.Immediate) && OpcodeTable.Find(nodes[i].First)?.Immediate == ImmediateUse.Value)
                        simpler |= Replace(nodes, i, nodes[i].First.WithImmediate(value));
                }
            }
        }
        return simpler;
    }

    private bool Replace(List<Node> nodes, int index, EbpfInstruction instruction)
    {
        Node old = nodes[index];
        nodes[index] = old.Copy(instruction);
        if (Try(nodes))
            return true;
        nodes[index] = old;
        return false;
    }

    private static List<Node> Parse(EbpfInstruction[] program)
    {
        var nodes = new List<Node>();
        var numberAt = new int[program.Length + 1];
        Array.Fill(numberAt, -1);
        for (int slot = 0; slot < program.Length;)
        {
            bool wide = program[slot].IsWide && slot + 1 < program.Length;
            numberAt[slot] = nodes.Count;
            nodes.Add(new Node(program[slot], wide ? program[slot + 1] : null) { Number = nodes.Count });
            slot += wide ? 2 : 1;
        }
        numberAt[program.Length] = nodes.Count;
        for (int slot = 0; slot < program.Length; slot++)
        {
            if (numberAt[slot] >= 0 && Target(program[slot], slot) is { } target && target >= 0 && target <= program.Length)
                nodes[numberAt[slot]].Target = numberAt[(int)target];
        }
        return nodes;
    }

    /// <summary>The slot an instruction leads to, or null.</summary>
    private static long? Target(EbpfInstruction instruction, int slot)
    {
        OpcodeRow? row = OpcodeTable.Find(instruction);
        if (row is null)
            return null;
        if (row.Opcode is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction || row.Immediate == ImmediateUse.Jump)
            return slot + 1L + instruction.Immediate;
        return row.Offset == OffsetUse.Jump ? slot + 1L + instruction.Offset : null;
    }

    /// <summary>The slots again; null when a distance does not fit.</summary>
    private static EbpfInstruction[]? Encode(List<Node> nodes)
    {
        var code = new List<EbpfInstruction>();
        var slots = new int[nodes.Count];
        for (int i = 0; i < nodes.Count; i++)
        {
            slots[i] = code.Count;
            code.Add(nodes[i].First);
            if (nodes[i].Second is { } second)
                code.Add(second);
        }
        for (int i = 0; i < nodes.Count; i++)
        {
            if (nodes[i].Target < 0)
                continue;
            // The first node left at or behind the target; nodes are in order of their numbers.
            int low = 0, high = nodes.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (nodes[middle].Number < nodes[i].Target)
                    low = middle + 1;
                else
                    high = middle;
            }
            int distance = (low < nodes.Count ? slots[low] : code.Count) - slots[i] - 1;
            EbpfInstruction instruction = nodes[i].First;
            if (OpcodeTable.Find(instruction) is not { } row)
                continue;
            if (row.Opcode is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction || row.Immediate == ImmediateUse.Jump)
                code[slots[i]] = instruction.WithImmediate(distance);
            else if (distance is >= short.MinValue and <= short.MaxValue)
                code[slots[i]] = instruction.WithOffset((short)distance);
            else
                return null;
        }
        return [.. code];
    }
}
