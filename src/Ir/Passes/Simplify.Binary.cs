// Rules for two-operand arithmetic.
using System.Numerics;
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed partial class Simplify
{
    private Value? RewriteBinary(Instruction instruction)
    {
        // c + x  =>  x + c
        if (instruction.Opcode.IsCommutative() && instruction.GetOperand(0) is Constant && instruction.GetOperand(1) is not Constant)
        {
            (Value left, Value right) = (instruction.GetOperand(0), instruction.GetOperand(1));
            instruction.SetOperand(0, right);
            instruction.SetOperand(1, left);
            return instruction;
        }
        return RewriteIdentity(instruction) ?? RewriteNested(instruction) ?? instruction.Opcode switch
        {
            IrOpcode.Sub => RewriteSub(instruction),
            IrOpcode.Mul => RewriteMul(instruction),
            IrOpcode.UDiv or IrOpcode.URem => RewriteUnsignedDivision(instruction),
            IrOpcode.SDiv or IrOpcode.SRem => RewriteSignedDivision(instruction),
            IrOpcode.And => RewriteAnd(instruction),
            IrOpcode.Or => RewriteOr(instruction),
            IrOpcode.Xor => RewriteXor(instruction),
            IrOpcode.Shl or IrOpcode.LShr or IrOpcode.AShr => RewriteShift(instruction),
            _ => null,
        };
    }

    // x + 0, x - 0, x | 0, x ^ 0, x << 0, x >> 0, x * 1, x / 1, x & -1, x % 0, x & x, x | x   =>  x
    // x * 0, x & 0, x - x, x ^ x, x / 0, x % 1                                                =>  0
    // x | -1                                                                                  =>  -1
    private static Value? RewriteIdentity(Instruction instruction)
    {
        Value left = instruction.GetOperand(0);
        if (instruction.GetOperand(1) is not Constant right)
        {
            if (!ReferenceEquals(left, instruction.GetOperand(1)))
                return null;
            return instruction.Opcode switch
            {
                IrOpcode.And or IrOpcode.Or => left,
                IrOpcode.Sub or IrOpcode.Xor => Constant.Of(instruction.Type, 0),
                _ => null,
            };
        }
        switch (instruction.Opcode)
        {
            case IrOpcode.Add or IrOpcode.Sub or IrOpcode.Or or IrOpcode.Xor or IrOpcode.Shl or IrOpcode.LShr or IrOpcode.AShr or IrOpcode.URem or IrOpcode.SRem when right.IsZero:
            case IrOpcode.Mul or IrOpcode.UDiv when right.IsOne:
            case IrOpcode.SDiv when right.IsOne && instruction.Type != IrType.I1:
            case IrOpcode.And when right.IsAllOnes:
                return left;
            case IrOpcode.Mul or IrOpcode.And or IrOpcode.UDiv or IrOpcode.SDiv when right.IsZero:
            case IrOpcode.URem when right.IsOne:
                return Constant.Of(instruction.Type, 0);
            case IrOpcode.Or when right.IsAllOnes:
                return right;
            default:
                return null;
        }
    }

    // (x op c1) op c2  =>  x op (c1 op c2)      for + * & | ^
    private Value? RewriteNested(Instruction instruction)
    {
        if (instruction.Opcode is not (IrOpcode.Add or IrOpcode.Mul or IrOpcode.And or IrOpcode.Or or IrOpcode.Xor))
            return null;
        if (instruction.GetOperand(1) is not Constant outer || !Match(instruction.GetOperand(0), instruction.Opcode, out Value value, out Constant inner))
            return null;
        return _builder.Binary(instruction.Opcode, value, ConstantFolder.Fold(instruction.Opcode, instruction.Type, inner, outer)!);
    }

    // x - c        =>  x + -c
    // x - (0 - y)  =>  x + y
    private Value? RewriteSub(Instruction sub)
    {
        if (sub.GetOperand(1) is Constant constant)
            return _builder.Add(sub.GetOperand(0), new Constant(sub.Type, unchecked(UInt128.Zero - constant.Bits)));
        if (Match(sub.GetOperand(1), IrOpcode.Sub) is { } negation && negation.GetOperand(0) is Constant { IsZero: true })
            return _builder.Add(sub.GetOperand(0), negation.GetOperand(1));
        return null;
    }

    // x * 2^k  =>  x << k         x * -1  =>  0 - x
    private Value? RewriteMul(Instruction mul)
    {
        if (mul.GetOperand(1) is not Constant factor || mul.Type == IrType.I1)
            return null;
        if (UInt128.IsPow2(factor.Bits))
            return _builder.Shl(mul.GetOperand(0), Constant.Of(mul.Type, (long)UInt128.TrailingZeroCount(factor.Bits)));
        return factor.IsAllOnes ? _builder.Neg(mul.GetOperand(0)) : null;
    }

    // x udiv 2^k  =>  x >> k      x urem 2^k  =>  x & (2^k - 1)
    private Value? RewriteUnsignedDivision(Instruction division)
    {
        if (division.GetOperand(1) is not Constant divisor || !UInt128.IsPow2(divisor.Bits))
            return null;
        return division.Opcode == IrOpcode.UDiv
            ? _builder.LShr(division.GetOperand(0), Constant.Of(division.Type, (long)UInt128.TrailingZeroCount(divisor.Bits)))
            : _builder.And(division.GetOperand(0), new Constant(division.Type, divisor.Bits - 1));
    }

    // x sdiv y     =>  x udiv y              where both signs are known to be 0 (eBPF before v4 has no signed division)
    // x sdiv 2^k   =>  (x + b) >>s k         where b = 2^k - 1 for negative x, else 0:  b = (x >>s w-1) >>u w-k
    // x srem 2^k   =>  ((x + b) & 2^k-1) - b
    private Value? RewriteSignedDivision(Instruction division)
    {
        Value value = division.GetOperand(0);
        int width = division.Type.Bits();
        if (width is > 64 or 1)
            return null;
        ulong sign = 1UL << (width - 1);
        bool quotient = division.Opcode == IrOpcode.SDiv;
        if ((KnownBits.Of(value).Zeros & KnownBits.Of(division.GetOperand(1)).Zeros & sign) != 0)
            return _builder.Binary(quotient ? IrOpcode.UDiv : IrOpcode.URem, value, division.GetOperand(1));
        if (division.GetOperand(1) is not Constant divisor || !BitOperations.IsPow2(divisor.Unsigned) || divisor.Unsigned == sign || divisor.IsOne)
            return quotient || division.GetOperand(1) is not Constant { IsOne: true } ? null : Constant.Of(division.Type, 0);
        int shift = BitOperations.TrailingZeroCount(divisor.Unsigned);
        Value bias = _builder.LShr(_builder.AShr(value, Constant.Of(division.Type, width - 1)), Constant.Of(division.Type, width - shift));
        Value biased = _builder.Add(value, bias);
        return quotient
            ? _builder.AShr(biased, Constant.Of(division.Type, shift))
            : _builder.Sub(_builder.And(biased, new Constant(division.Type, divisor.Bits - 1)), bias);
    }

    // x & m            =>  x                     every bit outside m is known to be 0 in x
    // x & m            =>  zext (trunc x to 32)  i64, m = 2^32 - 1: one instruction instead of a wide constant
    // (x | c) & m      =>  x & m                 c and m have no common bit
    // (x | y) & x      =>  x
    private Value? RewriteAnd(Instruction and)
    {
        Value value = and.GetOperand(0);
        if (and.GetOperand(1) is not Constant mask || and.Type.Bits() > 64)
            return null;
        KnownBits known = KnownBits.Of(value);
        if ((~known.Zeros & ~mask.Unsigned) == 0)
            return value;
        if ((~known.Zeros & mask.Unsigned) == 0)
            return Constant.Of(and.Type, 0);
        if (and.Type == IrType.I64 && mask.Unsigned == uint.MaxValue)
            return _builder.ZExt(_builder.Trunc(value, IrType.I32), IrType.I64);
        return Match(value, IrOpcode.Or, out Value inner, out Constant set) && (set.Bits & mask.Bits) == 0 ? _builder.And(inner, mask) : null;
    }

    // x | c   =>  x                every bit of c is known to be 1 in x
    // swapped bytes put together  =>  bswap
    private Value? RewriteOr(Instruction or)
    {
        if (or.GetOperand(1) is Constant bits && or.Type.Bits() <= 64 && (bits.Unsigned & ~KnownBits.Of(or.GetOperand(0)).Ones) == 0)
            return or.GetOperand(0);
        return RecogniseByteSwap(or);
    }

    // (a cmp b) ^ true      =>  a !cmp b              (zext c) ^ 1  =>  zext (c ^ true)
    private Value? RewriteXor(Instruction xor)
    {
        Value value = xor.GetOperand(0);
        if (xor.GetOperand(1) is not Constant { IsOne: true })
            return null;
        if (xor.Type == IrType.I1 && value is CompareInstruction compare)
            return _builder.Compare(compare.Predicate.Negate(), compare.GetOperand(0), compare.GetOperand(1));
        if (Match(value, IrOpcode.ZExt) is { } extension && extension.GetOperand(0).Type == IrType.I1)
            return _builder.ZExt(_builder.Not(extension.GetOperand(0)), xor.Type);
        return null;
    }

    // (x << a) << b    =>  x << (a + b)       likewise >>u; 0 when all bits are gone; >>s stops at the sign
    // (x << k) >>u k   =>  zext (trunc x)     k leaves 8, 16 or 32 bits; else x & mask when the mask is a small immediate
    // (x << k) >>s k   =>  sext (trunc x)     k leaves 8, 16 or 32 bits
    // (x >>u k) << k   =>  x & ~(2^k - 1)     as an immediate
    // (x & m) >>u k    =>  (x >>u k) & (m >>u k)
    // x >>s k          =>  x >>u k            the sign is known to be 0
    private Value? RewriteShift(Instruction shift)
    {
        IrType type = shift.Type;
        int width = type.Bits();
        if (width > 64 || shift.GetOperand(1) is not Constant count || count.Bits >= (UInt128)width)
            return null;
        int k = (int)count.Unsigned;
        Value value = shift.GetOperand(0);
        IrOpcode opcode = shift.Opcode;
        if (Match(value, opcode, out Value inner, out Constant first) && first.Bits < (UInt128)width)
        {
            int sum = k + (int)first.Unsigned;
            if (sum >= width && opcode != IrOpcode.AShr)
                return Constant.Of(type, 0);
            return _builder.Binary(opcode, inner, Constant.Of(type, Math.Min(sum, width - 1)));
        }
        if (opcode == IrOpcode.AShr && (KnownBits.Of(value).Zeros >> (width - 1) & 1) != 0)
            return _builder.LShr(value, count);
        if (opcode != IrOpcode.Shl && Match(value, IrOpcode.Shl, out Value shifted, out Constant left) && left.Bits == count.Bits)
            return Extract(shifted, width - k, opcode == IrOpcode.AShr);
        if (opcode == IrOpcode.LShr && Match(value, IrOpcode.And, out Value masked, out Constant mask) && IsOneUse(value))
            return _builder.And(_builder.LShr(masked, count), new Constant(type, mask.Bits >> k));
        if (opcode == IrOpcode.Shl && Match(value, IrOpcode.LShr, out Value whole, out Constant right) && right.Bits == count.Bits && k < 32)
            return _builder.And(whole, new Constant(type, (UInt128)(ulong.MaxValue << k)));
        return null;
    }

    /// <summary>The low bits of a value, zero- or sign-extended in its own type; null when shifts do it best.</summary>
    private Value? Extract(Value value, int bits, bool isSigned)
    {
        if (bits is 8 or 16 or 32)
        {
            Value low = _builder.Trunc(value, IrTypes.Integer(bits));
            return isSigned ? _builder.SExt(low, value.Type) : _builder.ZExt(low, value.Type);
        }
        return !isSigned && bits < 32 ? _builder.And(value, new Constant(value.Type, (UInt128.One << bits) - 1)) : null;
    }
}
