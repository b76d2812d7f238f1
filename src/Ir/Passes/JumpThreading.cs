// A block that only decides by a phi is skipped by the predecessors whose phi value decides already:
//
//   p: br b                         p: br t
//   q: br b                 =>      q: br b
//   b: x = phi [1, p], [y, q]       b: c = cmp eq y, 1
//      c = cmp eq x, 1                 condbr c, t, f
//      condbr c, t, f
//
// C's && and || in conditions and flags set in branches look like this. Fewer merged paths is also what the kernel's verifier
// likes. Loop headers are left alone: threading into a loop would give it a second entry.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class JumpThreading
{
    private const int MaxInstructions = 6;

    public static bool Run(Function function)
    {
        ControlFlow.RemoveUnreachableBlocks(function);
        DominatorTree dominators = DominatorTree.Of(function);
        bool changed = false, demoted = false;
        // Blocks made or changed here wait for the next round of clean-up.
        foreach (BasicBlock block in dominators.ReversePostOrder)
        {
            if (block.First is not PhiInstruction || block.Terminator is not (CondBranchInstruction or SwitchInstruction) || IsHeader(block, dominators))
                continue;
            if (!IsOnlyDecision(block))
                continue;
            var slots = new List<(PhiInstruction Phi, AllocaInstruction Slot)>();
            foreach (BasicBlock predecessor in block.Predecessors.ToArray())
            {
                if (HasSeveralEdges(predecessor, block) || Decide(block, predecessor) is not { } target || ReferenceEquals(target, block))
                    continue;
                Thread(block, OnItsOwnEdge(predecessor, block), target, slots);
                changed = true;
            }
            demoted |= slots.Count > 0;
            if (block.Predecessors.Count > 0)
                continue;
            // Every predecessor has been threaded away.
            foreach (BasicBlock successor in block.Successors)
                ControlFlow.RemovePhiEntry(successor, block);
            block.Terminator!.Erase();
            block.Append(new UnreachableInstruction());
        }
        if (!changed)
            return false;
        ControlFlow.RemoveUnreachableBlocks(function);
        if (demoted)
            Mem2Reg.Run(function);
        return true;
    }

    private static bool IsHeader(BasicBlock block, DominatorTree dominators)
    {
        foreach (BasicBlock predecessor in block.Predecessors)
        {
            if (dominators.Dominates(block, predecessor))
                return true;
        }
        return false;
    }

    private static bool HasSeveralEdges(BasicBlock predecessor, BasicBlock block)
    {
        int edges = 0;
        foreach (BasicBlock successor in predecessor.Successors)
            edges += ReferenceEquals(successor, block) ? 1 : 0;
        return edges != 1;
    }

    /// <summary>Besides phis only a few pure instructions, so that skipping the block skips nothing but the decision.</summary>
    private static bool IsOnlyDecision(BasicBlock block)
    {
        int count = 0;
        for (Instruction? instruction = block.FirstNonPhi; instruction is not Terminator; instruction = instruction!.Next)
        {
            if (++count > MaxInstructions || !instruction!.IsSpeculatable() || Demotion.IsUsedOutsideBlock(instruction!) || FeedsPhi(instruction!))
                return false;
        }
        return true;
    }

    private static bool FeedsPhi(Instruction instruction)
    {
        foreach (Instruction user in instruction.Users)
        {
            if (user is PhiInstruction)
                return true;
        }
        return false;
    }

    /// <summary>Where control goes when it comes from a predecessor, if that can be computed from the phis.</summary>
    private static BasicBlock? Decide(BasicBlock block, BasicBlock predecessor)
    {
        var known = new Dictionary<Value, Constant>(ReferenceEqualityComparer.Instance);
        foreach (PhiInstruction phi in block.Phis)
        {
            if (phi.GetIncoming(predecessor) is Constant constant)
                known[phi] = constant;
        }
        if (known.Count == 0)
            return null;
        for (Instruction? instruction = block.FirstNonPhi; instruction is not Terminator; instruction = instruction!.Next)
        {
            if (Evaluate(instruction!, known) is { } value)
                known[instruction!] = value;
        }
        if (Resolve(block.Terminator!.GetOperand(0), known) is not { } decision)
            return null;
        if (block.Terminator is CondBranchInstruction branch)
            return decision.IsZero ? branch.IfFalse : branch.IfTrue;
        var choice = (SwitchInstruction)block.Terminator;
        for (int i = 0; i < choice.Cases.Count; i++)
        {
            if (choice.Cases[i].IsSameAs(decision))
                return choice.GetTarget(i);
        }
        return choice.Default;
    }

    private static Constant? Resolve(Value value, Dictionary<Value, Constant> known) => value as Constant ?? known.GetValueOrDefault(value);

    private static Constant? Evaluate(Instruction instruction, Dictionary<Value, Constant> known)
    {
        Constant? left = instruction.OperandCount > 0 ? Resolve(instruction.GetOperand(0), known) : null;
        Constant? right = instruction.OperandCount > 1 ? Resolve(instruction.GetOperand(1), known) : null;
        if (left is null && right is null)
            return null;
        IrOpcode opcode = instruction.Opcode;
        // x & 0 and x | -1 are known although x is not.
        if ((left ?? right) is { } one && (left is null || right is null))
        {
            if (opcode == IrOpcode.And && one.IsZero || opcode == IrOpcode.Or && one.IsAllOnes)
                return one;
        }
        if (left is null)
            return null;
        if (opcode.IsCast())
            return ConstantFolder.FoldCast(opcode, instruction.Type, left);
        if (right is null)
            return null;
        return instruction is CompareInstruction compare ? ConstantFolder.FoldCompare(compare.Predicate, left, right)
            : opcode.IsBinary() ? ConstantFolder.Fold(opcode, instruction.Type, left, right) : null;
    }

    /// <summary>A block that leads only to the given one: the predecessor, or a new block on its edge.</summary>
    private static BasicBlock OnItsOwnEdge(BasicBlock predecessor, BasicBlock block)
    {
        Terminator terminator = predecessor.Terminator!;
        for (int i = 0; i < terminator.Successors.Count && terminator.Successors.Count > 1; i++)
        {
            if (ReferenceEquals(terminator.Successors[i], block))
                return ControlFlow.SplitEdge(predecessor, i, block.Name);
        }
        return predecessor;
    }

    /// <summary>Lets a predecessor, which leads nowhere else, go past a block.</summary>
    private static void Thread(BasicBlock block, BasicBlock predecessor, BasicBlock target, List<(PhiInstruction Phi, AllocaInstruction Slot)> slots)
    {
        // The phis' values are wanted further on, where two definitions meet now: the phi's, and the predecessor's.
        foreach (PhiInstruction phi in block.Phis)
        {
            if (Demotion.IsUsedOutsideBlock(phi))
                slots.Add((phi, Demotion.DemoteUsesOutsideBlock(phi)));
        }
        foreach ((PhiInstruction phi, AllocaInstruction slot) in slots)
            predecessor.InsertBefore(predecessor.Terminator!, new StoreInstruction(slot, phi.GetIncoming(predecessor)!, slot.Alignment));
        foreach (PhiInstruction phi in target.Phis)
        {
            Value value = phi.GetIncoming(block)!;
            phi.AddIncoming(value is PhiInstruction own && ReferenceEquals(own.Block, block) ? own.GetIncoming(predecessor)! : value, predecessor);
        }
        predecessor.Terminator!.SetSuccessor(0, target);
        foreach (PhiInstruction phi in block.Phis)
            phi.RemoveIncoming(predecessor);
    }
}
