// The multiplication that stands for a division, against the division.
using Xunit;

namespace Ebpfcc.Jit.Tests;

public class MagicDivisionTests
{
    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void Quotients_equal_those_of_division(int bits)
    {
        var random = new Random(20250101);
        ulong mask = bits == 64 ? ulong.MaxValue : uint.MaxValue;
        for (int i = 0; i < 20_000; i++)
        {
            ulong divisor = (ulong)random.NextInt64() >> random.Next(0, 62);
            if (i < 2000)
                divisor = (ulong)i;
            if (divisor < 2 || System.Numerics.BitOperations.IsPow2(divisor) || divisor > mask)
                continue;
            MagicDivision magic = MagicDivision.For(divisor, bits);
            ulong some = (ulong)random.NextInt64() & mask;
            foreach (ulong x in new ulong[] { 0, 1, divisor - 1, divisor, divisor + 1, mask, mask - 1, mask / divisor * divisor, mask / divisor * divisor - 1, some, some / divisor * divisor, some / divisor * divisor - 1 })
            {
                if (x <= mask)
                    Assert.True(x / divisor == magic.Divide(x), $"{x} / {divisor} for {bits} bits");
            }
        }
    }
}
