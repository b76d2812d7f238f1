// The structures behind ContextLayout and what each program type takes of them. Offsets are checked against the UAPI header
// by a test that lets a C compiler assert them.
using static Ebpfcc.Ebpf.Abi.ContextAccess;

namespace Ebpfcc.Ebpf.Abi;

internal static class ContextLayouts
{
    private const ContextAccess ReadNarrow = Read | Narrow;

    public static ContextLayout Make(ProgramType type) => type switch
    {
        ProgramType.SocketFilter => Skb(
            denied: ["tc_classid", "data", "data_meta", "data_end", "family", "remote_ip4", "local_ip4", "remote_ip6", "local_ip6", "remote_port", "local_port", "tstamp", "wire_len", "hwtstamp"],
            writable: ["cb"]),
        ProgramType.SchedCls or ProgramType.SchedAct => Skb(
            denied: ["family", "remote_ip4", "local_ip4", "remote_ip6", "local_ip6", "remote_port", "local_port"],
            writable: ["mark", "tc_index", "priority", "tc_classid", "cb", "tstamp", "queue_mapping"], timestampType: true),
        ProgramType.CgroupSkb => Skb(denied: ["tc_classid", "data_meta", "wire_len"], writable: ["mark", "priority", "cb", "tstamp"]),
        ProgramType.LwtIn or ProgramType.LwtOut or ProgramType.LwtXmit or ProgramType.LwtSeg6Local => Skb(
            denied: ["tc_classid", "family", "remote_ip4", "local_ip4", "remote_ip6", "local_ip6", "remote_port", "local_port", "data_meta", "tstamp", "wire_len", "hwtstamp"],
            writable: ["mark", "priority", "cb"]),
        ProgramType.SkSkb => Skb(denied: ["tc_classid", "data_meta", "tstamp", "wire_len", "hwtstamp", "mark"], writable: ["tc_index", "priority"]),
        ProgramType.FlowDissector => new ContextLayout("__sk_buff", 192,
        [
            new("data", 76, 4, Read, ContextPointer.Packet),
            new("data_end", 80, 4, Read, ContextPointer.PacketEnd),
            new("flow_keys", 144, 8, Read, ContextPointer.FlowKeys),
        ]),
        ProgramType.Xdp => new ContextLayout("xdp_md", 24,
        [
            new("data", 0, 4, Read, ContextPointer.Packet),
            new("data_end", 4, 4, Read, ContextPointer.PacketEnd),
            new("data_meta", 8, 4, Read, ContextPointer.PacketMeta),
            new("ingress_ifindex", 12, 4, Read),
            new("rx_queue_index", 16, 4, Read),
            new("egress_ifindex", 20, 4, Read) { ReadFor = Only(AttachType.XdpDevmap) },
        ]),
        ProgramType.CgroupSock => Sock(),
        ProgramType.CgroupSockAddr => SockAddr(),
        ProgramType.SockOps => SockOps(),
        ProgramType.SkMsg => new ContextLayout("sk_msg_md", 80,
        [
            new("data", 0, 8, Read, ContextPointer.Packet),
            new("data_end", 8, 8, Read, ContextPointer.PacketEnd),
            new("family", 16, 4, Read), new("remote_ip4", 20, 4, Read), new("local_ip4", 24, 4, Read),
            new("remote_ip6", 28, 4, Read) { Count = 4 }, new("local_ip6", 44, 4, Read) { Count = 4 },
            new("remote_port", 60, 4, Read), new("local_port", 64, 4, Read), new("size", 68, 4, Read),
            new("sk", 72, 8, Read, ContextPointer.Socket),
        ]),
        ProgramType.SkReuseport => new ContextLayout("sk_reuseport_md", 56,
        [
            new("data", 0, 8, Read, ContextPointer.Packet),
            new("data_end", 8, 8, Read, ContextPointer.PacketEnd),
            new("len", 16, 4, ReadNarrow),
            new("eth_protocol", 20, 4, ReadNarrow) { MinimumSize = 2 },
            new("ip_protocol", 24, 4, ReadNarrow), new("bind_inany", 28, 4, ReadNarrow),
            new("hash", 32, 4, Read),
            new("sk", 40, 8, Read, ContextPointer.Socket),
            new("migrating_sk", 48, 8, Read, ContextPointer.SockCommonOrNull),
        ]),
        ProgramType.SkLookup => new ContextLayout("bpf_sk_lookup", 72,
        [
            new("sk", 0, 8, Read, ContextPointer.SocketOrNull),
            new("family", 8, 4, ReadNarrow), new("protocol", 12, 4, ReadNarrow), new("remote_ip4", 16, 4, ReadNarrow),
            new("remote_ip6", 20, 4, ReadNarrow) { Count = 4 },
            new("remote_port", 36, 2, ReadNarrow | FourBytesToo),
            new("", 38, 2, ReadNarrow),
            new("local_ip4", 40, 4, ReadNarrow), new("local_ip6", 44, 4, ReadNarrow) { Count = 4 },
            new("local_port", 60, 4, ReadNarrow), new("ingress_ifindex", 64, 4, ReadNarrow),
        ]),
        ProgramType.CgroupDevice => new ContextLayout("bpf_cgroup_dev_ctx", 12,
            [new("access_type", 0, 4, ReadNarrow), new("major", 4, 4, Read), new("minor", 8, 4, Read)]),
        ProgramType.CgroupSysctl => new ContextLayout("bpf_sysctl", 8,
            [new("write", 0, 4, ReadNarrow), new("file_pos", 4, 4, ReadNarrow | Write)]),
        ProgramType.CgroupSockopt => new ContextLayout("bpf_sockopt", 40,
        [
            new("sk", 0, 8, Read, ContextPointer.Socket),
            new("optval", 8, 8, Read, ContextPointer.Packet),
            new("optval_end", 16, 8, Read, ContextPointer.PacketEnd),
            new("level", 24, 4, Read | Write) { WriteFor = Only(AttachType.CgroupSetsockopt) },
            new("optname", 28, 4, Read | Write) { WriteFor = Only(AttachType.CgroupSetsockopt) },
            new("optlen", 32, 4, Read | Write),
            new("retval", 36, 4, Read | Write) { ReadFor = Only(AttachType.CgroupGetsockopt), WriteFor = Only(AttachType.CgroupGetsockopt) },
        ]),
        ProgramType.Netfilter => new ContextLayout("bpf_nf_ctx", 16,
        [
            new("state", 0, 8, Read, ContextPointer.BtfPointer) { BtfType = "nf_hook_state" },
            new("skb", 8, 8, Read, ContextPointer.BtfPointer) { BtfType = "sk_buff" },
        ]),
        // struct pt_regs of x86-64; on other machines the size differs, the rules do not
        ProgramType.Kprobe => new ContextLayout("pt_regs", 168, [new("regs", 0, 168, Read | AnySize)]),
        ProgramType.PerfEvent => new ContextLayout("bpf_perf_event_data", 184,
            [new("regs", 0, 8, Read) { Count = 21 }, new("sample_period", 168, 8, ReadNarrow), new("addr", 176, 8, ReadNarrow)]),
        ProgramType.Tracepoint => new ContextLayout(null, 8192, [new("fields", 8, 8184, Read | AnySize)]),
        ProgramType.RawTracepoint or ProgramType.RawTracepointWritable => new ContextLayout("bpf_raw_tracepoint_args", 96, [new("args", 0, 96, Read | AnySize)]),
        ProgramType.LircMode2 => new ContextLayout(null, 4, [new("sample", 0, 4, Read)]),
        ProgramType.Syscall => new ContextLayout(null, 65535, [new("ctx", 0, 65535, Read | Write | AnySize)]),
        // arguments of the traced, replaced or implemented function, as 64-bit slots; BTF says what they are
        ProgramType.Tracing or ProgramType.Lsm or ProgramType.StructOps or ProgramType.Ext => new ContextLayout(null, 96, [new("args", 0, 8, ReadNarrow) { Count = 12 }]),
        _ => new ContextLayout(null, 0, []),
    };

