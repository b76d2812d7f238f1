// Maps over objects that a kernel has and a host or a test supplies here: sockets, tasks, cgroups, inodes. An object is a piece of
// native memory in the layout that programs read, and a number by which user space names it, in the place of a descriptor.
using System.Collections.Concurrent;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>An object that programs get pointers to.</summary>
public abstract unsafe class GuestObject : IDisposable
{
    private static readonly ConcurrentDictionary<int, GuestObject> s_byId = new();
    private static readonly ConcurrentDictionary<ulong, GuestObject> s_byAddress = new();
    private static int s_next = 1000;

    private readonly IGuestAllocator _allocator;
    private int _disposed;

    protected GuestObject(int size, IGuestAllocator allocator)
    {
        (_allocator, Size) = (allocator, size);
        Memory = allocator.Allocate((nuint)size, 16);
        Id = Interlocked.Increment(ref s_next);
        s_byId[Id] = this;
        s_byAddress[(ulong)Memory] = this;
    }

    /// <summary>Names it in maps, as a descriptor does in the kernel.</summary>
    public int Id { get; }

    public int Size { get; }

    /// <summary>What programs see.</summary>
    public byte* Memory { get; }

    /// <summary>Storage of it in maps; set by them.</summary>
    internal ConcurrentDictionary<LocalStorageMap, nint> Storage { get; } = new();

    public static GuestObject? Find(int id) => s_byId.GetValueOrDefault(id);

    /// <summary>The object at an address that a program passed.</summary>
    public static GuestObject? At(ulong address) => s_byAddress.GetValueOrDefault(address);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        s_byId.TryRemove(Id, out _);
        s_byAddress.TryRemove((ulong)Memory, out _);
        foreach (LocalStorageMap map in Storage.Keys)
            map.Remove(this);
        _allocator.Free(Memory);
        GC.SuppressFinalize(this);
    }
}

/// <summary>BPF_MAP_TYPE_SK_STORAGE, TASK_STORAGE, INODE_STORAGE and CGRP_STORAGE: a value with each object.</summary>
public sealed unsafe class LocalStorageMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private readonly Lock _lock = new();
    private readonly HashSet<GuestObject> _owners = [];

    /// <summary>The value of an object; made, from <paramref name="initial"/> or zeros, when asked for. Null when there is none.</summary>
    public byte* Get(GuestObject? owner, byte* initial, bool creates)
    {
        if (owner is null)
            return null;
        if (owner.Storage.TryGetValue(this, out nint known))
            return (byte*)known;
        if (!creates)
            return null;
        lock (_lock)
        {
            if (owner.Storage.TryGetValue(this, out known))
                return (byte*)known;
            byte* value = Allocator.Allocate(Round8(Definition.ValueSize), 16);
            if (initial is not null)
                CopyValue(value, initial);
            _owners.Add(owner);
            owner.Storage[this] = (nint)value;
            return value;
        }
    }

    /// <summary>Takes an object's value away; false when it had none. Programs that hold it keep reading it until the map goes.</summary>
    public bool Remove(GuestObject? owner)
    {
        lock (_lock)
        {
            if (owner is null || !owner.Storage.TryRemove(this, out nint value))
                return false;
            _owners.Remove(owner);
            _graves.Add(value);
            return true;
        }
    }

    private readonly List<nint> _graves = [];

    public override byte* Lookup(byte* key) => Get(GuestObject.Find(*(int*)key), null, creates: false);

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
        => GuestObject.Find(BitConverter.ToInt32(key)) is null ? -Errno.EBADF : base.UserLookup(key, value);

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        if ((ulong)(mode & ~UpdateMode.Lock) > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        if (GuestObject.Find(*(int*)key) is not { } owner)
            return -Errno.EBADF;
        lock (_lock)
        {
            bool exists = owner.Storage.ContainsKey(this);
            if (exists && (mode & UpdateMode.NoExist) != 0)
                return -Errno.EEXIST;
            if (!exists && (mode & UpdateMode.Exist) != 0)
                return -Errno.ENOENT;
            CopyValue(Get(owner, null, creates: true), value);
            return 0;
        }
    }

    public override int Delete(byte* key) => GuestObject.Find(*(int*)key) is not { } owner ? -Errno.EBADF : Remove(owner) ? 0 : -Errno.ENOENT;

    public override int GetNextKey(byte* key, byte* next) => -Errno.ENOTSUPP;

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        lock (_lock)
        {
            foreach (GuestObject owner in _owners)
            {
                if (!owner.Storage.TryGetValue(this, out nint value))
                    continue;
                start = (byte*)value;
                length = Round8(Definition.ValueSize);
                if (Inside(start, length, address, size))
                    return true;
            }
        }
        start = null;
        length = 0;
        return false;
    }

    protected override void FreeValues()
    {
        lock (_lock)
        {
            foreach (GuestObject owner in _owners.ToArray())
                Remove(owner);
            foreach (nint value in _graves)
                Allocator.Free((byte*)value);
            _graves.Clear();
        }
    }
}

