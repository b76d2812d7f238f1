// Brings the machine blocks into the order that allocation and emission work in: only reachable blocks, no critical edges,
// reverse postorder with loops kept together and cold blocks late; and marks loop depths (natural loops of back edges).
using Ebpfcc.Backend.Ebpf.Machine;

namespace Ebpfcc.Backend.Ebpf.Allocation;

internal static class ControlFlow
{
    public static void Prepare(MachineFunction function)
    {
        Order(function);
        SplitCriticalEdges(function);
        function.ComputePredecessors();
        MarkLoops(function);
        Order(function);
        function.ComputePredecessors();
    }

    /// <summary>Depth-first order; a block's preferred follower is visited last so that it comes right behind it.</summary>
    private static void Order(MachineFunction function)
    {
        var visited = new HashSet<MachineBlock> { function.Blocks[0] };
        var order = new List<MachineBlock>(function.Blocks.Count);
        var stack = new Stack<(MachineBlock Block, MachineBlock? First, MachineBlock? Second)>();
        Push(function.Blocks[0]);
        while (stack.TryPop(out (MachineBlock Block, MachineBlock? First, MachineBlock? Second) top))
        {
            if (top.First is { } first)
            {
                stack.Push((top.Block, null, top.Second));
                if (visited.Add(first))
                    Push(first);
            }
            else if (top.Second is { } second)
            {
                stack.Push((top.Block, null, null));
                if (visited.Add(second))
                    Push(second);
            }
            else
            {
                order.Add(top.Block);
            }
        }
        order.Reverse();
        function.Blocks = order;
        function.Renumber();

        void Push(MachineBlock block)
        {
            (MachineBlock? taken, MachineBlock? other) = block.Successors;
            // Visited first, placed late: the jump's "else" side, unless the taken side leaves the loop or is cold.
            bool takenLate = other is not null && taken is not null && Rank(taken) < Rank(other);
            stack.Push(takenLate ? (block, taken, other) : (block, other, taken));
        }

        static int Rank(MachineBlock block) => block.IsCold ? -1 : block.LoopDepth;
    }

    private static void SplitCriticalEdges(MachineFunction function)
    {
        function.ComputePredecessors();
        int count = function.Blocks.Count;
        for (int i = 0; i < count; i++)
        {
            MachineBlock block = function.Blocks[i];
            (MachineBlock? first, MachineBlock? second) = block.Successors;
            if (first is null || second is null)
                continue;
            Split(block, first);
            Split(block, second);
        }

        void Split(MachineBlock from, MachineBlock to)
        {
            if (to.Predecessors.Count < 2)
                return;
            MachineBlock between = function.NewBlock(to.Name);
            between.IsCold = to.IsCold;
            between.AppendJump(to);
            from.Redirect(to, between);
        }
    }

    /// <summary>A back edge goes to a block that is earlier or the same in reverse postorder; its loop is what reaches its source.</summary>
    private static void MarkLoops(MachineFunction function)
    {
        Order(function);
        foreach (MachineBlock block in function.Blocks)
            block.LoopDepth = 0;
        var members = new HashSet<MachineBlock>();
        var pending = new Stack<MachineBlock>();
        foreach (MachineBlock header in function.Blocks)
        {
            members.Clear();
            members.Add(header);
            foreach (MachineBlock latch in header.Predecessors)
            {
                if (latch.Index >= header.Index && members.Add(latch))
                    pending.Push(latch);
                else if (latch.Index >= header.Index && ReferenceEquals(latch, header))
                    header.LoopDepth = Math.Min(header.LoopDepth + 1, MachineBlock.MaxLoopDepth);
            }
            while (pending.TryPop(out MachineBlock? block))
            {
                foreach (MachineBlock predecessor in block.Predecessors)
                {
                    // In an irreducible region a predecessor may lie before the header: not part of a natural loop.
                    if (predecessor.Index >= header.Index && members.Add(predecessor))
                        pending.Push(predecessor);
                }
            }
            if (members.Count == 1)
                continue;
            foreach (MachineBlock block in members)
                block.LoopDepth = Math.Min(block.LoopDepth + 1, MachineBlock.MaxLoopDepth);
        }
    }
}
