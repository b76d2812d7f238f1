// Map types with the kernel's numbers (UAPI linux/bpf.h, enum bpf_map_type) and flags of map creation.
namespace Ebpfcc.Ebpf.Abi;

/// <summary>What a map is (<c>enum bpf_map_type</c>); the values are the kernel's.</summary>
public enum MapType : byte
{
    Unspec, Hash, Array, ProgArray, PerfEventArray, PerCpuHash, PerCpuArray,
    StackTrace, CgroupArray, LruHash, LruPerCpuHash, LpmTrie, ArrayOfMaps, HashOfMaps,
    DevMap, SockMap, CpuMap, XskMap, SockHash, CgroupStorage, ReuseportSockArray,
    PerCpuCgroupStorage, Queue, Stack, SkStorage, DevMapHash, StructOps, RingBuffer,
    InodeStorage, TaskStorage, BloomFilter, UserRingBuffer, CgrpStorage, Arena,
}

/// <summary>Flags of map creation (<c>BPF_F_*</c>).</summary>
[Flags]
public enum MapFlags : uint
{
    None = 0,
    NoPreallocation = 1 << 0,
    NoCommonLru = 1 << 1,
    NumaNode = 1 << 2,
    ReadOnly = 1 << 3,
    WriteOnly = 1 << 4,
    StackBuildId = 1 << 5,
    ZeroSeed = 1 << 6,
    ReadOnlyProgram = 1 << 7,
    WriteOnlyProgram = 1 << 8,
    Clone = 1 << 9,
    Mappable = 1 << 10,
    PreserveElements = 1 << 11,
    InnerMap = 1 << 12,
    Link = 1 << 13,
    PathFd = 1 << 14,
    VmlinuxValueType = 1 << 15,
    TokenFd = 1 << 16,
    SegfaultOnFault = 1 << 17,
    NoUserConversion = 1 << 18,
}
