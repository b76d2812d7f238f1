// Facts about packets that Linux computes for the extensions NLATTR, NLATTR_NEST and PAY_OFFSET: attributes of netlink messages
// (lib/nlattr.c) and where a packet's payload begins (skb_get_poff on the flow dissector of net/core/flow_dissector.c). Written
// from their behaviour; encapsulations of batman-adv are not looked into.
using System.Buffers.Binary;

namespace Ebpfcc.Runtime.Classic;

public static class PacketFacts
{
    private const int AttributeHeader = 4, TypeMask = 0x3fff;

    /// <summary>The offset of the first attribute of a type in a list that begins at <paramref name="start"/>; 0 when there is none.</summary>
    public static uint FindAttribute(ReadOnlySpan<byte> packet, uint start, uint type)
        => packet.Length < AttributeHeader || start > packet.Length - AttributeHeader ? 0 : Find(packet, (int)start, packet.Length, type);

    /// <summary>The same among the attributes inside the attribute at <paramref name="start"/>.</summary>
    public static uint FindNestedAttribute(ReadOnlySpan<byte> packet, uint start, uint type)
    {
        if (packet.Length < AttributeHeader || start > packet.Length - AttributeHeader)
            return 0;
        int length = BinaryPrimitives.ReadUInt16LittleEndian(packet[(int)start..]);
        return length < AttributeHeader || length > packet.Length - (int)start ? 0 : Find(packet, (int)start + AttributeHeader, (int)start + length, type);
    }

