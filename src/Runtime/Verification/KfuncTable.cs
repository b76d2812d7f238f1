// Kernel functions that programs may call: what calling one does to the books (references, null results, sleep, iterators) and which
// program types see it. Their prototypes are not here: they come from the kernel's BTF, and a function that the kernel at hand
// does not have cannot be called. Functions over objects that a program allocates itself (lists, trees, reference counts), those with
// callbacks and those of modules are not in the table: calls of them are refused.
using Ebpfcc.Ebpf.Abi;
using F = Ebpfcc.Runtime.Verification.KfuncFlags;
using P = Ebpfcc.Ebpf.Abi.ProgramTypes;

namespace Ebpfcc.Runtime.Verification;

/// <summary>What the kernel registers a function with.</summary>
[Flags]
internal enum KfuncFlags
{
    None = 0,

    /// <summary>The result is a reference that must be given back.</summary>
    Acquire = 1,

    /// <summary>Gives back the reference in its argument.</summary>
    Release = 2,
    ReturnsNull = 4,

    /// <summary>Pointers to kernel objects must be held, or guaranteed valid by the hook.</summary>
    TrustedArguments = 8,

    /// <summary>As above, but protected by a read-side section is enough.</summary>
    Rcu = 16,
    MightSleep = 32,

    /// <summary>Works only inside a read-side section.</summary>
    RcuProtected = 64,
    IteratorNew = 128,
    IteratorNext = 256,
    IteratorDestroy = 512,
    Iterator = IteratorNew | IteratorNext | IteratorDestroy,
}

/// <summary>One kernel function.</summary>
internal sealed record KfuncRow(string Name, KfuncFlags Flags, ProgramTypes Programs)
{
    public bool Has(KfuncFlags flag) => (Flags & flag) != 0;
}

/// <summary>The kernel functions known here.</summary>
internal static class KfuncTable
{
    // Functions are registered for hooks; several program types share one.
    private const P Everywhere = (P)ulong.MaxValue;
    private const P TracingHook = P.Tracing | P.Tracepoint | P.PerfEvent | P.Lsm;
    private const P CgroupHook = P.CgroupSkb | P.CgroupSock | P.CgroupDevice | P.CgroupSockAddr | P.CgroupSockopt | P.CgroupSysctl;
    private const P Generic = TracingHook | P.SchedCls | P.Xdp | P.StructOps | P.Syscall | CgroupHook;
    private const P Masks = TracingHook | P.StructOps | P.Syscall;
    private const P Socketed = TracingHook | P.SchedCls | P.SchedAct | P.SkSkb | P.SocketFilter | CgroupHook | P.LwtIn | P.LwtOut | P.LwtXmit | P.LwtSeg6Local | P.Netfilter;
    private const P Ciphers = P.SchedCls | P.SchedAct | P.Xdp;

