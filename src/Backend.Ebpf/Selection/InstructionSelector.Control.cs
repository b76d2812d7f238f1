// Conditions, branches, switches, phis, returns.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

public sealed partial class InstructionSelector
{
    private void SelectTerminator(Terminator terminator)
    {
        switch (terminator)
        {
            case BranchInstruction branch:
                EmitPhiCopies(branch.Target);
                _current.AppendJump(_blocks[branch.Target]);
                break;
            case CondBranchInstruction branch when ReferenceEquals(branch.IfTrue, branch.IfFalse):
                EmitPhiCopies(branch.IfTrue);
                _current.AppendJump(_blocks[branch.IfTrue]);
                break;
            case CondBranchInstruction branch:
                SelectConditionalBranch(branch);
                break;
            case SwitchInstruction choice:
                SelectSwitch(choice);
                break;
            case AsmBranchInstruction branch:
                SelectAssemblyBranch(branch);
                break;
            case ReturnInstruction { ReturnValue: { } value } when value.Type != IrType.I128:
                Materialize(MachineRegister.R0, value, free: true);
                Emit(new MachineInstruction(EbpfOpcode.Exit) { ImplicitUses = 1 });
                break;
            case ReturnInstruction { ReturnValue: not null }:
                ReportWide(terminator.Location, "returning");
                Emit(new MachineInstruction(EbpfOpcode.Exit));
                break;
            case ReturnInstruction:
                Emit(new MachineInstruction(EbpfOpcode.Exit));
                break;
            case UnreachableInstruction when _source.IsNaked:
                // The assembly is the whole body; nothing is added to it.
                break;
            case UnreachableInstruction:
                // Never executed, but the verifier walks it: leave in a way it accepts everywhere.
                _current.IsCold = true;
                EmitConstant(MachineRegister.R0, 0, narrow: true);
                Emit(new MachineInstruction(EbpfOpcode.Exit) { ImplicitUses = 1 });
                break;
            default:
                throw Broken($"no rule for the terminator {terminator.Opcode}");
        }
    }

    private void SelectConditionalBranch(CondBranchInstruction branch)
    {
        // A side that cannot be reached needs no test.
        if (IsUnreachable(branch.IfTrue) != IsUnreachable(branch.IfFalse))
        {
            BasicBlock only = IsUnreachable(branch.IfTrue) ? branch.IfFalse : branch.IfTrue;
            EmitPhiCopies(only);
            _current.AppendJump(_blocks[only]);
            return;
        }
        MachineBlock ifTrue = Edge(branch.IfTrue), ifFalse = Edge(branch.IfFalse);
        if (branch.Likely is { } likely && (likely ? branch.IfFalse : branch.IfTrue).Predecessors.Count == 1)
            _blocks[likely ? branch.IfFalse : branch.IfTrue].IsCold = true;
        EmitCondition(branch.Condition, ifTrue, ifFalse);
    }

    private static bool IsUnreachable(BasicBlock block) => block.First is UnreachableInstruction;

    /// <summary>The block to jump to for an edge from the current IR block: a block of copies when the target has phis.</summary>
    private MachineBlock Edge(BasicBlock target)
    {
        if (target.First is not PhiInstruction)
            return _blocks[target];
        if (_edgeBlocks.TryGetValue(target, out MachineBlock? edge))
            return edge;
        edge = NewBlock();
        _edgeBlocks[target] = edge;
        MachineBlock saved = _current;
        var constants = new Dictionary<(object, long), MachineRegister>(_constants);
        SwitchTo(edge);
        EmitPhiCopies(target);
        _current.AppendJump(_blocks[target]);
        SwitchTo(saved);
        foreach (((object, long) key, MachineRegister register) in constants)
            _constants[key] = register;
        return edge;
    }

    /// <summary>The parallel assignment of a block's phis for the edge from the current IR block.</summary>
    private void EmitPhiCopies(BasicBlock target)
    {
        List<(MachineRegister Dst, MachineRegister Src)>? moves = null;
        List<(MachineRegister Dst, Value Value)>? constants = null;
        for (Instruction? instruction = target.First; instruction is PhiInstruction phi; instruction = instruction.Next)
        {
            if (!phi.HasUsers)
                continue;
            Value incoming = phi.GetIncoming(_irBlock!) ?? throw Broken("a phi lacks a value for one of its edges");
            if (phi.Type == IrType.I128)
            {
                (MachineRegister low, MachineRegister high) = UseWide(incoming);
                (MachineRegister phiLow, MachineRegister phiHigh) = WideRegisters(phi);
                (moves ??= []).Add((phiLow, low));
                moves.Add((phiHigh, high));
                continue;
            }
            Value stripped = Strip(incoming);
            bool made = stripped is Constant or Undef or GlobalValue or AllocaInstruction or CoreRelocationInstruction
                || (stripped is Instruction { Opcode: IrOpcode.PtrAdd } sum && IsRematerializedAddress(sum));
            if (made)
                (constants ??= []).Add((RegisterOf(phi), stripped));
            else
                (moves ??= []).Add((RegisterOf(phi), RegisterOf(stripped)));
        }
        if (moves is not null)
            EmitParallelMoves(moves);
        if (constants is not null)
        {
            foreach ((MachineRegister dst, Value value) in constants)
                Materialize(dst, value);
        }
    }

