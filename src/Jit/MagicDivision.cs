// Division by a constant as multiplication: x / d = high64(x * M) >> s, after Granlund and Montgomery, "Division by Invariant
// Integers using Multiplication" (PLDI 1994), section 4.
using System.Numerics;

namespace Ebpfcc.Jit;

/// <summary>
/// How to divide an unsigned number by a constant: q = high 64 bits of x * Multiplier; without NeedsAdd the quotient is q >> Shift,
/// with it ((x - q) / 2 + q) >> Shift.
/// </summary>
public readonly record struct MagicDivision(ulong Multiplier, int Shift, bool NeedsAdd)
{
    /// <param name="divisor">At least 2, no power of two.</param>
    /// <param name="dividendBits">Width of the dividends it must be right for: 32 or 64.</param>
    public static MagicDivision For(ulong divisor, int dividendBits)
    {
        if (divisor < 2 || BitOperations.IsPow2(divisor))
            throw new ArgumentOutOfRangeException(nameof(divisor), divisor, "Powers of two are shifts.");
        // M = ceil(2^(64+s) / d) is exact for dividends below 2^n when its error M*d - 2^(64+s) is at most 2^(64+s-n).
        int log = 64 - BitOperations.LeadingZeroCount(divisor - 1);
        for (int shift = 0; shift <= log; shift++)
        {
            if (shift == 64)
                break; // 2^128 does not fit; only divisors above 2^63 get here
            UInt128 power = UInt128.One << (64 + shift);
            UInt128 multiplier = (power + divisor - 1) / divisor;
            UInt128 error = multiplier * divisor - power;
            if (multiplier <= ulong.MaxValue && error <= UInt128.One << (64 + shift - dividendBits))
                return new MagicDivision((ulong)multiplier, shift, false);
        }
        // m' = floor(2^64 * (2^l - d) / d) + 1, quotient = ((x - q) / 2 + q) >> (l - 1).
        UInt128 numerator = ((UInt128.One << log) - divisor) << 64;
        return new MagicDivision((ulong)(numerator / divisor + 1), log - 1, true);
    }

    /// <summary>The same computation in C#, for tests.</summary>
    public ulong Divide(ulong x)
    {
        ulong q = Math.BigMul(x, Multiplier, out _);
        return NeedsAdd ? (((x - q) >> 1) + q) >> Shift : q >> Shift;
    }
}