    public static IReadOnlyList<KfuncRow> Rows { get; } =
    [
        new("bpf_task_acquire", F.Acquire | F.Rcu | F.ReturnsNull, Generic),
        new("bpf_task_release", F.Release, Generic),
        new("bpf_task_from_pid", F.Acquire | F.ReturnsNull, Generic),
        new("bpf_task_from_vpid", F.Acquire | F.ReturnsNull, Generic),
        new("bpf_cgroup_acquire", F.Acquire | F.Rcu | F.ReturnsNull, Generic),
        new("bpf_cgroup_release", F.Release, Generic),
        new("bpf_cgroup_ancestor", F.Acquire | F.Rcu | F.ReturnsNull, Generic),
        new("bpf_cgroup_from_id", F.Acquire | F.ReturnsNull, Generic),
        new("bpf_task_under_cgroup", F.Rcu, Generic),
        new("bpf_task_get_cgroup1", F.Acquire | F.Rcu | F.ReturnsNull, Generic),

        new("bpf_cast_to_kern_ctx", F.None, Everywhere),
        new("bpf_rdonly_cast", F.None, Everywhere),
        new("bpf_rcu_read_lock", F.None, Everywhere),
        new("bpf_rcu_read_unlock", F.None, Everywhere),
        new("bpf_preempt_disable", F.None, Everywhere),
        new("bpf_preempt_enable", F.None, Everywhere),
        new("bpf_dynptr_slice", F.ReturnsNull, Everywhere),
        new("bpf_dynptr_slice_rdwr", F.ReturnsNull, Everywhere),
        new("bpf_dynptr_adjust", F.None, Everywhere),
        new("bpf_dynptr_is_null", F.None, Everywhere),
        new("bpf_dynptr_is_rdonly", F.None, Everywhere),
        new("bpf_dynptr_size", F.None, Everywhere),
        new("bpf_dynptr_clone", F.None, Everywhere),
        new("bpf_copy_from_user_str", F.MightSleep, Everywhere),
        new("bpf_map_sum_elem_count", F.TrustedArguments, Everywhere),
        new("bpf_arena_alloc_pages", F.TrustedArguments | F.MightSleep, Everywhere),
        new("bpf_arena_free_pages", F.TrustedArguments | F.MightSleep, Everywhere),

        new("bpf_iter_num_new", F.IteratorNew, Everywhere),
        new("bpf_iter_num_next", F.IteratorNext | F.ReturnsNull, Everywhere),
        new("bpf_iter_num_destroy", F.IteratorDestroy, Everywhere),
        new("bpf_iter_bits_new", F.IteratorNew, Everywhere),
        new("bpf_iter_bits_next", F.IteratorNext | F.ReturnsNull, Everywhere),
        new("bpf_iter_bits_destroy", F.IteratorDestroy, Everywhere),
        new("bpf_iter_task_vma_new", F.IteratorNew | F.Rcu, Everywhere),
        new("bpf_iter_task_vma_next", F.IteratorNext | F.ReturnsNull, Everywhere),
        new("bpf_iter_task_vma_destroy", F.IteratorDestroy, Everywhere),
        new("bpf_iter_css_task_new", F.IteratorNew | F.TrustedArguments, Everywhere),
        new("bpf_iter_css_task_next", F.IteratorNext | F.ReturnsNull, Everywhere),
        new("bpf_iter_css_task_destroy", F.IteratorDestroy, Everywhere),
        new("bpf_iter_css_new", F.IteratorNew | F.TrustedArguments | F.RcuProtected, Everywhere),
        new("bpf_iter_css_next", F.IteratorNext | F.ReturnsNull, Everywhere),
        new("bpf_iter_css_destroy", F.IteratorDestroy, Everywhere),
        new("bpf_iter_task_new", F.IteratorNew | F.TrustedArguments | F.RcuProtected, Everywhere),
        new("bpf_iter_task_next", F.IteratorNext | F.ReturnsNull, Everywhere),
        new("bpf_iter_task_destroy", F.IteratorDestroy, Everywhere),

        new("tcp_reno_ssthresh", F.None, P.StructOps),
        new("tcp_reno_cong_avoid", F.None, P.StructOps),
        new("tcp_reno_undo_cwnd", F.None, P.StructOps),
        new("tcp_slow_start", F.None, P.StructOps),
        new("tcp_cong_avoid_ai", F.None, P.StructOps),
        new("cubictcp_init", F.None, P.StructOps),
        new("cubictcp_recalc_ssthresh", F.None, P.StructOps),
        new("cubictcp_cong_avoid", F.None, P.StructOps),
        new("cubictcp_state", F.None, P.StructOps),
        new("cubictcp_cwnd_event", F.None, P.StructOps),
        new("cubictcp_acked", F.None, P.StructOps),
        new("dctcp_init", F.None, P.StructOps),
        new("dctcp_update_alpha", F.None, P.StructOps),
        new("dctcp_cwnd_event", F.None, P.StructOps),
        new("dctcp_ssthresh", F.None, P.StructOps),
        new("dctcp_cwnd_undo", F.None, P.StructOps),
        new("dctcp_state", F.None, P.StructOps),
        new("bbr_init", F.None, P.StructOps),
        new("bbr_main", F.None, P.StructOps),

        new("bpf_cpumask_create", F.Acquire | F.ReturnsNull, Masks),
        new("bpf_cpumask_release", F.Release, Masks),
        new("bpf_cpumask_acquire", F.Acquire | F.TrustedArguments, Masks),
        new("bpf_cpumask_first", F.Rcu, Masks),
        new("bpf_cpumask_first_zero", F.Rcu, Masks),
        new("bpf_cpumask_first_and", F.Rcu, Masks),
        new("bpf_cpumask_set_cpu", F.Rcu, Masks),
        new("bpf_cpumask_clear_cpu", F.Rcu, Masks),
        new("bpf_cpumask_test_cpu", F.Rcu, Masks),
        new("bpf_cpumask_test_and_set_cpu", F.Rcu, Masks),
        new("bpf_cpumask_test_and_clear_cpu", F.Rcu, Masks),
        new("bpf_cpumask_setall", F.Rcu, Masks),
        new("bpf_cpumask_clear", F.Rcu, Masks),
        new("bpf_cpumask_and", F.Rcu, Masks),
        new("bpf_cpumask_or", F.Rcu, Masks),
        new("bpf_cpumask_xor", F.Rcu, Masks),
        new("bpf_cpumask_equal", F.Rcu, Masks),
        new("bpf_cpumask_intersects", F.Rcu, Masks),
        new("bpf_cpumask_subset", F.Rcu, Masks),
        new("bpf_cpumask_empty", F.Rcu, Masks),
        new("bpf_cpumask_full", F.Rcu, Masks),
        new("bpf_cpumask_copy", F.Rcu, Masks),
        new("bpf_cpumask_any_distribute", F.Rcu, Masks),
        new("bpf_cpumask_any_and_distribute", F.Rcu, Masks),
        new("bpf_cpumask_weight", F.Rcu, Masks),

        new("bpf_lookup_user_key", F.Acquire | F.ReturnsNull | F.MightSleep, TracingHook),
        new("bpf_lookup_system_key", F.Acquire | F.ReturnsNull, TracingHook),
        new("bpf_key_put", F.Release, TracingHook),
        new("bpf_verify_pkcs7_signature", F.MightSleep, TracingHook),
        new("bpf_get_task_exe_file", F.Acquire | F.TrustedArguments | F.ReturnsNull, P.Lsm),
        new("bpf_put_file", F.Release, P.Lsm),
        new("bpf_path_d_path", F.TrustedArguments, P.Lsm),
        new("bpf_get_dentry_xattr", F.TrustedArguments | F.MightSleep, P.Lsm),
        new("bpf_get_file_xattr", F.TrustedArguments | F.MightSleep, P.Lsm),

        new("bpf_dynptr_from_skb", F.TrustedArguments, Socketed),
        new("bpf_dynptr_from_xdp", F.None, P.Xdp),
        new("bpf_crypto_ctx_create", F.Acquire | F.ReturnsNull | F.MightSleep, P.Syscall),
        new("bpf_crypto_ctx_release", F.Release, P.Syscall),
        new("bpf_crypto_ctx_acquire", F.Acquire | F.Rcu | F.ReturnsNull, P.Syscall),
        new("bpf_crypto_decrypt", F.Rcu, Ciphers),
        new("bpf_crypto_encrypt", F.Rcu, Ciphers),
    ];