    /// <summary>Orders moves so that no source is overwritten before it is read; a cycle goes through a new register.</summary>
    private void EmitParallelMoves(List<(MachineRegister Dst, MachineRegister Src)> moves)
    {
        moves.RemoveAll(move => move.Dst == move.Src);
        while (moves.Count > 0)
        {
            bool progress = false;
            for (int i = 0; i < moves.Count; i++)
            {
                bool read = false;
                for (int j = 0; j < moves.Count && !read; j++)
                    read = j != i && moves[j].Src == moves[i].Dst;
                if (read)
                    continue;
                EmitCopy(moves[i].Dst, moves[i].Src);
                moves.RemoveAt(i--);
                progress = true;
            }
            if (progress)
                continue;
            MachineRegister saved = CopyToNew(moves[0].Dst);
            for (int j = 0; j < moves.Count; j++)
            {
                if (moves[j].Src == moves[0].Dst)
                    moves[j] = (moves[j].Dst, saved);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- conditions

    /// <summary>True when the truth value needs no register: all its users branch on it.</summary>
    private static bool IsFusedCondition(Instruction value)
    {
        if (value.Type != IrType.I1)
            return false;
        switch (value.Opcode)
        {
            case IrOpcode.Compare:
                break;
            case IrOpcode.And or IrOpcode.Or when value.Users.Count == 1:
                break;
            case IrOpcode.Xor when value.Users.Count == 1 && value.GetOperand(1) is Constant { IsZero: false }:
                break;
            default:
                return false;
        }
        foreach (Instruction user in value.Users)
        {
            bool fused = user.Opcode switch
            {
                IrOpcode.CondBranch => true,
                IrOpcode.Select => ReferenceEquals(user.GetOperand(0), value) && !ReferenceEquals(user.GetOperand(1), value) && !ReferenceEquals(user.GetOperand(2), value),
                IrOpcode.And or IrOpcode.Or or IrOpcode.Xor => IsFusedCondition(user),
                _ => false,
            };
            if (!fused)
                return false;
        }
        return true;
    }

    /// <summary>Ends the current block: goes to one of two blocks by a truth value.</summary>
    private void EmitCondition(Value condition, MachineBlock ifTrue, MachineBlock ifFalse)
    {
        switch (condition)
        {
            case Constant constant:
                _current.AppendJump(constant.IsZero ? ifFalse : ifTrue);
                return;
            case CompareInstruction compare:
                EmitCompare(compare, ifTrue, ifFalse);
                return;
            case Instruction { Opcode: IrOpcode.Xor } not when IsFusedCondition(not):
                EmitCondition(not.GetOperand(0), ifFalse, ifTrue);
                return;
            case Instruction { Opcode: IrOpcode.And or IrOpcode.Or } both when IsFusedCondition(both):
                MachineBlock second = NewBlock();
                if (both.Opcode == IrOpcode.And)
                    EmitCondition(both.GetOperand(0), second, ifFalse);
                else
                    EmitCondition(both.GetOperand(0), ifTrue, second);
                SwitchTo(second);
                EmitCondition(both.GetOperand(1), ifTrue, ifFalse);
                return;
        }
        int width = _options.HasJump32 ? 32 : 64;
        if (_widths.SignificantBits(condition) <= 1)
            EmitJump(EbpfOpcode.Jne64Imm, width, Use(condition), 0, ifTrue, ifFalse);
        else
            EmitJump(EbpfOpcode.Jset64Imm, width, Use(condition), 1, ifTrue, ifFalse);
    }

    private void EmitJump(EbpfOpcode family, int width, MachineRegister left, long immediate, MachineBlock ifTrue, MachineBlock ifFalse)
    {
        Emit(new MachineInstruction(Form(family, width, false)) { Dst = left, Immediate = immediate, Target = ifTrue });
        _current.AppendJump(ifFalse);
    }

    private void EmitJump(EbpfOpcode family, int width, MachineRegister left, MachineRegister right, MachineBlock ifTrue, MachineBlock ifFalse)
    {
        Emit(new MachineInstruction(Form(family, width, true)) { Dst = left, Src = right, Target = ifTrue });
        _current.AppendJump(ifFalse);
    }

    private static ComparePredicate Swap(ComparePredicate predicate) => predicate switch
    {
        ComparePredicate.Ult => ComparePredicate.Ugt,
        ComparePredicate.Ule => ComparePredicate.Uge,
        ComparePredicate.Ugt => ComparePredicate.Ult,
        ComparePredicate.Uge => ComparePredicate.Ule,
        ComparePredicate.Slt => ComparePredicate.Sgt,
        ComparePredicate.Sle => ComparePredicate.Sge,
        ComparePredicate.Sgt => ComparePredicate.Slt,
        ComparePredicate.Sge => ComparePredicate.Sle,
        _ => predicate,
    };

    /// <summary>The branch for a predicate; without the "less" branches their opposites with the sides exchanged.</summary>
    private EbpfOpcode BranchFamily(ComparePredicate predicate, ref MachineBlock ifTrue, ref MachineBlock ifFalse)
    {
        EbpfOpcode? inverse = _options.HasLessThanJumps ? null : predicate switch
        {
            ComparePredicate.Ult => EbpfOpcode.Jge64Imm,
            ComparePredicate.Ule => EbpfOpcode.Jgt64Imm,
            ComparePredicate.Slt => EbpfOpcode.Jsge64Imm,
            ComparePredicate.Sle => EbpfOpcode.Jsgt64Imm,
            _ => null,
        };
        if (inverse is { } family)
        {
            (ifTrue, ifFalse) = (ifFalse, ifTrue);
            return family;
        }
        return predicate switch
        {
            ComparePredicate.Eq => EbpfOpcode.Jeq64Imm,
            ComparePredicate.Ne => EbpfOpcode.Jne64Imm,
            ComparePredicate.Ult => EbpfOpcode.Jlt64Imm,
            ComparePredicate.Ule => EbpfOpcode.Jle64Imm,
            ComparePredicate.Ugt => EbpfOpcode.Jgt64Imm,
            ComparePredicate.Uge => EbpfOpcode.Jge64Imm,
            ComparePredicate.Slt => EbpfOpcode.Jslt64Imm,
            ComparePredicate.Sle => EbpfOpcode.Jsle64Imm,
            ComparePredicate.Sgt => EbpfOpcode.Jsgt64Imm,
            _ => EbpfOpcode.Jsge64Imm,
        };
    }

    private int CompareWidth(IrType type) => type.Bits() <= 32 && _options.HasJump32 ? 32 : 64;

    /// <summary>An AND that only a comparison with zero reads: the JSET branch does both.</summary>
    private bool IsFoldedTest(Instruction and)
    {
        if (and.Opcode != IrOpcode.And || and.Type is IrType.I1 or IrType.I128 || and.Users.Count != 1
            || and.Users[0] is not CompareInstruction { Predicate: ComparePredicate.Eq or ComparePredicate.Ne } compare
            || !ReferenceEquals(compare.GetOperand(0), and) || compare.GetOperand(1) is not Constant { IsZero: true })
        {
            return false;
        }
        int width = CompareWidth(and.Type);
        return and.Type.Bits() == width || TryJumpImmediate(and.GetOperand(1), width, isSigned: false, out _);
    }

    private static bool TryJumpImmediate(Value value, int width, bool isSigned, out long immediate)
    {
        immediate = 0;
        if (value is not Constant constant)
            return false;
        long bits = isSigned ? constant.Signed : CanonicalBits(constant);
        immediate = width == 32 ? (int)bits : bits;
        return IntegerArithmetic.FitsInt32(immediate);
    }

    private void EmitCompare(CompareInstruction compare, MachineBlock ifTrue, MachineBlock ifFalse)
    {
        Value left = compare.GetOperand(0), right = compare.GetOperand(1);
        ComparePredicate predicate = compare.Predicate;
        if (left.Type == IrType.I128)
        {
            EmitWideCompare(predicate, left, right, ifTrue, ifFalse);
            return;
        }
        int width = CompareWidth(left.Type);
        if (left is Instruction and && IsFoldedTest(and))
        {
            if (predicate == ComparePredicate.Eq)
                (ifTrue, ifFalse) = (ifFalse, ifTrue);
            if (TryJumpImmediate(and.GetOperand(1), width, isSigned: false, out long mask))
                EmitJump(EbpfOpcode.Jset64Imm, width, Use(and.GetOperand(0)), mask, ifTrue, ifFalse);
            else
                EmitJump(EbpfOpcode.Jset64Imm, width, Use(and.GetOperand(0)), Use(and.GetOperand(1)), ifTrue, ifFalse);
            return;
        }
        if (left is Constant && right is not Constant)
        {
            (left, right) = (right, left);
            predicate = Swap(predicate);
        }
        bool isSigned = predicate >= ComparePredicate.Slt;
        EbpfOpcode family = BranchFamily(predicate, ref ifTrue, ref ifFalse);
        MachineRegister first = isSigned ? UseSigned(left, width) : Use(left);
        if (TryJumpImmediate(right, width, isSigned, out long immediate))
            EmitJump(family, width, first, immediate, ifTrue, ifFalse);
        else
            EmitJump(family, width, first, isSigned ? UseSigned(right, width) : Use(right), ifTrue, ifFalse);
    }

    // ---------------------------------------------------------------------------------------------- switch

    private readonly record struct Cluster(ulong Low, ulong High, MachineBlock Target);

    /// <summary>A binary search over runs of neighbouring case values; the leaves compare.</summary>
    private void SelectSwitch(SwitchInstruction choice)
    {
        MachineBlock otherwise = Edge(choice.Default);
        var cases = new List<Cluster>();
        for (int i = 0; i < choice.Cases.Count; i++)
            cases.Add(new Cluster(choice.Cases[i].Unsigned, choice.Cases[i].Unsigned, Edge(choice.GetTarget(i))));
        cases.Sort((a, b) => a.Low.CompareTo(b.Low));
        var clusters = new List<Cluster>();
        foreach (Cluster item in cases)
        {
            if (ReferenceEquals(item.Target, otherwise))
                continue;
            if (clusters.Count > 0 && clusters[^1].High + 1 == item.Low && ReferenceEquals(clusters[^1].Target, item.Target))
                clusters[^1] = clusters[^1] with { High = item.High };
            else
                clusters.Add(item);
        }
        if (clusters.Count == 0)
        {
            _current.AppendJump(otherwise);
            return;
        }
        EmitSearch(clusters, 0, clusters.Count, Use(choice.Value), choice.Value.Type, otherwise, 0, ulong.MaxValue);
    }

    /// <param name="low">The value is known to be at least this ...</param>
    /// <param name="high">... and at most this.</param>
    private void EmitSearch(List<Cluster> clusters, int first, int end, MachineRegister value, IrType type, MachineBlock otherwise, ulong low, ulong high)
    {
        const int LinearLimit = 3;
        if (end - first > LinearLimit)
        {
            int middle = (first + end) / 2;
            MachineBlock upper = NewBlock(), lower = NewBlock();
            EmitUnsignedJump(ComparePredicate.Uge, value, clusters[middle].Low, type, upper, lower);
            SwitchTo(lower);
            EmitSearch(clusters, first, middle, value, type, otherwise, low, clusters[middle].Low - 1);
            SwitchTo(upper);
            EmitSearch(clusters, middle, end, value, type, otherwise, clusters[middle].Low, high);
            return;
        }
        for (int i = first; i < end; i++)
        {
            Cluster cluster = clusters[i];
            MachineBlock next = i + 1 == end ? otherwise : NewBlock();
            if (cluster.Low == cluster.High)
            {
                EmitUnsignedJump(ComparePredicate.Eq, value, cluster.Low, type, cluster.Target, next);
            }
            else
            {
                MachineBlock within = cluster.Target;
                if (cluster.Low > low)
                {
                    within = cluster.High < high ? NewBlock() : cluster.Target;
                    EmitUnsignedJump(ComparePredicate.Uge, value, cluster.Low, type, within, next);
                    if (cluster.High < high)
                        SwitchTo(within);
                }
                if (cluster.High < high)
                    EmitUnsignedJump(ComparePredicate.Ule, value, cluster.High, type, cluster.Target, next);
                else if (cluster.Low <= low)
                    _current.AppendJump(cluster.Target);
            }
            if (i + 1 < end)
                SwitchTo(next);
        }
    }

    private void EmitUnsignedJump(ComparePredicate predicate, MachineRegister value, ulong constant, IrType type, MachineBlock ifTrue, MachineBlock ifFalse)
    {
        int width = CompareWidth(type);
        EbpfOpcode family = BranchFamily(predicate, ref ifTrue, ref ifFalse);
        if (width == 32 || IntegerArithmetic.FitsInt32((long)constant))
            EmitJump(family, width, value, width == 32 ? (int)constant : (long)constant, ifTrue, ifFalse);
        else
            EmitJump(family, width, value, UseConstant((long)constant, narrow: false), ifTrue, ifFalse);
    }
}
