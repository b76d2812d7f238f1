// Maps: what programs and user code share. A map's values live in native memory whose addresses never change while the map
// lives, because programs hold pointers to them.
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Maps;

/// <summary>What a map is: everything given at creation, as in BPF_MAP_CREATE.</summary>
/// <param name="Name">The C variable's name.</param>
/// <param name="Type">BPF_MAP_TYPE_* number; rows in the map type table.</param>
/// <param name="KeySize">Bytes.</param>
/// <param name="ValueSize">Bytes.</param>
/// <param name="MaxEntries">Capacity (bytes for ring buffers).</param>
/// <param name="Flags">BPF_F_* creation flags.</param>
public sealed record MapDefinition(string Name, int Type, int KeySize, int ValueSize, int MaxEntries, uint Flags = 0)
{
    /// <summary>The prototype of the maps inside a map of maps, or null.</summary>
    public MapDefinition? Inner { get; init; }

    /// <summary>The type information that the type ids are numbers of; null without.</summary>
    public BtfReader? Btf { get; init; }

    /// <summary>Type ids of key and value in <see cref="Btf"/>, 0 without.</summary>
    public int BtfKeyTypeId { get; init; }

    public int BtfValueTypeId { get; init; }

    public ulong MapExtra { get; init; }

    /// <summary>Parts of the value that copies leave alone: spin locks, timers and other objects of the kernel inside values.</summary>
    public (int Offset, int Size)[] SpecialFields { get; init; } = [];

    /// <summary>Offset of the value's spin lock; -1 without. Set with <see cref="SpecialFields"/>.</summary>
    public int SpinLockOffset { get; init; } = -1;

    /// <summary>Pinned by name (LIBBPF_PIN_BY_NAME): shared between objects of one host.</summary>
    public bool IsPinned { get; init; }

    /// <summary>A global data section rather than a declared map.</summary>
    public bool IsGlobalData { get; init; }

    /// <summary>Contents cannot change any more (.rodata after load): the verifier may read them as constants.</summary>
    public bool IsFrozen { get; init; }
}

/// <summary>Update flags of BPF_MAP_UPDATE_ELEM.</summary>
public enum UpdateMode : ulong { Any = 0, NoExist = 1, Exist = 2, Lock = 4 }

/// <summary>
/// A live map. Pointers are native addresses of <see cref="MapDefinition.KeySize"/> and <see cref="MapDefinition.ValueSize"/> bytes.
/// Results are 0 or a negative errno, as the kernel's. All members may be called from any thread.
/// </summary>
public unsafe interface IMap : IDisposable
{
    MapDefinition Definition { get; }

    /// <summary>
    /// The address programs hold as "pointer to map" (what LDDW of a map loads): a native descriptor, see <see cref="MapDescriptor"/>.
    /// </summary>
    nint Handle { get; }

    /// <summary>Address of the value for a program (per-CPU maps: the current CPU's), or null.</summary>
    byte* Lookup(byte* key);

    /// <summary>Per-CPU maps: the value of one CPU; other maps know none.</summary>
    byte* LookupPerCpu(byte* key, int cpu);

    int Update(byte* key, byte* value, UpdateMode mode);

    int Delete(byte* key);

    /// <summary>The key after <paramref name="key"/> (null: the first) in iteration order, written to <paramref name="next"/>; -ENOENT at the end.</summary>
    int GetNextKey(byte* key, byte* next);

    /// <summary>Bytes of a value as user space sees it: per-CPU maps have one rounded-up value per CPU.</summary>
    int UserValueSize { get; }

    /// <summary>Reads and writes values as user space does, <see cref="UserValueSize"/> bytes.</summary>
    int UserLookup(ReadOnlySpan<byte> key, Span<byte> value);

    int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode);

    /// <summary>Direct access for LDDW of a map's value (arrays, global data): the address of byte <paramref name="offset"/>, or null.</summary>
    byte* DirectValue(uint offset);

    /// <summary>
    /// Does the map's value memory contain these bytes? Then also the largest range around them that programs may touch: what
    /// sandboxed accesses are checked against.
    /// </summary>
    bool FindRegion(byte* address, nuint size, out byte* start, out nuint length);
}

/// <summary>
/// The native record a map handle points at; JITs inline array lookups from it. Lives at an address that never moves.
/// </summary>
public struct MapDescriptor
{
    /// <summary>Index in the process-wide table of live maps: how a helper gets from the pointer to the map.</summary>
    public int Id;

    public int Type;
    public uint KeySize;
    public uint ValueSize;
    public uint MaxEntries;
    public uint Flags;

    /// <summary>Arrays: address of element 0 (per-CPU arrays: of CPU 0's); otherwise 0.</summary>
    public ulong Values;

    /// <summary>Arrays: bytes from one element to the next.</summary>
    public ulong Stride;

    /// <summary>Per-CPU arrays: bytes from one CPU's element 0 to the next CPU's; otherwise 0.</summary>
    public ulong CpuStride;
}
