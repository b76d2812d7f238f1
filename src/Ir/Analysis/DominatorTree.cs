// Dominators after Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" (2001): immediate dominators by iterating over
// the reverse post order; dominance frontiers from the joins; dominance queries by depth-first intervals of the tree.
namespace Ebpfcc.Ir.Analysis;

/// <summary>Valid as long as the function's blocks and edges stay as they are.</summary>
public sealed class DominatorTree
{
    private readonly int[] _order;
    private readonly BasicBlock?[] _immediate;
    private readonly List<BasicBlock>[] _children;
    private readonly int[] _enter, _leave;
    private BasicBlock[][]? _frontiers;

    private DominatorTree(Function function)
    {
        ReversePostOrder = ControlFlow.ReversePostOrder(function);
        int count = function.Blocks.Count;
        _order = new int[count];
        Array.Fill(_order, -1);
        for (int i = 0; i < ReversePostOrder.Length; i++)
            _order[ReversePostOrder[i].Index] = i;
        _immediate = new BasicBlock?[count];
        _children = new List<BasicBlock>[count];
        _enter = new int[count];
        _leave = new int[count];
        ComputeImmediateDominators();
        NumberTree();
    }

    public static DominatorTree Of(Function function) => new(function);

    /// <summary>Reachable blocks in reverse post order.</summary>
    public BasicBlock[] ReversePostOrder { get; }

    public bool IsReachable(BasicBlock block) => _order[block.Index] >= 0;

    /// <summary>Position in the reverse post order, -1 for unreachable blocks.</summary>
    public int OrderOf(BasicBlock block) => _order[block.Index];

    /// <summary>Null for the entry and for unreachable blocks.</summary>
    public BasicBlock? ImmediateDominator(BasicBlock block) => _immediate[block.Index];

    /// <summary>Blocks whose immediate dominator this is, in reverse post order.</summary>
    public IReadOnlyList<BasicBlock> Children(BasicBlock block) => _children[block.Index] ?? (IReadOnlyList<BasicBlock>)[];

    /// <summary>Every path from the entry to <paramref name="block"/> goes through <paramref name="dominator"/>; a block dominates itself.</summary>
    public bool Dominates(BasicBlock dominator, BasicBlock block)
        => IsReachable(dominator) && IsReachable(block)
            && _enter[dominator.Index] <= _enter[block.Index] && _leave[block.Index] <= _leave[dominator.Index];

    /// <summary>The blocks where a definition in <paramref name="block"/> meets others: it dominates a predecessor but not strictly the block.</summary>
    public IReadOnlyList<BasicBlock> Frontier(BasicBlock block) => (_frontiers ??= ComputeFrontiers())[block.Index] ?? [];

    /// <summary>The blocks where any of the given blocks' definitions need phis (the iterated dominance frontier).</summary>
    public List<BasicBlock> IteratedFrontier(IEnumerable<BasicBlock> blocks)
    {
        var result = new List<BasicBlock>();
        var seen = new HashSet<BasicBlock>(ReferenceEqualityComparer.Instance);
        var work = new Stack<BasicBlock>(blocks);
        while (work.TryPop(out BasicBlock? block))
        {
            foreach (BasicBlock join in Frontier(block))
            {
                if (!seen.Add(join))
                    continue;
                result.Add(join);
                work.Push(join);
            }
        }
        result.Sort((a, b) => _order[a.Index].CompareTo(_order[b.Index]));
        return result;
    }

    private void ComputeImmediateDominators()
    {
        BasicBlock entry = ReversePostOrder[0];
        _immediate[entry.Index] = entry;
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 1; i < ReversePostOrder.Length; i++)
            {
                BasicBlock block = ReversePostOrder[i];
                BasicBlock? dominator = null;
                foreach (BasicBlock predecessor in block.Predecessors)
                {
                    if (_immediate[predecessor.Index] is not null)
                        dominator = dominator is null ? predecessor : Intersect(predecessor, dominator);
                }
                if (ReferenceEquals(_immediate[block.Index], dominator))
                    continue;
                _immediate[block.Index] = dominator;
                changed = true;
            }
        }
        _immediate[entry.Index] = null;
        for (int i = 1; i < ReversePostOrder.Length; i++)
            (_children[_immediate[ReversePostOrder[i].Index]!.Index] ??= []).Add(ReversePostOrder[i]);
    }

    private BasicBlock Intersect(BasicBlock a, BasicBlock b)
    {
        while (!ReferenceEquals(a, b))
        {
            while (_order[a.Index] > _order[b.Index])
                a = _immediate[a.Index]!;
            while (_order[b.Index] > _order[a.Index])
                b = _immediate[b.Index]!;
        }
        return a;
    }

    private void NumberTree()
    {
        int time = 0;
        var stack = new Stack<(BasicBlock Block, int Child)>();
        stack.Push((ReversePostOrder[0], 0));
        while (stack.TryPop(out (BasicBlock Block, int Child) top))
        {
            if (top.Child == 0)
                _enter[top.Block.Index] = time++;
            IReadOnlyList<BasicBlock> children = Children(top.Block);
            if (top.Child == children.Count)
            {
                _leave[top.Block.Index] = time++;
                continue;
            }
            stack.Push((top.Block, top.Child + 1));
            stack.Push((children[top.Child], 0));
        }
    }

    private BasicBlock[][] ComputeFrontiers()
    {
        var lists = new List<BasicBlock>?[_immediate.Length];
        foreach (BasicBlock block in ReversePostOrder)
        {
            // The entry is a join too when something branches back to it, which the verifier forbids.
            if (block.Predecessors.Count < 2)
                continue;
            BasicBlock? stop = _immediate[block.Index];
            foreach (BasicBlock predecessor in block.Predecessors)
            {
                for (BasicBlock? runner = predecessor; runner is not null && !ReferenceEquals(runner, stop) && IsReachable(runner); runner = _immediate[runner.Index])
                {
                    List<BasicBlock> list = lists[runner.Index] ??= [];
                    if (list.Count > 0 && ReferenceEquals(list[^1], block))
                        break;
                    list.Add(block);
                }
            }
        }
        var frontiers = new BasicBlock[lists.Length][];
        for (int i = 0; i < lists.Length; i++)
            frontiers[i] = lists[i] is { } list ? [.. list] : [];
        return frontiers;
    }
}
