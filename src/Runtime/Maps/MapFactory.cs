// Makes maps and refuses what the kernel refuses at BPF_MAP_CREATE.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

public static class MapFactory
{
    /// <summary>Bytes that the values of one map may take here; pages that nobody touches cost nothing.</summary>
    private const long SizeLimit = 1L << 33;

    /// <summary>Entries of tables, whose index takes memory at once.</summary>
    private const int TableLimit = 1 << 25;

    /// <summary>Why no map can be made from this definition: the kernel's error and a reason in words; null when one can.</summary>
    public static (int Errno, string Reason)? WhyRefused(MapDefinition definition)
    {
        var type = (MapType)definition.Type;
        if (!IsImplemented(type))
            return (Errno.EOPNOTSUPP, $"maps of type {MapTypes.Name(definition.Type)} are not implemented");
        (int key, int value, int entries) = (definition.KeySize, definition.ValueSize, definition.MaxEntries);
        bool hasEntries = type is not (MapType.SkStorage or MapType.TaskStorage or MapType.InodeStorage or MapType.CgrpStorage or MapType.CgroupStorage or MapType.PerCpuCgroupStorage);
        if (hasEntries && entries == 0 && type != MapType.PerfEventArray)
            return (Errno.EINVAL, "max_entries is zero");
        if (entries < 0 || key < 0 || value < 0)
            return (Errno.E2BIG, "a size is above two gigabytes");
        string? wrong = type switch
        {
            MapType.Array or MapType.PerCpuArray or MapType.ProgArray or MapType.PerfEventArray or MapType.ArrayOfMaps
                or MapType.DevMap or MapType.CpuMap or MapType.XskMap when key != 4 => "keys of arrays have four bytes",
            MapType.ProgArray or MapType.PerfEventArray or MapType.ArrayOfMaps or MapType.HashOfMaps when value != 4 => "values are descriptors of four bytes",
            MapType.DevMap or MapType.DevMapHash when value is not (4 or 8) => "values have four or eight bytes",
            MapType.CpuMap when value is not (4 or 8) => "values have four or eight bytes",
            MapType.Queue or MapType.Stack or MapType.BloomFilter or MapType.RingBuffer when key != 0 => "these maps have no keys",
            MapType.RingBuffer when value != 0 => "ring buffers have no values",
            MapType.RingBuffer when !System.Numerics.BitOperations.IsPow2(entries) || entries % 4096 != 0 => "max_entries of a ring buffer is a power of two and a multiple of the page size",
            MapType.LpmTrie when key is < 5 or > 260 => "the key of a prefix trie is a length and 1 to 256 bytes",
            MapType.LpmTrie when (definition.Flags & (uint)MapFlags.NoPreallocation) == 0 => "a prefix trie needs BPF_F_NO_PREALLOC",
            MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.HashOfMaps when key == 0 => "the key size is zero",
            MapType.LruHash or MapType.LruPerCpuHash when (definition.Flags & (uint)MapFlags.NoPreallocation) != 0 => "LRU maps are always preallocated",
            _ when value == 0 && type is not (MapType.RingBuffer or MapType.UserRingBuffer or MapType.SockMap or MapType.SockHash) => "the value size is zero",
            _ => null,
        };
        if (wrong is not null)
            return (Errno.EINVAL, wrong);
        long perEntry = ((long)value + 7) / 8 * 8 * (type.IsPerCpu() ? GuestCpu.Count : 1) + (type is MapType.Array or MapType.PerCpuArray ? 0 : key + 24);
        if (type != MapType.RingBuffer && perEntry * entries > SizeLimit)
            return (Errno.ENOMEM, "the map would take more than 8 gigabytes");
        if (entries > TableLimit && type is not (MapType.Array or MapType.PerCpuArray or MapType.RingBuffer or MapType.Queue or MapType.Stack))
            return (Errno.ENOMEM, $"the map would have more than {TableLimit} entries");
        return key > 512 && type is MapType.Hash or MapType.LruHash ? (Errno.E2BIG, "keys have at most 512 bytes") : null;
    }

    public static bool IsImplemented(MapType type) => type
        is MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.Array or MapType.PerCpuArray
        or MapType.ProgArray or MapType.PerfEventArray or MapType.LpmTrie or MapType.ArrayOfMaps or MapType.HashOfMaps
        or MapType.DevMap or MapType.CpuMap or MapType.XskMap or MapType.DevMapHash or MapType.Queue or MapType.Stack
        or MapType.RingBuffer or MapType.BloomFilter or MapType.CgroupStorage or MapType.PerCpuCgroupStorage || IsOpaque(type);

    /// <summary>Types whose entries only a kernel can have: their maps are always empty here.</summary>
    private static bool IsOpaque(MapType type) => type
        is MapType.StackTrace or MapType.CgroupArray or MapType.SockMap or MapType.SockHash or MapType.ReuseportSockArray
        or MapType.SkStorage or MapType.InodeStorage or MapType.TaskStorage or MapType.CgrpStorage or MapType.UserRingBuffer;

    /// <summary>Makes the map; the definition must not be one that <see cref="WhyRefused"/> refuses.</summary>
    /// <param name="cpus">Values that per-CPU maps hold; 0 means the machine's number of processors.</param>
    public static Map Create(MapDefinition definition, IGuestAllocator allocator, int cpus = 0)
    {
        if (WhyRefused(definition) is { } refusal)
            throw new ArgumentException($"{definition.Name}: {refusal.Reason}", nameof(definition));
        cpus = cpus > 0 ? cpus : GuestCpu.Count;
        return (MapType)definition.Type switch
        {
            MapType.Array => new ArrayMap(definition, allocator),
            MapType.PerCpuArray => new PerCpuArrayMap(definition, allocator, cpus),
            MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash => new HashMap(definition, allocator, cpus),
            MapType.ProgArray => new ProgramArrayMap(definition, allocator),
            MapType.PerfEventArray => new PerfEventArrayMap(definition.MaxEntries == 0 ? definition with { MaxEntries = cpus } : definition, allocator),
            MapType.LpmTrie => new LpmTrieMap(definition, allocator),
            MapType.ArrayOfMaps => new ArrayOfMaps(definition, allocator),
            MapType.HashOfMaps => new HashOfMaps(definition, allocator),
            MapType.DevMap or MapType.CpuMap or MapType.XskMap => new RedirectArrayMap(definition, allocator),
            MapType.DevMapHash => new RedirectHashMap(definition, allocator),
            MapType.Queue or MapType.Stack => new QueueMap(definition, allocator),
            MapType.RingBuffer => new RingBufferMap(definition, allocator),
            MapType.BloomFilter => new BloomFilterMap(definition, allocator),
            MapType.CgroupStorage or MapType.PerCpuCgroupStorage => new CgroupStorageMap(definition, allocator),
            var type when IsOpaque(type) => new OpaqueMap(definition, allocator),
            _ => throw new Core.Diagnostics.InternalCompilerException("MapFactory", definition.Name, $"no class for map type {definition.Type}"),
        };
    }
}
