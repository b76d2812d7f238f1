// Makes the control-flow graph smaller without moving any computation across a branch: a proof the kernel's verifier finds on
// an edge stays on that edge. The rewrites, applied until none fits:
//
//   condbr true, a, b        =>  br a              switch 3, d [3: a]      =>  br a
//   condbr c, a, a           =>  br a              switch x, d [1: d]      =>  br d
//   condbr (c xor 1), a, b   =>  condbr c, b, a    switch x, d [1: a]      =>  condbr x == 1, a, d
//   p: br b, only edge of b  =>  p and b are one block
//   b: br c, nothing else    =>  predecessors of b go to c (if c's phis allow it)
//   phi [x, p], [x, q]       =>  x
//   b: phi [true, p] ...; condbr phi, t, f  =>  p goes to t      (JumpThreading)
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class SimplifyCfg
{
    public static bool Run(Function function)
    {
        bool any = ControlFlow.RemoveUnreachableBlocks(function);
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (BasicBlock block in function.Blocks)
            {
                changed |= SimplifyPhis(block);
                changed |= SimplifyTerminator(block);
            }
            changed |= ControlFlow.RemoveUnreachableBlocks(function);
            changed |= MergeBlocks(function);
            changed |= RemoveForwarders(function);
            any |= changed;
        }
        return any;
    }

    /// <summary>A phi whose operands are all one value (or itself) is that value.</summary>
    public static bool SimplifyPhis(BasicBlock block)
    {
        bool changed = false;
        foreach (PhiInstruction phi in block.Phis)
        {
            if (!phi.HasUsers)
            {
                phi.Erase();
                changed = true;
                continue;
            }
            if (UniqueValue(phi) is not { } value)
                continue;
            phi.ReplaceAllUsesWith(value);
            phi.Erase();
            changed = true;
        }
        return changed;
    }

    private static Value? UniqueValue(PhiInstruction phi)
    {
        Value? unique = null;
        for (int i = 0; i < phi.OperandCount; i++)
        {
            Value value = phi.GetOperand(i);
            if (ReferenceEquals(value, phi) || (unique is not null && AreSame(unique, value)))
                continue;
            if (unique is not null)
                return null;
            unique = value;
        }
        return unique ?? new Undef(phi.Type);
    }

    internal static bool AreSame(Value a, Value b)
        => ReferenceEquals(a, b) || (a is Constant left && b is Constant right && left.IsSameAs(right)) || (a is Undef && b is Undef && a.Type == b.Type);

    private static bool SimplifyTerminator(BasicBlock block) => block.Terminator switch
    {
        CondBranchInstruction branch => SimplifyCondBranch(block, branch),
        SwitchInstruction choice => SimplifySwitch(block, choice),
        _ => false,
    };

    private static bool SimplifyCondBranch(BasicBlock block, CondBranchInstruction branch)
    {
        if (ReferenceEquals(branch.IfTrue, branch.IfFalse) || branch.Condition is Constant)
        {
            ControlFlow.ReplaceByBranch(block, branch.Condition is Constant { IsZero: true } ? branch.IfFalse : branch.IfTrue);
            return true;
        }
        if (branch.Condition is Instruction { Opcode: IrOpcode.Xor } not && not.GetOperand(1) is Constant { IsOne: true })
        {
            (BasicBlock ifTrue, BasicBlock ifFalse) = (branch.IfTrue, branch.IfFalse);
            branch.SetOperand(0, not.GetOperand(0));
            branch.SetSuccessor(0, ifFalse);
            branch.SetSuccessor(1, ifTrue);
            branch.Likely = !branch.Likely;
            return true;
        }
        return false;
    }

    private static bool SimplifySwitch(BasicBlock block, SwitchInstruction choice)
    {
        if (choice.Value is Constant value)
        {
            BasicBlock target = choice.Default;
            for (int i = 0; i < choice.Cases.Count; i++)
            {
                if (choice.Cases[i].IsSameAs(value))
                    target = choice.GetTarget(i);
            }
            ControlFlow.ReplaceByBranch(block, target);
            return true;
        }
        bool changed = false;
        for (int i = choice.Cases.Count - 1; i >= 0; i--)
        {
            if (!ReferenceEquals(choice.GetTarget(i), choice.Default))
                continue;
            ControlFlow.RemovePhiEntry(choice.Default, block);
            choice.RemoveCase(i);
            changed = true;
        }
        if (choice.Cases.Count == 0)
        {
            ControlFlow.ReplaceByBranch(block, choice.Default);
            return true;
        }
        if (choice.Cases.Count != 1)
            return changed;
        var builder = new IrBuilder { Location = choice.Location };
        builder.PositionBefore(choice);
        Value condition = builder.Compare(ComparePredicate.Eq, choice.Value, choice.Cases[0]);
        (BasicBlock hit, BasicBlock miss) = (choice.GetTarget(0), choice.Default);
        choice.Erase();
        block.Append(new CondBranchInstruction(condition, hit, miss) { Location = builder.Location });
        return true;
    }

    private static bool MergeBlocks(Function function)
    {
        var merged = new HashSet<BasicBlock>(ReferenceEqualityComparer.Instance);
        foreach (BasicBlock block in function.Blocks)
        {
            if (ReferenceEquals(block, function.Entry) || block.Predecessors.Count != 1)
                continue;
            BasicBlock predecessor = block.Predecessors[0];
            if (ReferenceEquals(predecessor, block) || predecessor.Terminator is not BranchInstruction)
                continue;
            ControlFlow.MergeIntoPredecessor(block, predecessor);
            merged.Add(block);
        }
        if (merged.Count == 0)
            return false;
        function.Blocks.RemoveAll(merged.Contains);
        function.Renumber();
        return true;
    }

    private static bool RemoveForwarders(Function function)
    {
        var removed = new HashSet<BasicBlock>(ReferenceEqualityComparer.Instance);
        foreach (BasicBlock block in function.Blocks)
        {
            if (ReferenceEquals(block, function.Entry) || block.FirstNonPhi is not BranchInstruction branch || ReferenceEquals(branch.Target, block))
                continue;
            if (block.Predecessors.Count == 0 || !CanForward(block, branch.Target))
                continue;
            Forward(block, branch.Target);
            removed.Add(block);
        }
        if (removed.Count == 0)
            return false;
        function.Blocks.RemoveAll(removed.Contains);
        function.Renumber();
        return true;
    }

    /// <summary>
    /// The target's phis must not get two values from one predecessor, and the block's own phis must only feed the target's.
    /// A loop header or the block in front of one (preheader) with a hint keeps the hint by moving it to the target.
    /// </summary>
    private static bool CanForward(BasicBlock block, BasicBlock target)
    {
        foreach (PhiInstruction phi in block.Phis)
        {
            foreach (Instruction user in phi.Users)
            {
                if (user is not PhiInstruction outer || !ReferenceEquals(outer.Block, target))
                    return false;
                for (int i = 0; i < outer.OperandCount; i++)
                {
                    if (ReferenceEquals(outer.GetOperand(i), phi) && !ReferenceEquals(outer.GetIncomingBlock(i), block))
                        return false;
                }
            }
        }
        if (target.First is not PhiInstruction)
            return true;
        foreach (BasicBlock predecessor in block.Predecessors)
        {
            if (!target.Predecessors.Contains(predecessor))
                continue;
            foreach (PhiInstruction phi in target.Phis)
            {
                if (!AreSame(phi.GetIncoming(predecessor)!, Through(phi.GetIncoming(block)!, block, predecessor)))
                    return false;
            }
        }
        return true;
    }

    /// <summary>What a value at the end of a forwarding block is when control came from a predecessor.</summary>
    private static Value Through(Value value, BasicBlock block, BasicBlock predecessor)
        => value is PhiInstruction phi && ReferenceEquals(phi.Block, block) ? phi.GetIncoming(predecessor)! : value;

    private static void Forward(BasicBlock block, BasicBlock target)
    {
        target.LoopHint ??= block.LoopHint;
        foreach (PhiInstruction phi in target.Phis)
        {
            Value value = phi.GetIncoming(block)!;
            phi.RemoveIncoming(block);
            foreach (BasicBlock predecessor in block.Predecessors)
                phi.AddIncoming(Through(value, block, predecessor), predecessor);
        }
        while (block.Predecessors.Count > 0)
        {
            Terminator terminator = block.Predecessors[0].Terminator!;
            for (int i = 0; i < terminator.Successors.Count; i++)
            {
                if (ReferenceEquals(terminator.Successors[i], block))
                    terminator.SetSuccessor(i, target);
            }
        }
        foreach (Instruction instruction in block.Instructions)
        {
            if (instruction is Terminator)
                instruction.Erase();
        }
        foreach (PhiInstruction phi in block.Phis)
            phi.DropOperands();
        foreach (PhiInstruction phi in block.Phis)
            phi.Erase();
    }
}
