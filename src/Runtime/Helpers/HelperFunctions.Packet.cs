// Helpers on packets behind __sk_buff contexts: loads, stores, checksums, headers added and removed (net/core/filter.c of
// Linux describes the behaviour).
using System.Buffers.Binary;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Helpers;

internal static unsafe partial class HelperFunctions
{
    private const ushort EthIp = 0x0008, EthIp6 = 0xdd86, EthVlan = 0x0081, EthVlanAd = 0xa888; // as they lie in packets
    private const int EthernetHeader = 14, VlanTag = 4, MaxPacket = 65536 + EthernetHeader;

    private static PacketBuffer? Packet => GuestContext.Current.Packet;

    private static ref uint Field(int offset) => ref *(uint*)(GuestContext.Current.Context + offset);

    private static byte* At(PacketBuffer? packet, ulong offset, ulong length)
        => packet is null || offset > int.MaxValue || offset + length > (ulong)packet.Length ? null : packet.Data + offset;

    public static ulong SkbLoadBytes(ulong skb, ulong offset, ulong to, ulong length, ulong e)
    {
        byte* from = At(Packet, (uint)offset, (uint)length);
        var place = new Span<byte>((void*)to, (int)(uint)length);
        if (from is null)
        {
            place.Clear();
            return Error(Errno.EFAULT);
        }
        new ReadOnlySpan<byte>(from, place.Length).CopyTo(place);
        return 0;
    }

    public static ulong SkbLoadBytesRelative(ulong skb, ulong offset, ulong to, ulong length, ulong startHeader)
    {
        var place = new Span<byte>((void*)to, (int)(uint)length);
        if (Packet is { } packet && (uint)offset <= 0xffff && startHeader <= 1)
        {
            byte* from = packet.Data + (startHeader == 0 ? packet.LinkOffset : packet.NetworkOffset) + (uint)offset;
            if (from >= packet.Start && from + (uint)length <= packet.End)
            {
                new ReadOnlySpan<byte>(from, place.Length).CopyTo(place);
                return 0;
            }
        }
        place.Clear();
        return Error(startHeader > 1 ? Errno.EINVAL : Errno.EFAULT);
    }

    public static ulong SkbStoreBytes(ulong skb, ulong offset, ulong from, ulong length, ulong flags)
    {
        if ((flags & ~3ul) != 0)
            return Error(Errno.EINVAL);
        byte* to = At(Packet, (uint)offset, (uint)length);
        if (to is null)
            return Error(Errno.EFAULT);
        new ReadOnlySpan<byte>((void*)from, (int)(uint)length).CopyTo(new Span<byte>(to, (int)(uint)length));
        if ((flags & 2) != 0)
            Field(SkBuffFields.Hash) = 0;
        return 0;
    }

    public static ulong SkbPullData(ulong skb, ulong length, ulong c, ulong d, ulong e)
        => Packet is { } packet && (uint)length <= (uint)packet.Length ? 0 : Error(Errno.ENOMEM);

    public static ulong L3CsumReplace(ulong skb, ulong offset, ulong from, ulong to, ulong flags)
    {
        if ((flags & ~15ul) != 0)
            return Error(Errno.EINVAL);
        byte* place = (uint)offset > 0xffff || (offset & 1) != 0 ? null : At(Packet, (uint)offset, 2);
        if (place is null)
            return Error(Errno.EFAULT);
        ref ushort checksum = ref *(ushort*)place;
        switch (flags & 15)
        {
            case 0 when from == 0: checksum = Checksums.ReplaceByDifference(checksum, (uint)to); return 0;
            case 2: checksum = Checksums.Replace2(checksum, (ushort)from, (ushort)to); return 0;
            case 4: checksum = Checksums.Replace4(checksum, (uint)from, (uint)to); return 0;
            default: return Error(Errno.EINVAL);
        }
    }

    public static ulong L4CsumReplace(ulong skb, ulong offset, ulong from, ulong to, ulong flags)
    {
        const ulong MangledZero = 0x20, Enforce = 0x40;
        if ((flags & ~0xfful) != 0)
            return Error(Errno.EINVAL);
        byte* place = (uint)offset > 0xffff || (offset & 1) != 0 ? null : At(Packet, (uint)offset, 2);
        if (place is null)
            return Error(Errno.EFAULT);
        ref ushort checksum = ref *(ushort*)place;
        if ((flags & MangledZero) != 0 && (flags & Enforce) == 0 && checksum == 0)
            return 0;
        switch (flags & 15)
        {
            case 0 when from == 0: checksum = Checksums.ReplaceByDifference(checksum, (uint)to); break;
            case 2: checksum = Checksums.Replace2(checksum, (ushort)from, (ushort)to); break;
            case 4: checksum = Checksums.Replace4(checksum, (uint)from, (uint)to); break;
            default: return Error(Errno.EINVAL);
        }
        if ((flags & MangledZero) != 0 && checksum == 0)
            checksum = 0xffff;
        return 0;
    }

