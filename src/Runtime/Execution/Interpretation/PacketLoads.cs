// LD_ABS and LD_IND: loads from the packet in network byte order (RFC 9669 section 5.5 and the kernel's
// bpf_internal_load_pointer_neg_helper). Offsets at SKF_NET_OFF and SKF_LL_OFF count from the network and link-layer headers.
// A load outside the packet ends the function with R0 = 0.
using System.Buffers.Binary;
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
}