/// <summary>Maps of sockets: what a program gets is the socket itself.</summary>
public interface ISocketMap
{
    /// <summary>The socket under a key, or null.</summary>
    unsafe GuestObject? FindSocket(byte* key);
}

/// <summary>BPF_MAP_TYPE_SOCKMAP and REUSEPORT_SOCKARRAY.</summary>
public sealed unsafe class SocketArrayMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator), ISocketMap
{
    private readonly GuestObject?[] _sockets = new GuestObject?[definition.MaxEntries];
    private readonly bool _isReuseport = (MapType)definition.Type == MapType.ReuseportSockArray;

    public GuestObject? FindSocket(byte* key) => *(uint*)key < (uint)_sockets.Length ? Volatile.Read(ref _sockets[*(uint*)key]) : null;

    public override byte* Lookup(byte* key) => FindSocket(key) is { } socket ? socket.Memory : null;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        if (Definition.ValueSize != 8)
            return -Errno.ENOSPC;
        fixed (byte* address = key)
            return FindSocket(address) is { } socket && BitConverter.TryWriteBytes(value, (ulong)socket.Id) ? 0 : -Errno.ENOENT;
    }

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        if (_isReuseport && (ulong)mode > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        uint index = *(uint*)key;
        if (_isReuseport && index >= (uint)_sockets.Length)
            return -Errno.E2BIG;
        ulong id = Definition.ValueSize == 8 ? *(ulong*)value : *(uint*)value;
        if (id > int.MaxValue)
            return _isReuseport && Definition.ValueSize == 4 ? -Errno.EBADF : -Errno.EINVAL;
        if (GuestObject.Find((int)id) is not { } socket)
            return -Errno.EBADF;
        if ((ulong)mode > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        if (index >= (uint)_sockets.Length)
            return -Errno.E2BIG;
        bool exists = _sockets[index] is not null;
        if (exists && mode == UpdateMode.NoExist)
            return -Errno.EEXIST;
        if (!exists && mode == UpdateMode.Exist)
            return -Errno.ENOENT;
        Volatile.Write(ref _sockets[index], socket);
        return 0;
    }

    public override int Delete(byte* key)
    {
        if (*(uint*)key >= (uint)_sockets.Length)
            return _isReuseport ? -Errno.E2BIG : -Errno.EINVAL;
        return Interlocked.Exchange(ref _sockets[*(uint*)key], null) is null ? _isReuseport ? -Errno.ENOENT : -Errno.EINVAL : 0;
    }

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    protected override void FreeValues() => Array.Clear(_sockets);
}

/// <summary>BPF_MAP_TYPE_SOCKHASH.</summary>
public sealed unsafe class SocketHashMap : Map, ISocketMap
{
    private readonly HashMap _ids;

    public SocketHashMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
        => _ids = new HashMap(definition with { Type = (int)MapType.Hash, ValueSize = 8, SpecialFields = [] }, allocator, 1);

    public GuestObject? FindSocket(byte* key) => _ids.Lookup(key) is var id && id is not null ? GuestObject.Find(*(int*)id) : null;

    public override byte* Lookup(byte* key) => FindSocket(key) is { } socket ? socket.Memory : null;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
        => Definition.ValueSize != 8 ? -Errno.ENOSPC : _ids.UserLookup(key, value);

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        ulong id = Definition.ValueSize == 8 ? *(ulong*)value : *(uint*)value;
        if (id > int.MaxValue)
            return -Errno.EINVAL;
        return GuestObject.Find((int)id) is null ? -Errno.EBADF : _ids.Update(key, (byte*)&id, mode);
    }

    public override int Delete(byte* key) => _ids.Delete(key);

    public override int GetNextKey(byte* key, byte* next) => _ids.GetNextKey(key, next);

    protected override void FreeValues() => _ids.Dispose();
}

/// <summary>
/// BPF_MAP_TYPE_CGROUP_ARRAY: cgroups by index, which user space puts in by number.
/// </summary>
public sealed unsafe class ObjectArrayMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private readonly GuestObject?[] _objects = new GuestObject?[definition.MaxEntries];

    public GuestObject? Find(uint index) => index < (uint)_objects.Length ? Volatile.Read(ref _objects[index]) : null;

    public override byte* Lookup(byte* key) => null;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => -Errno.ENOTSUPP;

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        if (mode != UpdateMode.Any)
            return -Errno.EINVAL;
        if (*(uint*)key >= (uint)_objects.Length)
            return -Errno.E2BIG;
        if (GuestObject.Find(*(int*)value) is not { } found)
            return -Errno.EBADF;
        Volatile.Write(ref _objects[*(uint*)key], found);
        return 0;
    }

    public override int Delete(byte* key)
        => *(uint*)key >= (uint)_objects.Length ? -Errno.E2BIG : Interlocked.Exchange(ref _objects[*(uint*)key], null) is null ? -Errno.ENOENT : 0;

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    protected override void FreeValues() => Array.Clear(_objects);
}
