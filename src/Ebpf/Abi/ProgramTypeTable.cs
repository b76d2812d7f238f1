// Program types and the ELF section names that select them: libbpf's conventions (libbpf.c section_defs), the kernel's return
// value rules (check_return_code of the verifier). Order matters: the first matching row of a section wins, as in libbpf.
using A = Ebpfcc.Ebpf.Abi.AttachType;
using F = Ebpfcc.Ebpf.Abi.SectionFlags;
using P = Ebpfcc.Ebpf.Abi.ProgramType;

namespace Ebpfcc.Ebpf.Abi;

/// <summary>What a section name says beside program and attach type.</summary>
[Flags]
public enum SectionFlags : byte
{
    None = 0,

    /// <summary>The attach type must be passed when loading.</summary>
    Attach = 1,

    /// <summary>The attach type may be left out for old kernels.</summary>
    AttachOptional = 2,

    /// <summary>The program may sleep.</summary>
    Sleepable = 4,

    /// <summary>The program attaches to something described by BTF, named after the slash.</summary>
    AttachBtf = 8,

    /// <summary>An XDP program that accepts packets in several buffers.</summary>
    XdpFragments = 16,

    Usdt = 32,
}

/// <summary>An inclusive range of allowed return values, compared as 32-bit signed numbers.</summary>
public readonly record struct ReturnRange(int Minimum, int Maximum);

/// <summary>
/// One section name. A pattern ending in <c>+</c> also matches with <c>/extras</c> behind it; others match exactly.
/// </summary>
public sealed record SectionRow(string Pattern, ProgramType Type, AttachType? Attach, SectionFlags Flags)
{
    /// <summary>The pattern without its plus sign.</summary>
    public string Prefix => Pattern.TrimEnd('+');

    public bool Matches(ReadOnlySpan<char> section)
        => !Pattern.EndsWith('+') ? section.SequenceEqual(Pattern)
            : section.StartsWith(Pattern.AsSpan(0, Pattern.Length - 1)) && (section.Length == Pattern.Length - 1 || section[Pattern.Length - 1] == '/');
}

/// <summary>
/// One program type.
/// </summary>
/// <param name="Type">The number.</param>
/// <param name="Name">Its name as bpftool prints it.</param>
/// <param name="Context">The C structure its first argument points to; null when that depends on what it attaches to.</param>
/// <param name="Returns">Allowed return values of most attach types; null when anything may be returned.</param>
public sealed record ProgramTypeRow(ProgramType Type, string Name, string? Context, ReturnRange? Returns);

/// <summary>The 32 program types and the section names of libbpf.</summary>
public static class ProgramTypeTable
{
    private static readonly ReturnRange Zero1 = new(0, 1);

    private static readonly ProgramTypeRow[] s_rows =
    [
        new(P.Unspec, "unspec", null, null),
        new(P.SocketFilter, "socket_filter", "__sk_buff", null),
        new(P.Kprobe, "kprobe", "bpf_user_pt_regs_t", null),
        new(P.SchedCls, "sched_cls", "__sk_buff", null),
        new(P.SchedAct, "sched_act", "__sk_buff", null),
        new(P.Tracepoint, "tracepoint", null, null),
        new(P.Xdp, "xdp", "xdp_md", null),
        new(P.PerfEvent, "perf_event", "bpf_perf_event_data", null),
        new(P.CgroupSkb, "cgroup_skb", "__sk_buff", Zero1),
        new(P.CgroupSock, "cgroup_sock", "bpf_sock", Zero1),
        new(P.LwtIn, "lwt_in", "__sk_buff", null),
        new(P.LwtOut, "lwt_out", "__sk_buff", null),
        new(P.LwtXmit, "lwt_xmit", "__sk_buff", null),
        new(P.SockOps, "sock_ops", "bpf_sock_ops", Zero1),
        new(P.SkSkb, "sk_skb", "__sk_buff", null),
        new(P.CgroupDevice, "cgroup_device", "bpf_cgroup_dev_ctx", Zero1),
        new(P.SkMsg, "sk_msg", "sk_msg_md", null),
        new(P.RawTracepoint, "raw_tracepoint", "bpf_raw_tracepoint_args", null),
        new(P.CgroupSockAddr, "cgroup_sock_addr", "bpf_sock_addr", Zero1),
        new(P.LwtSeg6Local, "lwt_seg6local", "__sk_buff", null),
        new(P.LircMode2, "lirc_mode2", null, null),
        new(P.SkReuseport, "sk_reuseport", "sk_reuseport_md", null),
        new(P.FlowDissector, "flow_dissector", "__sk_buff", null),
        new(P.CgroupSysctl, "cgroup_sysctl", "bpf_sysctl", Zero1),
        new(P.RawTracepointWritable, "raw_tracepoint_writable", "bpf_raw_tracepoint_args", null),
        new(P.CgroupSockopt, "cgroup_sockopt", "bpf_sockopt", Zero1),
        new(P.Tracing, "tracing", null, null),
        new(P.StructOps, "struct_ops", null, null),
        new(P.Ext, "ext", null, null),
        new(P.Lsm, "lsm", null, null),
        new(P.SkLookup, "sk_lookup", "bpf_sk_lookup", Zero1),
        new(P.Syscall, "syscall", null, null),
        new(P.Netfilter, "netfilter", "bpf_nf_ctx", Zero1),
    ];

