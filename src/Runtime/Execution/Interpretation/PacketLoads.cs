// LD_ABS and LD_IND: loads from the packet in network byte order (RFC 9669 section 5.5 and the kernel's
// bpf_internal_load_pointer_neg_helper). Offsets at SKF_NET_OFF and SKF_LL_OFF count from the network and link-layer headers.
// A load outside the packet ends the function with R0 = 0.
//
// Where the verifier has proved that R6 is the context, length and start of the packet are read from there, as native code does:
// offsets from the packet's start need nothing else.
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Ebpfcc.Runtime.Contexts;

namespace Ebpfcc.Runtime.Execution.Interpretation;

internal static unsafe class PacketLoads
{
    private const int NetworkBase = -0x100000, LinkBase = -0x200000;

    public static bool TryLoad(int offset, int logBytes, out ulong value)
    {
        value = 0;
        int bytes = 1 << logBytes;
        if (GuestContext.Current.Packet is not { } packet)
            return false;
        byte* at = packet.Data + offset;
        if (offset < 0)
        {
            if (offset >= NetworkBase)
                at = packet.Data + packet.NetworkOffset + (offset - NetworkBase);
            else if (offset >= LinkBase)
                at = packet.Data + packet.LinkOffset + (offset - LinkBase);
            else
                return false;
        }
        if (at < packet.Start || at > packet.End - bytes)
            return false;
        value = logBytes switch
        {
            0 => *at,
            1 => BinaryPrimitives.ReverseEndianness(*(ushort*)at),
            _ => BinaryPrimitives.ReverseEndianness(*(uint*)at),
        };
        return true;
    }

    /// <summary>Where the native context of a socket buffer holds the packet's length, 32 bits, and its address, 64.</summary>
    public const int LengthAt = SkBuffFields.Len;

    public static readonly int AddressAt = NativeContextLayout.ShadowOffset(SkBuffFields.Size, SkBuffFields.Data);

    /// <summary>Loads into R0 through the context in R6; false, with R0 = 0, outside the packet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryLoad8(byte* context, uint offset, ulong* r)
    {
        if (offset >= *(uint*)(context + LengthAt))
            return TryLoad((int)offset, 0, out r[0]);
        r[0] = *(*(byte**)(context + AddressAt) + offset);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryLoad16(byte* context, uint offset, ulong* r)
    {
        if ((ulong)offset + 2 > *(uint*)(context + LengthAt))
            return TryLoad((int)offset, 1, out r[0]);
        r[0] = BinaryPrimitives.ReverseEndianness(*(ushort*)(*(byte**)(context + AddressAt) + offset));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryLoad32(byte* context, uint offset, ulong* r)
    {
        if ((ulong)offset + 4 > *(uint*)(context + LengthAt))
            return TryLoad((int)offset, 2, out r[0]);
        r[0] = BinaryPrimitives.ReverseEndianness(*(uint*)(*(byte**)(context + AddressAt) + offset));
        return true;
    }
}
