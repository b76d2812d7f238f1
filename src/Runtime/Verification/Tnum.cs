// Tristate numbers: every bit of a 64-bit word is known 0, known 1 or unknown.
//
//   Value  Mask      meaning of the bit          gamma(v, m) = { x | x & ~m == v },  v & m == 0 always
//     0      0       known 0
//     1      0       known 1
//     0      1       unknown
//
// Source: H. Vishwanathan, M. Shachnai, S. Narayana, S. Nagarakatte, "Sound, Precise, and Fast Abstract Interpretation with
// Tristate Numbers" (CGO 2022). Every operation is checked against all concrete values at small widths by the tests.
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Ebpfcc.Runtime.Verification;

/// <summary>A set of 64-bit words described bit by bit.</summary>
internal readonly record struct Tnum(ulong Value, ulong Mask)
{
    public static Tnum Unknown => new(0, ulong.MaxValue);

    public static Tnum Const(ulong value) => new(value, 0);

    public bool IsConst => Mask == 0;

    public bool IsUnknown => Mask == ulong.MaxValue;

    public bool IsLowConst => (uint)Mask == 0;

    public bool Is(ulong value) => Mask == 0 && Value == value;

    /// <summary>The smallest tristate number that holds every x with min &lt;= x &lt;= max, unsigned.</summary>
    public static Tnum Range(ulong min, ulong max)
    {
        int differing = 64 - BitOperations.LeadingZeroCount(min ^ max);
        if (differing == 64)
            return Unknown;
        ulong free = (1UL << differing) - 1;
        return new Tnum(min & ~free, free);
    }

    public Tnum ShiftLeft(int count) => new(Value << count, Mask << count);

    public Tnum ShiftRight(int count) => new(Value >> count, Mask >> count);

    /// <summary>Sign-propagating shift of the low <paramref name="width"/> (32 or 64) bits; an unknown sign spreads as unknown.</summary>
    public Tnum ShiftRightArithmetic(int count, int width) => width == 32
        ? new Tnum((uint)((int)Value >> count), (uint)((int)Mask >> count))
        : new Tnum((ulong)((long)Value >> count), (ulong)((long)Mask >> count));

    /// <summary>Carries differ between the smallest and the largest sum exactly where they are uncertain.</summary>
    public static Tnum operator +(Tnum a, Tnum b)
    {
        ulong least = a.Value + b.Value;
        ulong most = least + (a.Mask + b.Mask);
        ulong unknown = (least ^ most) | a.Mask | b.Mask;
        return new Tnum(least & ~unknown, unknown);
    }

    public static Tnum operator -(Tnum a, Tnum b)
    {
        ulong difference = a.Value - b.Value;
        ulong unknown = ((difference + a.Mask) ^ (difference - b.Mask)) | a.Mask | b.Mask;
        return new Tnum(difference & ~unknown, unknown);
    }

    public static Tnum operator -(Tnum a) => Const(0) - a;

    public static Tnum operator &(Tnum a, Tnum b)
    {
        ulong ones = a.Value & b.Value;
        return new Tnum(ones, (a.Value | a.Mask) & (b.Value | b.Mask) & ~ones);
    }

    public static Tnum operator |(Tnum a, Tnum b)
    {
        ulong ones = a.Value | b.Value;
        return new Tnum(ones, (a.Mask | b.Mask) & ~ones);
    }

    public static Tnum operator ^(Tnum a, Tnum b)
    {
        ulong unknown = a.Mask | b.Mask;
        return new Tnum((a.Value ^ b.Value) & ~unknown, unknown);
    }

    /// <summary>Long multiplication: a certain bit of a adds b, an uncertain one joins the sums with and without it.</summary>
    public static Tnum operator *(Tnum a, Tnum b)
    {
        Tnum sum = Const(0);
        while ((a.Value | a.Mask) != 0)
        {
            if ((a.Value & 1) != 0)
                sum += b;
            else if ((a.Mask & 1) != 0)
                sum = sum.Join(sum + b);
            a = a.ShiftRight(1);
            b = b.ShiftLeft(1);
        }
        return sum;
    }

    /// <summary>The smallest tristate number that holds both sets.</summary>
    public Tnum Join(Tnum other)
    {
        ulong unknown = Mask | other.Mask | (Value ^ other.Value);
        return new Tnum(Value & ~unknown, unknown);
    }

    /// <summary>What is known when both descriptions hold. Where they contradict each other the ones win; the set is then empty anyway.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Tnum Meet(Tnum other)
    {
        ulong unknown = Mask & other.Mask;
        return new Tnum((Value | other.Value) & ~unknown, unknown);
    }

    /// <summary>No bit is known 0 in one and known 1 in the other.</summary>
    public bool Overlaps(Tnum other) => ((Value ^ other.Value) & ~Mask & ~other.Mask) == 0;

    /// <summary>Every word of <paramref name="other"/> is one of mine.</summary>
    public bool Contains(Tnum other) => (other.Mask & ~Mask) == 0 && (other.Value & ~Mask) == Value;

    public bool Contains(ulong word) => (word & ~Mask) == Value;

    /// <summary>Keeps the low bytes and clears the rest.</summary>
    public Tnum Truncate(int bytes) => bytes >= 8 ? this : new Tnum(Value & ((1UL << (bytes * 8)) - 1), Mask & ((1UL << (bytes * 8)) - 1));

    public Tnum Low => new((uint)Value, (uint)Mask);

    public Tnum WithLow(Tnum low) => new((Value & ~0xffffffffUL) | (uint)low.Value, (Mask & ~0xffffffffUL) | (uint)low.Mask);

    public bool IsAligned(ulong size) => ((Value | Mask) & (size - 1)) == 0;

    /// <summary>As the kernel prints it: a number when known, otherwise (value; mask).</summary>
    public override string ToString() => IsConst
        ? Value <= ushort.MaxValue ? $"{Value}" : $"0x{Value:x}"
        : $"({Hex(Value)}; {Hex(Mask)})";

    private static string Hex(ulong value) => value == 0 ? "0x0" : $"0x{value:x}";
}
