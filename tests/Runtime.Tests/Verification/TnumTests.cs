// Tristate numbers against every concrete value: all pairs of four-bit tristate numbers, at the bottom and at the top of the word.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Verification;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class TnumTests
{
    private static List<Tnum> All(int bits)
    {
        var all = new List<Tnum>();
        for (ulong mask = 0; mask < 1UL << bits; mask++)
        {
            for (ulong value = 0; value < 1UL << bits; value++)
            {
                if ((value & mask) == 0)
                    all.Add(new Tnum(value, mask));
            }
        }
        return all;
    }

    private static List<ulong> Members(Tnum tnum, int bits)
    {
        var members = new List<ulong>();
        for (ulong value = 0; value < 1UL << bits; value++)
        {
            if (tnum.Contains(value))
                members.Add(value);
        }
        return members;
    }

    [Fact]
    public void Every_binary_operation_contains_every_concrete_result()
    {
        const int Bits = 4;
        List<Tnum> all = All(Bits);
        List<List<ulong>> members = [.. all.Select(tnum => Members(tnum, Bits))];
        for (int i = 0; i < all.Count; i++)
        {
            for (int j = 0; j < all.Count; j++)
            {
                Tnum a = all[i], b = all[j];
                Tnum sum = a + b, difference = a - b, product = a * b, and = a & b, or = a | b, xor = a ^ b, join = a.Join(b), meet = a.Meet(b);
                bool overlaps = false, contains = true;
                foreach (ulong x in members[i])
                {
                    Assert.True(join.Contains(x));
                    foreach (ulong y in members[j])
                    {
                        Assert.True(sum.Contains(x + y) && difference.Contains(x - y) && product.Contains(x * y));
                        Assert.True(and.Contains(x & y) && or.Contains(x | y) && xor.Contains(x ^ y));
                        if (x == y)
                        {
                            overlaps = true;
                            Assert.True(meet.Contains(x));
                        }
                    }
                }
                foreach (ulong y in members[j])
                    contains &= a.Contains(y);
                Assert.Equal(overlaps, a.Overlaps(b));
                Assert.Equal(contains, a.Contains(b));
                Assert.Equal(0UL, sum.Value & sum.Mask);
                Assert.Equal(0UL, difference.Value & difference.Mask);
                Assert.Equal(0UL, product.Value & product.Mask);
            }
        }
    }

    [Fact]
    public void Every_shift_contains_every_concrete_result_in_both_widths()
    {
        foreach (Tnum small in All(4))
        {
            foreach (int place in new[] { 0, 28, 30, 32, 60 })
            {
                Tnum a = small.ShiftLeft(place);
                foreach (ulong member in Members(small, 4))
                {
                    ulong x = member << place;
                    for (int count = 0; count < 64; count++)
                    {
                        Assert.True(a.ShiftLeft(count).Contains(x << count));
                        Assert.True(a.ShiftRight(count).Contains(x >> count));
                        Assert.True(a.ShiftRightArithmetic(count, 64).Contains((ulong)((long)x >> count)));
                        if (count < 32)
                            Assert.True(a.Low.ShiftRightArithmetic(count, 32).Contains((uint)((int)x >> count)));
                    }
                }
            }
        }
    }

    [Fact]
    public void A_range_contains_its_numbers_and_is_the_smallest_such_prefix()
    {
        for (ulong min = 0; min < 32; min++)
        {
            for (ulong max = min; max < 32; max++)
            {
                Tnum range = Tnum.Range(min, max);
                for (ulong value = min; value <= max; value++)
                    Assert.True(range.Contains(value));
                if (min == max)
                    Assert.True(range.Is(min));
            }
        }
        Assert.True(Tnum.Range(0, ulong.MaxValue).IsUnknown);
    }

    [Fact]
    public void Truncation_and_low_halves_keep_members()
    {
        foreach (Tnum small in All(4))
        {
            foreach (int place in new[] { 0, 6, 14, 30, 60 })
            {
                Tnum a = small.ShiftLeft(place);
                foreach (ulong member in Members(small, 4))
                {
                    ulong x = member << place;
                    Assert.True(a.Truncate(1).Contains((byte)x) && a.Truncate(2).Contains((ushort)x) && a.Truncate(4).Contains((uint)x) && a.Truncate(8).Contains(x));
                    Assert.True(a.WithLow(Tnum.Const(5)).Contains((x & ~0xffffffffUL) | 5));
                }
            }
        }
    }
}
