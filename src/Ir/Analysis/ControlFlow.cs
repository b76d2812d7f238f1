// The control-flow graph: orders of its blocks, and edits that keep phis and predecessor lists in step.
namespace Ebpfcc.Ir.Analysis;

public static class ControlFlow
{
    /// <summary>
    /// The blocks reachable from the entry, each before its successors except along back edges. Renumbers the function's blocks.
    /// </summary>
    public static BasicBlock[] ReversePostOrder(Function function)
    {
        function.Renumber();
        var visited = new bool[function.Blocks.Count];
        var order = new BasicBlock[function.Blocks.Count];
        int next = order.Length;
        var stack = new Stack<(BasicBlock Block, int Successor)>();
        visited[0] = true;
        stack.Push((function.Entry, 0));
        while (stack.TryPop(out (BasicBlock Block, int Successor) top))
        {
            IReadOnlyList<BasicBlock> successors = top.Block.Successors;
            // Later successors first, so that the reversed order lists the earlier ones first, near the layout of the source.
            if (top.Successor == successors.Count)
            {
                order[--next] = top.Block;
                continue;
            }
            stack.Push((top.Block, top.Successor + 1));
            BasicBlock successor = successors[successors.Count - 1 - top.Successor];
            if (!visited[successor.Index])
            {
                visited[successor.Index] = true;
                stack.Push((successor, 0));
            }
        }
        return next == 0 ? order : order[next..];
    }

    /// <summary>Deletes blocks the entry does not reach.</summary>
    /// <returns>Whether there were any.</returns>
    public static bool RemoveUnreachableBlocks(Function function)
    {
        if (function.IsDeclaration)
            return false;
        BasicBlock[] reachable = ReversePostOrder(function);
        if (reachable.Length == function.Blocks.Count)
            return false;
        var keep = new bool[function.Blocks.Count];
        foreach (BasicBlock block in reachable)
            keep[block.Index] = true;
        RemoveBlocks(function, block => !keep[block.Index]);
        return true;
    }

    /// <summary>Deletes blocks that no other block than deleted ones leads to. Indices must be current.</summary>
    internal static void RemoveBlocks(Function function, Func<BasicBlock, bool> isDead)
    {
        foreach (BasicBlock block in function.Blocks)
        {
            if (!isDead(block))
                continue;
            foreach (BasicBlock successor in block.Successors)
            {
                if (!isDead(successor))
                    RemovePhiEntry(successor, block);
            }
        }
        foreach (BasicBlock block in function.Blocks)
        {
            if (!isDead(block))
                continue;
            foreach (Instruction instruction in block.Instructions)
            {
                // Uses that remain stand in other dead blocks.
                if (instruction.HasUsers)
                    instruction.ReplaceAllUsesWith(new Undef(instruction.Type));
                instruction.Erase();
            }
        }
        function.Blocks.RemoveAll(block => isDead(block));
        function.Renumber();
    }

    /// <summary>Removes one incoming entry of each phi of a block.</summary>
    public static void RemovePhiEntry(BasicBlock block, BasicBlock predecessor)
    {
        foreach (PhiInstruction phi in block.Phis)
            phi.RemoveIncoming(predecessor);
    }

    /// <summary>Gives each phi of a block a second entry for a new edge, with the value that flows in from an old one.</summary>
    public static void DuplicatePhiEntry(BasicBlock block, BasicBlock oldPredecessor, BasicBlock newPredecessor)
    {
        foreach (PhiInstruction phi in block.Phis)
            phi.AddIncoming(phi.GetIncoming(oldPredecessor)!, newPredecessor);
    }

    /// <summary>Renames a predecessor in a block's phis, all its edges.</summary>
    public static void RenamePhiEntries(BasicBlock block, BasicBlock from, BasicBlock to)
    {
        foreach (PhiInstruction phi in block.Phis)
        {
            for (int i = 0; i < phi.OperandCount; i++)
            {
                if (ReferenceEquals(phi.GetIncomingBlock(i), from))
                    phi.SetIncomingBlock(i, to);
            }
        }
    }

    /// <summary>Replaces a block's terminator by a plain branch to one of its successors and drops the other edges.</summary>
    public static void ReplaceByBranch(BasicBlock block, BasicBlock target)
    {
        Terminator old = block.Terminator!;
        bool kept = false;
        foreach (BasicBlock successor in old.Successors)
        {
            if (!kept && ReferenceEquals(successor, target))
                kept = true;
            else
                RemovePhiEntry(successor, block);
        }
        if (!kept)
            throw new InvalidOperationException("The target is no successor.");
        var branch = new BranchInstruction(target) { Location = old.Location };
        old.Erase();
        block.Append(branch);
    }

    /// <summary>
    /// Moves what stands behind an instruction, the terminator included, to a new block that is in no function yet. The caller ends
    /// the old block.
    /// </summary>
    public static BasicBlock SplitBehind(Instruction position, string? name)
    {
        BasicBlock before = position.Block!;
        var after = new BasicBlock(name);
        foreach (BasicBlock successor in before.Successors)
            RenamePhiEntries(successor, before, after);
        while (position.Next is { } next)
        {
            before.Remove(next);
            after.Append(next);
        }
        return after;
    }

    /// <summary>Puts a new, empty block on an edge.</summary>
    public static BasicBlock SplitEdge(BasicBlock from, int successorIndex, string? name = null)
    {
        Terminator terminator = from.Terminator!;
        BasicBlock to = terminator.Successors[successorIndex];
        BasicBlock middle = from.Function!.InsertBlockAfter(from, name);
        foreach (PhiInstruction phi in to.Phis)
        {
            for (int i = 0; i < phi.OperandCount; i++)
            {
                if (ReferenceEquals(phi.GetIncomingBlock(i), from))
                {
                    phi.SetIncomingBlock(i, middle);
                    break;
                }
            }
        }
        terminator.SetSuccessor(successorIndex, middle);
        middle.Append(new BranchInstruction(to) { Location = terminator.Location });
        return middle;
    }

    /// <summary>
    /// Appends a block to its only predecessor, which leads nowhere else, and deletes it. Its phis become their one value.
    /// The caller removes it from the function's list (with many merges one sweep is cheaper).
    /// </summary>
    internal static void MergeIntoPredecessor(BasicBlock block, BasicBlock predecessor)
    {
        foreach (PhiInstruction phi in block.Phis)
        {
            Value value = phi.GetOperand(0);
            // A phi that is its own only value stands in an unreachable loop.
            phi.ReplaceAllUsesWith(ReferenceEquals(value, phi) ? new Undef(phi.Type) : value);
            phi.Erase();
        }
        foreach (BasicBlock successor in block.Successors)
            RenamePhiEntries(successor, block, predecessor);
        predecessor.Terminator!.Erase();
        foreach (Instruction instruction in block.Instructions)
        {
            block.Remove(instruction);
            predecessor.Append(instruction);
        }
        if (block.LoopHint is not null)
            predecessor.LoopHint ??= block.LoopHint;
    }
}
