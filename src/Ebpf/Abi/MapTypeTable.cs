// Map types: rules for keys and values (the alloc_check functions of kernel/bpf/*map*.c), which helpers accept them
// (check_map_func_compatibility of the verifier), from Linux 6.12.
using F = Ebpfcc.Ebpf.Abi.MapFlags;
using H = Ebpfcc.Ebpf.Abi.MapHelpers;

namespace Ebpfcc.Ebpf.Abi;

/// <summary>Groups of helpers that a map type accepts.</summary>
[Flags]
public enum MapHelpers : ushort
{
    None = 0,

    /// <summary>map_lookup_elem.</summary>
    Lookup = 1,

    /// <summary>map_update_elem.</summary>
    Update = 2,

    /// <summary>map_delete_elem.</summary>
    Delete = 4,

    /// <summary>map_push_elem.</summary>
    Push = 8,

    /// <summary>map_pop_elem.</summary>
    Pop = 16,

    /// <summary>map_peek_elem.</summary>
    Peek = 32,

    /// <summary>for_each_map_elem.</summary>
    ForEach = 64,

    /// <summary>map_lookup_percpu_elem.</summary>
    PerCpuLookup = 128,

    Elements = Lookup | Update | Delete,
}

/// <summary>
/// One map type.
/// </summary>
/// <param name="Type">The number.</param>
/// <param name="Name">Its name as bpftool prints it.</param>
/// <param name="KeySize">Bytes a key must have; null for any size, 0 for none.</param>
/// <param name="ValueSize">Bytes a value must have; null for any size, 0 for none.</param>
/// <param name="Flags">Creation flags that are allowed.</param>
/// <param name="Helpers">The general element helpers that accept it.</param>
/// <param name="SpecialHelpers">The helpers made for it, by number.</param>
public sealed record MapTypeRow(MapType Type, string Name, int? KeySize, int? ValueSize, MapFlags Flags, MapHelpers Helpers, int[] SpecialHelpers)
{
    /// <summary>A value per CPU; each is rounded up to 8 bytes.</summary>
    public bool IsPerCpu { get; init; }

    /// <summary>Lookups give another map.</summary>
    public bool HoldsMaps { get; init; }

    /// <summary>max_entries must be at least one.</summary>
    public bool NeedsEntries { get; init; } = true;

    /// <summary>max_entries must be a power of two and a multiple of the page size.</summary>
    public bool EntriesArePages { get; init; }

    /// <summary>Elements must not be preallocated: the flag <see cref="MapFlags.NoPreallocation"/> is required.</summary>
    public bool NeedsNoPreallocation { get; init; }
}

/// <summary>The 33 map types.</summary>
public static class MapTypeTable
{
    private const F Access = F.NumaNode | F.ReadOnly | F.WriteOnly;
    private const F Common = F.NumaNode | F.ReadOnly | F.WriteOnly | F.ReadOnlyProgram | F.WriteOnlyProgram;
    private const F Hash = Common | F.NoPreallocation | F.ZeroSeed;
    private const F Array = Common | F.Mappable | F.InnerMap | F.PreserveElements;
    private const F Storage = F.NoPreallocation | F.Clone;