    private static uint Find(ReadOnlySpan<byte> packet, int at, int end, uint type)
    {
        while (end - at >= AttributeHeader)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(packet[at..]);
            if (length < AttributeHeader || length > end - at)
                return 0;
            if ((BinaryPrimitives.ReadUInt16LittleEndian(packet[(at + 2)..]) & TypeMask) == type)
                return (uint)at;
            at += (length + 3) & ~3;
        }
        return 0;
    }

    private const int MostHeaders = 15;

    private const ushort Ip = 0x0800, Ip6 = 0x86dd, Vlan = 0x8100, Vlan2 = 0x88a8, PppSession = 0x8864, MplsUnicast = 0x8847, MplsMulticast = 0x8848,
        Arp = 0x0806, Rarp = 0x8035, Fcoe = 0x8906, Tipc = 0x88ca, Ptp = 0x88f7, Prp = 0x88fb, Hsr = 0x892f, Cfm = 0x8902, Ethernet = 0x6558, Ppp = 0x880b;

    /// <summary>Where the payload of the innermost transport begins; 0 when the headers make no sense.</summary>
    public static uint PayloadOffset(ReadOnlySpan<byte> packet, int networkOffset, ushort protocol, bool hasVlanTag, ushort vlanProtocol)
    {
        var walk = new Walk { At = networkOffset, Protocol = hasVlanTag ? vlanProtocol : protocol };
        // The tag is beside the packet: its EtherType leads to the packet's own.
        if (hasVlanTag && walk.Protocol is Vlan or Vlan2)
        {
            walk.Protocol = protocol;
            walk.Headers = 1;
        }
        while (true)
        {
            Step step = Network(packet, ref walk);
            if (step == Step.Transport)
                step = Transport(packet, ref walk);
            if (step == Step.Bad)
                return 0;
            if (step == Step.Good || ++walk.Headers > MostHeaders)
                return Payload(packet, walk);
        }
    }

    private enum Step { Bad, Good, Network, Transport }

    private struct Walk
    {
        public int At, Headers;
        public ushort Protocol;
        public byte Transport;
        public bool IsLaterFragment;
    }

    private static bool Has(ReadOnlySpan<byte> packet, int at, int length) => at >= 0 && length <= packet.Length - at;

    private static ushort U16(ReadOnlySpan<byte> packet, int at) => BinaryPrimitives.ReadUInt16BigEndian(packet[at..]);

    private static Step Network(ReadOnlySpan<byte> packet, ref Walk walk)
    {
        int at = walk.At;
        switch (walk.Protocol)
        {
            case Ip:
                if (!Has(packet, at, 20) || (packet[at] & 15) < 5)
                    return Step.Bad;
                walk.At += (packet[at] & 15) * 4;
                walk.Transport = packet[at + 9];
                int fragment = U16(packet, at + 6);
                walk.IsLaterFragment = (fragment & 0x1fff) != 0;
                return (fragment & 0x3fff) != 0 ? Step.Good : Step.Transport;
            case Ip6:
                if (!Has(packet, at, 40))
                    return Step.Bad;
                walk.At += 40;
                walk.Transport = packet[at + 6];
                return Step.Transport;
            case Vlan or Vlan2:
                if (!Has(packet, at, 4))
                    return Step.Bad;
                walk.Protocol = U16(packet, at + 2);
                walk.At += 4;
                return Step.Network;
            case PppSession:
                if (!Has(packet, at, 8) || packet[at] != 0x11 || packet[at + 1] != 0)
                    return Step.Bad;
                ushort ppp = U16(packet, at + 6);
                walk.At += 8;
                walk.Protocol = ppp switch { 0x21 => Ip, 0x57 => Ip6, 0x281 => MplsUnicast, 0x283 => MplsMulticast, _ => 0 };
                // A protocol number is valid when its last bit is 1 and the last bit of its first byte is 0.
                return walk.Protocol != 0 ? Step.Network : (ppp & 0x0101) == 1 ? Step.Good : Step.Bad;
            case MplsUnicast or MplsMulticast:
                walk.At += 4;
                return Step.Good;
            case Arp or Rarp or Cfm:
                return Step.Good;
            case Fcoe:
                walk.At += 38;
                return Has(packet, at, 38) ? Step.Good : Step.Bad;
            case Tipc:
                return Has(packet, at, 16) ? Step.Good : Step.Bad;
            case Ptp:
                walk.At += 34;
                return Has(packet, at, 34) ? Step.Good : Step.Bad;
            case Prp or Hsr:
                if (!Has(packet, at, 6))
                    return Step.Bad;
                walk.Protocol = U16(packet, at + 4);
                walk.At += 6;
                return Step.Network;
            default:
                return Step.Bad;
        }
    }

    private static Step Transport(ReadOnlySpan<byte> packet, ref Walk walk)
    {
        const byte HopByHop = 0, IpInIp = 4, Ip6InIp = 41, Routing = 43, Fragment = 44, Gre = 47, Destination = 60, Mpls = 137;
        while (true)
        {
            int at = walk.At;
            switch (walk.Transport)
            {
                case Gre:
                    return Encapsulated(packet, ref walk);
                case HopByHop or Routing or Destination when walk.Protocol == Ip6:
                    if (!Has(packet, at, 2))
                        return Step.Bad;
                    walk.Transport = packet[at];
                    walk.At += (packet[at + 1] + 1) << 3;
                    break;
                case Fragment when walk.Protocol == Ip6:
                    if (!Has(packet, at, 8))
                        return Step.Bad;
                    walk.Transport = packet[at];
                    walk.IsLaterFragment = (U16(packet, at + 2) & 0xfff8) != 0;
                    walk.At += 8;
                    return Step.Good;
                case IpInIp or Ip6InIp or Mpls:
                    walk.Protocol = walk.Transport switch { IpInIp => Ip, Ip6InIp => Ip6, _ => MplsUnicast };
                    return Step.Network;
                default:
                    return Step.Good;
            }
            if (++walk.Headers > MostHeaders)
                return Step.Good;
        }
    }

    /// <summary>Generic routing encapsulation, versions 0 and 1 (RFC 2784, 2890, 2637).</summary>
    private static Step Encapsulated(ReadOnlySpan<byte> packet, ref Walk walk)
    {
        int at = walk.At;
        if (!Has(packet, at, 4))
            return Step.Bad;
        int flags = U16(packet, at), version = flags & 7;
        ushort protocol = U16(packet, at + 2);
        bool hasRouting = (flags & 0x4000) != 0, hasKey = (flags & 0x2000) != 0;
        if (hasRouting || version > 1 || (version == 1 && !(protocol == Ppp && hasKey)))
            return Step.Good;
        int offset = 4;
        if ((flags & 0x8000) != 0)
            offset += 4;
        if (hasKey)
        {
            if (!Has(packet, at + offset, 4))
                return Step.Bad;
            offset += 4;
        }
        if ((flags & 0x1000) != 0)
            offset += 4;
        if (version == 0)
        {
            if (protocol == Ethernet)
            {
                if (!Has(packet, at + offset, 14))
                    return Step.Bad;
                protocol = U16(packet, at + offset + 12);
                offset += 14;
            }
        }
        else
        {
            if ((flags & 0x80) != 0)
                offset += 4;
            if (!Has(packet, at + offset, 4))
                return Step.Bad;
            protocol = U16(packet, at + offset + 2) switch { 0x21 => Ip, 0x57 => Ip6, _ => protocol };
            offset += 4;
        }
        walk.At += offset;
        walk.Protocol = protocol;
        return Step.Network;
    }

    private static uint Payload(ReadOnlySpan<byte> packet, Walk walk)
    {
        const byte Icmp = 1, Igmp = 2, Tcp = 6, Udp = 17, Dccp = 33, Icmp6 = 58, Sctp = 132, UdpLite = 136;
        int at = Math.Min(Math.Min(walk.At, packet.Length), ushort.MaxValue);
        if (walk.IsLaterFragment)
            return (uint)at;
        return (uint)(at + walk.Transport switch
        {
            Tcp => Has(packet, at + 12, 1) ? Math.Max(20, (packet[at + 12] & 0xf0) >> 2) : 0,
            Udp or UdpLite or Icmp or Icmp6 or Igmp => 8,
            Dccp or Sctp => 12,
            _ => 0,
        });
    }
}
