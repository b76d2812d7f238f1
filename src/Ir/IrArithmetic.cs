// What the IR's pure operations compute, on bit patterns of any width up to 128. Constant folding and the evaluator both call
// this, and it calls IntegerArithmetic for the widths the machine has, so that folding never disagrees with execution.
// Shifts by the width or more are undefined in the IR; here the count is taken modulo the width, as the machine does.
using Ebpfcc.Core.Numerics;

namespace Ebpfcc.Ir;

public static class IrArithmetic
{
    /// <summary>Cuts a pattern to a type's width.</summary>
    public static UInt128 Truncate(UInt128 value, IrType type) => value & Constant.Mask(type);

    /// <summary>Sign-extends a pattern of the type's width to 128 bits.</summary>
    public static Int128 SignExtend(UInt128 value, IrType type)
    {
        int shift = 128 - type.Bits();
        return (Int128)(value << shift) >> shift;
    }

    /// <summary>A two-operand operation; operands and result are patterns of <paramref name="type"/>'s width.</summary>
    public static UInt128 Binary(IrOpcode opcode, IrType type, UInt128 left, UInt128 right)
    {
        UInt128 result = opcode switch
        {
            IrOpcode.Add => unchecked(left + right),
            IrOpcode.Sub => unchecked(left - right),
            IrOpcode.Mul => unchecked(left * right),
            IrOpcode.And => left & right,
            IrOpcode.Or => left | right,
            IrOpcode.Xor => left ^ right,
            IrOpcode.UDiv or IrOpcode.URem => DivideUnsigned(opcode == IrOpcode.UDiv, type, left, right),
            IrOpcode.SDiv or IrOpcode.SRem => DivideSigned(opcode == IrOpcode.SDiv, type, left, right),
            IrOpcode.Shl => left << ShiftCount(type, right),
            IrOpcode.LShr => left >> ShiftCount(type, right),
            IrOpcode.AShr => (UInt128)(SignExtend(left, type) >> ShiftCount(type, right)),
            _ => throw new ArgumentOutOfRangeException(nameof(opcode), opcode, "Not a two-operand operation."),
        };
        return Truncate(result, type);
    }

    /// <summary>A one-operand bit operation.</summary>
    public static UInt128 Unary(IrOpcode opcode, IrType type, UInt128 value) => opcode switch
    {
        IrOpcode.ByteSwap => ByteSwap(value, type.Bytes()),
        IrOpcode.CountLeadingZeros => UInt128.LeadingZeroCount(value) - (UInt128)(128 - type.Bits()),
        IrOpcode.CountTrailingZeros => value == 0 ? (UInt128)type.Bits() : UInt128.TrailingZeroCount(value),
        IrOpcode.PopCount => UInt128.PopCount(value),
        _ => throw new ArgumentOutOfRangeException(nameof(opcode), opcode, "Not a one-operand operation."),
    };

    /// <summary>A conversion between integer types or between Ptr and I64.</summary>
    public static UInt128 Cast(IrOpcode opcode, IrType from, IrType to, UInt128 value) => opcode switch
    {
        IrOpcode.ZExt or IrOpcode.PtrToInt or IrOpcode.IntToPtr => value,
        IrOpcode.SExt => Truncate((UInt128)SignExtend(value, from), to),
        IrOpcode.Trunc => Truncate(value, to),
        _ => throw new ArgumentOutOfRangeException(nameof(opcode), opcode, "Not a conversion."),
    };

    public static bool Compare(ComparePredicate predicate, IrType type, UInt128 left, UInt128 right) => predicate switch
    {
        ComparePredicate.Eq => left == right,
        ComparePredicate.Ne => left != right,
        ComparePredicate.Ult => left < right,
        ComparePredicate.Ule => left <= right,
        ComparePredicate.Ugt => left > right,
        ComparePredicate.Uge => left >= right,
        ComparePredicate.Slt => SignExtend(left, type) < SignExtend(right, type),
        ComparePredicate.Sle => SignExtend(left, type) <= SignExtend(right, type),
        ComparePredicate.Sgt => SignExtend(left, type) > SignExtend(right, type),
        ComparePredicate.Sge => SignExtend(left, type) >= SignExtend(right, type),
        _ => throw new ArgumentOutOfRangeException(nameof(predicate)),
    };

