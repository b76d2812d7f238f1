// Queues and stacks: values without keys, pushed, popped and peeked.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>Maps that hold values without keys.</summary>
public unsafe interface IValueQueue
{
    /// <summary>Adds a value; with <see cref="UpdateMode.Exist"/> the oldest makes room in a full map.</summary>
    int Push(byte* value, ulong flags);

    /// <summary>Copies the next value out and removes it.</summary>
    int Pop(byte* value);

    /// <summary>Copies the next value out.</summary>
    int Peek(byte* value);
}

/// <summary>BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK.</summary>
public sealed unsafe class QueueMap : Map, IValueQueue
{
    private readonly Lock _lock = new();
    private readonly byte* _values;
    private readonly bool _isStack;

    /// <summary>Ring of values: the oldest at <see cref="_first"/>.</summary>
    private int _first, _count;

    public QueueMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
    {
        _isStack = (MapType)definition.Type == MapType.Stack;
        _values = allocator.Allocate(Round8(definition.ValueSize) * (nuint)definition.MaxEntries);
    }

    private byte* At(int position)
        => _values + Round8(Definition.ValueSize) * (nuint)(((long)_first + position) % Definition.MaxEntries);

    public int Push(byte* value, ulong flags)
    {
        bool replaces = (flags & (ulong)UpdateMode.Exist) != 0;
        if ((flags & (ulong)UpdateMode.NoExist) != 0 || flags > (ulong)UpdateMode.Exist)
            return -Errno.EINVAL;
        lock (_lock)
        {
            if (_count == Definition.MaxEntries)
            {
                if (!replaces)
                    return -Errno.E2BIG;
                _first = (_first + 1) % Definition.MaxEntries;
                _count--;
            }
            Buffer.MemoryCopy(value, At(_count++), Definition.ValueSize, Definition.ValueSize);
            return 0;
        }
    }

    public int Pop(byte* value) => Take(value, remove: true);

    public int Peek(byte* value) => Take(value, remove: false);

    private int Take(byte* value, bool remove)
    {
        lock (_lock)
        {
            if (_count == 0)
            {
                new Span<byte>(value, Definition.ValueSize).Clear();
                return -Errno.ENOENT;
            }
            Buffer.MemoryCopy(At(_isStack ? _count - 1 : 0), value, Definition.ValueSize, Definition.ValueSize);
            if (remove)
            {
                _count--;
                if (!_isStack)
                    _first = (_first + 1) % Definition.MaxEntries;
            }
            return 0;
        }
    }

    /// <summary>The values, next to be popped first.</summary>
    public List<byte[]> Snapshot()
    {
        lock (_lock)
        {
            var values = new List<byte[]>();
            for (int i = 0; i < _count; i++)
                values.Add(new ReadOnlySpan<byte>(At(_isStack ? _count - 1 - i : i), Definition.ValueSize).ToArray());
            return values;
        }
    }

    public override byte* Lookup(byte* key) => null;

    public override int Update(byte* key, byte* value, UpdateMode mode) => Push(value, (ulong)mode);

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
    {
        fixed (byte* address = value)
            return Push(address, (ulong)mode);
    }

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        fixed (byte* address = value)
            return Peek(address);
    }

    public override int Delete(byte* key) => -Errno.EINVAL;

    public override int GetNextKey(byte* key, byte* next) => -Errno.EINVAL;

    protected override void FreeValues() => Allocator.Free(_values);
}

/// <summary>BPF_MAP_TYPE_BLOOM_FILTER: push adds a value, peek asks whether it may be there.</summary>
public sealed unsafe class BloomFilterMap : Map, IValueQueue
{
    private readonly ulong[] _bits;
    private readonly int _hashes;

    public BloomFilterMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
    {
        _hashes = (definition.MapExtra & 15) is > 0 and ulong count ? (int)count : 5;
        // About 7/5 bits for every hash of every entry, a power of two (the kernel's sizing).
        ulong wanted = (ulong)definition.MaxEntries * (ulong)_hashes / 5 * 7;
        _bits = new ulong[Math.Max(1, System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Max(wanted, 64)) / 64)];
    }

    private ulong Bit(byte* value, int round)
    {
        ulong hash = 14695981039346656037 ^ (ulong)round * 0x9E3779B97F4A7C15;
        for (int i = 0; i < Definition.ValueSize; i++)
            hash = (hash ^ value[i]) * 1099511628211;
        hash ^= hash >> 29;
        return hash & ((ulong)_bits.Length * 64 - 1);
    }

    public int Push(byte* value, ulong flags)
    {
        if (flags != (ulong)UpdateMode.Any)
            return -Errno.EINVAL;
        for (int round = 0; round < _hashes; round++)
        {
            ulong bit = Bit(value, round);
            Interlocked.Or(ref _bits[bit / 64], 1UL << (int)(bit % 64));
        }
        return 0;
    }

    public int Peek(byte* value)
    {
        for (int round = 0; round < _hashes; round++)
        {
            ulong bit = Bit(value, round);
            if ((_bits[bit / 64] >> (int)(bit % 64) & 1) == 0)
                return -Errno.ENOENT;
        }
        return 0;
    }

    public int Pop(byte* value) => -Errno.EOPNOTSUPP;

    public override byte* Lookup(byte* key) => null;

    public override int Update(byte* key, byte* value, UpdateMode mode) => Push(value, (ulong)mode);

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
    {
        fixed (byte* address = value)
            return Push(address, (ulong)mode);
    }

    public override int Delete(byte* key) => -Errno.EOPNOTSUPP;

    public override int GetNextKey(byte* key, byte* next) => -Errno.EOPNOTSUPP;

    protected override void FreeValues()
    {
    }
}
