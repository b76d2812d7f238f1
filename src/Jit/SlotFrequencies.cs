// How often each instruction of a function is likely to run, relative to one call: what decides which values deserve registers.
// Loops are found as strongly connected components (Tarjan, "Depth-First Search and Linear Graph Algorithms", 1972), nested ones
// by searching again without the edges back to a component's header (Steensgaard's nesting). A branch that can leave its loop
// stays in it seven times out of eight (the loop heuristic of Wu and Larus, "Static Branch Frequency and Program Profile
// Analysis", MICRO 1994); other branches go both ways alike. Frequencies are then summed along the edges until they settle.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit;

internal sealed class SlotFrequencies
{
    private const int MaxNesting = 4, Sweeps = 24;

    private readonly int _start, _count;
    private readonly int[] _next, _target;

    /// <summary>By nesting level: the component of a slot, 0 for none. A slot's depth is the number of levels it has one at.</summary>
    private readonly List<int[]> _levels = [];

    private readonly bool[] _isHeader;
    private readonly byte[] _depth;

    private SlotFrequencies(ProgramShape shape, FunctionShape function)
    {
        (_start, _count) = (function.Start, function.End - function.Start);
        _next = new int[_count];
        _target = new int[_count];
        _isHeader = new bool[_count];
        _depth = new byte[_count];
        for (int i = 0; i < _count; i++)
        {
            OpcodeRow row = shape.Rows[_start + i];
            bool isInstruction = row.Effect != Effect.None;
            int next = i + row.Slots;
            _next[i] = !isInstruction || row.Effect is Effect.Exit or Effect.Jump || next >= _count ? -1 : next;
            _target[i] = isInstruction && row.IsJump ? ProgramShape.JumpTarget(_start + i, shape.Instructions[_start + i], row) - _start : -1;
        }
    }

    /// <summary>Executions of each slot, from the function's first one, for one call.</summary>
    public static double[] Estimate(ProgramShape shape, FunctionShape function)
    {
        var analysis = new SlotFrequencies(shape, function);
        while (analysis._levels.Count < MaxNesting && analysis.FindComponents())
        {
        }
        return analysis.Sum();
    }

    /// <summary>Finds the components inside those of the last level; false when there are none.</summary>
    private bool FindComponents()
    {
        int[]? outer = _levels.Count > 0 ? _levels[^1] : null;
        var component = new int[_count];
        int[] order = new int[_count], low = new int[_count];
        var stack = new Stack<int>();
        var path = new Stack<(int Slot, int Edge)>();
        int visited = 0, components = 0;
        var onStack = new bool[_count];
        for (int root = 0; root < _count; root++)
        {
            if (order[root] != 0 || (outer is not null && outer[root] == 0))
                continue;
            Enter(root);
            while (path.Count > 0)
            {
                (int slot, int edge) = path.Pop();
                if (edge < 2)
                {
                    path.Push((slot, edge + 1));
                    int to = edge == 0 ? _next[slot] : _target[slot];
                    if (to < 0 || (outer is not null && (outer[to] != outer[slot] || _isHeader[to])))
                        continue;
                    if (order[to] == 0)
                        Enter(to);
                    else if (onStack[to])
                        low[slot] = Math.Min(low[slot], order[to]);
                    continue;
                }
                if (path.Count > 0)
                    low[path.Peek().Slot] = Math.Min(low[path.Peek().Slot], low[slot]);
                if (low[slot] == order[slot])
                    Leave(slot);
            }
        }
        if (components == 0)
            return false;
        _levels.Add(component);
        return true;

        void Enter(int slot)
        {
            order[slot] = low[slot] = ++visited;
            stack.Push(slot);
            onStack[slot] = true;
            path.Push((slot, 0));
        }

        void Leave(int root)
        {
            bool isLoop = stack.Peek() != root || _next[root] == root || _target[root] == root;
            if (isLoop)
                components++;
            int slot;
            do
            {
                slot = stack.Pop();
                onStack[slot] = false;
                if (!isLoop)
                    continue;
                component[slot] = components;
                _depth[slot]++;
            }
            while (slot != root);
            // Depth-first search meets a loop at its header.
            if (isLoop)
                _isHeader[root] = true;
        }
    }

    private double[] Sum()
    {
        double[] frequency = new double[_count], incoming = new double[_count];
        for (int sweep = 0; sweep < Sweeps; sweep++)
        {
            Array.Clear(incoming);
            incoming[0] = 1;
            for (int slot = 0; slot < _count; slot++)
            {
                if (_target[slot] >= 0 && _target[slot] <= slot)
                    incoming[_target[slot]] += frequency[slot] * Likelihood(slot, _target[slot]);
            }
            for (int slot = 0; slot < _count; slot++)
            {
                double f = frequency[slot] = incoming[slot];
                if (_target[slot] > slot)
                    incoming[_target[slot]] += f * Likelihood(slot, _target[slot]);
                if (_next[slot] >= 0)
                    incoming[_next[slot]] += f * Likelihood(slot, _next[slot]);
            }
        }
        return frequency;
    }

    private double Likelihood(int slot, int successor)
    {
        int other = successor == _next[slot] ? _target[slot] : _next[slot];
        if (other < 0)
            return 1;
        bool stays = Stays(slot, successor), otherStays = Stays(slot, other);
        return stays == otherStays ? 0.5 : stays ? 0.875 : 0.125;
    }

    /// <summary>The edge does not leave the innermost loop of its source.</summary>
    private bool Stays(int slot, int successor)
        => _depth[slot] == 0 || _levels[_depth[slot] - 1][slot] == _levels[_depth[slot] - 1][successor];
}
