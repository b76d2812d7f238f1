// Offsets of the UAPI context structures that the runtime fills and reads (linux/bpf.h): struct __sk_buff and struct xdp_md.
namespace Ebpfcc.Runtime.Contexts;

public static class SkBuffFields
{
    public const int Len = 0, PacketType = 4, Mark = 8, QueueMapping = 12, Protocol = 16, VlanPresent = 20, VlanTci = 24, VlanProto = 28,
        Priority = 32, IngressIfindex = 36, Ifindex = 40, TcIndex = 44, Cb = 48, Hash = 68, TcClassid = 72, Data = 76, DataEnd = 80,
        NapiId = 84, Family = 88, RemoteIp4 = 92, LocalIp4 = 96, RemoteIp6 = 100, LocalIp6 = 116, RemotePort = 132, LocalPort = 136,
        DataMeta = 140, FlowKeys = 144, Tstamp = 152, WireLen = 160, GsoSegs = 164, Sk = 168, GsoSize = 176, TstampType = 180, Hwtstamp = 184;

    public const int Size = 192;
}

public static class XdpFields
{
    public const int Data = 0, DataEnd = 4, DataMeta = 8, IngressIfindex = 12, RxQueueIndex = 16, EgressIfindex = 20;

    public const int Size = 24;
}
