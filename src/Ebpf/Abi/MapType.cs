// Map types with the kernel's numbers and names (UAPI linux/bpf.h, bpftool's spelling).
namespace Ebpfcc.Ebpf.Abi;

/// <summary>What kind of map it is (<c>enum bpf_map_type</c>); the values are the kernel's.</summary>
public enum MapType : byte
{
    Unspec, Hash, Array, ProgArray, PerfEventArray, PercpuHash, PercpuArray, StackTrace,
    CgroupArray, LruHash, LruPercpuHash, LpmTrie, ArrayOfMaps, HashOfMaps, Devmap, Sockmap,
    Cpumap, Xskmap, Sockhash, CgroupStorage, ReuseportSockarray, PercpuCgroupStorage, Queue, Stack,
    SkStorage, DevmapHash, StructOps, Ringbuf, InodeStorage, TaskStorage, BloomFilter, UserRingbuf,
    CgrpStorage, Arena,
}

/// <summary>Creation flags of maps (BPF_F_* of BPF_MAP_CREATE).</summary>
[Flags]
public enum MapFlags : uint
{
    None = 0, NoPrealloc = 1, NoCommonLru = 2, NumaNode = 4, ReadOnly = 8, WriteOnly = 0x10, StackBuildId = 0x20, ZeroSeed = 0x40,
    ReadOnlyProgram = 0x80, WriteOnlyProgram = 0x100, Clone = 0x200, Mmapable = 0x400, PreserveElements = 0x800, InnerMap = 0x1000,
}

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
    public static bool IsPerCpu(this MapType type) => type is MapType.PercpuArray or MapType.PercpuHash or MapType.LruPercpuHash or MapType.PercpuCgroupStorage;

    public static bool IsMapOfMaps(this MapType type) => type is MapType.ArrayOfMaps or MapType.HashOfMaps;
}