    private static readonly SectionRow[] s_sections =
    [
        new("socket", P.SocketFilter, null, F.None),
        new("sk_reuseport/migrate", P.SkReuseport, A.SkReuseportSelectOrMigrate, F.Attach),
        new("sk_reuseport", P.SkReuseport, A.SkReuseportSelect, F.Attach),
        new("kprobe+", P.Kprobe, null, F.None),
        new("uprobe+", P.Kprobe, null, F.None),
        new("uprobe.s+", P.Kprobe, null, F.Sleepable),
        new("kretprobe+", P.Kprobe, null, F.None),
        new("uretprobe+", P.Kprobe, null, F.None),
        new("uretprobe.s+", P.Kprobe, null, F.Sleepable),
        new("kprobe.multi+", P.Kprobe, A.TraceKprobeMulti, F.None),
        new("kretprobe.multi+", P.Kprobe, A.TraceKprobeMulti, F.None),
        new("kprobe.session+", P.Kprobe, A.TraceKprobeSession, F.None),
        new("uprobe.multi+", P.Kprobe, A.TraceUprobeMulti, F.None),
        new("uretprobe.multi+", P.Kprobe, A.TraceUprobeMulti, F.None),
        new("uprobe.multi.s+", P.Kprobe, A.TraceUprobeMulti, F.Sleepable),
        new("uretprobe.multi.s+", P.Kprobe, A.TraceUprobeMulti, F.Sleepable),
        new("ksyscall+", P.Kprobe, null, F.None),
        new("kretsyscall+", P.Kprobe, null, F.None),
        new("usdt+", P.Kprobe, null, F.Usdt),
        new("usdt.s+", P.Kprobe, null, F.Usdt | F.Sleepable),
        new("tc/ingress", P.SchedCls, A.TcxIngress, F.None),
        new("tc/egress", P.SchedCls, A.TcxEgress, F.None),
        new("tcx/ingress", P.SchedCls, A.TcxIngress, F.None),
        new("tcx/egress", P.SchedCls, A.TcxEgress, F.None),
        new("tc", P.SchedCls, null, F.None),
        new("classifier", P.SchedCls, null, F.None),
        new("action", P.SchedAct, null, F.None),
        new("netkit/primary", P.SchedCls, A.NetkitPrimary, F.None),
        new("netkit/peer", P.SchedCls, A.NetkitPeer, F.None),
        new("tracepoint+", P.Tracepoint, null, F.None),
        new("tp+", P.Tracepoint, null, F.None),
        new("raw_tracepoint+", P.RawTracepoint, null, F.None),
        new("raw_tp+", P.RawTracepoint, null, F.None),
        new("raw_tracepoint.w+", P.RawTracepointWritable, null, F.None),
        new("raw_tp.w+", P.RawTracepointWritable, null, F.None),
        new("tp_btf+", P.Tracing, A.TraceRawTp, F.AttachBtf),
        new("fentry+", P.Tracing, A.TraceFentry, F.AttachBtf),
        new("fmod_ret+", P.Tracing, A.ModifyReturn, F.AttachBtf),
        new("fexit+", P.Tracing, A.TraceFexit, F.AttachBtf),
        new("fentry.s+", P.Tracing, A.TraceFentry, F.AttachBtf | F.Sleepable),
        new("fmod_ret.s+", P.Tracing, A.ModifyReturn, F.AttachBtf | F.Sleepable),
        new("fexit.s+", P.Tracing, A.TraceFexit, F.AttachBtf | F.Sleepable),
        new("freplace+", P.Ext, null, F.AttachBtf),
        new("lsm+", P.Lsm, A.LsmMac, F.AttachBtf),
        new("lsm.s+", P.Lsm, A.LsmMac, F.AttachBtf | F.Sleepable),
        new("lsm_cgroup+", P.Lsm, A.LsmCgroup, F.AttachBtf),
        new("iter+", P.Tracing, A.TraceIter, F.AttachBtf),
        new("iter.s+", P.Tracing, A.TraceIter, F.AttachBtf | F.Sleepable),
        new("syscall", P.Syscall, null, F.Sleepable),
        new("xdp.frags/devmap", P.Xdp, A.XdpDevmap, F.XdpFragments),
        new("xdp/devmap", P.Xdp, A.XdpDevmap, F.Attach),
        new("xdp.frags/cpumap", P.Xdp, A.XdpCpumap, F.XdpFragments),
        new("xdp/cpumap", P.Xdp, A.XdpCpumap, F.Attach),
        new("xdp.frags", P.Xdp, A.Xdp, F.XdpFragments),
        new("xdp", P.Xdp, A.Xdp, F.AttachOptional),
        new("perf_event", P.PerfEvent, null, F.None),
        new("lwt_in", P.LwtIn, null, F.None),
        new("lwt_out", P.LwtOut, null, F.None),
        new("lwt_xmit", P.LwtXmit, null, F.None),
        new("lwt_seg6local", P.LwtSeg6Local, null, F.None),
        new("sockops", P.SockOps, A.CgroupSockOps, F.AttachOptional),
        new("sk_skb/stream_parser", P.SkSkb, A.SkSkbStreamParser, F.AttachOptional),
        new("sk_skb/stream_verdict", P.SkSkb, A.SkSkbStreamVerdict, F.AttachOptional),
        new("sk_skb/verdict", P.SkSkb, A.SkSkbVerdict, F.AttachOptional),
        new("sk_skb", P.SkSkb, null, F.None),
        new("sk_msg", P.SkMsg, A.SkMsgVerdict, F.AttachOptional),
        new("lirc_mode2", P.LircMode2, A.LircMode2, F.AttachOptional),
        new("flow_dissector", P.FlowDissector, A.FlowDissector, F.AttachOptional),
        new("cgroup_skb/ingress", P.CgroupSkb, A.CgroupInetIngress, F.AttachOptional),
        new("cgroup_skb/egress", P.CgroupSkb, A.CgroupInetEgress, F.AttachOptional),
        new("cgroup/skb", P.CgroupSkb, null, F.None),
        new("cgroup/sock_create", P.CgroupSock, A.CgroupInetSockCreate, F.Attach),
        new("cgroup/sock_release", P.CgroupSock, A.CgroupInetSockRelease, F.Attach),
        new("cgroup/sock", P.CgroupSock, A.CgroupInetSockCreate, F.AttachOptional),
        new("cgroup/post_bind4", P.CgroupSock, A.CgroupInet4PostBind, F.Attach),
        new("cgroup/post_bind6", P.CgroupSock, A.CgroupInet6PostBind, F.Attach),
        new("cgroup/bind4", P.CgroupSockAddr, A.CgroupInet4Bind, F.Attach),
        new("cgroup/bind6", P.CgroupSockAddr, A.CgroupInet6Bind, F.Attach),
        new("cgroup/connect4", P.CgroupSockAddr, A.CgroupInet4Connect, F.Attach),
        new("cgroup/connect6", P.CgroupSockAddr, A.CgroupInet6Connect, F.Attach),
        new("cgroup/connect_unix", P.CgroupSockAddr, A.CgroupUnixConnect, F.Attach),
        new("cgroup/sendmsg4", P.CgroupSockAddr, A.CgroupUdp4Sendmsg, F.Attach),
        new("cgroup/sendmsg6", P.CgroupSockAddr, A.CgroupUdp6Sendmsg, F.Attach),
        new("cgroup/sendmsg_unix", P.CgroupSockAddr, A.CgroupUnixSendmsg, F.Attach),
        new("cgroup/recvmsg4", P.CgroupSockAddr, A.CgroupUdp4Recvmsg, F.Attach),
        new("cgroup/recvmsg6", P.CgroupSockAddr, A.CgroupUdp6Recvmsg, F.Attach),
        new("cgroup/recvmsg_unix", P.CgroupSockAddr, A.CgroupUnixRecvmsg, F.Attach),
        new("cgroup/getpeername4", P.CgroupSockAddr, A.CgroupInet4Getpeername, F.Attach),
        new("cgroup/getpeername6", P.CgroupSockAddr, A.CgroupInet6Getpeername, F.Attach),
        new("cgroup/getpeername_unix", P.CgroupSockAddr, A.CgroupUnixGetpeername, F.Attach),
        new("cgroup/getsockname4", P.CgroupSockAddr, A.CgroupInet4Getsockname, F.Attach),
        new("cgroup/getsockname6", P.CgroupSockAddr, A.CgroupInet6Getsockname, F.Attach),
        new("cgroup/getsockname_unix", P.CgroupSockAddr, A.CgroupUnixGetsockname, F.Attach),
        new("cgroup/sysctl", P.CgroupSysctl, A.CgroupSysctl, F.Attach),
        new("cgroup/getsockopt", P.CgroupSockopt, A.CgroupGetsockopt, F.Attach),
        new("cgroup/setsockopt", P.CgroupSockopt, A.CgroupSetsockopt, F.Attach),
        new("cgroup/dev", P.CgroupDevice, A.CgroupDevice, F.AttachOptional),
        new("struct_ops+", P.StructOps, null, F.None),
        new("struct_ops.s+", P.StructOps, null, F.Sleepable),
        new("sk_lookup", P.SkLookup, A.SkLookup, F.Attach),
        new("netfilter", P.Netfilter, A.Netfilter, F.None),
    ];

