// Basic blocks, their loops, and the order in which they become machine code. Every taken jump costs a fetch, so blocks that
// usually follow each other are placed one behind the other (Pettis and Hansen, "Profile Guided Code Positioning", PLDI 1990),
// with the static guesses of Ball and Larus ("Branch Prediction for Free", PLDI 1993) in place of a profile: loops go on, and
// inside a loop two values differ more often than not.
//
//     head: a; if x != y goto next;  b; c;  next: d; goto head      →      head: a; [x == y: rest] d; goto head;  rest: b; c; goto next
//
// Loops are natural loops (Aho et al., section 9.6.6) of the edges that a depth-first search finds to lead back; blocks that
// cannot be reached are left out.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit;

/// <summary>Slots from Start up to, not including, End; control enters at the first and leaves at the last.</summary>
internal readonly record struct CodeBlock(int Start, int End, bool IsLoopHead);

internal sealed class BlockOrder
{
    private const int None = -1;

    /// <summary>Blocks in all loop bodies together, beyond which inner loops are not looked for.</summary>
    private const int LoopBudget = 1 << 20;

    private readonly ProgramShape _shape;
    private readonly int _first, _end;
    private readonly Func<int, bool> _isStraight, _isReachable;
    private readonly bool _threads;

    /// <summary>By slot: the block it belongs to.</summary>
    private readonly int[] _blockAt;

    /// <summary>By block: first slot, and successors: where the last instruction jumps, and where control goes on.</summary>
    private int[] _starts = new int[16];
    private int[] _targets = [], _nexts = [];
    private int _count;

    /// <summary>By block: place in reverse postorder, None when unreachable; is the target of an edge back; innermost loop.</summary>
    private int[] _ranks = [], _loops = [];
    private bool[] _isHead = [];

    /// <summary>Blocks by rank.</summary>
    private int[] _byRank = [];

    /// <summary>By loop: the loop around it.</summary>
    private readonly List<int> _outer = [];

    private BlockOrder(ProgramShape shape, FunctionShape function, Func<int, bool> isStraight, Func<int, bool> isReachable, bool threads)
    {
        (_shape, _first, _end, _isStraight, _isReachable, _threads) = (shape, function.Start, function.End, isStraight, isReachable, threads);
        _blockAt = new int[function.End - function.Start];
    }

    /// <summary>The blocks that can be reached, in the order of their code.</summary>
    public CodeBlock[] Blocks { get; private set; } = [];

    /// <param name="roots">Slots that are entered from elsewhere, besides the function's start.</param>
    /// <param name="isStraight">Branches that the compiler turns into straight code.</param>
    /// <param name="isReachable">Slots that control may reach, as somebody proved.</param>
    /// <param name="threads">Jumps to jumps go where those lead (<see cref="Through"/>).</param>
    public static BlockOrder Of(ProgramShape shape, FunctionShape function, IReadOnlyList<int> roots, Func<int, bool> isStraight, Func<int, bool> isReachable, bool threads)
    {
        var order = new BlockOrder(shape, function, isStraight, isReachable, threads);
        order.FindBlocks();
        order.FindEdges();
        order.Search(roots);
        order.FindLoops();
        order.Blocks = order.Place();
        return order;
    }

    /// <summary>Every cycle has such an edge: from the block of one slot to a block that the search came from.</summary>
    public bool LeadsBack(int slot, int target) => _ranks[Block(target)] <= _ranks[_blockAt[slot - _first]];

    /// <summary>Does the innermost loop around one slot not contain the other?</summary>
    public bool LeavesLoop(int slot, int target) => !IsInLoop(_loops[_blockAt[slot - _first]], Block(target));

    /// <summary>Instructions behind which control does not simply go on.</summary>
    public static bool Ends(OpcodeRow row) => row.Effect is Effect.Branch or Effect.Jump or Effect.Exit;

    /// <summary>Where a jump to a slot really leads: through instructions that only jump on.</summary>
    public static int Through(ProgramShape shape, int slot)
    {
        const int Hops = 8;
        for (int i = 0; i < Hops && shape.Rows[slot].Effect == Effect.Jump; i++)
            slot = ProgramShape.JumpTarget(slot, shape.Instructions[slot], shape.Rows[slot]);
        return slot;
    }

    private void FindBlocks()
    {
        bool begins = true;
        for (int slot = _first; slot < _end;)
        {
            if (begins || _shape.Leaders[slot])
            {
                if (_count == _starts.Length)
                    Array.Resize(ref _starts, 2 * _count);
                _starts[_count++] = slot;
            }
            OpcodeRow row = _shape.Rows[slot];
            for (int half = 0; half < row.Slots; half++)
                _blockAt[slot + half - _first] = _count - 1;
            begins = Ends(row) && !(row.Effect == Effect.Branch && _isStraight(slot));
            slot += row.Slots;
        }
    }

    private int EndOf(int block) => block + 1 < _count ? _starts[block + 1] : _end;

    private int Block(int slot) => _blockAt[(_threads ? Through(_shape, slot) : slot) - _first];

    private void FindEdges()
    {
        _targets = new int[_count];
        _nexts = new int[_count];
        for (int block = 0; block < _count; block++)
        {
            // The second slot of a wide immediate has no effect of its own: the instruction goes on.
            int end = EndOf(block), last = end - 1;
            OpcodeRow row = _shape.Rows[last];
            int next = end < _end ? Block(end) : None, target = None;
            if (row.Effect is Effect.Exit or Effect.Jump)
                next = None;
            if (row.Effect == Effect.Jump || row.Effect == Effect.Branch && !_isStraight(last))
                target = Block(ProgramShape.JumpTarget(last, _shape.Instructions[last], row));
            if (target != None && next != None)
            {
                if (!_isReachable(end))
                    next = None;
                else if (!_isReachable(ProgramShape.JumpTarget(last, _shape.Instructions[last], row)))
                    target = None;
            }
            (_targets[block], _nexts[block]) = (target, next);
        }
    }

