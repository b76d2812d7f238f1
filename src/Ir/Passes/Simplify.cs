// Instruction simplification: local rewrites, each drawn above its code, applied from a worklist until none fits. A rule looks
// at one instruction and a few operands and yields a value that replaces it. What the rules must not do, because the kernel's
// verifier would lose a proof: remove a mask or a comparison on knowledge the verifier does not have (see KnownBits), reorder
// the parts of a pointer's offset, turn pointers into integers, merge pointers by Select.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed partial class Simplify
{
    private readonly Stack<Instruction> _work = new();
    private readonly HashSet<Instruction> _queued = new(ReferenceEqualityComparer.Instance);
    private readonly IrBuilder _builder = new();
    private bool _changed;

    private Simplify() { }

    public static bool Run(Function function)
    {
        var simplifier = new Simplify();
        BasicBlock[] order = ControlFlow.ReversePostOrder(function);
        for (int i = order.Length - 1; i >= 0; i--)
        {
            for (Instruction? instruction = order[i].Last; instruction is not null; instruction = instruction.Previous)
                simplifier.Enqueue(instruction);
        }
        simplifier._movesLeft = simplifier._work.Count;
        simplifier.Drain();
        return simplifier._changed;
    }

    private void Enqueue(Instruction instruction)
    {
        if (_queued.Add(instruction))
            _work.Push(instruction);
    }

    private void Drain()
    {
        while (_work.TryPop(out Instruction? instruction))
        {
            _queued.Remove(instruction);
            if (instruction.Block is null)
                continue;
            if (!instruction.HasUsers && !instruction.MustKeep())
            {
                Erase(instruction);
                continue;
            }
            Instruction? before = instruction.Previous;
            BasicBlock block = instruction.Block;
            _builder.PositionBefore(instruction);
            _builder.Location = instruction.Location;
            if (Rewrite(instruction) is not { } result)
                continue;
            _changed = true;
            for (Instruction? made = before is null ? block.First : before.Next; made is not null && !ReferenceEquals(made, instruction); made = made.Next)
                Enqueue(made);
            if (ReferenceEquals(result, instruction))
            {
                Enqueue(instruction);
                EnqueueUsers(instruction);
                continue;
            }
            EnqueueUsers(instruction);
            if (result is Instruction { Name: null } named && instruction.Name is not null)
                named.Name = instruction.Name;
            instruction.ReplaceAllUsesWith(result);
            if (!instruction.MustKeep())
                Erase(instruction);
        }
    }

    private void EnqueueUsers(Instruction instruction)
    {
        foreach (Instruction user in instruction.Users)
            Enqueue(user);
    }

    private void Erase(Instruction instruction)
    {
        foreach (Value operand in instruction.Operands)
        {
            if (operand is Instruction used)
                Enqueue(used);
        }
        instruction.Erase();
        _changed = true;
    }

    /// <summary>
    /// The value that takes the instruction's place; the instruction itself when it was changed in place; null for no change.
    /// </summary>
    private Value? Rewrite(Instruction instruction)
    {
        if (ConstantFolder.Fold(instruction) is { } constant)
            return constant;
        IrOpcode opcode = instruction.Opcode;
        if (instruction.IsSpeculatable() && PinUndefined(instruction))
            return instruction;
        if (MoveIntoPredecessors(instruction) is { } moved)
            return moved;
        if (opcode.IsBinary())
            return RewriteBinary(instruction);
        return opcode switch
        {
            IrOpcode.Compare => RewriteCompare((CompareInstruction)instruction),
            IrOpcode.ZExt => RewriteZExt(instruction),
            IrOpcode.SExt => RewriteSExt(instruction),
            IrOpcode.Trunc => RewriteTrunc(instruction),
            IrOpcode.PtrToInt or IrOpcode.IntToPtr => RewritePointerCast(instruction),
            IrOpcode.PtrAdd => RewritePtrAdd(instruction),
            IrOpcode.Select => RewriteSelect(instruction),
            IrOpcode.ByteSwap => RewriteByteSwap(instruction),
            _ => null,
        };
    }

    /// <summary>undef op x  =>  0 op x: nothing is computed from a register that was never written, which no verifier accepts.</summary>
    private static bool PinUndefined(Instruction instruction)
    {
        bool pinned = false;
        for (int i = 0; i < instruction.OperandCount; i++)
        {
            if (instruction.GetOperand(i) is not Undef undefined)
                continue;
            instruction.SetOperand(i, Constant.Of(undefined.Type, 0));
            pinned = true;
        }
        return pinned;
    }

    private static bool IsOneUse(Value value) => value is Instruction && value.Users.Count == 1;

    private static Instruction? Match(Value value, IrOpcode opcode) => value is Instruction instruction && instruction.Opcode == opcode ? instruction : null;

    /// <summary>An operation whose second operand is a constant.</summary>
    private static bool Match(Value value, IrOpcode opcode, out Value left, out Constant right)
    {
        if (value is Instruction instruction && instruction.Opcode == opcode && instruction.GetOperand(1) is Constant constant)
        {
            (left, right) = (instruction.GetOperand(0), constant);
            return true;
        }
        (left, right) = (null!, null!);
        return false;
    }

    private static bool AreSame(Value a, Value b) => SimplifyCfg.AreSame(a, b);

    /// <summary>p + c1 + c2  =>  p + (c1 + c2). A variable part is never moved: the verifier gives every sum its own identity.</summary>
    private static Value? RewritePtrAdd(Instruction add)
    {
        if (add.GetOperand(1) is Constant { IsZero: true })
            return add.GetOperand(0);
        if (add.GetOperand(1) is not Constant outer || !Match(add.GetOperand(0), IrOpcode.PtrAdd, out Value pointer, out Constant inner))
            return null;
        add.SetOperand(0, pointer);
        add.SetOperand(1, Constant.I64(unchecked(outer.Signed + inner.Signed)));
        return add;
    }

    // ptrtoint (inttoptr x)        =>  x           inttoptr (ptrtoint p)            =>  p
    // inttoptr (ptrtoint p + x)    =>  p + x       (and x + ptrtoint p)
    // inttoptr (ptrtoint p - c)    arrives as + -c
    private Value? RewritePointerCast(Instruction cast)
    {
        if (cast.GetOperand(0) is not Instruction inner)
            return null;
        IrOpcode inverse = cast.Opcode == IrOpcode.PtrToInt ? IrOpcode.IntToPtr : IrOpcode.PtrToInt;
        if (inner.Opcode == inverse)
            return inner.GetOperand(0);
        if (cast.Opcode != IrOpcode.IntToPtr || inner.Opcode != IrOpcode.Add)
            return null;
        Instruction? left = Match(inner.GetOperand(0), IrOpcode.PtrToInt), right = Match(inner.GetOperand(1), IrOpcode.PtrToInt);
        if ((left is null) == (right is null))
            return null;
        return left is not null
            ? _builder.PtrAdd(left.GetOperand(0), inner.GetOperand(1))
            : _builder.PtrAdd(right!.GetOperand(0), inner.GetOperand(0));
    }

    // select true, a, b     =>  a             select c, true, false  =>  c         select c, true, x   =>  c | x
    // select c, a, a        =>  a             select c, false, true  =>  not c     select c, x, false  =>  c & x
    // select (not c), a, b  =>  select c, b, a
    private Value? RewriteSelect(Instruction select)
    {
        Value condition = select.GetOperand(0), ifTrue = select.GetOperand(1), ifFalse = select.GetOperand(2);
        if (condition is Constant known)
            return known.IsZero ? ifFalse : ifTrue;
        if (AreSame(ifTrue, ifFalse))
            return ifTrue;
        if (Match(condition, IrOpcode.Xor, out Value inverted, out Constant one) && one.IsOne)
        {
            select.SetOperand(0, inverted);
            select.SetOperand(1, ifFalse);
            select.SetOperand(2, ifTrue);
            return select;
        }
        if (select.Type != IrType.I1)
            return null;
        return (ifTrue, ifFalse) switch
        {
            (Constant { IsOne: true }, Constant { IsZero: true }) => condition,
            (Constant { IsZero: true }, Constant { IsOne: true }) => _builder.Not(condition),
            (Constant { IsOne: true }, _) => _builder.Or(condition, ifFalse),
            (_, Constant { IsZero: true }) => _builder.And(condition, ifTrue),
            _ => null,
        };
    }
}