    /// <summary>What an atomic read-modify-write leaves in memory.</summary>
    public static UInt128 Atomic(AtomicOperation operation, IrType type, UInt128 old, UInt128 operand) => operation switch
    {
        AtomicOperation.Add => Truncate(unchecked(old + operand), type),
        AtomicOperation.Sub => Truncate(unchecked(old - operand), type),
        AtomicOperation.And => old & operand,
        AtomicOperation.Or => old | operand,
        AtomicOperation.Xor => old ^ operand,
        AtomicOperation.Nand => Truncate(~(old & operand), type),
        AtomicOperation.Exchange => operand,
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    /// <summary>The predicate that holds exactly when this one does not.</summary>
    public static ComparePredicate Negate(this ComparePredicate predicate) => predicate switch
    {
        ComparePredicate.Eq => ComparePredicate.Ne,
        ComparePredicate.Ne => ComparePredicate.Eq,
        ComparePredicate.Ult => ComparePredicate.Uge,
        ComparePredicate.Ule => ComparePredicate.Ugt,
        ComparePredicate.Ugt => ComparePredicate.Ule,
        ComparePredicate.Uge => ComparePredicate.Ult,
        ComparePredicate.Slt => ComparePredicate.Sge,
        ComparePredicate.Sle => ComparePredicate.Sgt,
        ComparePredicate.Sgt => ComparePredicate.Sle,
        _ => ComparePredicate.Slt,
    };

    /// <summary>The predicate for exchanged operands.</summary>
    public static ComparePredicate Swap(this ComparePredicate predicate) => predicate switch
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

    public static bool IsSigned(this ComparePredicate predicate) => predicate >= ComparePredicate.Slt;

    public static bool IsEquality(this ComparePredicate predicate) => predicate <= ComparePredicate.Ne;

    /// <summary>The result for equal operands.</summary>
    public static bool HoldsForEqual(this ComparePredicate predicate)
        => predicate is ComparePredicate.Eq or ComparePredicate.Ule or ComparePredicate.Uge or ComparePredicate.Sle or ComparePredicate.Sge;

    private static int ShiftCount(IrType type, UInt128 count) => (int)((uint)count & (uint)(type.Bits() - 1));

    private static UInt128 DivideUnsigned(bool quotient, IrType type, UInt128 left, UInt128 right)
    {
        if (type.Bits() <= 64)
        {
            return quotient
                ? IntegerArithmetic.DivideUnsigned((ulong)left, (ulong)right)
                : IntegerArithmetic.RemainderUnsigned((ulong)left, (ulong)right);
        }
        return right == 0 ? (quotient ? 0 : left) : quotient ? left / right : left % right;
    }

    private static UInt128 DivideSigned(bool quotient, IrType type, UInt128 left, UInt128 right)
    {
        Int128 dividend = SignExtend(left, type), divisor = SignExtend(right, type);
        if (type.Bits() <= 64)
        {
            return (UInt128)(Int128)(quotient
                ? IntegerArithmetic.DivideSigned((long)dividend, (long)divisor)
                : IntegerArithmetic.RemainderSigned((long)dividend, (long)divisor));
        }
        if (divisor == 0)
            return quotient ? 0 : left;
        if (divisor == -1)
            return quotient ? unchecked((UInt128)(-dividend)) : 0;
        return (UInt128)(quotient ? dividend / divisor : dividend % divisor);
    }

    private static UInt128 ByteSwap(UInt128 value, int bytes)
    {
        UInt128 result = 0;
        for (int i = 0; i < bytes; i++)
        {
            result = (result << 8) | (value & 0xFF);
            value >>= 8;
        }
        return result;
    }
}