    public static ulong CsumDiff(ulong from, ulong fromSize, ulong to, ulong toSize, ulong seed)
    {
        if (((fromSize | toSize) & 3) != 0)
            return Error(Errno.EINVAL);
        uint sum = toSize != 0 ? Checksums.Partial((byte*)to, (int)(uint)toSize, (uint)seed) : (uint)seed;
        if (fromSize != 0)
            sum = Checksums.Subtract(sum, Checksums.Partial((byte*)from, (int)(uint)fromSize, 0));
        return Checksums.From32To16(sum);
    }

    public static ulong CsumUpdate(ulong skb, ulong csum, ulong c, ulong d, ulong e) => Error(Errno.ENOTSUPP);

    public static ulong CsumLevel(ulong skb, ulong level, ulong c, ulong d, ulong e)
        => level switch { 0 => Error(Errno.EACCES), <= 3 => 0, _ => Error(Errno.EINVAL) };

    /// <summary>Opens a gap of zeros at an offset by moving what is before it towards the headroom.</summary>
    private static bool Open(PacketBuffer packet, int offset, int length)
    {
        if (packet.Data - length < packet.Start || packet.Length + length > MaxPacket || offset > packet.Length)
            return false;
        byte* data = packet.Data - length;
        Buffer.MemoryCopy(packet.Data, data, offset, offset);
        new Span<byte>(data + offset, length).Clear();
        packet.Data = packet.Meta = data;
        return true;
    }

    private static bool Close(PacketBuffer packet, int offset, int length)
    {
        if (offset + length > packet.Length)
            return false;
        Buffer.MemoryCopy(packet.Data, packet.Data + length, offset, offset);
        packet.Data = packet.Meta = packet.Data + length;
        return true;
    }

    private static ulong Refreshed()
    {
        Field(SkBuffFields.Hash) = 0;
        GuestContext.Current.RefreshPointers();
        return 0;
    }

    public static ulong SkbVlanPush(ulong skb, ulong protocol, ulong tci, ulong d, ulong e)
    {
        if (Packet is not { } packet)
            return Error(Errno.EFAULT);
        ushort proto = (ushort)protocol is EthVlan or EthVlanAd ? (ushort)protocol : EthVlan;
        if (Field(SkBuffFields.VlanPresent) != 0)
        {
            // The tag that was beside the packet goes into it.
            if (!Open(packet, 12, VlanTag))
                return Error(Errno.ENOMEM);
            *(ushort*)(packet.Data + 12) = (ushort)Field(SkBuffFields.VlanProto);
            *(ushort*)(packet.Data + 14) = BinaryPrimitives.ReverseEndianness((ushort)Field(SkBuffFields.VlanTci));
            Field(SkBuffFields.Protocol) = Field(SkBuffFields.VlanProto);
            packet.NetworkOffset += VlanTag;
        }
        Field(SkBuffFields.VlanPresent) = 1;
        Field(SkBuffFields.VlanProto) = proto;
        Field(SkBuffFields.VlanTci) = (ushort)tci;
        return Refreshed();
    }

    public static ulong SkbVlanPop(ulong skb, ulong b, ulong c, ulong d, ulong e)
    {
        if (Packet is not { } packet)
            return Error(Errno.EFAULT);
        if (Field(SkBuffFields.VlanPresent) != 0)
        {
            Field(SkBuffFields.VlanPresent) = Field(SkBuffFields.VlanTci) = Field(SkBuffFields.VlanProto) = 0;
        }
        else
        {
            if ((ushort)Field(SkBuffFields.Protocol) is not (EthVlan or EthVlanAd))
                return Refreshed();
            if (!PopTag(packet, out _))
                return Error(Errno.ENOMEM);
        }
        // The next tag, if any, moves beside the packet.
        if ((ushort)Field(SkBuffFields.Protocol) is EthVlan or EthVlanAd)
        {
            uint proto = Field(SkBuffFields.Protocol);
            if (!PopTag(packet, out ushort tci))
                return Error(Errno.ENOMEM);
            Field(SkBuffFields.VlanPresent) = 1;
            Field(SkBuffFields.VlanProto) = proto;
            Field(SkBuffFields.VlanTci) = tci;
        }
        return Refreshed();
    }

