// XDP's helpers on its buffer, redirection, and lookups in tables that only a kernel has.
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Helpers;

internal static unsafe partial class HelperFunctions
{
    /// <summary>The kernel keeps its frame description (struct xdp_frame) at the start of the buffer.</summary>
    private const int XdpFrameSize = 40;

    /// <summary>Room at the buffer's end for the kernel's fragment table (struct skb_shared_info).</summary>
    private const int SharedInfoSize = 320;

    private const int MaxMetadata = 252;

    public static ulong XdpAdjustHead(ulong xdp, ulong delta, ulong c, ulong d, ulong e)
    {
        PacketBuffer packet = Packet!;
        long metadata = packet.Data - packet.Meta;
        byte* data = packet.Data + (int)delta;
        if (data < packet.Start + XdpFrameSize + metadata || data > packet.End - EthernetHeader)
            return Error(Errno.EINVAL);
        if (metadata > 0)
            Buffer.MemoryCopy(packet.Meta, packet.Meta + (int)delta, metadata, metadata);
        packet.Meta += (int)delta;
        packet.Data = data;
        GuestContext.Current.RefreshPointers();
        return 0;
    }

    public static ulong XdpAdjustTail(ulong xdp, ulong delta, ulong c, ulong d, ulong e)
    {
        PacketBuffer packet = Packet!;
        byte* end = packet.End + (int)delta;
        if (end > packet.Limit - SharedInfoSize || end < packet.Data + EthernetHeader)
            return Error(Errno.EINVAL);
        if (end > packet.End)
            new Span<byte>(packet.End, (int)(end - packet.End)).Clear();
        packet.End = end;
        GuestContext.Current.RefreshPointers();
        return 0;
    }

    public static ulong XdpAdjustMeta(ulong xdp, ulong delta, ulong c, ulong d, ulong e)
    {
        PacketBuffer packet = Packet!;
        byte* meta = packet.Meta + (int)delta;
        if (meta < packet.Start + XdpFrameSize || meta > packet.Data)
            return Error(Errno.EINVAL);
        if (((packet.Data - meta) & 3) != 0 || packet.Data - meta > MaxMetadata)
            return Error(Errno.EACCES);
        packet.Meta = meta;
        GuestContext.Current.RefreshPointers();
        return 0;
    }

    public static ulong XdpBufferLength(ulong xdp, ulong b, ulong c, ulong d, ulong e) => (ulong)Packet!.Length;

    public static ulong XdpLoadBytes(ulong xdp, ulong offset, ulong to, ulong length, ulong e)
    {
        byte* from = At(Packet, (uint)offset, (uint)length);
        if (from is null || (uint)offset > 0xffff || (uint)length > 0xffff)
            return Error(from is null && (uint)offset <= 0xffff && (uint)length <= 0xffff ? Errno.EINVAL : Errno.EFAULT);
        Buffer.MemoryCopy(from, (void*)to, (uint)length, (uint)length);
        return 0;
    }

    public static ulong XdpStoreBytes(ulong xdp, ulong offset, ulong from, ulong length, ulong e)
    {
        byte* to = At(Packet, (uint)offset, (uint)length);
        if (to is null || (uint)offset > 0xffff || (uint)length > 0xffff)
            return Error(to is null && (uint)offset <= 0xffff && (uint)length <= 0xffff ? Errno.EINVAL : Errno.EFAULT);
        Buffer.MemoryCopy((void*)from, to, (uint)length, (uint)length);
        return 0;
    }

    public static ulong Redirect(ulong ifindex, ulong flags, ulong c, ulong d, ulong e)
    {
        const ulong Ingress = 1, TcShot = 2, TcRedirect = 7, XdpAborted = 0, XdpRedirect = 4;
        GuestContext context = GuestContext.Current;
        bool isXdp = context.Packet?.Shape == ContextShape.Xdp;
        if ((flags & ~(isXdp ? 0 : Ingress)) != 0)
            return isXdp ? XdpAborted : TcShot;
        context.Redirect = new RedirectTarget((uint)ifindex, flags);
        return isXdp ? XdpRedirect : TcRedirect;
    }

    public static ulong RedirectNeighbour(ulong ifindex, ulong parameters, ulong size, ulong flags, ulong e)
    {
        if (flags != 0 || size != 0 && size < 20)
            return 2;
        GuestContext.Current.Redirect = new RedirectTarget((uint)ifindex, flags);
        return 7;
    }

    public static ulong RedirectPeer(ulong ifindex, ulong flags, ulong c, ulong d, ulong e) => RedirectNeighbour(ifindex, 0, 0, flags, 0);

    public static ulong RedirectMap(ulong map, ulong key, ulong flags, ulong d, ulong e)
    {
        const ulong ActionMask = 3, Broadcast = 8, ExcludeIngress = 16, XdpRedirect = 4;
        IMap target = MapTable.Get(map);
        bool isDevices = target.Definition.Type is (int)Ebpf.Abi.MapType.DevMap or (int)Ebpf.Abi.MapType.DevMapHash;
        if ((flags & ~(ActionMask | (isDevices ? Broadcast | ExcludeIngress : 0))) != 0)
            return 0;
        if ((flags & Broadcast) == 0)
        {
            uint index = (uint)key;
            if (target is not IRedirectMap redirects || !redirects.HasTarget((byte*)&index))
                return flags & ActionMask;
        }
        GuestContext.Current.Redirect = new RedirectTarget(0, flags, target, key);
        return XdpRedirect;
    }

    public static ulong CloneRedirect(ulong skb, ulong ifindex, ulong flags, ulong d, ulong e)
    {
        if ((flags & ~1ul) != 0 || (uint)ifindex == 0)
            return Error(Errno.EINVAL);
        GuestContext.Current.Clones.Add(new RedirectTarget((uint)ifindex, flags));
        return 0;
    }

    /// <summary>There is no routing table here: an interface that does not exist, or a destination that is not forwarded.</summary>
    public static ulong FibLookup(ulong ctx, ulong parameters, ulong size, ulong flags, ulong e)
    {
        const int ParameterSize = 64, NotForwarded = 4, IfindexOffset = 8;
        if ((int)size < ParameterSize || (flags & ~0x3ful) != 0)
            return Error(Errno.EINVAL);
        return *(uint*)(parameters + IfindexOffset) == 0 ? Error(Errno.ENODEV) : NotForwarded;
    }

    public static ulong CheckMtu(ulong ctx, ulong ifindex, ulong mtu, ulong difference, ulong flags)
    {
        const uint LoopbackMtu = 65536;
        if ((flags & ~1ul) != 0)
            return Error(Errno.EINVAL);
        if ((uint)ifindex > 1)
            return Error(Errno.ENODEV);
        PacketBuffer packet = Packet!;
        uint given = *(uint*)mtu;
        long length = (given != 0 ? given : packet.Length - EthernetHeader) + (int)difference;
        *(uint*)mtu = LoopbackMtu;
        return length <= LoopbackMtu ? 0u : 1u;
    }
}
