// What is known of a number: its bits, and its range read four ways (unsigned and signed, 64 and 32 bits wide). Each
// description teaches the others; Synchronize lets them, until nothing that matters changes any more.
//
//   0                 2^63-1 2^63                2^64-1        unsigned order
//   |-------------------------|-------------------------|
//   0             +2^63-1 -2^63                        -1      signed order
//
// A range that stays in one half reads the same both ways; one that crosses 2^63 unsigned, or zero signed, only teaches
// where it meets the other range at a single end. Source: the kernel's documented behaviour (Documentation/bpf/verifier.rst)
// and the paper of Tnum.cs; soundness is tested against concrete values.
using System.Numerics;

namespace Ebpfcc.Runtime.Verification;

/// <summary>An abstract 64-bit number.</summary>
internal struct ScalarBounds : IEquatable<ScalarBounds>
{
    public Tnum Bits;
    public ulong UMin, UMax;
    public long SMin, SMax;
    public uint UMin32, UMax32;
    public int SMin32, SMax32;

    public static ScalarBounds Unknown
    {
        get
        {
            ScalarBounds bounds = default;
            bounds.Bits = Tnum.Unknown;
            bounds.ForgetRanges();
            return bounds;
        }
    }

    public static ScalarBounds Const(ulong value) => new()
    {
        Bits = Tnum.Const(value), UMin = value, UMax = value, SMin = (long)value, SMax = (long)value,
        UMin32 = (uint)value, UMax32 = (uint)value, SMin32 = (int)value, SMax32 = (int)value,
    };

    public readonly bool IsConst => Bits.IsConst;

    public readonly bool IsZero => Bits.Is(0);

    /// <summary>Bits needed to write the largest value.</summary>
    public readonly int Width => 64 - BitOperations.LeadingZeroCount(UMax);

    /// <summary>Every word described here satisfies <paramref name="value"/>'s description too; for tests.</summary>
    public readonly bool Contains(ulong value) => Bits.Contains(value) && UMin <= value && value <= UMax && SMin <= (long)value && (long)value <= SMax
        && UMin32 <= (uint)value && (uint)value <= UMax32 && SMin32 <= (int)value && (int)value <= SMax32;

    public void ForgetRanges()
    {
        Forget64();
        Forget32();
    }

    public void Forget64() => (UMin, UMax, SMin, SMax) = (0, ulong.MaxValue, long.MinValue, long.MaxValue);

    public void Forget32() => (UMin32, UMax32, SMin32, SMax32) = (0, uint.MaxValue, int.MinValue, int.MaxValue);

    /// <summary>Sets the low half to a constant and leaves what is known of the high half's bits; ranges of 64 bits follow by synchronizing.</summary>
    public void SetLow(uint value)
    {
        Bits = Bits.WithLow(Tnum.Const(value));
        (UMin32, UMax32, SMin32, SMax32) = (value, value, (int)value, (int)value);
    }

    public void MeetU(ulong min, ulong max)
    {
        UMin = Math.Max(UMin, min);
        UMax = Math.Min(UMax, max);
    }

    public void MeetS(long min, long max)
    {
        SMin = Math.Max(SMin, min);
        SMax = Math.Min(SMax, max);
    }

    public void MeetU32(uint min, uint max)
    {
        UMin32 = Math.Max(UMin32, min);
        UMax32 = Math.Min(UMax32, max);
    }

    public void MeetS32(int min, int max)
    {
        SMin32 = Math.Max(SMin32, min);
        SMax32 = Math.Min(SMax32, max);
    }

    /// <summary>Lets every description teach the others.</summary>
    public void Synchronize()
    {
        LearnRangesFromBits();
        for (int round = 0; round < 3; round++)
        {
            Deduce32();
            Deduce64();
            DeduceAcrossWidths();
        }
        LearnBitsFromRanges();
        LearnRangesFromBits();
    }

    /// <summary>False when some range is empty or contradicts known bits: no execution reaches this.</summary>
    public readonly bool IsConsistent
    {
        get
        {
            if (UMin > UMax || SMin > SMax || UMin32 > UMax32 || SMin32 > SMax32)
                return false;
            if (Bits.IsConst && (UMin != Bits.Value || UMax != Bits.Value || SMin != (long)Bits.Value || SMax != (long)Bits.Value))
                return false;
            uint low = (uint)Bits.Value;
            return !Bits.IsLowConst || (UMin32 == low && UMax32 == low && SMin32 == (int)low && SMax32 == (int)low);
        }
    }

