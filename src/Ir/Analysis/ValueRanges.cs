// Signed intervals of integer values, by abstract interpretation over SSA with widening (Cousot and Cousot, 1977): values rise
// from "none" through intervals; a bound that still moves after a few rounds goes to the type's limit. A use is further bounded
// by the comparisons that dominate it:
//
//   head: i = phi [0, entry], [j, body]        i in [0, limit]
//         c = cmp slt i, n ; condbr c, body, done
//   body: j = add i, 1                         here i <= max - 1, so j does not wrap and i stays at or above 0
//
// This serves to choose between operations of equal result (zero- instead of sign-extension, unsigned instead of signed
// comparison). It must not be used to delete masks or checks: the kernel's verifier does not know what we know.
namespace Ebpfcc.Ir.Analysis;

/// <summary>A closed interval of signed values; empty when <c>Min &gt; Max</c>.</summary>
public readonly record struct ValueRange(long Min, long Max)
{
    public static readonly ValueRange Empty = new(long.MaxValue, long.MinValue);

    public bool IsEmpty => Min > Max;

    public static ValueRange Full(IrType type)
    {
        int bits = Math.Min(type.Bits(), 64);
        return new ValueRange(long.MinValue >> (64 - bits), long.MaxValue >> (64 - bits));
    }

    public ValueRange Join(ValueRange other) => IsEmpty ? other : other.IsEmpty ? this : new(Math.Min(Min, other.Min), Math.Max(Max, other.Max));

    public ValueRange Meet(ValueRange other) => new(Math.Max(Min, other.Min), Math.Min(Max, other.Max));
}

/// <summary>Valid as long as the function stays as it is.</summary>
public sealed class ValueRanges
{
    private const int RoundsBeforeWidening = 3, MaxRounds = 12, MaxConditions = 24;

    private readonly ValueRange[] _ranges;
    private readonly DominatorTree _dominators;

    private ValueRanges(Function function)
    {
        _dominators = DominatorTree.Of(function);
        _ranges = new ValueRange[function.NumberValues()];
        Array.Fill(_ranges, ValueRange.Empty);
        foreach (Parameter parameter in function.Parameters)
            _ranges[parameter.Number] = ValueRange.Full(parameter.Type);
        bool changed = true;
        for (int round = 0; changed; round++)
        {
            changed = false;
            foreach (BasicBlock block in _dominators.ReversePostOrder)
            {
                for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                {
                    if (IsTracked(instruction.Type))
                        changed |= Raise(instruction, round);
                }
            }
        }
    }

    public static ValueRanges Of(Function function) => new(function);

    /// <summary>What the value can be when control is in a block.</summary>
    public ValueRange At(Value value, BasicBlock block) => Clip(value, Get(value), block);

    private static bool IsTracked(IrType type) => type is IrType.I8 or IrType.I16 or IrType.I32 or IrType.I64;

    private ValueRange Get(Value value) => value switch
    {
        Constant constant when IsTracked(constant.Type) => new ValueRange(constant.Signed, constant.Signed),
        Instruction or Parameter when IsTracked(value.Type) => _ranges[value.Number],
        _ => ValueRange.Full(value.Type),
    };

    private bool Raise(Instruction instruction, int round)
    {
        ValueRange old = _ranges[instruction.Number], full = ValueRange.Full(instruction.Type);
        ValueRange now = old.Join(Compute(instruction, full));
        if (now == old)
            return false;
        if (round >= RoundsBeforeWidening && !old.IsEmpty)
            now = new ValueRange(now.Min < old.Min ? full.Min : old.Min, now.Max > old.Max ? full.Max : old.Max);
        if (round >= MaxRounds)
            now = full;
        _ranges[instruction.Number] = now;
        return true;
    }

    private ValueRange Compute(Instruction instruction, ValueRange full)
    {
        BasicBlock block = instruction.Block!;
        switch (instruction.Opcode)
        {
            case IrOpcode.Phi:
                var phi = (PhiInstruction)instruction;
                ValueRange union = ValueRange.Empty;
                for (int i = 0; i < phi.OperandCount; i++)
                    union = union.Join(AtEdge(phi.GetOperand(i), phi.GetIncomingBlock(i), block));
                return union;
            case IrOpcode.Select:
                return At(instruction.GetOperand(1), block).Join(At(instruction.GetOperand(2), block));
            case IrOpcode.ZExt:
                IrType source = instruction.GetOperand(0).Type;
                ValueRange narrow = At(instruction.GetOperand(0), block);
                return narrow.IsEmpty || narrow.Min >= 0 ? narrow : new ValueRange(0, (long)(ulong)Constant.Mask(source));
            case IrOpcode.SExt:
                return At(instruction.GetOperand(0), block);
            case IrOpcode.Trunc:
                ValueRange wide = At(instruction.GetOperand(0), block);
                return wide.IsEmpty || (wide.Min >= full.Min && wide.Max <= full.Max) ? wide : full;
        }
        if (!instruction.Opcode.IsBinary())
            return full;
        ValueRange left = At(instruction.GetOperand(0), block), right = At(instruction.GetOperand(1), block);
        if (left.IsEmpty || right.IsEmpty)
            return ValueRange.Empty;
        return instruction.Opcode switch
        {
            IrOpcode.Add => Checked((Int128)left.Min + right.Min, (Int128)left.Max + right.Max, full),
            IrOpcode.Sub => Checked((Int128)left.Min - right.Max, (Int128)left.Max - right.Min, full),
            IrOpcode.Mul when left.Min >= 0 && right.Min >= 0 => Checked((Int128)left.Min * right.Min, (Int128)left.Max * right.Max, full),
            IrOpcode.And when right.Min >= 0 => new ValueRange(0, left.Min >= 0 ? Math.Min(left.Max, right.Max) : right.Max),
            IrOpcode.And when left.Min >= 0 => new ValueRange(0, left.Max),
            IrOpcode.Or or IrOpcode.Xor when left.Min >= 0 && right.Min >= 0 => new ValueRange(0, OnesUpTo(left.Max | right.Max)),
            IrOpcode.LShr when right.Min == right.Max && right.Min > 0 && right.Min < instruction.Type.Bits() => ShiftRight(left, instruction.Type, (int)right.Min),
            IrOpcode.AShr when right.Min == right.Max && right.Min >= 0 && right.Min < instruction.Type.Bits() => new ValueRange(left.Min >> (int)right.Min, left.Max >> (int)right.Min),
            IrOpcode.Shl when right.Min == right.Max && right.Min >= 0 && right.Min < instruction.Type.Bits() && left.Min >= 0
                => Checked((Int128)left.Min << (int)right.Min, (Int128)left.Max << (int)right.Min, full),
            IrOpcode.UDiv when left.Min >= 0 && right.Min > 0 => new ValueRange(0, left.Max / right.Min),
            IrOpcode.SDiv when left.Min >= 0 && right.Min > 0 => new ValueRange(0, left.Max / right.Min),
            IrOpcode.URem or IrOpcode.SRem when left.Min >= 0 && right.Min > 0 => new ValueRange(0, Math.Min(left.Max, right.Max - 1)),
            _ => full,
        };
    }

