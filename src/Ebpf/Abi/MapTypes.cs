// Names and families of map types (bpftool's spelling).
namespace Ebpfcc.Ebpf.Abi;

public static class MapTypes
{
    private static readonly string[] s_names =
    [
        "unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array", "stack_trace",
        "cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps", "hash_of_maps", "devmap", "sockmap",
        "cpumap", "xskmap", "sockhash", "cgroup_storage", "reuseport_sockarray", "percpu_cgroup_storage", "queue", "stack",
        "sk_storage", "devmap_hash", "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter", "user_ringbuf",
        "cgrp_storage", "arena",
    ];

    /// <summary>The name as bpftool prints it; the number for unknown ones.</summary>
    public static string Name(int type) => (uint)type < (uint)s_names.Length ? s_names[type] : type.ToString();

    /// <summary>One value for each CPU.</summary>
    public static bool IsPerCpu(this MapType type) => type is MapType.PerCpuArray or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.PerCpuCgroupStorage;

    public static bool IsMapOfMaps(this MapType type) => type is MapType.ArrayOfMaps or MapType.HashOfMaps;
}
