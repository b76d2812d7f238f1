// Arrays, with one value per element or one per element and CPU. All elements always exist; their addresses are arithmetic,
// which JITs inline from the descriptor.
//
//   ARRAY         Values + index * Stride
//   PERCPU_ARRAY  Values + cpu * CpuStride + index * Stride
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>BPF_MAP_TYPE_ARRAY and the map of a global data section.</summary>
public sealed unsafe class ArrayMap : Map
{
    private readonly byte* _values;
    private readonly nuint _stride;

    public ArrayMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
    {
        _stride = Round8(definition.ValueSize);
        // Global data sections may ask for large alignment (up to a cache line is honoured).
        _values = allocator.Allocate(_stride * (nuint)definition.MaxEntries, 64);
        Descriptor->Values = (ulong)_values;
        Descriptor->Stride = _stride;
    }

    /// <summary>All values, element after element, each on <see cref="MapDescriptor.Stride"/>.</summary>
    public Span<byte> Values => new(_values, checked((int)(_stride * (nuint)Definition.MaxEntries)));

    public override byte* Lookup(byte* key)
    {
        uint index = *(uint*)key;
        return index < (uint)Definition.MaxEntries ? _values + index * _stride : null;
    }

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        if ((ulong)(mode & ~UpdateMode.Lock) > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        uint index = *(uint*)key;
        if (index >= (uint)Definition.MaxEntries)
            return -Errno.E2BIG;
        if ((mode & UpdateMode.NoExist) != 0)
            return -Errno.EEXIST;
        CopyValue(_values + index * _stride, value);
        return 0;
    }

    public override int Delete(byte* key) => -Errno.EINVAL;

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    public override byte* DirectValue(uint offset)
        => Definition.MaxEntries == 1 && offset < (uint)Definition.ValueSize ? _values + offset : null;

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        start = _values;
        length = _stride * (nuint)Definition.MaxEntries;
        return Inside(start, length, address, size);
    }

    protected override void FreeValues() => Allocator.Free(_values);
}

/// <summary>BPF_MAP_TYPE_PERCPU_ARRAY.</summary>
public sealed unsafe class PerCpuArrayMap : Map
{
    private readonly byte* _values;
    private readonly nuint _stride, _cpuStride;
    private readonly int _cpus;

    public PerCpuArrayMap(MapDefinition definition, IGuestAllocator allocator, int cpus)
        : base(definition, allocator)
    {
        _cpus = cpus;
        _stride = Round8(definition.ValueSize);
        _cpuStride = (_stride * (nuint)definition.MaxEntries + 63) & ~(nuint)63;
        _values = allocator.Allocate(_cpuStride * (nuint)cpus, 64);
        Descriptor->Values = (ulong)_values;
        Descriptor->Stride = _stride;
        Descriptor->CpuStride = _cpuStride;
    }

    public override int UserValueSize => (int)_stride * _cpus;

    private byte* Address(uint index, int cpu) => _values + (nuint)cpu * _cpuStride + index * _stride;

    public override byte* Lookup(byte* key)
    {
        uint index = *(uint*)key;
        return index < (uint)Definition.MaxEntries ? Address(index, GuestCpu.Current % _cpus) : null;
    }

    /// <summary>The value of one CPU, or null when there is no such element or CPU.</summary>
    public override byte* LookupPerCpu(byte* key, int cpu)
    {
        uint index = *(uint*)key;
        return index < (uint)Definition.MaxEntries && (uint)cpu < (uint)_cpus ? Address(index, cpu) : null;
    }

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        if ((ulong)mode > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        uint index = *(uint*)key;
        if (index >= (uint)Definition.MaxEntries)
            return -Errno.E2BIG;
        if (mode == UpdateMode.NoExist)
            return -Errno.EEXIST;
        CopyValue(Address(index, GuestCpu.Current % _cpus), value);
        return 0;
    }

    public override int Delete(byte* key) => -Errno.EINVAL;

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        uint index = BitConverter.ToUInt32(key);
        if (index >= (uint)Definition.MaxEntries)
            return -Errno.ENOENT;
        for (int cpu = 0; cpu < _cpus; cpu++)
            new ReadOnlySpan<byte>(Address(index, cpu), (int)_stride).CopyTo(value[(cpu * (int)_stride)..]);
        return 0;
    }

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
    {
        uint index = BitConverter.ToUInt32(key);
        if ((ulong)mode > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        if (index >= (uint)Definition.MaxEntries)
            return -Errno.E2BIG;
        if (mode == UpdateMode.NoExist)
            return -Errno.EEXIST;
        for (int cpu = 0; cpu < _cpus; cpu++)
            value.Slice(cpu * (int)_stride, (int)_stride).CopyTo(new Span<byte>(Address(index, cpu), (int)_stride));
        return 0;
    }

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        start = _values;
        length = _cpuStride * (nuint)_cpus;
        return Inside(start, length, address, size);
    }

    protected override void FreeValues() => Allocator.Free(_values);
}

/// <summary>Key order of arrays.</summary>
internal static unsafe class ArrayKeys
{
    public static int Next(int entries, byte* key, byte* next)
    {
        uint index = key is null ? uint.MaxValue : *(uint*)key;
        if (index >= (uint)entries)
        {
            *(uint*)next = 0;
            return 0;
        }
        if (index == (uint)entries - 1)
            return -Errno.ENOENT;
        *(uint*)next = index + 1;
        return 0;
    }
}