    private static ValueRange Checked(Int128 min, Int128 max, ValueRange full)
        => min >= full.Min && max <= full.Max ? new ValueRange((long)min, (long)max) : full;

    private static long OnesUpTo(long value) => value == 0 ? 0 : (long)(ulong.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount((ulong)value));

    private static ValueRange ShiftRight(ValueRange value, IrType type, int count)
        => value.Min >= 0 ? new ValueRange(value.Min >> count, value.Max >> count) : new ValueRange(0, (long)((ulong)Constant.Mask(type) >> count));

    private ValueRange AtEdge(Value value, BasicBlock from, BasicBlock to)
    {
        ValueRange range = At(value, from);
        return from.Terminator is CondBranchInstruction { Condition: CompareInstruction compare } branch && !ReferenceEquals(branch.IfTrue, branch.IfFalse)
            ? Apply(compare, ReferenceEquals(branch.IfTrue, to), value, range)
            : range;
    }

    /// <summary>Narrows by the branches that had to be taken to get to a block.</summary>
    private ValueRange Clip(Value value, ValueRange range, BasicBlock block)
    {
        if (value is Constant || range.IsEmpty || !_dominators.IsReachable(block))
            return range;
        BasicBlock? above = _dominators.ImmediateDominator(block);
        for (int i = 0; i < MaxConditions && above is not null; i++)
        {
            // The edge decides only when the block below is entered by nothing else.
            if (block.Predecessors.Count == 1 && above.Terminator is CondBranchInstruction { Condition: CompareInstruction compare } branch
                && !ReferenceEquals(branch.IfTrue, branch.IfFalse))
            {
                range = Apply(compare, ReferenceEquals(branch.IfTrue, block), value, range);
            }
            // Above the definition nothing is said about the value.
            if (value is Instruction definition && ReferenceEquals(definition.Block, above))
                break;
            (block, above) = (above, _dominators.ImmediateDominator(above));
        }
        return range;
    }

    private ValueRange Apply(CompareInstruction compare, bool holds, Value value, ValueRange range)
    {
        ComparePredicate predicate = holds ? compare.Predicate : compare.Predicate.Negate();
        Value other;
        if (ReferenceEquals(compare.GetOperand(0), value))
        {
            other = compare.GetOperand(1);
        }
        else if (ReferenceEquals(compare.GetOperand(1), value))
        {
            other = compare.GetOperand(0);
            predicate = predicate.Swap();
        }
        else
        {
            return range;
        }
        ValueRange bound = Get(other);
        if (bound.IsEmpty)
            return range;
        ValueRange full = ValueRange.Full(value.Type);
        // x <u n with n >= 0 as a signed number means 0 <= x < n.
        bool unsignedBelow = bound.Min >= 0;
        ValueRange limit = predicate switch
        {
            ComparePredicate.Eq => bound,
            ComparePredicate.Slt => bound.Max == full.Min ? ValueRange.Empty : new ValueRange(full.Min, bound.Max - 1),
            ComparePredicate.Sle => new ValueRange(full.Min, bound.Max),
            ComparePredicate.Sgt => bound.Min == full.Max ? ValueRange.Empty : new ValueRange(bound.Min + 1, full.Max),
            ComparePredicate.Sge => new ValueRange(bound.Min, full.Max),
            ComparePredicate.Ult when unsignedBelow => new ValueRange(0, bound.Max - 1),
            ComparePredicate.Ule when unsignedBelow => new ValueRange(0, bound.Max),
            ComparePredicate.Ugt when unsignedBelow && range.Min >= 0 => new ValueRange(bound.Min == full.Max ? full.Max : bound.Min + 1, full.Max),
            ComparePredicate.Uge when unsignedBelow && range.Min >= 0 => new ValueRange(bound.Min, full.Max),
            _ => full,
        };
        ValueRange met = range.Meet(limit);
        // A contradiction means dead code; saying nothing is safe.
        return met.IsEmpty ? range : met;
    }
}
