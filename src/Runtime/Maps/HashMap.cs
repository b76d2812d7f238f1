// Hash tables: HASH, LRU_HASH and their per-CPU forms. Readers take no lock; writers lock one stripe of the buckets.
//
// Elements live in one pool and are chained through indices. A chain ends in the complement of its bucket's number, so that a
// reader whose element was moved to another chain under its feet notices and starts again (the kernel's "nulls" lists). A
// replaced entry comes back at the chain's head, which a reader may have passed before its old element goes away: replacements
// are counted, between the two steps, and a reader that found nothing looks again if the counter moved.
//
//   element:  next (4) | hash (4) | slot (4) | referenced (4) | key, rounded to 8 | value, unless per-CPU
//
// As in the kernel an update of an existing key puts a new element in the old one's place, so that a program that holds the
// old value sees it unchanged until the element is used again. Every stripe keeps one spare element for that. The slot is the
// entry's place in iteration order; it survives updates, so that iteration shows entries in order of insertion.
//
// A full LRU map evicts by the clock algorithm: the hand passes over entries that were looked up since its last visit.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>BPF_MAP_TYPE_HASH, LRU_HASH, PERCPU_HASH and LRU_PERCPU_HASH.</summary>
public sealed unsafe partial class HashMap : Map
{
    private const int StripeCount = 64;
    private const int NoSlot = -1;

    [StructLayout(LayoutKind.Sequential)]
    private struct Element
    {
        public int Next;
        public uint Hash;
        public int Slot;
        public int Referenced;
    }

    private static readonly ulong s_seed = (ulong)Random.Shared.NextInt64() | 1;

    private readonly ulong _seed;

    private readonly bool _isPerCpu, _isLru;
    private readonly int _keySize, _cpus, _elementCount;
    private readonly uint _bucketMask;
    private readonly nuint _elementSize, _valueOffset, _valueStride;
    private readonly byte* _elements;
    private readonly byte* _perCpuValues;
    private readonly int* _buckets;

    /// <summary>From slot to element, -1 where free.</summary>
    private readonly int* _slots;

    private readonly int* _spares;
    private readonly int[] _stripeLocks = new int[StripeCount * 16]; // one lock per cache line

    /// <summary>How many entries of each stripe were replaced; one counter per cache line.</summary>
    private readonly byte* _versions;

    // The pool of unused elements and slots: a bump pointer each and a stack of returned ones.
    private readonly Lock _poolLock = new();
    private readonly Stack<int> _freeElements = new(), _freeSlots = new();
    private int _freshElement, _freshSlot, _hand, _count;