    private static readonly MapTypeRow[] s_rows =
    [
        new(MapType.Unspec, "unspec", null, null, F.None, H.None, []),
        new(MapType.Hash, "hash", null, null, Hash, H.Elements | H.ForEach, []),
        new(MapType.Array, "array", 4, null, Array, H.Elements | H.ForEach, []),
        new(MapType.ProgArray, "prog_array", 4, 4, Common, H.None, [12]),
        new(MapType.PerfEventArray, "perf_event_array", 4, 4, Common | F.PreserveElements, H.None, [22, 25, 55, 111, 121]),
        new(MapType.PerCpuHash, "percpu_hash", null, null, Hash, H.Elements | H.ForEach | H.PerCpuLookup, []) { IsPerCpu = true },
        new(MapType.PerCpuArray, "percpu_array", 4, null, Common, H.Elements | H.ForEach | H.PerCpuLookup, []) { IsPerCpu = true },
        new(MapType.StackTrace, "stack_trace", 4, null, Common | F.StackBuildId, H.None, [27]),
        new(MapType.CgroupArray, "cgroup_array", 4, 4, Common, H.None, [33, 37]),
        new(MapType.LruHash, "lru_hash", null, null, Hash & ~F.NoPreallocation | F.NoCommonLru, H.Elements | H.ForEach, []),
        new(MapType.LruPerCpuHash, "lru_percpu_hash", null, null, Hash & ~F.NoPreallocation | F.NoCommonLru, H.Elements | H.ForEach | H.PerCpuLookup, []) { IsPerCpu = true },
        new(MapType.LpmTrie, "lpm_trie", null, null, Common | F.NoPreallocation, H.Elements, []) { NeedsNoPreallocation = true },
        new(MapType.ArrayOfMaps, "array_of_maps", 4, 4, Common | F.InnerMap, H.Lookup, []) { HoldsMaps = true },
        new(MapType.HashOfMaps, "hash_of_maps", null, 4, Hash, H.Lookup, []) { HoldsMaps = true },
        new(MapType.DevMap, "devmap", 4, null, Access, H.Lookup, [51]),
        new(MapType.SockMap, "sockmap", 4, null, Access, H.Elements, [52, 53, 60, 82]),
        new(MapType.CpuMap, "cpumap", 4, null, F.NumaNode, H.None, [51]),
        new(MapType.XskMap, "xskmap", 4, 4, Access, H.Lookup, [51]),
        new(MapType.SockHash, "sockhash", null, null, Access, H.Elements, [70, 71, 72, 82]),
        new(MapType.CgroupStorage, "cgroup_storage", null, null, Common, H.None, [81]) { NeedsEntries = false },
        new(MapType.ReuseportSockArray, "reuseport_sockarray", 4, null, Common, H.None, [82]),
        new(MapType.PerCpuCgroupStorage, "percpu_cgroup_storage", null, null, Common, H.None, [81]) { IsPerCpu = true, NeedsEntries = false },
        new(MapType.Queue, "queue", 0, null, Common, H.Push | H.Pop | H.Peek, []),
        new(MapType.Stack, "stack", 0, null, Common, H.Push | H.Pop | H.Peek, []),
        new(MapType.SkStorage, "sk_storage", 4, null, Storage, H.None, [107, 108]) { NeedsEntries = false, NeedsNoPreallocation = true },
        new(MapType.DevMapHash, "devmap_hash", 4, null, Access, H.Lookup, [51]),
        new(MapType.StructOps, "struct_ops", 4, null, F.VmlinuxValueType | F.Link, H.None, []),
        new(MapType.RingBuffer, "ringbuf", 0, 0, F.NumaNode, H.None, [130, 131, 132, 133, 134, 198, 199, 200]) { EntriesArePages = true },
        new(MapType.InodeStorage, "inode_storage", 4, null, Storage, H.None, [145, 146]) { NeedsEntries = false, NeedsNoPreallocation = true },
        new(MapType.TaskStorage, "task_storage", 4, null, Storage, H.None, [156, 157]) { NeedsEntries = false, NeedsNoPreallocation = true },
        new(MapType.BloomFilter, "bloom_filter", 0, null, Common | F.ZeroSeed, H.Push | H.Peek, []),
        new(MapType.UserRingBuffer, "user_ringbuf", 0, 0, F.NumaNode, H.None, [209]) { EntriesArePages = true },
        new(MapType.CgrpStorage, "cgrp_storage", 4, null, Storage, H.None, [210, 211]) { NeedsEntries = false, NeedsNoPreallocation = true },
        new(MapType.Arena, "arena", 0, 0, F.Mappable | F.SegfaultOnFault | F.NoUserConversion, H.None, []),
    ];

    /// <summary>All rows, at the index of their number; index 0 stands for an unknown type.</summary>
    public static ReadOnlySpan<MapTypeRow> Rows => s_rows;

    /// <summary>The row of a type; null for a number that no map type has.</summary>
    public static MapTypeRow? Find(MapType type) => (uint)type - 1 < (uint)s_rows.Length - 1 ? s_rows[(int)type] : null;

    /// <summary>True when the helper with this number accepts maps of this type.</summary>
    public static bool Accepts(MapType type, int helper)
    {
        if (Find(type) is not { } row)
            return false;
        MapHelpers group = helper switch
        {
            1 => H.Lookup,
            2 => H.Update,
            3 => H.Delete,
            87 => H.Push,
            88 => H.Pop,
            89 => H.Peek,
            164 => H.ForEach,
            195 => H.PerCpuLookup,
            _ => H.None,
        };
        return group != H.None ? (row.Helpers & group) != 0 : System.Array.IndexOf(row.SpecialHelpers, helper) >= 0;
    }
}
