// Maps through which programs send records to user space: perf event arrays and ring buffers.
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>One record that a program sent.</summary>
public readonly record struct EventRecord(int Cpu, byte[] Data);

/// <summary>
/// BPF_MAP_TYPE_PERF_EVENT_ARRAY. A slot takes records once user space has opened it, as in the kernel, where it holds a perf
/// event's descriptor; records are collected in order.
/// </summary>
public sealed unsafe class PerfEventArrayMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private readonly bool[] _open = new bool[Math.Max(definition.MaxEntries, 0)];

    /// <summary>The collected records.</summary>
    public ConcurrentQueue<EventRecord> Records { get; } = new();

    /// <summary>Opens all slots: from now on records are collected.</summary>
    public void OpenAll() => Array.Fill(_open, true);

    /// <summary>The kernel's bpf_perf_event_output for a slot.</summary>
    public int Output(uint index, ReadOnlySpan<byte> data)
    {
        int cpu = GuestCpu.Current;
        if (index == uint.MaxValue)
            index = (uint)cpu;
        if (index >= (uint)_open.Length)
            return -Errno.E2BIG;
        if (!_open[index])
            return -Errno.ENOENT;
        if (index != (uint)cpu)
            return -Errno.EOPNOTSUPP;
        Records.Enqueue(new EventRecord(cpu, data.ToArray()));
        return 0;
    }

    public override byte* Lookup(byte* key) => null;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EINVAL;

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
    {
        uint index = BitConverter.ToUInt32(key);
        if (index >= (uint)_open.Length)
            return -Errno.E2BIG;
        _open[index] = true;
        return 0;
    }

    public override int Delete(byte* key)
    {
        if (*(uint*)key >= (uint)_open.Length)
            return -Errno.E2BIG;
        bool was = _open[*(uint*)key];
        _open[*(uint*)key] = false;
        return was ? 0 : -Errno.ENOENT;
    }

    public override int GetNextKey(byte* key, byte* next) => ArrayKeys.Next(Definition.MaxEntries, key, next);

    protected override void FreeValues() => Records.Clear();
}

/// <summary>
/// BPF_MAP_TYPE_RINGBUF. Producers reserve space in order, write into it and commit; the consumer sees committed records in
/// order of reservation. The data area exists twice in a row, so that a record that wraps is contiguous memory:
///
///   0                      size                    2 * size
///   |  records ...         |  tails of wrapped ones |
///
/// A record is a header of 8 bytes (length with flags, distance of the ring's start in pages) and its data, rounded to 8.
/// </summary>
public sealed unsafe class RingBufferMap : Map
{
    private const uint Busy = 1u << 31, Discarded = 1u << 30;
    private const int HeaderSize = 8;

    private static readonly ConcurrentDictionary<ulong, RingBufferMap> s_reservations = new();

    private readonly Lock _lock = new();
    private readonly byte* _data;
    private readonly ulong _mask;
    private ulong _producer, _consumer;

    public RingBufferMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
    {
        _mask = (ulong)definition.MaxEntries - 1;
        _data = allocator.Allocate((nuint)definition.MaxEntries * 2, 4096);
    }

    /// <summary>Number of records that could not be reserved for want of space.</summary>
    public long Dropped { get; private set; }

    /// <summary>Is this the address of a reservation that is neither submitted nor discarded?</summary>
    public static bool IsReservation(ulong sample) => s_reservations.ContainsKey(sample);

    /// <summary>Address of <paramref name="size"/> bytes to fill and commit; null when the ring is full.</summary>
    public byte* Reserve(ulong size)
    {
        if (size > int.MaxValue / 4)
            return null;
        ulong total = (size + HeaderSize + 7) & ~7ul;
        if (total > _mask + 1)
            return null;
        lock (_lock)
        {
            if (_producer + total - _consumer > _mask)
            {
                Dropped++;
                return null;
            }
            byte* header = _data + (_producer & _mask);
            *(uint*)header = (uint)size | Busy;
            *(uint*)(header + 4) = (uint)((ulong)(header - _data) >> 12);
            _producer += total;
            s_reservations[(ulong)(header + HeaderSize)] = this;
            return header + HeaderSize;
        }
    }

    /// <summary>Submits or discards a reservation of any ring buffer.</summary>
    public static void Commit(ulong sample, bool discard)
    {
        if (!s_reservations.TryRemove(sample, out RingBufferMap? ring))
            return;
        uint* header = (uint*)(sample - HeaderSize);
        Volatile.Write(ref *header, (*header & ~Busy) | (discard ? Discarded : 0));
        GC.KeepAlive(ring);
    }

    public int Output(ReadOnlySpan<byte> data)
    {
        byte* record = Reserve((ulong)data.Length);
        if (record is null)
            return -Errno.EAGAIN;
        data.CopyTo(new Span<byte>(record, data.Length));
        Commit((ulong)record, discard: false);
        return 0;
    }

    /// <summary>The kernel's bpf_ringbuf_query: unread bytes, size, consumer and producer position.</summary>
    public ulong Query(ulong what) => what switch
    {
        0 => Volatile.Read(ref _producer) - Volatile.Read(ref _consumer),
        1 => _mask + 1,
        2 => Volatile.Read(ref _consumer),
        3 => Volatile.Read(ref _producer),
        _ => 0,
    };

    /// <summary>Takes the next committed record; discarded ones are skipped. False when none is ready.</summary>
    public bool TryConsume(out byte[] record)
    {
        lock (_lock)
        {
            while (_consumer != _producer)
            {
                byte* header = _data + (_consumer & _mask);
                uint length = Volatile.Read(ref *(uint*)header);
                if ((length & Busy) != 0)
                    break;
                uint size = length & ~Discarded;
                _consumer += (size + HeaderSize + 7) & ~7ul;
                if ((length & Discarded) != 0)
                    continue;
                record = new ReadOnlySpan<byte>(header + HeaderSize, (int)size).ToArray();
                return true;
            }
        }
        record = [];
        return false;
    }

    public override byte* Lookup(byte* key) => null;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EINVAL;

    public override int Delete(byte* key) => -Errno.EINVAL;

    public override int GetNextKey(byte* key, byte* next) => -Errno.EINVAL;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => -Errno.EINVAL;

    /// <summary>Only what is reserved may be touched.</summary>
    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        foreach ((ulong sample, RingBufferMap ring) in s_reservations)
        {
            start = (byte*)sample;
            length = *(uint*)(sample - HeaderSize) & ~(Busy | Discarded);
            if (ring == this && Inside(start, length, address, size))
                return true;
        }
        start = null;
        length = 0;
        return false;
    }

    protected override void FreeValues()
    {
        foreach ((ulong sample, RingBufferMap ring) in s_reservations)
        {
            if (ring == this)
                s_reservations.TryRemove(sample, out _);
        }
        Allocator.Free(_data);
    }
}