    public void LearnRangesFromBits()
    {
        ulong known = Bits.Value, free = Bits.Mask;
        MeetU(known, known | free);
        // The least signed number takes an unknown sign bit as set and all other unknown bits as clear.
        MeetS((long)(known | (free & (1UL << 63))), (long)(known | (free & long.MaxValue)));
        LearnLowRangesFromBits();
    }

    public void LearnLowRangesFromBits()
    {
        uint known = (uint)Bits.Value, free = (uint)Bits.Mask;
        MeetU32(known, known | free);
        MeetS32((int)(known | (free & 0x80000000u)), (int)(known | (free & int.MaxValue)));
    }

    private void LearnBitsFromRanges()
    {
        Tnum bits = Bits.Meet(Tnum.Range(UMin, UMax));
        Bits = bits.WithLow(bits.Low.Meet(Tnum.Range(UMin32, UMax32)));
    }

    private void Deduce32()
    {
        // The low halves of a 64-bit range form a 32-bit range when the high halves agree ...
        if (UMin >> 32 == UMax >> 32)
        {
            MeetU32((uint)UMin, (uint)UMax);
            if ((int)UMin <= (int)UMax)
                MeetS32((int)UMin, (int)UMax);
        }
        if (SMin >> 32 == SMax >> 32)
        {
            if ((uint)SMin <= (uint)SMax)
                MeetU32((uint)SMin, (uint)SMax);
            if ((int)SMin <= (int)SMax)
                MeetS32((int)SMin, (int)SMax);
        }
        // ... and a signed one when they are neighbours and the low halves climb from negative through zero.
        if ((uint)(UMin >> 32) + 1 == (uint)(UMax >> 32) && (int)UMin < 0 && (int)UMax >= 0)
            MeetS32((int)UMin, (int)UMax);
        if ((uint)(SMin >> 32) + 1 == (uint)(SMax >> 32) && (int)SMin < 0 && (int)SMax >= 0)
            MeetS32((int)SMin, (int)SMax);

        if ((int)UMin32 <= (int)UMax32)
            MeetS32((int)UMin32, (int)UMax32);
        if ((uint)SMin32 <= (uint)SMax32)
            MeetU32((uint)SMin32, (uint)SMax32);
        else if (UMax32 < (uint)SMin32)
        {
            // The unsigned range meets only the non-negative part of the signed one.
            SMin32 = (int)UMin32;
            UMax32 = Math.Min(UMax32, (uint)SMax32);
        }
        else if ((uint)SMax32 < UMin32)
        {
            SMax32 = (int)UMax32;
            UMin32 = Math.Max(UMin32, (uint)SMin32);
        }
    }

    private void Deduce64()
    {
        if ((long)UMin <= (long)UMax)
            MeetS((long)UMin, (long)UMax);
        if ((ulong)SMin <= (ulong)SMax)
            MeetU((ulong)SMin, (ulong)SMax);
        else if (UMax < (ulong)SMin)
        {
            SMin = (long)UMin;
            UMax = Math.Min(UMax, (ulong)SMax);
        }
        else if ((ulong)SMax < UMin)
        {
            SMax = (long)UMax;
            UMin = Math.Max(UMin, (ulong)SMin);
        }
    }

    /// <summary>Puts what is known of the low half into the ends of the 64-bit ranges.</summary>
    private void DeduceAcrossWidths()
    {
        const ulong High = ~0xffffffffUL;
        const long SignedHigh = -1L << 32;
        MeetU((UMin & High) | UMin32, (UMax & High) | UMax32);
        MeetS((SMin & SignedHigh) | UMin32, (SMax & SignedHigh) | UMax32);
        if ((uint)SMin32 <= (uint)SMax32)
        {
            MeetU((UMin & High) | (uint)SMin32, (UMax & High) | (uint)SMax32);
            MeetS((SMin & SignedHigh) | (uint)SMin32, (SMax & SignedHigh) | (uint)SMax32);
        }
        // After a sign extension the high half is all ones or all zeros; a non-negative low half then means zeros.
        if (SMin32 >= 0 && SMin >= int.MinValue && SMax <= int.MaxValue)
        {
            (SMin, SMax) = (SMin32, SMax32);
            (UMin, UMax) = ((ulong)SMin32, (ulong)SMax32);
            Bits = Bits.Meet(Tnum.Range(UMin, UMax));
        }
    }