    private static ulong Only(params ReadOnlySpan<AttachType> types)
    {
        ulong mask = 0;
        foreach (AttachType type in types)
            mask |= 1UL << (int)type;
        return mask;
    }

    private static ContextLayout Skb(string[] denied, string[] writable, bool timestampType = false)
    {
        var fields = new List<ContextField>
        {
            new("len", 0, 4, ReadNarrow), new("pkt_type", 4, 4, ReadNarrow), new("mark", 8, 4, ReadNarrow), new("queue_mapping", 12, 4, ReadNarrow),
            new("protocol", 16, 4, ReadNarrow), new("vlan_present", 20, 4, ReadNarrow), new("vlan_tci", 24, 4, ReadNarrow), new("vlan_proto", 28, 4, ReadNarrow),
            new("priority", 32, 4, ReadNarrow), new("ingress_ifindex", 36, 4, ReadNarrow), new("ifindex", 40, 4, ReadNarrow), new("tc_index", 44, 4, ReadNarrow),
            new("cb", 48, 4, Read | AnySize) { Count = 5 },
            new("hash", 68, 4, ReadNarrow), new("tc_classid", 72, 4, ReadNarrow),
            new("data", 76, 4, Read, ContextPointer.Packet), new("data_end", 80, 4, Read, ContextPointer.PacketEnd),
            new("napi_id", 84, 4, ReadNarrow), new("family", 88, 4, ReadNarrow),
            new("remote_ip4", 92, 4, Read), new("local_ip4", 96, 4, Read),
            new("remote_ip6", 100, 4, Read) { Count = 4 }, new("local_ip6", 116, 4, Read) { Count = 4 },
            new("remote_port", 132, 4, ReadNarrow), new("local_port", 136, 4, ReadNarrow),
            new("data_meta", 140, 4, Read, ContextPointer.PacketMeta),
            new("tstamp", 152, 8, Read), new("wire_len", 160, 4, ReadNarrow), new("gso_segs", 164, 4, ReadNarrow),
            new("sk", 168, 8, Read, ContextPointer.SockCommonOrNull), new("gso_size", 176, 4, ReadNarrow),
        };
        if (timestampType)
            fields.Add(new ContextField("tstamp_type", 180, 1, Read));
        fields.Add(new ContextField("hwtstamp", 184, 8, Read));
        fields.RemoveAll(field => Array.IndexOf(denied, field.Name) >= 0);
        for (int i = 0; i < fields.Count; i++)
        {
            if (Array.IndexOf(writable, fields[i].Name) >= 0)
                fields[i] = fields[i] with { Access = fields[i].Access | Write };
        }
        return new ContextLayout("__sk_buff", 192, [.. fields]);
    }

