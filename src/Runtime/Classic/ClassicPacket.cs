// A packet with what Linux knows of it besides its bytes: what loads and extensions of classic filters read (struct sk_buff and
// the device it came from).
namespace Ebpfcc.Runtime.Classic;

/// <summary>One input of a packet filter.</summary>
public sealed record ClassicPacket
{
    /// <summary>The buffer; the packet begins at <see cref="DataStart"/> and goes to its end.</summary>
    public byte[] Buffer { get; init; } = [];

    /// <summary>Where skb->data points: to the link-layer header for packet sockets, behind it for others.</summary>
    public int DataStart { get; init; }

    public int Length => Buffer.Length - DataStart;

    /// <summary>Offset of the network header from <see cref="DataStart"/>; SKF_NET_OFF counts from it.</summary>
    public int NetworkOffset { get; init; }

    /// <summary>Offset of the link-layer header from <see cref="DataStart"/>, zero or negative; SKF_LL_OFF counts from it.</summary>
    public int LinkOffset { get; init; }

    /// <summary>EtherType, in the machine's order.</summary>
    public ushort Protocol { get; init; }

    /// <summary>PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST, _OUTGOING.</summary>
    public uint PacketType { get; init; }

    /// <summary>Number of the device; 0 for a packet without one.</summary>
    public uint InterfaceIndex { get; init; } = 1;

    /// <summary>ARPHRD_*; the loopback device's by default, as in test runs of the kernel.</summary>
    public uint HardwareType { get; init; } = Execution.GuestContext.LoopbackHardware;

    public uint Mark { get; init; }

    public ushort Queue { get; init; }

    public uint Hash { get; init; }

    public bool HasVlanTag { get; init; }

    public ushort VlanTag { get; init; }

    /// <summary>The tag's EtherType, in the machine's order.</summary>
    public ushort VlanProtocol { get; init; }

    /// <summary>A packet as a packet socket gives it to its filter: from the Ethernet header on.</summary>
    public static ClassicPacket FromEthernet(byte[] frame) => new()
    {
        Buffer = frame,
        NetworkOffset = Math.Min(14, frame.Length),
        Protocol = frame.Length >= 14 ? (ushort)(frame[12] << 8 | frame[13]) : (ushort)0,
    };
}
