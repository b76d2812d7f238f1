// What an edge teaches: a conditional jump splits the path in two, and on each edge something more is known of the operands, of
// the numbers linked to them, of pointers compared with null, and of packet pointers compared with the packet's end.
using System.Numerics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal static class Refinement
{
    /// <summary>The comparison with its operands exchanged.</summary>
    public static Operation Mirror(Operation operation) => operation switch
    {
        Operation.Jgt => Operation.Jlt, Operation.Jge => Operation.Jle, Operation.Jlt => Operation.Jgt, Operation.Jle => Operation.Jge,
        Operation.Jsgt => Operation.Jslt, Operation.Jsge => Operation.Jsle, Operation.Jslt => Operation.Jsgt, Operation.Jsle => Operation.Jsge,
        _ => operation,
    };

    /// <summary>Whether <paramref name="a"/> op <paramref name="b"/> holds for all values, for none, or (null) for some.</summary>
    public static bool? Decide(Operation operation, bool low, in RegisterState a, in RegisterState b)
    {
        Tnum bitsA = low ? a.Value.Bits.Low : a.Value.Bits, bitsB = low ? b.Value.Bits.Low : b.Value.Bits;
        ulong uMinA = low ? a.Value.UMin32 : a.Value.UMin, uMaxA = low ? a.Value.UMax32 : a.Value.UMax;
        ulong uMinB = low ? b.Value.UMin32 : b.Value.UMin, uMaxB = low ? b.Value.UMax32 : b.Value.UMax;
        long sMinA = low ? a.Value.SMin32 : a.Value.SMin, sMaxA = low ? a.Value.SMax32 : a.Value.SMax;
        long sMinB = low ? b.Value.SMin32 : b.Value.SMin, sMaxB = low ? b.Value.SMax32 : b.Value.SMax;
        switch (operation)
        {
            case Operation.Jeq:
                return MayBeEqual() ? bitsA.IsConst && bitsB.IsConst ? true : null : false;
            case Operation.Jne:
                return MayBeEqual() ? bitsA.IsConst && bitsB.IsConst ? false : null : true;
            case Operation.Jset:
                if (!bitsB.IsConst)
                    (bitsA, bitsB) = (bitsB, bitsA);
                if (!bitsB.IsConst)
                    return null;
                if ((bitsA.Value & bitsB.Value) != 0)
                    return true;
                return ((bitsA.Value | bitsA.Mask) & bitsB.Value) == 0 ? false : null;
            case Operation.Jgt:
                return uMinA > uMaxB ? true : uMaxA <= uMinB ? false : null;
            case Operation.Jge:
                return uMinA >= uMaxB ? true : uMaxA < uMinB ? false : null;
            case Operation.Jlt:
                return uMaxA < uMinB ? true : uMinA >= uMaxB ? false : null;
            case Operation.Jle:
                return uMaxA <= uMinB ? true : uMinA > uMaxB ? false : null;
            case Operation.Jsgt:
                return sMinA > sMaxB ? true : sMaxA <= sMinB ? false : null;
            case Operation.Jsge:
                return sMinA >= sMaxB ? true : sMaxA < sMinB ? false : null;
            case Operation.Jslt:
                return sMaxA < sMinB ? true : sMinA >= sMaxB ? false : null;
            case Operation.Jsle:
                return sMaxA <= sMinB ? true : sMinA > sMaxB ? false : null;
            default:
                return null;
        }

        bool MayBeEqual() => bitsA.Overlaps(bitsB) && uMinA <= uMaxB && uMaxA >= uMinB && sMinA <= sMaxB && sMaxA >= sMinB;
    }

    /// <summary>As above, with what the 32-bit ranges say about a 64-bit (in)equality.</summary>
    public static bool? DecideScalars(Operation operation, bool low, in RegisterState a, in RegisterState b)
    {
        bool? decided = Decide(operation, low, a, b);
        if (decided is null && !low && operation is Operation.Jeq or Operation.Jne)
        {
            if (decided is null && (a.Value.UMin32 > b.Value.UMax32 || a.Value.UMax32 < b.Value.UMin32 || a.Value.SMin32 > b.Value.SMax32 || a.Value.SMax32 < b.Value.SMin32))
                return operation == Operation.Jne;
        }
        return decided;
    }

    /// <summary>A number compared with itself.</summary>
    public static bool? DecideSame(Operation operation, bool low, in ScalarBounds value) => operation switch
    {
        Operation.Jeq or Operation.Jge or Operation.Jle or Operation.Jsge or Operation.Jsle => true,
        Operation.Jset when low => (uint)value.Bits.Value != 0 || value.UMin32 > 0 ? true : value.UMax32 == 0 ? false : null,
        Operation.Jset => value.Bits.Value != 0 || value.UMin > 0 ? true : value.UMax == 0 ? false : null,
        _ => false,
    };

    /// <summary>Narrows both numbers to what <paramref name="operation"/> being <paramref name="holds"/> says, and synchronizes them.</summary>
    public static void Assume(Operation operation, bool low, ref ScalarBounds a, ref ScalarBounds b, bool holds)
    {
        if (operation == Operation.Jset)
        {
            if (b.Bits is var mask && (low ? mask.IsLowConst : mask.IsConst))
                AssumeBits(low, ref a, low ? (uint)mask.Value : mask.Value, holds);
            else if (a.Bits is var other && (low ? other.IsLowConst : other.IsConst))
                AssumeBits(low, ref b, low ? (uint)other.Value : other.Value, holds);
        }
        else
        {
            Operation actual = holds ? operation : Negate(operation);
            switch (actual)
            {
                case Operation.Jeq:
                    AssumeEqual(low, ref a, ref b);
                    break;
                case Operation.Jne:
                    if (low ? b.Bits.IsLowConst : b.Bits.IsConst)
                        AssumeDifferent(low, ref a, b.Bits.Value);
                    else if (low ? a.Bits.IsLowConst : a.Bits.IsConst)
                        AssumeDifferent(low, ref b, a.Bits.Value);
                    break;
                case Operation.Jle:
                    AssumeLess(low, ref a, ref b, 0);
                    break;
                case Operation.Jlt:
                    AssumeLess(low, ref a, ref b, 1);
                    break;
                case Operation.Jge:
                    AssumeLess(low, ref b, ref a, 0);
                    break;
                case Operation.Jgt:
                    AssumeLess(low, ref b, ref a, 1);
                    break;
                case Operation.Jsle:
                    AssumeLessSigned(low, ref a, ref b, 0);
                    break;
                case Operation.Jslt:
                    AssumeLessSigned(low, ref a, ref b, 1);
                    break;
                case Operation.Jsge:
                    AssumeLessSigned(low, ref b, ref a, 0);
                    break;
                case Operation.Jsgt:
                    AssumeLessSigned(low, ref b, ref a, 1);
                    break;
            }
        }
        a.Synchronize();
        b.Synchronize();
    }

    private static Operation Negate(Operation operation) => operation switch
    {
        Operation.Jeq => Operation.Jne, Operation.Jne => Operation.Jeq, Operation.Jgt => Operation.Jle, Operation.Jge => Operation.Jlt,
        Operation.Jlt => Operation.Jge, Operation.Jle => Operation.Jgt, Operation.Jsgt => Operation.Jsle, Operation.Jsge => Operation.Jslt,
        Operation.Jslt => Operation.Jsge, Operation.Jsle => Operation.Jsgt, _ => operation,
    };

    private static void AssumeEqual(bool low, ref ScalarBounds a, ref ScalarBounds b)
    {
        if (low)
        {
            a.MeetU32(b.UMin32, b.UMax32);
            a.MeetS32(b.SMin32, b.SMax32);
            (b.UMin32, b.UMax32, b.SMin32, b.SMax32) = (a.UMin32, a.UMax32, a.SMin32, a.SMax32);
            Tnum common = a.Bits.Low.Meet(b.Bits.Low);
            a.Bits = a.Bits.WithLow(common);
            b.Bits = b.Bits.WithLow(common);
        }
        else
        {
            a.MeetU(b.UMin, b.UMax);
            a.MeetS(b.SMin, b.SMax);
            (b.UMin, b.UMax, b.SMin, b.SMax) = (a.UMin, a.UMax, a.SMin, a.SMax);
            a.Bits = a.Bits.Meet(b.Bits);
            b.Bits = a.Bits;
        }
    }

    /// <summary>Only a constant at the very end of a range teaches anything.</summary>
    private static void AssumeDifferent(bool low, ref ScalarBounds a, ulong value)
    {
        if (low)
        {
            if (a.UMin32 == (uint)value)
                a.UMin32++;
            if (a.UMax32 == (uint)value)
                a.UMax32--;
            if (a.SMin32 == (int)value)
                a.SMin32++;
            if (a.SMax32 == (int)value)
                a.SMax32--;
        }
        else
        {
            if (a.UMin == value)
                a.UMin++;
            if (a.UMax == value)
                a.UMax--;
            if (a.SMin == (long)value)
                a.SMin++;
            if (a.SMax == (long)value)
                a.SMax--;
        }
    }

    private static void AssumeBits(bool low, ref ScalarBounds a, ulong mask, bool set)
    {
        if (set)
        {
            // One bit of several is set: which one is unknown, so only single bits teach.
            if (BitOperations.IsPow2(mask))
                a.Bits |= Tnum.Const(mask);
            return;
        }
        a.ForgetRanges();
        a.Bits &= Tnum.Const(~mask);
        _ = low;
    }

    /// <summary>a + gap &lt;= b, unsigned.</summary>
    private static void AssumeLess(bool low, ref ScalarBounds a, ref ScalarBounds b, uint gap)
    {
        if (low)
        {
            a.UMax32 = Math.Min(a.UMax32, b.UMax32 - gap);
            b.UMin32 = Math.Max(a.UMin32 + gap, b.UMin32);
        }
        else
        {
            a.UMax = Math.Min(a.UMax, b.UMax - gap);
            b.UMin = Math.Max(a.UMin + gap, b.UMin);
        }
    }

    private static void AssumeLessSigned(bool low, ref ScalarBounds a, ref ScalarBounds b, int gap)
    {
        if (low)
        {
            a.SMax32 = Math.Min(a.SMax32, b.SMax32 - gap);
            b.SMin32 = Math.Max(a.SMin32 + gap, b.SMin32);
        }
        else
        {
            a.SMax = Math.Min(a.SMax, b.SMax - gap);
            b.SMin = Math.Max(a.SMin + gap, b.SMin);
        }
    }
}