    private static ContextLayout Sock()
    {
        ulong created = Only(AttachType.CgroupInetSockCreate, AttachType.CgroupInetSockRelease);
        ulong post4 = Only(AttachType.CgroupInet4PostBind), post6 = Only(AttachType.CgroupInet6PostBind);
        return new ContextLayout("bpf_sock", 80,
        [
            new("bound_dev_if", 0, 4, Read | Write) { ReadFor = created, WriteFor = created },
            new("family", 4, 4, Read | NarrowAtStart), new("type", 8, 4, Read | NarrowAtStart), new("protocol", 12, 4, Read | NarrowAtStart),
            new("mark", 16, 4, Read | Write) { ReadFor = created, WriteFor = created },
            new("priority", 20, 4, Read | Write) { ReadFor = created, WriteFor = created },
            new("src_ip4", 24, 4, ReadNarrow) { ReadFor = post4 },
            new("src_ip6", 28, 4, ReadNarrow) { Count = 4, ReadFor = post6 },
            new("src_port", 44, 4, Read | NarrowAtStart) { ReadFor = post4 | post6 },
            new("dst_port", 48, 2, ReadNarrow | FourBytesToo),
            new("dst_ip4", 52, 4, ReadNarrow), new("dst_ip6", 56, 4, ReadNarrow) { Count = 4 },
            new("state", 72, 4, Read | NarrowAtStart), new("rx_queue_mapping", 76, 4, Read | NarrowAtStart),
        ]);
    }

