// What the kernel refuses at BPF_MAP_CREATE: the conditions of the alloc_check functions of kernel/bpf/*map*.c and net/ (Linux
// 6.12), from the rows of the map type table where those say it all, with the errors and their order.
using System.Numerics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;

namespace Ebpfcc.Runtime.Maps;

internal static class MapRules
{
    private const int MaxKmalloc = 4 << 20, PerCpuUnit = 32 << 10, MaxStackDepth = 127, MaxStorageValue = 0xffff - 192, MaxCpus = 8192, Page = 4096;

    /// <summary>Bytes that the values of one map may take here; pages that nobody touches cost nothing.</summary>
    private const long SizeLimit = 1L << 33;

    /// <summary>Entries of tables, whose index takes memory at once.</summary>
    private const int TableLimit = 1 << 25;

    /// <summary>Null when the map can be made; otherwise the kernel's error and a reason in words.</summary>
    public static (int Errno, string Reason)? WhyRefused(MapDefinition definition)
    {
        var type = (MapType)definition.Type;
        if (MapTypeTable.Find(type) is not { } row)
            return (Errno.EINVAL, $"there is no map type {definition.Type}");
        (int key, int value, int entries) = (definition.KeySize, definition.ValueSize, definition.MaxEntries);
        var flags = (MapFlags)definition.Flags;
        if (type is not (MapType.BloomFilter or MapType.Arena) && definition.MapExtra != 0)
            return (Errno.EINVAL, "only bloom filters and arenas have extra attributes");
        if ((flags & (MapFlags.ReadOnly | MapFlags.WriteOnly)) == (MapFlags.ReadOnly | MapFlags.WriteOnly))
            return (Errno.EINVAL, "a map cannot be read-only and write-only for user space");
        if (entries < 0 || key < 0 || value < 0)
            return (Errno.E2BIG, "a size is above two gigabytes");
        bool isPerCpu = type.IsPerCpu();
        if (type == MapType.BloomFilter && value > MaxKmalloc || type == MapType.PerCpuCgroupStorage && key is (8 or 16) && value > PerCpuUnit)
            return (Errno.E2BIG, "the value is too large");
        if (type is MapType.LruHash or MapType.LruPerCpuHash && (flags & MapFlags.NoPreallocation) != 0)
            return (Errno.ENOTSUPP, "LRU maps are always preallocated");
        if ((flags & ~(row.Flags | MapFlags.NumaNode)) is var unknown and not 0)
            return (Errno.EINVAL, $"the type does not take the flags 0x{(uint)unknown:x}");
        if ((flags & (MapFlags.ReadOnlyProgram | MapFlags.WriteOnlyProgram)) == (MapFlags.ReadOnlyProgram | MapFlags.WriteOnlyProgram))
            return (Errno.EINVAL, "a map cannot be read-only and write-only for programs");
        if ((flags & MapFlags.NumaNode) != 0 && (isPerCpu || (flags & MapFlags.NoCommonLru) != 0))
            return (Errno.EINVAL, "maps with values for every CPU belong to no memory node");
        bool isStorage = type is MapType.SkStorage or MapType.TaskStorage or MapType.InodeStorage or MapType.CgrpStorage;
        bool isCgroupStorage = type is MapType.CgroupStorage or MapType.PerCpuCgroupStorage;
        if (row.NeedsEntries ? entries == 0 : (isStorage || isCgroupStorage) && entries != 0)
            return (Errno.EINVAL, row.NeedsEntries ? "max_entries is zero" : "max_entries must be zero");
        if (row.NeedsNoPreallocation && (flags & MapFlags.NoPreallocation) == 0)
            return (Errno.EINVAL, "maps of this type need BPF_F_NO_PREALLOC");
        if (row.KeySize is { } keySize && key != keySize)
            return (Errno.EINVAL, keySize == 0 ? "maps of this type have no keys" : $"keys have {keySize} bytes");
        if (row.ValueSize is { } valueSize && value != valueSize)
            return (Errno.EINVAL, valueSize == 0 ? "maps of this type have no values" : $"values have {valueSize} bytes");
        if (row.KeySize is null && key == 0)
            return (Errno.EINVAL, "the key size is zero");
        if (row.ValueSize is null && value == 0)
            return (Errno.EINVAL, "the value size is zero");
        if (row.EntriesArePages && (!BitOperations.IsPow2(entries) || entries % Page != 0))
            return (Errno.EINVAL, "max_entries is a power of two and a multiple of the page size");
        if (OfType(definition, type, flags) is { } refusal)
            return refusal;
        if (isPerCpu && (value + 7L) / 8 * 8 > PerCpuUnit)
            return (Errno.E2BIG, "values of per-CPU maps have at most 32768 bytes");
        long perEntry = ((long)value + 7) / 8 * 8 * (isPerCpu ? GuestCpu.Count : 1) + (type is MapType.Array or MapType.PerCpuArray ? 0 : key + 24);
        if (type is not (MapType.RingBuffer or MapType.UserRingBuffer or MapType.Arena) && perEntry * entries > SizeLimit)
            return (Errno.ENOMEM, "the map would take more than 8 gigabytes");
        return entries > TableLimit && type is not (MapType.Array or MapType.PerCpuArray or MapType.RingBuffer or MapType.UserRingBuffer or MapType.Queue or MapType.Stack)
            ? (Errno.ENOMEM, $"the map would have more than {TableLimit} entries") : null;
    }

