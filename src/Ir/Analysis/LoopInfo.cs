// Natural loops: a back edge leads to a block that dominates its source; the loop is what reaches that source without passing
// the header (Aho, Lam, Sethi, Ullman, section 9.6.6). Loops with one header are one loop; loops nest.
namespace Ebpfcc.Ir.Analysis;

/// <summary>One natural loop.</summary>
public sealed class Loop(BasicBlock header)
{
    private readonly HashSet<BasicBlock> _blocks = new(ReferenceEqualityComparer.Instance) { header };

    public BasicBlock Header { get; } = header;

    /// <summary>The sources of its back edges.</summary>
    public List<BasicBlock> Latches { get; } = [];

    /// <summary>The loop around this one, or null.</summary>
    public Loop? Parent { get; internal set; }

    /// <summary>1 for outermost loops.</summary>
    public int Depth => Parent is null ? 1 : Parent.Depth + 1;

    public IReadOnlyCollection<BasicBlock> Blocks => _blocks;

    public bool Contains(BasicBlock block) => _blocks.Contains(block);

    internal bool Add(BasicBlock block) => _blocks.Add(block);
}

/// <summary>Valid as long as the function's blocks and edges stay as they are.</summary>
public sealed class LoopInfo
{
    private readonly Dictionary<BasicBlock, Loop> _innermost = new(ReferenceEqualityComparer.Instance);

    private LoopInfo(DominatorTree dominators)
    {
        // Headers from the inside out: an inner header comes later in the reverse post order than the outer one.
        for (int i = dominators.ReversePostOrder.Length - 1; i >= 0; i--)
        {
            BasicBlock header = dominators.ReversePostOrder[i];
            Loop? loop = null;
            foreach (BasicBlock predecessor in header.Predecessors)
            {
                if (dominators.Dominates(header, predecessor) && !(loop ??= new Loop(header)).Latches.Contains(predecessor))
                    loop.Latches.Add(predecessor);
            }
            if (loop is null)
                continue;
            Flood(loop, dominators);
            foreach (BasicBlock block in loop.Blocks)
            {
                if (!_innermost.TryGetValue(block, out Loop? inner))
                {
                    _innermost[block] = loop;
                    continue;
                }
                while (inner.Parent is not null)
                    inner = inner.Parent;
                if (!ReferenceEquals(inner, loop))
                    inner.Parent = loop;
            }
            Loops.Add(loop);
        }
    }

    public static LoopInfo Of(DominatorTree dominators) => new(dominators);

    /// <summary>All loops, inner ones before those around them.</summary>
    public List<Loop> Loops { get; } = [];

    /// <summary>The innermost loop that holds a block, or null.</summary>
    public Loop? LoopOf(BasicBlock block) => _innermost.GetValueOrDefault(block);

    private static void Flood(Loop loop, DominatorTree dominators)
    {
        var work = new Stack<BasicBlock>(loop.Latches);
        while (work.TryPop(out BasicBlock? block))
        {
            if (!dominators.IsReachable(block) || (!loop.Add(block) && !ReferenceEquals(block, loop.Header)))
                continue;
            if (ReferenceEquals(block, loop.Header))
                continue;
            foreach (BasicBlock predecessor in block.Predecessors)
                work.Push(predecessor);
        }
    }
}