    public static KfuncRow? Find(string name)
    {
        foreach (KfuncRow row in Rows)
        {
            if (row.Name == name)
                return row;
        }
        return null;
    }

    /// <summary>The kernel's structure behind a program type's context; null when it has none that can be named.</summary>
    public static string? KernelContext(ProgramType type) => type switch
    {
        ProgramType.SocketFilter or ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.CgroupSkb or ProgramType.LwtIn or ProgramType.LwtOut
            or ProgramType.LwtXmit or ProgramType.LwtSeg6Local or ProgramType.SkSkb => "sk_buff",
        ProgramType.Xdp => "xdp_buff",
        ProgramType.CgroupSock => "sock",
        ProgramType.CgroupSockAddr => "bpf_sock_addr_kern",
        ProgramType.SockOps => "bpf_sock_ops_kern",
        ProgramType.SkMsg => "sk_msg",
        ProgramType.PerfEvent => "bpf_perf_event_data_kern",
        ProgramType.SkReuseport => "sk_reuseport_kern",
        ProgramType.SkLookup => "bpf_sk_lookup_kern",
        ProgramType.FlowDissector => "bpf_flow_dissector",
        ProgramType.CgroupSysctl => "bpf_sysctl_kern",
        ProgramType.CgroupSockopt => "bpf_sockopt_kern",
        _ => null,
    };
}
