// Makes maps and refuses what the kernel refuses at BPF_MAP_CREATE.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

public static class MapFactory
{
    /// <summary>Why no map can be made from this definition: the kernel's error and a reason in words; null when one can.</summary>
    public static (int Errno, string Reason)? WhyRefused(MapDefinition definition) => MapRules.WhyRefused(definition);

    /// <summary>Maps of this type can be made. Tables of kernel operations cannot: they are made of a kernel's functions.</summary>
    public static bool IsImplemented(MapType type) => type is not (MapType.Unspec or MapType.StructOps) && MapTypeTable.Find(type) is not null;

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
            MapType.DevMap or MapType.CpuMap or MapType.XskMap => new RedirectArrayMap(definition, allocator, cpus),
            MapType.DevMapHash => new RedirectHashMap(definition, allocator),
            MapType.Queue or MapType.Stack => new QueueMap(definition, allocator),
            MapType.RingBuffer => new RingBufferMap(definition, allocator),
            MapType.BloomFilter => new BloomFilterMap(definition, allocator),
            MapType.CgroupStorage or MapType.PerCpuCgroupStorage => new CgroupStorageMap(definition, allocator),
            MapType.StackTrace => new StackTraceMap(definition, allocator),
            MapType.CgroupArray => new ObjectArrayMap(definition, allocator),
            MapType.SockMap or MapType.ReuseportSockArray => new SocketArrayMap(definition, allocator),
            MapType.SockHash => new SocketHashMap(definition, allocator),
            MapType.SkStorage or MapType.TaskStorage or MapType.InodeStorage or MapType.CgrpStorage => new LocalStorageMap(definition, allocator),
            MapType.UserRingBuffer => new UserRingBufferMap(definition, allocator),
            MapType.Arena => new ArenaMap(definition, allocator),
            _ => throw new Core.Diagnostics.InternalCompilerException("MapFactory", definition.Name, $"no class for map type {definition.Type}"),
        };
    }
}
