// Program types, attach types and sets of program types, with the kernel's numbers (UAPI linux/bpf.h).
namespace Ebpfcc.Ebpf.Abi;

/// <summary>What a program is for (<c>enum bpf_prog_type</c>); the values are the kernel's.</summary>
public enum ProgramType : byte
{
    Unspec, SocketFilter, Kprobe, SchedCls, SchedAct, Tracepoint, Xdp, PerfEvent,
    CgroupSkb, CgroupSock, LwtIn, LwtOut, LwtXmit, SockOps, SkSkb, CgroupDevice,
    SkMsg, RawTracepoint, CgroupSockAddr, LwtSeg6Local, LircMode2, SkReuseport, FlowDissector, CgroupSysctl,
    RawTracepointWritable, CgroupSockopt, Tracing, StructOps, Ext, Lsm, SkLookup, Syscall,
    Netfilter,

    /// <summary>A type that the host defines (<see cref="HostProgramType"/>); no number of the kernel's.</summary>
    Host = 63,
}

/// <summary>Where a program attaches (<c>enum bpf_attach_type</c>); the values are the kernel's.</summary>
public enum AttachType : byte
{
    CgroupInetIngress, CgroupInetEgress, CgroupInetSockCreate, CgroupSockOps, SkSkbStreamParser,
    SkSkbStreamVerdict, CgroupDevice, SkMsgVerdict, CgroupInet4Bind, CgroupInet6Bind,
    CgroupInet4Connect, CgroupInet6Connect, CgroupInet4PostBind, CgroupInet6PostBind, CgroupUdp4Sendmsg,
    CgroupUdp6Sendmsg, LircMode2, FlowDissector, CgroupSysctl, CgroupUdp4Recvmsg,
    CgroupUdp6Recvmsg, CgroupGetsockopt, CgroupSetsockopt, TraceRawTp, TraceFentry,
    TraceFexit, ModifyReturn, LsmMac, TraceIter, CgroupInet4Getpeername,
    CgroupInet6Getpeername, CgroupInet4Getsockname, CgroupInet6Getsockname, XdpDevmap, CgroupInetSockRelease,
    XdpCpumap, SkLookup, Xdp, SkSkbVerdict, SkReuseportSelect,
    SkReuseportSelectOrMigrate, PerfEvent, TraceKprobeMulti, LsmCgroup, StructOps,
    Netfilter, TcxIngress, TcxEgress, TraceUprobeMulti, CgroupUnixConnect,
    CgroupUnixSendmsg, CgroupUnixRecvmsg, CgroupUnixGetpeername, CgroupUnixGetsockname, NetkitPrimary,
    NetkitPeer, TraceKprobeSession,
}

/// <summary>A set of program types, one bit each.</summary>
[Flags]
public enum ProgramTypes : ulong
{
    None = 0,
    SocketFilter = 1UL << (int)ProgramType.SocketFilter,
    Kprobe = 1UL << (int)ProgramType.Kprobe,
    SchedCls = 1UL << (int)ProgramType.SchedCls,
    SchedAct = 1UL << (int)ProgramType.SchedAct,
    Tracepoint = 1UL << (int)ProgramType.Tracepoint,
    Xdp = 1UL << (int)ProgramType.Xdp,
    PerfEvent = 1UL << (int)ProgramType.PerfEvent,
    CgroupSkb = 1UL << (int)ProgramType.CgroupSkb,
    CgroupSock = 1UL << (int)ProgramType.CgroupSock,
    LwtIn = 1UL << (int)ProgramType.LwtIn,
    LwtOut = 1UL << (int)ProgramType.LwtOut,
    LwtXmit = 1UL << (int)ProgramType.LwtXmit,
    SockOps = 1UL << (int)ProgramType.SockOps,
    SkSkb = 1UL << (int)ProgramType.SkSkb,
    CgroupDevice = 1UL << (int)ProgramType.CgroupDevice,
    SkMsg = 1UL << (int)ProgramType.SkMsg,
    RawTracepoint = 1UL << (int)ProgramType.RawTracepoint,
    CgroupSockAddr = 1UL << (int)ProgramType.CgroupSockAddr,
    LwtSeg6Local = 1UL << (int)ProgramType.LwtSeg6Local,
    LircMode2 = 1UL << (int)ProgramType.LircMode2,
    SkReuseport = 1UL << (int)ProgramType.SkReuseport,
    FlowDissector = 1UL << (int)ProgramType.FlowDissector,
    CgroupSysctl = 1UL << (int)ProgramType.CgroupSysctl,
    RawTracepointWritable = 1UL << (int)ProgramType.RawTracepointWritable,
    CgroupSockopt = 1UL << (int)ProgramType.CgroupSockopt,
    Tracing = 1UL << (int)ProgramType.Tracing,
    StructOps = 1UL << (int)ProgramType.StructOps,
    Ext = 1UL << (int)ProgramType.Ext,
    Lsm = 1UL << (int)ProgramType.Lsm,
    SkLookup = 1UL << (int)ProgramType.SkLookup,
    Syscall = 1UL << (int)ProgramType.Syscall,
    Netfilter = 1UL << (int)ProgramType.Netfilter,

    /// <summary>Traffic control classifiers and actions.</summary>
    Tc = SchedCls | SchedAct,

    /// <summary>Programs attached through a BPF trampoline, and those run by the bpf syscall.</summary>
    Trampoline = Tracing | Lsm | Syscall,

    AnyTracing = Kprobe | Tracepoint | PerfEvent | RawTracepoint | RawTracepointWritable | Trampoline,

    EveryButInfrared = AnyTracing | Tc | SocketFilter | Xdp | CgroupSkb | CgroupSock | LwtIn | LwtOut | LwtXmit | SockOps | SkSkb
        | CgroupDevice | SkMsg | CgroupSockAddr | LwtSeg6Local | SkReuseport | FlowDissector | CgroupSysctl | CgroupSockopt
        | StructOps | SkLookup | Netfilter,

    /// <summary>All but <see cref="Ext"/>, whose rules are those of the program it replaces a function of.</summary>
    Every = EveryButInfrared | LircMode2,
}

public static class ProgramTypesExtensions
{
    public static bool Contains(this ProgramTypes set, ProgramType type) => ((ulong)set >> (int)type & 1) != 0;
}
