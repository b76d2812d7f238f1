// The one definition of integer operations against big integers, at the extremes and at random.
using System.Numerics;
using Ebpfcc.Core.Numerics;
using Xunit;

namespace Ebpfcc.Core.Tests.Numerics;

public class IntegerArithmeticTests
{
    private static readonly ulong[] s_extremes =
        [0, 1, 2, 7, 31, 32, 63, 64, 0x7f, 0x80, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, long.MaxValue, 0x8000000000000000, ulong.MaxValue - 1, ulong.MaxValue];

    public static IEnumerable<(ulong A, ulong B)> Pairs()
    {
        foreach (ulong a in s_extremes)
        {
            foreach (ulong b in s_extremes)
                yield return (a, b);
        }
        var random = new Random(11);
        for (int i = 0; i < 2000; i++)
            yield return ((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64));
    }

    [Fact]
    public void Division_is_total_and_truncates()
    {
        foreach ((ulong a, ulong b) in Pairs())
        {
            Assert.Equal(b == 0 ? 0 : a / b, IntegerArithmetic.DivideUnsigned(a, b));
            Assert.Equal(b == 0 ? a : a % b, IntegerArithmetic.RemainderUnsigned(a, b));
            long x = (long)a, y = (long)b;
            Assert.Equal(y == 0 ? 0 : Wrap64(BigInteger.Divide(x, y)), IntegerArithmetic.DivideSigned(x, y));
            Assert.Equal(y == 0 ? x : Wrap64(BigInteger.Remainder(x, y)), IntegerArithmetic.RemainderSigned(x, y));
            uint c = (uint)a, d = (uint)b;
            Assert.Equal(d == 0 ? 0 : c / d, IntegerArithmetic.DivideUnsigned(c, d));
            Assert.Equal(d == 0 ? c : c % d, IntegerArithmetic.RemainderUnsigned(c, d));
            int u = (int)c, v = (int)d;
            Assert.Equal(v == 0 ? 0 : (int)Wrap64(BigInteger.Divide(u, v)), IntegerArithmetic.DivideSigned(u, v));
            Assert.Equal(v == 0 ? u : (int)Wrap64(BigInteger.Remainder(u, v)), IntegerArithmetic.RemainderSigned(u, v));
        }
    }

    private static long Wrap64(BigInteger value) => (long)(ulong)(value & ulong.MaxValue);

    [Fact]
    public void Shifts_mask_their_count()
    {
        foreach ((ulong a, ulong b) in Pairs())
        {
            int wide = (int)(b % 64), narrow = (int)((uint)b % 32);
            Assert.Equal((ulong)((new BigInteger(a) << wide) & ulong.MaxValue), IntegerArithmetic.ShiftLeft(a, b));
            Assert.Equal((ulong)(new BigInteger(a) >> wide), IntegerArithmetic.ShiftRightLogical(a, b));
            Assert.Equal((ulong)((new BigInteger((long)a) >> wide) & ulong.MaxValue), IntegerArithmetic.ShiftRightArithmetic(a, b));
            uint c = (uint)a, d = (uint)b;
            Assert.Equal((uint)((new BigInteger(c) << narrow) & uint.MaxValue), IntegerArithmetic.ShiftLeft(c, d));
            Assert.Equal((uint)(new BigInteger(c) >> narrow), IntegerArithmetic.ShiftRightLogical(c, d));
            Assert.Equal((uint)((new BigInteger((int)c) >> narrow) & uint.MaxValue), IntegerArithmetic.ShiftRightArithmetic(c, d));
        }
    }

    [Theory]
    [InlineData(16, 0x1122334455667788, 0x8877)]
    [InlineData(32, 0x1122334455667788, 0x88776655)]
    [InlineData(64, 0x1122334455667788, 0x8877665544332211)]
    public void Byte_swaps_clear_the_rest(int bits, ulong value, ulong expected) => Assert.Equal(expected, IntegerArithmetic.ByteSwap(value, bits));

    [Fact]
    public void Extensions_at_every_width()
    {
        foreach (ulong value in s_extremes)
        {
            for (int bits = 1; bits <= 64; bits++)
            {
                BigInteger low = value & ((BigInteger.One << bits) - 1);
                Assert.Equal((ulong)low, IntegerArithmetic.ZeroExtend(value, bits));
                BigInteger signed = (low >> (bits - 1)).IsOne ? low - (BigInteger.One << bits) : low;
                Assert.Equal((ulong)(long)signed, IntegerArithmetic.SignExtend(value, bits));
            }
        }
        Assert.True(IntegerArithmetic.FitsInt32(int.MinValue) && !IntegerArithmetic.FitsInt32(1L << 31));
        Assert.True(IntegerArithmetic.FitsInt16(short.MaxValue) && !IntegerArithmetic.FitsInt16(-32769));
        Assert.Equal(16, IntegerArithmetic.AlignUp(9, 8));
        Assert.True(IntegerArithmetic.IsPowerOfTwo(64) && !IntegerArithmetic.IsPowerOfTwo(0));
    }
}
