// Arrays and tables whose entries are not plain values: programs to tail-call, maps, events, redirect targets.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>BPF_MAP_TYPE_PROG_ARRAY: the targets of tail calls.</summary>
public sealed unsafe class ProgramArrayMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private readonly IExecutable?[] _programs = new IExecutable?[definition.MaxEntries];

    /// <summary>The program at an index, or null.</summary>
    public IExecutable? Find(uint index) => index < (uint)_programs.Length ? Volatile.Read(ref _programs[index]) : null;

    /// <summary>Puts a program, prepared by the engine that will run the caller, into a slot; null empties it.</summary>
    public int Set(uint index, IExecutable? program)
    {
        if (index >= (uint)_programs.Length)
            return -Errno.E2BIG;
        Volatile.Write(ref _programs[index], program);
        return 0;
    }

    public override byte* Lookup(byte* key) => null;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EINVAL;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        value.Clear();
        return Find(BitConverter.ToUInt32(key)) is null ? -Errno.ENOENT : 0;
    }

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode) => -Errno.EINVAL;

    public override int Delete(byte* key)
        => *(uint*)key >= (uint)_programs.Length ? -Errno.E2BIG : Interlocked.Exchange(ref _programs[*(uint*)key], null) is null ? -Errno.ENOENT : 0;

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    protected override void FreeValues() => Array.Clear(_programs);
}

/// <summary>BPF_MAP_TYPE_ARRAY_OF_MAPS.</summary>
public sealed unsafe class ArrayOfMaps(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator), IMapOfMaps
{
    private readonly IMap?[] _maps = new IMap?[definition.MaxEntries];

    /// <summary>What a program gets is the inner map itself, as a map pointer.</summary>
    public override byte* Lookup(byte* key)
        => *(uint*)key < (uint)_maps.Length && Volatile.Read(ref _maps[*(uint*)key]) is { } inner ? (byte*)inner.Handle : null;

    /// <summary>Puts a map into a slot. The slot does not own it.</summary>
    public int Set(uint index, IMap? inner)
    {
        if (index >= (uint)_maps.Length)
            return -Errno.E2BIG;
        Volatile.Write(ref _maps[index], inner);
        return 0;
    }

    public bool AnyInner(Func<IMap, bool> predicate) => Array.Exists(_maps, map => map is not null && predicate(map));

    public IMap? FindInner(ulong handle) => Array.Find(_maps, map => map is not null && (ulong)map.Handle == handle);

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        uint index = BitConverter.ToUInt32(key);
        return index < (uint)_maps.Length && _maps[index] is Map inner && BitConverter.TryWriteBytes(value, inner.Id) ? 0 : -Errno.ENOENT;
    }

    /// <summary>User space names inner maps by their ids.</summary>
    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
        => MapTable.Find(BitConverter.ToInt32(value)) is { } inner ? Set(BitConverter.ToUInt32(key), inner) : -Errno.EINVAL;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EINVAL;

    public override int Delete(byte* key)
        => *(uint*)key >= (uint)_maps.Length ? -Errno.E2BIG : Interlocked.Exchange(ref _maps[*(uint*)key], null) is null ? -Errno.ENOENT : 0;

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
        => InnerRegions.Find(_maps, address, size, out start, out length);

    protected override void FreeValues() => Array.Clear(_maps);
}

/// <summary>BPF_MAP_TYPE_HASH_OF_MAPS.</summary>
public sealed unsafe class HashOfMaps : Map, IMapOfMaps
{
    private readonly HashMap _ids;

    public HashOfMaps(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
        => _ids = new HashMap(definition with { Type = (int)Ebpf.Abi.MapType.Hash, ValueSize = 4, Inner = null, SpecialFields = [] }, allocator, 1);

    public override byte* Lookup(byte* key)
        => _ids.Lookup(key) is var id && id is not null && MapTable.Find(*(int*)id) is { } inner ? (byte*)inner.Handle : null;

    public int Set(ReadOnlySpan<byte> key, Map inner, UpdateMode mode = UpdateMode.Any)
        => _ids.UserUpdate(key, BitConverter.GetBytes(inner.Id), mode);

    public bool AnyInner(Func<IMap, bool> predicate)
    {
        byte* key = stackalloc byte[Definition.KeySize];
        for (int result = _ids.GetNextKey(null, key); result == 0; result = _ids.GetNextKey(key, key))
        {
            byte* handle = Lookup(key);
            if (handle is not null && predicate(MapTable.Get((ulong)handle)))
                return true;
        }
        return false;
    }

    public IMap? FindInner(ulong handle)
    {
        byte* key = stackalloc byte[Definition.KeySize];
        for (int result = _ids.GetNextKey(null, key); result == 0; result = _ids.GetNextKey(key, key))
        {
            if ((ulong)Lookup(key) == handle && Lookup(key) is var found && found is not null)
                return MapTable.Get((ulong)found);
        }
        return null;
    }

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => _ids.UserLookup(key, value);

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
        => MapTable.Find(BitConverter.ToInt32(value)) is null ? -Errno.EINVAL : _ids.UserUpdate(key, value, mode);

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EINVAL;

    public override int Delete(byte* key) => _ids.Delete(key);

    public override int GetNextKey(byte* key, byte* next) => _ids.GetNextKey(key, next);

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        byte* key = stackalloc byte[Definition.KeySize];
        for (int result = _ids.GetNextKey(null, key); result == 0; result = _ids.GetNextKey(key, key))
        {
            byte* handle = Lookup(key);
            if (handle is not null && MapTable.Get((ulong)handle).FindRegion(address, size, out start, out length))
                return true;
        }
        start = null;
        length = 0;
        return false;
    }