    private static bool PopTag(PacketBuffer packet, out ushort tci)
    {
        tci = 0;
        if (packet.Length < EthernetHeader + VlanTag)
            return false;
        tci = BinaryPrimitives.ReverseEndianness(*(ushort*)(packet.Data + EthernetHeader));
        Field(SkBuffFields.Protocol) = *(ushort*)(packet.Data + EthernetHeader + 2);
        return Close(packet, 12, VlanTag);
    }

    public static ulong SkbChangeProto(ulong skb, ulong protocol, ulong flags, ulong d, ulong e)
    {
        if (flags != 0)
            return Error(Errno.EINVAL);
        ushort from = (ushort)Field(SkBuffFields.Protocol), to = (ushort)protocol;
        if (Packet is not { } packet || !(from == EthIp && to == EthIp6 || from == EthIp6 && to == EthIp))
            return Error(Errno.ENOTSUPP);
        bool done = to == EthIp6 ? Open(packet, packet.NetworkOffset, 20) : Close(packet, packet.NetworkOffset, 20);
        if (!done)
            return Error(Errno.ENOMEM);
        Field(SkBuffFields.Protocol) = to;
        return Refreshed();
    }

    public static ulong SkbChangeType(ulong skb, ulong type, ulong c, ulong d, ulong e)
    {
        if (Field(SkBuffFields.PacketType) > 3 || (uint)type > 3)
            return Error(Errno.EINVAL);
        Field(SkBuffFields.PacketType) = (uint)type;
        return 0;
    }

    public static ulong SkbChangeHead(ulong skb, ulong room, ulong flags, ulong d, ulong e)
    {
        if (Packet is not { } packet || flags != 0 || (uint)packet.Length + (ulong)(uint)room > MaxPacket)
            return Error(Errno.EINVAL);
        if (!Open(packet, 0, (int)(uint)room))
            return Error(Errno.ENOMEM);
        packet.NetworkOffset += (int)(uint)room;
        GuestContext.Current.RefreshPointers();
        return 0;
    }

    public static ulong SkbChangeTail(ulong skb, ulong length, ulong flags, ulong d, ulong e)
    {
        if (Packet is not { } packet || flags != 0 || (uint)length > MaxPacket || (uint)length < (uint)Math.Max(packet.NetworkOffset, 0))
            return Error(Errno.EINVAL);
        byte* end = packet.Data + (uint)length;
        if (end > packet.Limit)
            return Error(Errno.ENOMEM);
        if (end > packet.End)
            new Span<byte>(packet.End, (int)(end - packet.End)).Clear();
        packet.End = end;
        GuestContext.Current.RefreshPointers();
        return 0;
    }

    public static ulong SkbAdjustRoom(ulong skb, ulong difference, ulong mode, ulong flags, ulong e)
    {
        const ulong FixedGso = 1, EncapIp4 = 2, EncapIp6 = 4, AllFlags = 0x1ff | 0xff00000000000000;
        int change = (int)difference, size = Math.Abs(Math.Clamp(change, -0x1000, 0x1000));
        if ((flags & ~AllFlags) != 0)
            return Error(Errno.EINVAL);
        if (size > 0xfff)
            return Error(Errno.EFAULT);
        ushort protocol = (ushort)Field(SkBuffFields.Protocol);
        if (Packet is not { } packet || protocol is not (EthIp or EthIp6))
            return Error(Errno.ENOTSUPP);
        int ipHeader = protocol == EthIp ? 20 : 40;
        int offset = packet.NetworkOffset + ((uint)mode == 0 ? ipHeader : 0);
        if ((uint)mode > 1)
            return Error(Errno.ENOTSUPP);
        int current = packet.Length - packet.NetworkOffset;
        if (change < 0 && ((flags & ~FixedGso) != 0 && (flags & 0x180) == 0))
            return Error(Errno.EINVAL);
        if (change < 0 && (size >= current || current - size < ipHeader) || change > 0 && packet.Length + size > MaxPacket)
            return Error(Errno.ENOTSUPP);
        if (change > 0 && (flags & (EncapIp4 | EncapIp6)) != 0 && (uint)mode != 1)
            return Error(Errno.EINVAL);
        if (!(change >= 0 ? Open(packet, offset, size) : Close(packet, offset, size)))
            return Error(Errno.ENOMEM);
        if (change > 0 && (flags & EncapIp4) != 0)
            Field(SkBuffFields.Protocol) = EthIp;
        else if (change > 0 && (flags & EncapIp6) != 0)
            Field(SkBuffFields.Protocol) = EthIp6;
        return Refreshed();
    }