    private static ContextLayout SockAddr()
    {
        ulong four = Only(AttachType.CgroupInet4Bind, AttachType.CgroupInet4Connect, AttachType.CgroupInet4Getpeername, AttachType.CgroupInet4Getsockname,
            AttachType.CgroupUdp4Sendmsg, AttachType.CgroupUdp4Recvmsg);
        ulong six = Only(AttachType.CgroupInet6Bind, AttachType.CgroupInet6Connect, AttachType.CgroupInet6Getpeername, AttachType.CgroupInet6Getsockname,
            AttachType.CgroupUdp6Sendmsg, AttachType.CgroupUdp6Recvmsg);
        ulong send4 = Only(AttachType.CgroupUdp4Sendmsg), send6 = Only(AttachType.CgroupUdp6Sendmsg);
        return new ContextLayout("bpf_sock_addr", 72,
        [
            new("user_family", 0, 4, Read),
            new("user_ip4", 4, 4, ReadNarrow | Write) { ReadFor = four, WriteFor = four },
            new("user_ip6", 8, 4, ReadNarrow | Write | Pairs) { Count = 4, ReadFor = six, WriteFor = six },
            new("user_port", 24, 4, ReadNarrow | Write),
            new("family", 28, 4, Read), new("type", 32, 4, Read), new("protocol", 36, 4, Read),
            new("msg_src_ip4", 40, 4, ReadNarrow | Write) { ReadFor = send4, WriteFor = send4 },
            new("msg_src_ip6", 44, 4, ReadNarrow | Write | Pairs) { Count = 4, ReadFor = send6, WriteFor = send6 },
            new("sk", 64, 8, Read, ContextPointer.Socket),
        ]);
    }

    private static ContextLayout SockOps()
    {
        var fields = new List<ContextField>
        {
            new("op", 0, 4, Read), new("reply", 4, 4, Read | Write), new("args", 8, 4, Read) { Count = 3 },
            new("family", 20, 4, Read), new("remote_ip4", 24, 4, Read), new("local_ip4", 28, 4, Read),
            new("remote_ip6", 32, 4, Read) { Count = 4 }, new("local_ip6", 48, 4, Read) { Count = 4 },
        };
        string[] words =
        [
            "remote_port", "local_port", "is_fullsock", "snd_cwnd", "srtt_us", "bpf_sock_ops_cb_flags", "state", "rtt_min", "snd_ssthresh", "rcv_nxt", "snd_nxt", "snd_una",
            "mss_cache", "ecn_flags", "rate_delivered", "rate_interval_us", "packets_out", "retrans_out", "total_retrans", "segs_in", "data_segs_in", "segs_out",
            "data_segs_out", "lost_out", "sacked_out",
        ];
        for (int i = 0; i < words.Length; i++)
            fields.Add(new ContextField(words[i], 64 + i * 4, 4, Read));
        fields.AddRange(
        [
            new("sk_txhash", 164, 4, Read | Write), new("bytes_received", 168, 8, Read), new("bytes_acked", 176, 8, Read),
            new("sk", 184, 8, Read, ContextPointer.SocketOrNull),
            new("skb_data", 192, 8, Read, ContextPointer.Packet), new("skb_data_end", 200, 8, Read, ContextPointer.PacketEnd),
            new("skb_len", 208, 4, Read), new("skb_tcp_flags", 212, 4, Read | NarrowAtStart), new("skb_hwtstamp", 216, 8, Read),
        ]);
        return new ContextLayout("bpf_sock_ops", 224, [.. fields]);
    }
}