    protected override void FreeValues() => _ids.Dispose();
}

internal static unsafe class InnerRegions
{
    public static bool Find(IMap?[] maps, byte* address, nuint size, out byte* start, out nuint length)
    {
        foreach (IMap? map in maps)
        {
            if (map is not null && map.FindRegion(address, size, out start, out length))
                return true;
        }
        start = null;
        length = 0;
        return false;
    }
}

/// <summary>BPF_MAP_TYPE_DEVMAP, CPUMAP and XSKMAP: redirect targets by index; an entry exists when its first word is not zero.</summary>
public sealed unsafe class RedirectArrayMap(MapDefinition definition, IGuestAllocator allocator, int cpus) : Map(definition, allocator), IRedirectMap
{
    /// <summary>Packets that may wait for a CPU of a CPUMAP.</summary>
    private const uint MaxQueue = 16384;

    private readonly byte* _values = allocator.Allocate(Round8(definition.ValueSize) * (nuint)definition.MaxEntries);

    private byte* At(uint index) => _values + index * Round8(Definition.ValueSize);

    public bool HasTarget(byte* key) => *(uint*)key < (uint)Definition.MaxEntries && *(uint*)At(*(uint*)key) != 0;

    public override byte* Lookup(byte* key) => HasTarget(key) ? At(*(uint*)key) : null;

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        uint index = *(uint*)key;
        if ((ulong)mode > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        if (index >= (uint)Definition.MaxEntries)
            return -Errno.E2BIG;
        if (mode == UpdateMode.NoExist)
            return -Errno.EEXIST;
        if ((MapType)Definition.Type == MapType.CpuMap)
        {
            if (*(uint*)value > MaxQueue)
                return -Errno.EOVERFLOW;
            if (index >= (uint)cpus)
                return -Errno.ENODEV;
        }
        CopyValue(At(index), value);
        return 0;
    }

    /// <summary>Sockets in an XSKMAP are not to be had back.</summary>
    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
        => (MapType)Definition.Type == MapType.XskMap ? -Errno.EOPNOTSUPP : base.UserLookup(key, value);

    public override int Delete(byte* key)
    {
        if (*(uint*)key >= (uint)Definition.MaxEntries)
            return -Errno.EINVAL;
        new Span<byte>(At(*(uint*)key), Definition.ValueSize).Clear();
        return 0;
    }

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        start = _values;
        length = Round8(Definition.ValueSize) * (nuint)Definition.MaxEntries;
        return Inside(start, length, address, size);
    }

    protected override void FreeValues() => Allocator.Free(_values);
}

/// <summary>Maps that <c>bpf_redirect_map</c> takes.</summary>
public unsafe interface IRedirectMap
{
    /// <summary>Is there a target under this key?</summary>
    bool HasTarget(byte* key);
}

/// <summary>BPF_MAP_TYPE_DEVMAP_HASH.</summary>
public sealed unsafe class RedirectHashMap : Map, IRedirectMap
{
    private readonly HashMap _targets;

    public RedirectHashMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
        => _targets = new HashMap(definition with { Type = (int)Ebpf.Abi.MapType.Hash }, allocator, 1);

    public bool HasTarget(byte* key) => _targets.Lookup(key) is not null;

    public override byte* Lookup(byte* key) => _targets.Lookup(key);

    /// <summary>As in the kernel an update that demands an existing entry makes one.</summary>
    public override int Update(byte* key, byte* value, UpdateMode mode)
        => (ulong)mode > (ulong)UpdateMode.Exist || *(uint*)value == 0 ? -Errno.EINVAL : _targets.Update(key, value, mode == UpdateMode.Exist ? UpdateMode.Any : mode);

    public override int Delete(byte* key) => _targets.Delete(key);

    public override int GetNextKey(byte* key, byte* next) => _targets.GetNextKey(key, next);

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
        => _targets.FindRegion(address, size, out start, out length);

    protected override void FreeValues() => _targets.Dispose();
}