    public static ulong SkbEcnSetCe(ulong skb, ulong b, ulong c, ulong d, ulong e)
    {
        if (Packet is not { } packet)
            return 0;
        byte* network = packet.Data + packet.NetworkOffset;
        ushort protocol = (ushort)Field(SkBuffFields.Protocol);
        if (protocol == EthIp && network + 20 <= packet.End)
        {
            int ecn = network[1] & 3;
            if (ecn is 0 or 3)
                return ecn == 3 ? 1u : 0u;
            uint before = *(ushort*)network;
            network[1] |= 3;
            ref ushort checksum = ref *(ushort*)(network + 10);
            checksum = Checksums.Replace4(checksum, before, *(ushort*)network);
            return 1;
        }
        if (protocol == EthIp6 && network + 40 <= packet.End)
        {
            int ecn = network[1] >> 4 & 3;
            if (ecn is 0 or 3)
                return ecn == 3 ? 1u : 0u;
            network[1] |= 0x30;
            return 1;
        }
        return 0;
    }

    /// <summary>A hash of the flow: stable for a packet's addresses and ports, as the kernel's, whose key is random.</summary>
    public static ulong GetHashRecalc(ulong skb, ulong b, ulong c, ulong d, ulong e)
    {
        ref uint hash = ref Field(SkBuffFields.Hash);
        if (hash != 0 || Packet is not { } packet)
            return hash;
        uint value = 2166136261;
        byte* at = packet.Data + packet.NetworkOffset;
        (int first, int length) = (ushort)Field(SkBuffFields.Protocol) switch { EthIp => (12, 12), EthIp6 => (8, 36), _ => (0, 20) };
        for (int i = first; i < first + length && at + i < packet.End; i++)
            value = (value ^ at[i]) * 16777619;
        return hash = value | 1;
    }

    public static ulong SetHashInvalid(ulong skb, ulong b, ulong c, ulong d, ulong e)
    {
        Field(SkBuffFields.Hash) = 0;
        return 0;
    }

    public static ulong SetHash(ulong skb, ulong hash, ulong c, ulong d, ulong e)
    {
        Field(SkBuffFields.Hash) = (uint)hash;
        return 0;
    }

    /// <summary>No packet here came through a tunnel.</summary>
    public static ulong GetTunnelKey(ulong skb, ulong key, ulong size, ulong flags, ulong e)
    {
        new Span<byte>((void*)key, (int)(uint)size).Clear();
        return Error(Errno.EINVAL);
    }

    public static ulong SetTunnelKey(ulong skb, ulong key, ulong size, ulong flags, ulong e)
    {
        if ((flags & ~0x1ful) != 0 || (uint)size is not (44 or 40 or 28 or 16 or 12 or 8))
            return Error(Errno.EINVAL);
        GuestContext.Current.HasTunnelKey = true;
        return 0;
    }

    /// <summary>No packet here was decrypted.</summary>
    public static ulong GetXfrmState(ulong skb, ulong index, ulong state, ulong size, ulong flags)
    {
        new Span<byte>((void*)state, (int)(uint)size).Clear();
        return Error(Errno.EINVAL);
    }

    public static ulong GetTunnelOption(ulong skb, ulong option, ulong size, ulong d, ulong e)
    {
        new Span<byte>((void*)option, (int)(uint)size).Clear();
        return Error(Errno.ENOENT);
    }

    public static ulong SetTunnelOption(ulong skb, ulong option, ulong size, ulong d, ulong e)
        => !GuestContext.Current.HasTunnelKey || (size & 3) != 0 ? Error(Errno.EINVAL) : size > 255 ? Error(Errno.ENOMEM) : 0;

    public static ulong SetTstamp(ulong skb, ulong time, ulong type, ulong d, ulong e)
    {
        if ((ushort)Field(SkBuffFields.Protocol) is not (EthIp or EthIp6))
            return Error(Errno.EOPNOTSUPP);
        bool isDelivery = (uint)type == 1;
        if ((uint)type > 1 || isDelivery != (time != 0))
            return Error(Errno.EINVAL);
        *(ulong*)(GuestContext.Current.Context + SkBuffFields.Tstamp) = time;
        *(GuestContext.Current.Context + SkBuffFields.TstampType) = (byte)type;
        return 0;
    }

    public static ulong SocketCookie(ulong a, ulong b, ulong c, ulong d, ulong e) => GuestContext.Current.SocketCookie;
}
