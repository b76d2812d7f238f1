// Internet checksums (RFC 1071, RFC 1624) on little-endian sums, as the kernel's csum_* functions compute them.
namespace Ebpfcc.Runtime.Helpers;

internal static unsafe class Checksums
{
    /// <summary>Sum with end-around carry.</summary>
    public static uint Add(uint left, uint right)
    {
        uint sum = left + right;
        return sum + (sum < right ? 1u : 0u);
    }

    public static uint Subtract(uint left, uint right) => Add(left, ~right);

    /// <summary>The one's complement of a sum folded to 16 bits.</summary>
    public static ushort Fold(uint sum)
    {
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>A sum folded to 16 bits.</summary>
    public static uint From32To16(uint sum) => (ushort)~Fold(sum);

    /// <summary>Adds the 16-bit words of some memory to a sum.</summary>
    public static uint Partial(byte* data, int length, uint sum)
    {
        ulong total = sum;
        for (; length >= 4; length -= 4, data += 4)
            total += *(uint*)data;
        if (length >= 2)
        {
            total += *(ushort*)data;
            data += 2;
            length -= 2;
        }
        if (length > 0)
            total += *data;
        total = (total & uint.MaxValue) + (total >> 32);
        total = (total & uint.MaxValue) + (total >> 32);
        return (uint)total;
    }

    /// <summary>Replaces a 32-bit word that a checksum covers.</summary>
    public static ushort Replace4(ushort checksum, uint from, uint to) => Fold(Add(Subtract(~(uint)checksum, from), to));

    public static ushort Replace2(ushort checksum, ushort from, ushort to) => Replace4(checksum, from, to);

    public static ushort ReplaceByDifference(ushort checksum, uint difference) => Fold(Add(difference, ~(uint)checksum));
}
