// The helpers of this runtime: name in the helper table, managed function, native entry. Lookups of objects that only a kernel
// has (sockets, storage of tasks) find nothing.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Helpers;

public sealed unsafe partial class HelperRegistry
{
    private static HelperRegistry? s_default;

    /// <summary>All helpers this runtime implements.</summary>
    public static HelperRegistry Default => s_default ??= BuildDefault();

    private static HelperRegistry BuildDefault()
    {
        var byId = new HelperImplementation?[HelperTable.Rows.Length + 1];
        Add("map_lookup_elem", &HelperFunctions.MapLookup, &NativeHelpers.MapLookup);
        Add("map_update_elem", &HelperFunctions.MapUpdate, &NativeHelpers.MapUpdate);
        Add("map_delete_elem", &HelperFunctions.MapDelete, &NativeHelpers.MapDelete);
        Add("map_lookup_percpu_elem", &HelperFunctions.MapLookupPerCpu, &NativeHelpers.MapLookupPerCpu);
        Add("map_push_elem", &HelperFunctions.MapPush, &NativeHelpers.MapPush);
        Add("map_pop_elem", &HelperFunctions.MapPop, &NativeHelpers.MapPop);
        Add("map_peek_elem", &HelperFunctions.MapPeek, &NativeHelpers.MapPeek);
        Add("get_local_storage", &HelperFunctions.GetLocalStorage, &NativeHelpers.GetLocalStorage);
        Add("tail_call", &HelperFunctions.TailCall, &NativeHelpers.TailCall);
        Add("perf_event_output", &HelperFunctions.PerfEventOutput, &NativeHelpers.PerfEventOutput);
        Add("skb_output", &HelperFunctions.PerfEventOutput, &NativeHelpers.PerfEventOutput);
        Add("xdp_output", &HelperFunctions.PerfEventOutput, &NativeHelpers.PerfEventOutput);
        Add("ringbuf_output", &HelperFunctions.RingbufOutput, &NativeHelpers.RingbufOutput);
        Add("ringbuf_reserve", &HelperFunctions.RingbufReserve, &NativeHelpers.RingbufReserve);
        Add("ringbuf_submit", &HelperFunctions.RingbufSubmit, &NativeHelpers.RingbufSubmit);
        Add("ringbuf_discard", &HelperFunctions.RingbufDiscard, &NativeHelpers.RingbufDiscard);
        Add("ringbuf_query", &HelperFunctions.RingbufQuery, &NativeHelpers.RingbufQuery);
        Add("spin_lock", &HelperFunctions.SpinLock, &NativeHelpers.SpinLock);
        Add("spin_unlock", &HelperFunctions.SpinUnlock, &NativeHelpers.SpinUnlock);
        Add("kptr_xchg", &HelperFunctions.KptrExchange, &NativeHelpers.KptrExchange);
        Add("loop", &HelperFunctions.Loop, &NativeHelpers.Loop);
        Add("for_each_map_elem", &HelperFunctions.ForEachMapElement, &NativeHelpers.ForEachMapElement);
        Add("ktime_get_ns", &HelperFunctions.KtimeGetNs, &NativeHelpers.KtimeGetNs);
        Add("ktime_get_boot_ns", &HelperFunctions.KtimeGetNs, &NativeHelpers.KtimeGetNs);
        Add("ktime_get_coarse_ns", &HelperFunctions.KtimeGetNs, &NativeHelpers.KtimeGetNs);
        Add("ktime_get_tai_ns", &HelperFunctions.KtimeGetTai, &NativeHelpers.KtimeGetTai);
        Add("jiffies64", &HelperFunctions.Jiffies, &NativeHelpers.Jiffies);
        Add("get_prandom_u32", &HelperFunctions.PrandomU32, &NativeHelpers.PrandomU32);
        Add("get_smp_processor_id", &HelperFunctions.SmpProcessorId, &NativeHelpers.SmpProcessorId);
        Add("get_numa_node_id", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_current_pid_tgid", &HelperFunctions.CurrentPidTgid, &NativeHelpers.CurrentPidTgid);
        Add("get_current_uid_gid", &HelperFunctions.CurrentUidGid, &NativeHelpers.CurrentUidGid);
        Add("get_current_comm", &HelperFunctions.CurrentComm, &NativeHelpers.CurrentComm);
        Add("get_current_task", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_current_cgroup_id", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_current_ancestor_cgroup_id", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_cgroup_classid", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skb_cgroup_classid", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skb_cgroup_id", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skb_ancestor_cgroup_id", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_route_realm", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_netns_cookie", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_attach_cookie", &HelperFunctions.AttachCookie, &NativeHelpers.AttachCookie);
        Add("get_func_ip", &HelperFunctions.FunctionIp, &NativeHelpers.FunctionIp);
        Add("probe_read", &HelperFunctions.ProbeRead, &NativeHelpers.ProbeRead);
        Add("probe_read_user", &HelperFunctions.ProbeRead, &NativeHelpers.ProbeRead);
        Add("probe_read_kernel", &HelperFunctions.ProbeRead, &NativeHelpers.ProbeRead);
        Add("copy_from_user", &HelperFunctions.ProbeRead, &NativeHelpers.ProbeRead);
        Add("probe_read_str", &HelperFunctions.ProbeReadString, &NativeHelpers.ProbeReadString);
        Add("probe_read_user_str", &HelperFunctions.ProbeReadString, &NativeHelpers.ProbeReadString);
        Add("probe_read_kernel_str", &HelperFunctions.ProbeReadString, &NativeHelpers.ProbeReadString);
        Add("probe_write_user", &HelperFunctions.ProbeWriteUser, &NativeHelpers.ProbeWriteUser);
        Add("send_signal", &HelperFunctions.NotPermitted, &NativeHelpers.NotPermitted);
        Add("send_signal_thread", &HelperFunctions.NotPermitted, &NativeHelpers.NotPermitted);
        Add("strtol", &HelperFunctions.Strtol, &NativeHelpers.Strtol);
        Add("strtoul", &HelperFunctions.Strtoul, &NativeHelpers.Strtoul);
        Add("strncmp", &HelperFunctions.Strncmp, &NativeHelpers.Strncmp);
        Add("trace_printk", &HelperFunctions.TracePrintk, &NativeHelpers.TracePrintk);
        Add("trace_vprintk", &HelperFunctions.TraceVprintk, &NativeHelpers.TraceVprintk);
        Add("snprintf", &HelperFunctions.Snprintf, &NativeHelpers.Snprintf);
        Add("skb_load_bytes", &HelperFunctions.SkbLoadBytes, &NativeHelpers.SkbLoadBytes);
        Add("skb_load_bytes_relative", &HelperFunctions.SkbLoadBytesRelative, &NativeHelpers.SkbLoadBytesRelative);
        Add("skb_store_bytes", &HelperFunctions.SkbStoreBytes, &NativeHelpers.SkbStoreBytes);
        Add("skb_pull_data", &HelperFunctions.SkbPullData, &NativeHelpers.SkbPullData);
        Add("l3_csum_replace", &HelperFunctions.L3CsumReplace, &NativeHelpers.L3CsumReplace);
        Add("l4_csum_replace", &HelperFunctions.L4CsumReplace, &NativeHelpers.L4CsumReplace);
        Add("csum_diff", &HelperFunctions.CsumDiff, &NativeHelpers.CsumDiff);
        Add("csum_update", &HelperFunctions.CsumUpdate, &NativeHelpers.CsumUpdate);
        Add("csum_level", &HelperFunctions.CsumLevel, &NativeHelpers.CsumLevel);
        Add("skb_vlan_push", &HelperFunctions.SkbVlanPush, &NativeHelpers.SkbVlanPush);
        Add("skb_vlan_pop", &HelperFunctions.SkbVlanPop, &NativeHelpers.SkbVlanPop);
        Add("skb_change_proto", &HelperFunctions.SkbChangeProto, &NativeHelpers.SkbChangeProto);
        Add("skb_change_type", &HelperFunctions.SkbChangeType, &NativeHelpers.SkbChangeType);
        Add("skb_change_head", &HelperFunctions.SkbChangeHead, &NativeHelpers.SkbChangeHead);
        Add("skb_change_tail", &HelperFunctions.SkbChangeTail, &NativeHelpers.SkbChangeTail);
        Add("skb_adjust_room", &HelperFunctions.SkbAdjustRoom, &NativeHelpers.SkbAdjustRoom);
        Add("skb_ecn_set_ce", &HelperFunctions.SkbEcnSetCe, &NativeHelpers.SkbEcnSetCe);
        Add("get_hash_recalc", &HelperFunctions.GetHashRecalc, &NativeHelpers.GetHashRecalc);
        Add("set_hash_invalid", &HelperFunctions.SetHashInvalid, &NativeHelpers.SetHashInvalid);
        Add("set_hash", &HelperFunctions.SetHash, &NativeHelpers.SetHash);
        Add("skb_get_xfrm_state", &HelperFunctions.GetXfrmState, &NativeHelpers.GetXfrmState);
        Add("skb_get_tunnel_key", &HelperFunctions.GetTunnelKey, &NativeHelpers.GetTunnelKey);
        Add("skb_set_tunnel_key", &HelperFunctions.SetTunnelKey, &NativeHelpers.SetTunnelKey);
        Add("skb_get_tunnel_opt", &HelperFunctions.GetTunnelOption, &NativeHelpers.GetTunnelOption);
        Add("skb_set_tunnel_opt", &HelperFunctions.SetTunnelOption, &NativeHelpers.SetTunnelOption);
        Add("get_socket_cookie", &HelperFunctions.SocketCookie, &NativeHelpers.SocketCookie);
        Add("get_socket_uid", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("xdp_adjust_head", &HelperFunctions.XdpAdjustHead, &NativeHelpers.XdpAdjustHead);
        Add("xdp_adjust_tail", &HelperFunctions.XdpAdjustTail, &NativeHelpers.XdpAdjustTail);
        Add("xdp_adjust_meta", &HelperFunctions.XdpAdjustMeta, &NativeHelpers.XdpAdjustMeta);
        Add("xdp_get_buff_len", &HelperFunctions.XdpBufferLength, &NativeHelpers.XdpBufferLength);
        Add("xdp_load_bytes", &HelperFunctions.XdpLoadBytes, &NativeHelpers.XdpLoadBytes);
        Add("xdp_store_bytes", &HelperFunctions.XdpStoreBytes, &NativeHelpers.XdpStoreBytes);
        Add("redirect", &HelperFunctions.Redirect, &NativeHelpers.Redirect);
        Add("redirect_neigh", &HelperFunctions.RedirectNeighbour, &NativeHelpers.RedirectNeighbour);
        Add("redirect_peer", &HelperFunctions.RedirectPeer, &NativeHelpers.RedirectPeer);
        Add("redirect_map", &HelperFunctions.RedirectMap, &NativeHelpers.RedirectMap);
        Add("clone_redirect", &HelperFunctions.CloneRedirect, &NativeHelpers.CloneRedirect);
        Add("fib_lookup", &HelperFunctions.FibLookup, &NativeHelpers.FibLookup);
        Add("check_mtu", &HelperFunctions.CheckMtu, &NativeHelpers.CheckMtu);
        Add("sk_lookup_tcp", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("sk_lookup_udp", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skc_lookup_tcp", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("sk_release", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("sk_fullsock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("tcp_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("get_listener_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("sk_cgroup_id", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("sk_ancestor_cgroup_id", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("tcp_check_syncookie", &HelperFunctions.NoSocket, &NativeHelpers.NoSocket);
        Add("tcp_gen_syncookie", &HelperFunctions.NoSocket, &NativeHelpers.NoSocket);
        Add("sk_assign", &HelperFunctions.NoSocket, &NativeHelpers.NoSocket);
        Add("skc_to_tcp6_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skc_to_tcp_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skc_to_tcp_timewait_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skc_to_tcp_request_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skc_to_udp6_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skc_to_unix_sock", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("skb_set_tstamp", &HelperFunctions.SetTstamp, &NativeHelpers.SetTstamp);
        Add("dynptr_from_mem", &HelperFunctions.DynptrFromMemory, &NativeHelpers.DynptrFromMemory);
        Add("dynptr_read", &HelperFunctions.DynptrRead, &NativeHelpers.DynptrRead);
        Add("dynptr_write", &HelperFunctions.DynptrWrite, &NativeHelpers.DynptrWrite);
        Add("dynptr_data", &HelperFunctions.DynptrData, &NativeHelpers.DynptrData);
        Add("ringbuf_reserve_dynptr", &HelperFunctions.RingbufReserveDynptr, &NativeHelpers.RingbufReserveDynptr);
        Add("ringbuf_submit_dynptr", &HelperFunctions.RingbufSubmitDynptr, &NativeHelpers.RingbufSubmitDynptr);
        Add("ringbuf_discard_dynptr", &HelperFunctions.RingbufDiscardDynptr, &NativeHelpers.RingbufDiscardDynptr);
        Add("sk_storage_get", &HelperFunctions.StorageGet, &NativeHelpers.StorageGet);
        Add("inode_storage_get", &HelperFunctions.StorageGet, &NativeHelpers.StorageGet);
        Add("task_storage_get", &HelperFunctions.StorageGet, &NativeHelpers.StorageGet);
        Add("cgrp_storage_get", &HelperFunctions.StorageGet, &NativeHelpers.StorageGet);
        Add("sk_storage_delete", &HelperFunctions.StorageDelete, &NativeHelpers.StorageDelete);
        Add("inode_storage_delete", &HelperFunctions.StorageDelete, &NativeHelpers.StorageDelete);
        Add("task_storage_delete", &HelperFunctions.StorageDelete, &NativeHelpers.StorageDelete);
        Add("cgrp_storage_delete", &HelperFunctions.StorageDelete, &NativeHelpers.StorageDelete);
        Add("get_current_task_btf", &HelperFunctions.CurrentTaskObject, &NativeHelpers.CurrentTaskObject);
        Add("get_stackid", &HelperFunctions.StackId, &NativeHelpers.StackId);
        Add("get_stack", &HelperFunctions.GetStack, &NativeHelpers.GetStack);
        Add("sk_redirect_map", &HelperFunctions.SocketRedirectMap, &NativeHelpers.SocketRedirectMap);
        Add("msg_redirect_map", &HelperFunctions.SocketRedirectMap, &NativeHelpers.SocketRedirectMap);
        Add("sk_redirect_hash", &HelperFunctions.SocketRedirectHash, &NativeHelpers.SocketRedirectHash);
        Add("msg_redirect_hash", &HelperFunctions.SocketRedirectHash, &NativeHelpers.SocketRedirectHash);
        Add("sk_select_reuseport", &HelperFunctions.SelectReuseport, &NativeHelpers.SelectReuseport);
        Add("per_cpu_ptr", &HelperFunctions.Zero, &NativeHelpers.Zero);
        Add("this_cpu_ptr", &HelperFunctions.Zero, &NativeHelpers.Zero);
        return new HelperRegistry(byId);

        void Add(string name, delegate*<ulong, ulong, ulong, ulong, ulong, ulong> managed, delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong> native)
        {
            HelperRow row = HelperTable.Find(name) ?? throw new InternalCompilerException("HelperRegistry", name, "the helper table has no such row");
            byId[row.Id] = new HelperImplementation { Id = row.Id, Row = row, Managed = managed, Native = native };
        }
    }
}