    public HashMap(MapDefinition definition, IGuestAllocator allocator, int cpus)
        : base(definition, allocator)
    {
        var type = (MapType)definition.Type;
        _isPerCpu = type.IsPerCpu();
        _isLru = type is MapType.LruHash or MapType.LruPerCpuHash;
        _cpus = cpus;
        _seed = (definition.Flags & (uint)MapFlags.ZeroSeed) != 0 ? 0 : s_seed;
        _keySize = definition.KeySize;
        int stripes = Math.Min(StripeCount, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)definition.MaxEntries));
        _elementCount = checked(definition.MaxEntries + stripes);
        _bucketMask = Math.Max(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)definition.MaxEntries), (uint)stripes) - 1;
        _valueOffset = (nuint)sizeof(Element) + Round8(_keySize);
        _valueStride = Round8(definition.ValueSize);
        _elementSize = _valueOffset + (_isPerCpu ? 0 : _valueStride);
        _elements = allocator.Allocate(_elementSize * (nuint)_elementCount, 16);
        if (_isPerCpu)
            _perCpuValues = allocator.Allocate(_valueStride * (nuint)_elementCount * (nuint)cpus, 64);
        _buckets = (int*)NativeMemory.Alloc((_bucketMask + (nuint)1) * sizeof(int));
        for (uint bucket = 0; bucket <= _bucketMask; bucket++)
            _buckets[bucket] = ~(int)bucket;
        _slots = (int*)NativeMemory.Alloc((nuint)definition.MaxEntries * sizeof(int));
        new Span<int>(_slots, definition.MaxEntries).Fill(-1);
        _spares = (int*)NativeMemory.Alloc((nuint)StripeCount * sizeof(int));
        for (int i = 0; i < stripes; i++)
            _spares[i] = definition.MaxEntries + i;
        StripeMask = stripes - 1;
        _versions = (byte*)NativeMemory.AllocZeroed((nuint)stripes << HashTableLayout.VersionShift);
    }

    private int StripeMask { get; }

    /// <summary>What native code needs to look entries up by itself; null for per-CPU maps.</summary>
    public HashTableLayout? Layout => _isPerCpu ? null : new HashTableLayout
    {
        Buckets = (nint)_buckets, BucketMask = _bucketMask, Versions = (nint)_versions, StripeMask = (uint)StripeMask, Elements = (nint)_elements, ElementSize = (int)_elementSize, ValueOffset = (int)_valueOffset,
        KeySize = _keySize, Seed = _seed, MarksUse = _isLru,
    };

    /// <summary>Entries now in the map.</summary>
    public int Count => Volatile.Read(ref _count);

    public override int UserValueSize => _isPerCpu ? (int)_valueStride * _cpus : Definition.ValueSize;

    private Element* At(int index) => (Element*)(_elements + (nuint)index * _elementSize);

    private static byte* Key(Element* element) => (byte*)(element + 1);

    /// <summary>The value's address for one CPU (ignored by ordinary maps).</summary>
    private byte* Value(int index, int cpu)
        => _isPerCpu ? _perCpuValues + ((nuint)index * (nuint)_cpus + (nuint)cpu) * _valueStride : (byte*)At(index) + _valueOffset;

    private int CurrentCpu => _isPerCpu ? GuestCpu.Current % _cpus : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Hash(byte* key)
    {
        ulong state = _seed;
        int size = _keySize;
        if (size == 4)
        {
            state = (state ^ *(uint*)key) * HashTableLayout.Multiplier;
        }
        else
        {
            for (; size > 8; size -= 8, key += 8)
                state = System.Numerics.BitOperations.RotateLeft((state ^ *(ulong*)key) * HashTableLayout.Multiplier, HashTableLayout.Rotation);
            ulong last = 0;
            if (size == 8)
            {
                last = *(ulong*)key;
            }
            else
            {
                for (int i = 0; i < size; i++)
                    last |= (ulong)key[i] << (8 * i);
            }
            state = (state ^ last) * HashTableLayout.Multiplier;
        }
        return (uint)(state >> 32) ^ (uint)state;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool SameKey(byte* left, byte* right) => _keySize switch
    {
        4 => *(uint*)left == *(uint*)right,
        8 => *(ulong*)left == *(ulong*)right,
        _ => new ReadOnlySpan<byte>(left, _keySize).SequenceEqual(new ReadOnlySpan<byte>(right, _keySize)),
    };

    /// <summary>The element with this key, or -1. Takes no lock.</summary>
    private int Find(byte* key, uint hash)
    {
        int bucket = (int)(hash & _bucketMask);
        ref int version = ref Version(StripeOf(hash));
        while (true)
        {
            int before = Volatile.Read(ref version);
            int index = Volatile.Read(ref _buckets[bucket]);
            while (index >= 0)
            {
                Element* element = At(index);
                if (element->Hash == hash && SameKey(Key(element), key))
                    return index;
                index = Volatile.Read(ref element->Next);
            }
            if (~index == bucket && Volatile.Read(ref version) == before)
                return -1;
        }
    }

    private ref int Version(int stripe) => ref *(int*)(_versions + ((nuint)stripe << HashTableLayout.VersionShift));

    public override byte* Lookup(byte* key)
    {
        int index = Find(key, Hash(key));
        if (index < 0)
            return null;
        if (_isLru)
            At(index)->Referenced = 1;
        return Value(index, CurrentCpu);
    }

    public override byte* LookupPerCpu(byte* key, int cpu)
    {
        int index = Find(key, Hash(key));
        return index < 0 || (uint)cpu >= (uint)_cpus ? null : Value(index, cpu);
    }

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        fixed (byte* keyAddress = key)
        {
            int index = Find(keyAddress, Hash(keyAddress));
            if (index < 0)
                return -Errno.ENOENT;
            CopyOut(index, value);
            return 0;
        }
    }

    private void CopyOut(int index, Span<byte> value)
    {
        for (int cpu = 0; cpu < (_isPerCpu ? _cpus : 1); cpu++)
            new ReadOnlySpan<byte>(Value(index, cpu), _isPerCpu ? (int)_valueStride : Definition.ValueSize).CopyTo(value[(cpu * (int)_valueStride)..]);
    }

    /// <summary>The first key at a place in iteration order or behind it; the place goes on to the one behind the key. 0 or -ENOENT.</summary>
    public int NextFrom(ref int place, Span<byte> key)
    {
        for (place = Math.Max(place, 0); HasFrom(place); place++)
        {
            int found = Volatile.Read(ref _slots[place]);
            if (found < 0)
                continue;
            new ReadOnlySpan<byte>(Key(At(found)), _keySize).CopyTo(key);
            place++;
            return 0;
        }
        return -Errno.ENOENT;
    }

    /// <summary>Is there a place in use from this one on?</summary>
    public bool HasFrom(int place)
    {
        place = Math.Max(place, 0);
        for (int end = Math.Min(Definition.MaxEntries, Volatile.Read(ref _freshSlot)); place < end; place++)
        {
            if (Volatile.Read(ref _slots[place]) >= 0)
                return true;
        }
        return false;
    }

    public override int GetNextKey(byte* key, byte* next)
    {
        int slot = 0;
        if (key is not null && Find(key, Hash(key)) is >= 0 and int index)
            slot = At(index)->Slot + 1;
        for (; slot < Definition.MaxEntries && slot < Volatile.Read(ref _freshSlot); slot++)
        {
            int found = Volatile.Read(ref _slots[slot]);
            if (found < 0)
                continue;
            Buffer.MemoryCopy(Key(At(found)), next, _keySize, _keySize);
            return 0;
        }
        return -Errno.ENOENT;
    }

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        // Exactly one value: neighbours' keys and links are not the program's to touch.
        start = null;
        length = 0;
        byte* pool = _isPerCpu ? _perCpuValues : _elements;
        nuint unit = _isPerCpu ? _valueStride : _elementSize;
        nuint total = _isPerCpu ? _valueStride * (nuint)_elementCount * (nuint)_cpus : _elementSize * (nuint)_elementCount;
        if (!Inside(pool, total, address, size))
            return false;
        start = pool + (nuint)(address - pool) / unit * unit + (_isPerCpu ? 0 : _valueOffset);
        length = _valueStride;
        return Inside(start, length, address, size);
    }

    protected override void FreeValues()
    {
        Allocator.Free(_elements);
        Allocator.Free(_perCpuValues);
        NativeMemory.Free(_buckets);
        NativeMemory.Free(_slots);
        NativeMemory.Free(_spares);
        NativeMemory.Free(_versions);
    }
}
