// Rules for comparisons. A comparison that bounds a value is a proof: its form (which value, which predicate, which constant) is
// kept, except where only equality is asked or the bits decide.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed partial class Simplify
{
    private Value? RewriteCompare(CompareInstruction compare)
    {
        Value left = compare.GetOperand(0), right = compare.GetOperand(1);
        // x cmp x  =>  true or false
        if (AreSame(left, right) && left is not Undef)
            return Constant.I1(compare.Predicate.HoldsForEqual());
        // c cmp x  =>  x cmp' c
        if (left is Constant && right is not Constant)
        {
            compare.SetOperand(0, right);
            compare.SetOperand(1, left);
            compare.Predicate = compare.Predicate.Swap();
            return compare;
        }
        if (RewritePointerCompare(compare, left, right) is { } pointers)
            return pointers;
        if (left.Type == IrType.I1 && right is Constant bit && compare.Predicate.IsEquality())
            return bit.IsZero == (compare.Predicate == ComparePredicate.Eq) ? _builder.Not(left) : left;
        if (right is not Constant constant || left.Type.Bits() > 64 || left.Type == IrType.Ptr)
            return RewriteEquality(compare, left, right);
        return DecideByBits(compare, left, constant) ?? RewriteBoundary(compare, left, constant) ?? RewriteConstantEquality(compare, left, constant);
    }

    // (ptrtoint p) cmp (ptrtoint q)  =>  p cmp q         (ptrtoint p) ==/!= 0  =>  p ==/!= null
    private Value? RewritePointerCompare(CompareInstruction compare, Value left, Value right)
    {
        if (Match(left, IrOpcode.PtrToInt) is not { } first)
            return null;
        if (Match(right, IrOpcode.PtrToInt) is { } second)
            return _builder.Compare(compare.Predicate, first.GetOperand(0), second.GetOperand(0));
        return right is Constant { IsZero: true } && compare.Predicate.IsEquality()
            ? _builder.Compare(compare.Predicate, first.GetOperand(0), Constant.NullPointer)
            : null;
    }

    /// <summary>True or false when the known bits (the verifier knows them too) leave no other outcome.</summary>
    private static Constant? DecideByBits(CompareInstruction compare, Value left, Constant right)
    {
        KnownBits bits = KnownBits.Of(left);
        ulong value = right.Unsigned, least = bits.Minimum, greatest = bits.Maximum;
        switch (compare.Predicate)
        {
            case ComparePredicate.Eq or ComparePredicate.Ne when (value & bits.Zeros) != 0 || (~value & bits.Ones) != 0:
                return Constant.I1(compare.Predicate == ComparePredicate.Ne);
            case ComparePredicate.Ult or ComparePredicate.Uge when greatest < value || least >= value:
                return Constant.I1(greatest < value == (compare.Predicate == ComparePredicate.Ult));
            case ComparePredicate.Ule or ComparePredicate.Ugt when greatest <= value || least > value:
                return Constant.I1(greatest <= value == (compare.Predicate == ComparePredicate.Ule));
        }
        // Signed comparisons of values whose signs are both 0 are unsigned ones.
        if (!compare.Predicate.IsSigned())
            return null;
        ulong sign = 1UL << (left.Type.Bits() - 1);
        if ((bits.Zeros & sign) == 0)
            return null;
        if ((value & sign) != 0)
            return Constant.I1(compare.Predicate is ComparePredicate.Sgt or ComparePredicate.Sge);
        return compare.Predicate switch
        {
            ComparePredicate.Slt or ComparePredicate.Sge when greatest < value || least >= value => Constant.I1(greatest < value == (compare.Predicate == ComparePredicate.Slt)),
            ComparePredicate.Sle or ComparePredicate.Sgt when greatest <= value || least > value => Constant.I1(greatest <= value == (compare.Predicate == ComparePredicate.Sle)),
            _ => null,
        };
    }

    // x <u 1, x <=u 0  =>  x == 0          x >u 0, x >=u 1  =>  x != 0
    private Value? RewriteBoundary(CompareInstruction compare, Value left, Constant right) => compare.Predicate switch
    {
        ComparePredicate.Ult when right.IsOne => _builder.Compare(ComparePredicate.Eq, left, Constant.Of(left.Type, 0)),
        ComparePredicate.Ule when right.IsZero => _builder.Compare(ComparePredicate.Eq, left, right),
        ComparePredicate.Ugt when right.IsZero => _builder.Compare(ComparePredicate.Ne, left, right),
        ComparePredicate.Uge when right.IsOne => _builder.Compare(ComparePredicate.Ne, left, Constant.Of(left.Type, 0)),
        _ => null,
    };

    // (zext c) != 0, (sext c) != 0, (zext c) == 1  =>  c      (zext c) == 0  =>  not c           c of type i1
    // (x ^ c1) == c2   =>  x == c1 ^ c2                       (x + c1) == c2  =>  x == c2 - c1
    // (bswap x) == c   =>  x == bswap c                       ((x >>u k) & m) == c  =>  (x & m << k) == c << k   (one test-bits jump)
    // (zext x) == c    =>  x == c                             x of 32 bits, compared in 64
    // Where the compared value has other uses it stays the compared one: what the check proves must hold of what is used.
    private Value? RewriteConstantEquality(CompareInstruction compare, Value left, Constant right)
    {
        if (!compare.Predicate.IsEquality() || left is not Instruction inner)
            return null;
        bool equal = compare.Predicate == ComparePredicate.Eq;
        switch (inner.Opcode)
        {
            case IrOpcode.ZExt or IrOpcode.SExt when inner.GetOperand(0).Type == IrType.I1:
                Value condition = inner.GetOperand(0);
                if (right.IsZero)
                    return equal ? _builder.Not(condition) : condition;
                bool possible = inner.Opcode == IrOpcode.ZExt ? right.IsOne : right.IsAllOnes;
                return !possible ? Constant.I1(!equal) : equal ? condition : _builder.Not(condition);
            case IrOpcode.ZExt when inner.GetOperand(0).Type == IrType.I32 && IsOneUse(inner):
                return _builder.Compare(compare.Predicate, inner.GetOperand(0), new Constant(IrType.I32, right.Bits));
            case IrOpcode.Xor when inner.GetOperand(1) is Constant mask && IsOneUse(inner):
                return _builder.Compare(compare.Predicate, inner.GetOperand(0), new Constant(left.Type, right.Bits ^ mask.Bits));
            case IrOpcode.Add when inner.GetOperand(1) is Constant addend && IsOneUse(inner):
                return _builder.Compare(compare.Predicate, inner.GetOperand(0), new Constant(left.Type, unchecked(right.Bits - addend.Bits)));
            case IrOpcode.And when ExtractedField(inner, out Instruction shift, out int distance) && right.Bits << distance <= Constant.Mask(left.Type):
                return _builder.Compare(compare.Predicate, _builder.And(shift.GetOperand(0), Shifted(inner.GetOperand(1), distance)), Shifted(right, distance));
            case IrOpcode.ByteSwap when IsOneUse(inner):
                return _builder.Compare(compare.Predicate, inner.GetOperand(0), ConstantFolder.FoldUnary(IrOpcode.ByteSwap, left.Type, right)!);
            default:
                return RewriteEquality(compare, left, right);
        }
    }

    // (a ^ b) == 0, (a - b) == 0  =>  a == b
    // (bswap a) == (bswap b)      =>  a == b          likewise for zext and sext from one type of 32 bits
    private Value? RewriteEquality(CompareInstruction compare, Value left, Value right)
    {
        if (!compare.Predicate.IsEquality() || left is not Instruction inner)
            return null;
        if (right is Constant { IsZero: true } && inner.Opcode is IrOpcode.Xor or IrOpcode.Sub && IsOneUse(inner))
            return _builder.Compare(compare.Predicate, inner.GetOperand(0), inner.GetOperand(1));
        if (right is Instruction other && inner.Opcode == other.Opcode && inner.Opcode is IrOpcode.ByteSwap or IrOpcode.ZExt or IrOpcode.SExt
            && IsOneUse(inner) && IsOneUse(other) && inner.GetOperand(0).Type == other.GetOperand(0).Type && inner.GetOperand(0).Type.Bits() >= 32)
        {
            return _builder.Compare(compare.Predicate, inner.GetOperand(0), other.GetOperand(0));
        }
        return null;
    }

    /// <summary>(x >>u k) &amp; m where no bit of m is lost by shifting it back.</summary>
    private static bool ExtractedField(Instruction and, out Instruction shift, out int distance)
    {
        shift = null!;
        distance = 0;
        if (!IsOneUse(and) || and.GetOperand(1) is not Constant mask || and.GetOperand(0) is not Instruction { Opcode: IrOpcode.LShr } inner || !IsOneUse(inner))
            return false;
        int width = and.Type.Bits();
        if (width > 64 || inner.GetOperand(1) is not Constant count || count.Bits >= (UInt128)width)
            return false;
        (shift, distance) = (inner, (int)count.Unsigned);
        // The shifted mask must still be an immediate of 32 bits.
        return mask.Bits << distance <= int.MaxValue && (mask.Bits << distance & Constant.Mask(and.Type)) == mask.Bits << distance;
    }

    private static Constant Shifted(Value constant, int distance) => new(constant.Type, ((Constant)constant).Bits << distance);
}
