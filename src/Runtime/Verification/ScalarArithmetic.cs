// Abstract arithmetic on numbers: what an operation makes of everything known about its operands. Additions, subtractions,
// multiplications and bitwise operations compute the 64- and the 32-bit ranges side by side; shifts move bits across the
// halves and rebuild the ranges from the bits. Constant operands are folded with IntegerArithmetic, the one definition of
// every operation.
using Ebpfcc.Core.Numerics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal static class ScalarArithmetic
{
    /// <summary>
    /// <paramref name="dst"/> op= <paramref name="src"/>. <paramref name="width"/> is 32 or 64; a 32-bit result is zero-extended.
    /// </summary>
    public static void Apply(Operation operation, int width, ref ScalarBounds dst, in ScalarBounds src)
    {
        bool constantSource = width == 32
            ? src.Bits.IsLowConst && src.SMin32 == src.SMax32 && src.UMin32 == src.UMax32
            : src.Bits.IsConst && src.SMin == src.SMax && src.UMin == src.UMax;
        switch (operation)
        {
            case Operation.Add:
                Add(ref dst, src);
                break;
            case Operation.Sub:
                Subtract(ref dst, src);
                break;
            case Operation.Mul:
                Multiply(ref dst, src);
                break;
            case Operation.And:
                And(ref dst, src);
                break;
            case Operation.Or:
                Or(ref dst, src);
                break;
            case Operation.Xor:
                Xor(ref dst, src);
                break;
            case Operation.Neg:
                ScalarBounds zero = ScalarBounds.Const(0);
                Subtract(ref zero, dst);
                dst = zero;
                break;
            // The count's high half counts here although 32-bit shifts do not read it: the kernel is that careful.
            case Operation.Lsh or Operation.Rsh or Operation.Arsh when constantSource && src.UMax < (ulong)width:
                int count = (int)src.UMin32;
                if (width == 32)
                    Shift32(operation, ref dst, count);
                else
                    Shift64(operation, ref dst, count);
                break;
            default:
                // Quotients, remainders and shifts by an unknown count: the kernel does not follow them either.
                dst = ScalarBounds.Unknown;
                return;
        }
        if (width == 32)
            dst.ZeroExtendLow();
        dst.Synchronize();
    }

    /// <summary>Keeps <paramref name="width"/> low bits, in reversed byte order when <paramref name="swaps"/>: bits move, ranges follow from them.</summary>
    public static void SwapBytes(bool swaps, int width, ref ScalarBounds value)
    {
        if (!swaps && width == 64)
            return;
        if (!swaps)
        {
            value.Truncate(width / 8);
            return;
        }
        value.Bits = new Tnum(IntegerArithmetic.ByteSwap(value.Bits.Value, width), IntegerArithmetic.ByteSwap(value.Bits.Mask, width));
        value.ForgetRanges();
        value.Synchronize();
    }

    private static void Add(ref ScalarBounds dst, in ScalarBounds src)
    {
        unchecked
        {
            // Unsigned ends may both wrap and still be in order; only one wrapping end loses the range.
            ulong uMin = dst.UMin + src.UMin, uMax = dst.UMax + src.UMax;
            bool minWraps = uMin < dst.UMin, maxWraps = uMax < dst.UMax;
            (dst.UMin, dst.UMax) = minWraps == maxWraps ? (uMin, uMax) : (0, ulong.MaxValue);
            uint uMin32 = dst.UMin32 + src.UMin32, uMax32 = dst.UMax32 + src.UMax32;
            bool minWraps32 = uMin32 < dst.UMin32, maxWraps32 = uMax32 < dst.UMax32;
            (dst.UMin32, dst.UMax32) = minWraps32 == maxWraps32 ? (uMin32, uMax32) : (0, uint.MaxValue);
        }
        Int128 sMin = (Int128)dst.SMin + src.SMin, sMax = (Int128)dst.SMax + src.SMax;
        (dst.SMin, dst.SMax) = sMin >= long.MinValue && sMax <= long.MaxValue ? ((long)sMin, (long)sMax) : (long.MinValue, long.MaxValue);
        long sMin32 = (long)dst.SMin32 + src.SMin32, sMax32 = (long)dst.SMax32 + src.SMax32;
        (dst.SMin32, dst.SMax32) = sMin32 >= int.MinValue && sMax32 <= int.MaxValue ? ((int)sMin32, (int)sMax32) : (int.MinValue, int.MaxValue);
        dst.Bits += src.Bits;
    }

    private static void Subtract(ref ScalarBounds dst, in ScalarBounds src)
    {
        unchecked
        {
            ulong uMin = dst.UMin - src.UMax, uMax = dst.UMax - src.UMin;
            bool minWraps = dst.UMin < src.UMax, maxWraps = dst.UMax < src.UMin;
            (dst.UMin, dst.UMax) = minWraps == maxWraps ? (uMin, uMax) : (0, ulong.MaxValue);
            uint uMin32 = dst.UMin32 - src.UMax32, uMax32 = dst.UMax32 - src.UMin32;
            bool minWraps32 = dst.UMin32 < src.UMax32, maxWraps32 = dst.UMax32 < src.UMin32;
            (dst.UMin32, dst.UMax32) = minWraps32 == maxWraps32 ? (uMin32, uMax32) : (0, uint.MaxValue);
        }
        Int128 sMin = (Int128)dst.SMin - src.SMax, sMax = (Int128)dst.SMax - src.SMin;
        (dst.SMin, dst.SMax) = sMin >= long.MinValue && sMax <= long.MaxValue ? ((long)sMin, (long)sMax) : (long.MinValue, long.MaxValue);
        long sMin32 = (long)dst.SMin32 - src.SMax32, sMax32 = (long)dst.SMax32 - src.SMin32;
        (dst.SMin32, dst.SMax32) = sMin32 >= int.MinValue && sMax32 <= int.MaxValue ? ((int)sMin32, (int)sMax32) : (int.MinValue, int.MaxValue);
        dst.Bits -= src.Bits;
    }

    private static void Multiply(ref ScalarBounds dst, in ScalarBounds src)
    {
        UInt128 uMax = (UInt128)dst.UMax * src.UMax;
        (dst.UMin, dst.UMax) = uMax <= ulong.MaxValue ? (dst.UMin * src.UMin, (ulong)uMax) : (0, ulong.MaxValue);
        ulong uMax32 = (ulong)dst.UMax32 * src.UMax32;
        (dst.UMin32, dst.UMax32) = uMax32 <= uint.MaxValue ? (dst.UMin32 * src.UMin32, (uint)uMax32) : (0, uint.MaxValue);

        Int128 a = (Int128)dst.SMin * src.SMin, b = (Int128)dst.SMin * src.SMax, c = (Int128)dst.SMax * src.SMin, d = (Int128)dst.SMax * src.SMax;
        Int128 sMin = Int128.Min(Int128.Min(a, b), Int128.Min(c, d)), sMax = Int128.Max(Int128.Max(a, b), Int128.Max(c, d));
        (dst.SMin, dst.SMax) = sMin >= long.MinValue && sMax <= long.MaxValue ? ((long)sMin, (long)sMax) : (long.MinValue, long.MaxValue);
        long a32 = (long)dst.SMin32 * src.SMin32, b32 = (long)dst.SMin32 * src.SMax32, c32 = (long)dst.SMax32 * src.SMin32, d32 = (long)dst.SMax32 * src.SMax32;
        long sMin32 = Math.Min(Math.Min(a32, b32), Math.Min(c32, d32)), sMax32 = Math.Max(Math.Max(a32, b32), Math.Max(c32, d32));
        (dst.SMin32, dst.SMax32) = sMin32 >= int.MinValue && sMax32 <= int.MaxValue ? ((int)sMin32, (int)sMax32) : (int.MinValue, int.MaxValue);
        dst.Bits *= src.Bits;
    }

    private static void And(ref ScalarBounds dst, in ScalarBounds src)
    {
        dst.Bits &= src.Bits;
        // A conjunction is at most either operand, and at least the bits certain in both.
        SetUnsigned(ref dst, dst.Bits.Value, Math.Min(dst.UMax, src.UMax));
        SetUnsigned32(ref dst, (uint)dst.Bits.Value, Math.Min(dst.UMax32, src.UMax32));
    }

    private static void Or(ref ScalarBounds dst, in ScalarBounds src)
    {
        dst.Bits |= src.Bits;
        SetUnsigned(ref dst, Math.Max(dst.UMin, src.UMin), dst.Bits.Value | dst.Bits.Mask);
        SetUnsigned32(ref dst, Math.Max(dst.UMin32, src.UMin32), (uint)(dst.Bits.Value | dst.Bits.Mask));
    }

    private static void Xor(ref ScalarBounds dst, in ScalarBounds src)
    {
        dst.Bits ^= src.Bits;
        SetUnsigned(ref dst, dst.Bits.Value, dst.Bits.Value | dst.Bits.Mask);
        SetUnsigned32(ref dst, (uint)dst.Bits.Value, (uint)(dst.Bits.Value | dst.Bits.Mask));
    }

    private static void SetUnsigned(ref ScalarBounds dst, ulong min, ulong max)
    {
        (dst.UMin, dst.UMax) = (min, max);
        (dst.SMin, dst.SMax) = (long)min <= (long)max ? ((long)min, (long)max) : (long.MinValue, long.MaxValue);
    }

    private static void SetUnsigned32(ref ScalarBounds dst, uint min, uint max)
    {
        (dst.UMin32, dst.UMax32) = (min, max);
        (dst.SMin32, dst.SMax32) = (int)min <= (int)max ? ((int)min, (int)max) : (int.MinValue, int.MaxValue);
    }

    private static void Shift64(Operation operation, ref ScalarBounds dst, int count)
    {
        switch (operation)
        {
            case Operation.Lsh:
                // r <<= 32; r s>>= 32 is the old way to sign-extend: the signed low range becomes the high half's.
                (dst.SMin, dst.SMax) = count == 32 ? ((long)dst.SMin32 << 32, (long)dst.SMax32 << 32) : (long.MinValue, long.MaxValue);
                (dst.UMin, dst.UMax) = dst.UMax <= ulong.MaxValue >> count ? (dst.UMin << count, dst.UMax << count) : (0, ulong.MaxValue);
                (dst.UMin32, dst.UMax32) = count < 32 && dst.UMax32 <= uint.MaxValue >> count ? (dst.UMin32 << count, dst.UMax32 << count) : (0, uint.MaxValue);
                (dst.SMin32, dst.SMax32) = (int.MinValue, int.MaxValue);
                dst.Bits = dst.Bits.ShiftLeft(count);
                break;
            case Operation.Rsh:
                (dst.UMin, dst.UMax) = (dst.UMin >> count, dst.UMax >> count);
                (dst.SMin, dst.SMax) = (long.MinValue, long.MaxValue);
                dst.Bits = dst.Bits.ShiftRight(count);
                dst.Forget32();
                break;
            default:
                (dst.SMin, dst.SMax) = (dst.SMin >> count, dst.SMax >> count);
                (dst.UMin, dst.UMax) = (0, ulong.MaxValue);
                dst.Bits = dst.Bits.ShiftRightArithmetic(count, 64);
                dst.Forget32();
                break;
        }
        dst.LearnRangesFromBits();
    }

    private static void Shift32(Operation operation, ref ScalarBounds dst, int count)
    {
        Tnum low = dst.Bits.Low;
        switch (operation)
        {
            case Operation.Lsh:
                (dst.UMin32, dst.UMax32) = dst.UMax32 <= uint.MaxValue >> count ? (dst.UMin32 << count, dst.UMax32 << count) : (0, uint.MaxValue);
                (dst.SMin32, dst.SMax32) = (int.MinValue, int.MaxValue);
                dst.Bits = low.ShiftLeft(count).Low;
                break;
            case Operation.Rsh:
                (dst.UMin32, dst.UMax32) = (dst.UMin32 >> count, dst.UMax32 >> count);
                (dst.SMin32, dst.SMax32) = (int.MinValue, int.MaxValue);
                dst.Bits = low.ShiftRight(count);
                break;
            default:
                (dst.SMin32, dst.SMax32) = (dst.SMin32 >> count, dst.SMax32 >> count);
                (dst.UMin32, dst.UMax32) = (0, uint.MaxValue);
                dst.Bits = low.ShiftRightArithmetic(count, 32);
                break;
        }
        dst.Forget64();
        dst.LearnLowRangesFromBits();
    }

    /// <summary>The concrete result of an operation, for tests and folding.</summary>
    public static ulong Concrete(Operation operation, int width, ulong a, ulong b)
    {
        uint a32 = (uint)a, b32 = (uint)b;
        return width == 64
            ? operation switch
            {
                Operation.Add => a + b, Operation.Sub => a - b, Operation.Mul => a * b, Operation.And => a & b, Operation.Or => a | b, Operation.Xor => a ^ b,
                Operation.Neg => 0 - a, Operation.Lsh => IntegerArithmetic.ShiftLeft(a, b), Operation.Rsh => IntegerArithmetic.ShiftRightLogical(a, b),
                Operation.Arsh => IntegerArithmetic.ShiftRightArithmetic(a, b), Operation.Div => IntegerArithmetic.DivideUnsigned(a, b),
                Operation.Mod => IntegerArithmetic.RemainderUnsigned(a, b), Operation.SDiv => (ulong)IntegerArithmetic.DivideSigned((long)a, (long)b),
                Operation.SMod => (ulong)IntegerArithmetic.RemainderSigned((long)a, (long)b), _ => b,
            }
            : operation switch
            {
                Operation.Add => a32 + b32, Operation.Sub => a32 - b32, Operation.Mul => a32 * b32, Operation.And => a32 & b32, Operation.Or => a32 | b32,
                Operation.Xor => a32 ^ b32, Operation.Neg => 0 - a32, Operation.Lsh => IntegerArithmetic.ShiftLeft(a32, b32),
                Operation.Rsh => IntegerArithmetic.ShiftRightLogical(a32, b32), Operation.Arsh => IntegerArithmetic.ShiftRightArithmetic(a32, b32),
                Operation.Div => IntegerArithmetic.DivideUnsigned(a32, b32), Operation.Mod => IntegerArithmetic.RemainderUnsigned(a32, b32),
                Operation.SDiv => (uint)IntegerArithmetic.DivideSigned((int)a32, (int)b32), Operation.SMod => (uint)IntegerArithmetic.RemainderSigned((int)a32, (int)b32),
                _ => b32,
            };
    }
}