    /// <summary>Reverse postorder of a depth-first search without recursion: each block's second visit ends it.</summary>
    private void Search(IReadOnlyList<int> roots)
    {
        _ranks = new int[_count];
        Array.Fill(_ranks, None);
        var postorder = new int[_count];
        var state = new byte[_count]; // 0 not seen, 1 next is explored, 2 target is explored, 3 done
        var stack = new int[_count];
        int done = 0;
        for (int root = roots.Count; root >= 0; root--)
        {
            int depth = 0;
            Enter(root == 0 ? 0 : Block(roots[root - 1]));
            while (depth > 0)
            {
                int block = stack[depth - 1];
                switch (state[block]++)
                {
                    case 1:
                        Enter(_targets[block]);
                        break;
                    case 2:
                        Enter(_nexts[block]);
                        break;
                    default:
                        postorder[done++] = block;
                        depth--;
                        break;
                }
            }

            void Enter(int block)
            {
                if (block == None || state[block] != 0)
                    return;
                state[block] = 1;
                stack[depth++] = block;
            }
        }
        _byRank = new int[done];
        for (int i = 0; i < done; i++)
        {
            _byRank[i] = postorder[done - 1 - i];
            _ranks[_byRank[i]] = i;
        }
    }

    /// <summary>Outer loops have heads of lower rank: found from there, inner ones overwrite what they contain.</summary>
    private void FindLoops()
    {
        _isHead = new bool[_count];
        _loops = new int[_count];
        Array.Fill(_loops, None);
        bool any = false;
        foreach (int block in _byRank)
        {
            any |= Mark(_targets[block]);
            any |= Mark(_nexts[block]);

            bool Mark(int successor) => successor != None && _ranks[successor] <= _ranks[block] && (_isHead[successor] = true);
        }
        if (!any)
            return;
        (int[] firstOf, int[] sources) = Predecessors();
        var work = new Stack<int>();
        int budget = LoopBudget;
        foreach (int head in _byRank)
        {
            if (!_isHead[head] || budget <= 0)
                continue;
            int loop = _outer.Count;
            _outer.Add(_loops[head]);
            _loops[head] = loop;
            for (int i = firstOf[head]; i < firstOf[head + 1]; i++)
            {
                if (_ranks[sources[i]] >= _ranks[head])
                    work.Push(sources[i]);
            }
            while (work.TryPop(out int block))
            {
                budget--;
                if (_loops[block] == loop || _ranks[block] < _ranks[head])
                    continue;
                _loops[block] = loop;
                for (int i = firstOf[block]; i < firstOf[block + 1]; i++)
                    work.Push(sources[i]);
            }
        }
    }

    /// <summary>Reached predecessors of each block: those from firstOf[b] up to firstOf[b + 1].</summary>
    private (int[] FirstOf, int[] Sources) Predecessors()
    {
        var firstOf = new int[_count + 2];
        foreach (int block in _byRank)
        {
            if (_targets[block] != None)
                firstOf[_targets[block] + 2]++;
            if (_nexts[block] != None)
                firstOf[_nexts[block] + 2]++;
        }
        for (int i = 2; i < firstOf.Length; i++)
            firstOf[i] += firstOf[i - 1];
        var sources = new int[firstOf[_count + 1]];
        foreach (int block in _byRank)
        {
            if (_targets[block] != None)
                sources[firstOf[_targets[block] + 1]++] = block;
            if (_nexts[block] != None)
                sources[firstOf[_nexts[block] + 1]++] = block;
        }
        return (firstOf, sources);
    }

    private bool IsInLoop(int loop, int block)
    {
        if (loop == None)
            return true;
        int around = _loops[block];
        while (around != None && around != loop)
            around = _outer[around];
        return around == loop;
    }

    private CodeBlock[] Place()
    {
        var placed = new CodeBlock[_byRank.Length];
        var isPlaced = new bool[_count];
        int current = 0, lowest = 0;
        for (int i = 0; i < placed.Length; i++)
        {
            placed[i] = new CodeBlock(_starts[current], EndOf(current), _isHead[current]);
            isPlaced[current] = true;
            int follower = Follower(current, isPlaced);
            while (follower == None && lowest < _count)
            {
                if (!isPlaced[lowest] && _ranks[lowest] != None)
                    follower = lowest;
                lowest++;
            }
            current = follower;
        }
        return placed;
    }

    /// <summary>The successor that is not placed yet and likelier to run; None when there is none.</summary>
    private int Follower(int block, bool[] isPlaced)
    {
        int target = _targets[block], next = _nexts[block];
        bool canTarget = target != None && !isPlaced[target], canNext = next != None && !isPlaced[next];
        if (!canTarget || !canNext)
            return canTarget ? target : canNext ? next : None;
        bool targetStays = IsInLoop(_loops[block], target), nextStays = IsInLoop(_loops[block], next);
        if (targetStays != nextStays)
            return targetStays ? target : next;
        return _loops[block] != None && targetStays && _shape.Rows[EndOf(block) - 1].Operation == Operation.Jne ? target : next;
    }
}