    /// <summary>What one type alone demands.</summary>
    private static (int, string)? OfType(MapDefinition definition, MapType type, MapFlags flags)
    {
        (int key, int value, int entries) = (definition.KeySize, definition.ValueSize, definition.MaxEntries);
        switch (type)
        {
            case MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.HashOfMaps when (long)key + value >= MaxKmalloc - 48:
                return (Errno.E2BIG, "key and value have at most 4 megabytes together");
            case MapType.DevMap or MapType.DevMapHash or MapType.CpuMap or MapType.SockMap or MapType.SockHash or MapType.ReuseportSockArray when value is not (4 or 8):
                return (Errno.EINVAL, "values have four or eight bytes");
            case MapType.CpuMap when entries > MaxCpus:
                return (Errno.E2BIG, $"there are at most {MaxCpus} CPUs");
            case MapType.SockHash when key > 512:
                return (Errno.E2BIG, "keys have at most 512 bytes");
            case MapType.ProgArray or MapType.PerfEventArray or MapType.CgroupArray or MapType.ArrayOfMaps when (flags & (MapFlags.ReadOnlyProgram | MapFlags.WriteOnlyProgram)) != 0:
                return (Errno.EINVAL, "arrays of descriptors cannot be read-only for programs");
            case MapType.ArrayOfMaps or MapType.HashOfMaps when definition.Inner is null:
                return (Errno.EBADF, "a map of maps needs a map as pattern of the inner ones");
            case MapType.ArrayOfMaps or MapType.HashOfMaps when ((MapType)definition.Inner!.Type).IsMapOfMaps():
                return (Errno.EINVAL, "maps of maps do not nest");
            case MapType.Queue or MapType.Stack when value > MaxKmalloc || entries >= uint.MaxValue / (uint)value:
                return (Errno.E2BIG, "the values are too large");
            case MapType.BloomFilter when (definition.MapExtra & ~15ul) != 0:
                return (Errno.EINVAL, "the extra attribute is the number of hash functions, at most 15");
            case MapType.LpmTrie when key is < 5 or > 260:
                return (Errno.EINVAL, "the key of a prefix trie is a length and 1 to 256 bytes");
            case MapType.LpmTrie when value > MaxKmalloc - key - 40:
                return (Errno.EINVAL, "the value is too large");
            case MapType.StackTrace when value < 8 || value % 8 != 0:
                return (Errno.EINVAL, "values are whole addresses of eight bytes");
            case MapType.StackTrace when (flags & MapFlags.StackBuildId) != 0 ? value % 32 != 0 || value / 32 > MaxStackDepth : value / 8 > MaxStackDepth:
                return (Errno.EINVAL, $"stacks have at most {MaxStackDepth} addresses");
            case MapType.SkStorage or MapType.TaskStorage or MapType.InodeStorage or MapType.CgrpStorage when definition.BtfKeyTypeId == 0 || definition.BtfValueTypeId == 0:
                return (Errno.EINVAL, "local storage needs the types of key and value");
            case MapType.SkStorage or MapType.TaskStorage or MapType.InodeStorage or MapType.CgrpStorage when value > MaxStorageValue:
                return (Errno.E2BIG, "the value is too large");
            case MapType.CgroupStorage or MapType.PerCpuCgroupStorage when key is not (8 or 16):
                return (Errno.EINVAL, "keys are a cgroup's id, or struct bpf_cgroup_storage_key");
            case MapType.CgroupStorage when value > MaxStorageValue:
                return (Errno.E2BIG, "the value is too large");
            case MapType.Arena when (flags & MapFlags.Mappable) == 0:
                return (Errno.EINVAL, "arenas need BPF_F_MMAPABLE");
            case MapType.Arena when (definition.MapExtra & (Page - 1)) != 0:
                return (Errno.EINVAL, "the extra attribute is the address of a page");
            case MapType.Arena when (long)entries * Page > 1L << 32:
                return (Errno.E2BIG, "arenas have at most 4 gigabytes");
            case MapType.Arena when definition.MapExtra >> 32 != (definition.MapExtra + (ulong)entries * Page - 1) >> 32:
                return (Errno.ERANGE, "the arena crosses a multiple of 4 gigabytes");
            case MapType.StructOps:
                return (Errno.ENOTSUPP, "tables of kernel operations are made from the types of a kernel; they can be read, not run, here");
            default:
                return null;
        }
    }
}