    /// <summary>The result of a 32-bit operation: the high half becomes zero.</summary>
    public void ZeroExtendLow()
    {
        Bits = Bits.Low;
        (UMin, UMax) = (UMin32, UMax32);
        (SMin, SMax) = SMin32 >= 0 && SMax32 >= 0 ? (SMin32, SMax32) : (0L, (long)uint.MaxValue);
    }

    /// <summary>Keeps <paramref name="bytes"/> (1, 2, 4) low bytes and clears the others.</summary>
    public void Truncate(int bytes)
    {
        ulong mask = (1UL << (bytes * 8)) - 1;
        Bits = Bits.Truncate(bytes);
        if ((UMin & ~mask) == (UMax & ~mask))
            (UMin, UMax) = (UMin & mask, UMax & mask);
        else
            (UMin, UMax) = (0, mask);
        (SMin, SMax) = ((long)UMin, (long)UMax);
        if (bytes < 4)
            Forget32();
        Synchronize();
    }

    /// <summary>Sign-extends the low <paramref name="bytes"/> (1, 2, 4) bytes to 64 bits.</summary>
    public void SignExtend(int bytes)
    {
        int shift = 64 - bytes * 8;
        if (Bits.IsConst)
        {
            this = Const((ulong)((long)(Bits.Value << shift) >> shift));
            return;
        }
        if (SMin >> (bytes * 8) == SMax >> (bytes * 8))
        {
            long first = (SMin << shift) >> shift, last = (SMax << shift) >> shift;
            if (first <= last)
            {
                Bits = first >= 0 == last >= 0 ? Tnum.Range((ulong)first, (ulong)last) : Tnum.Unknown;
                ForgetRanges();
                MeetS(first, last);
                Synchronize();
                return;
            }
        }
        Bits = Tnum.Unknown;
        ForgetRanges();
        MeetS(long.MinValue >> shift, long.MaxValue >> shift);
        Synchronize();
    }

    /// <summary>Sign-extends the low <paramref name="bytes"/> (1, 2) bytes to 32 bits; the caller clears the high half.</summary>
    public void SignExtendLow(int bytes)
    {
        int shift = 32 - bytes * 8;
        if (Bits.IsLowConst)
        {
            SetLow((uint)((int)((uint)Bits.Value << shift) >> shift));
            return;
        }
        (int min, int max) = (int.MinValue >> shift, int.MaxValue >> shift);
        if (SMin32 >> (bytes * 8) == SMax32 >> (bytes * 8))
        {
            int first = (SMin32 << shift) >> shift, last = (SMax32 << shift) >> shift;
            if (first <= last)
                (min, max) = (first, last);
        }
        Bits = min >= 0 == max >= 0 ? Tnum.Range((uint)min, (uint)max) : new Tnum(0, uint.MaxValue);
        Forget32();
        MeetS32(min, max);
    }

    /// <summary>Every number <paramref name="narrower"/> allows is allowed here.</summary>
    public readonly bool Includes(in ScalarBounds narrower)
        => UMin <= narrower.UMin && UMax >= narrower.UMax && SMin <= narrower.SMin && SMax >= narrower.SMax
        && UMin32 <= narrower.UMin32 && UMax32 >= narrower.UMax32 && SMin32 <= narrower.SMin32 && SMax32 >= narrower.SMax32
        && Bits.Contains(narrower.Bits);

    public readonly bool Equals(ScalarBounds other) => SameAs(in other);

    public readonly bool SameAs(in ScalarBounds other)
        => Bits.Value == other.Bits.Value && Bits.Mask == other.Bits.Mask && UMin == other.UMin && UMax == other.UMax && SMin == other.SMin && SMax == other.SMax
        && UMin32 == other.UMin32 && UMax32 == other.UMax32 && SMin32 == other.SMin32 && SMax32 == other.SMax32;

    public override readonly bool Equals(object? obj) => obj is ScalarBounds other && SameAs(in other);

    public override readonly int GetHashCode() => HashCode.Combine(Bits, UMin, UMax, SMin, SMax);
}