    /// <summary>All rows, at the index of their number; index 0 stands for an unknown type.</summary>
    public static ReadOnlySpan<ProgramTypeRow> Rows => s_rows;

    /// <summary>The section names of libbpf in its order of precedence.</summary>
    public static ReadOnlySpan<SectionRow> Sections => s_sections;

    private static readonly ProgramTypeRow s_host = new(P.Host, "host", null, null);

    public static ProgramTypeRow Get(ProgramType type) => type == P.Host ? s_host : s_rows[(int)type];

    /// <summary>The program type called <paramref name="name"/> (<c>xdp</c>, <c>sched_cls</c>), or null.</summary>
    public static ProgramTypeRow? FindByName(string name)
    {
        foreach (ProgramTypeRow row in s_rows)
        {
            if (row.Type != P.Unspec && row.Name == name)
                return row;
        }
        return null;
    }

    /// <summary>
    /// The row that a program's section name selects, or null for a name that says nothing. A leading question mark (do not
    /// load by default) is ignored.
    /// </summary>
    public static SectionRow? FindSection(ReadOnlySpan<char> section)
    {
        if (section.StartsWith("?"))
            section = section[1..];
        foreach (SectionRow row in s_sections)
        {
            if (row.Matches(section))
                return row;
        }
        return null;
    }

    /// <summary>What a program of this type may return; null when every value is allowed.</summary>
    public static ReturnRange? GetReturnRange(ProgramType type, AttachType? attach) => (type, attach) switch
    {
        (P.CgroupSockAddr, A.CgroupUdp4Recvmsg or A.CgroupUdp6Recvmsg or A.CgroupUnixRecvmsg
            or A.CgroupInet4Getpeername or A.CgroupInet6Getpeername or A.CgroupUnixGetpeername
            or A.CgroupInet4Getsockname or A.CgroupInet6Getsockname or A.CgroupUnixGetsockname) => new ReturnRange(1, 1),
        (P.CgroupSockAddr, A.CgroupInet4Bind or A.CgroupInet6Bind) => new ReturnRange(0, 3),
        (P.CgroupSkb, A.CgroupInetEgress) => new ReturnRange(0, 3),
        (P.Tracing, A.TraceFentry or A.TraceFexit) => new ReturnRange(0, 0),
        (P.Tracing, A.TraceIter) => Zero1,
        (P.Kprobe, A.TraceKprobeSession) => Zero1,
        (P.Lsm, A.LsmCgroup) => Zero1,
        _ => Get(type).Returns,
    };
}
