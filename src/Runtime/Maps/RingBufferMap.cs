// BPF_MAP_TYPE_RINGBUF. Producers reserve space in order, write into it and commit; the consumer sees committed records in order
// of reservation. The data area exists twice in a row, so that a record that wraps is contiguous memory; a page in front of it
// says whose it is:
//
//   -4096     0                      size                    2 * size
//   | map id  |  records ...         |  tails of wrapped ones |
//
// A record is a header of 8 bytes (length with flags; distance of its page from the first page, in pages) and its data, rounded
// to 8. The distance leads from a record to its map, as in the kernel (kernel/bpf/ringbuf.c describes it).
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>A ring of records from programs to user space.</summary>
public sealed unsafe class RingBufferMap : Map
{
    private const uint Busy = 1u << 31, Discarded = 1u << 30;
    private const ulong NoWakeup = 1, ForceWakeup = 2;
    private const int HeaderSize = 8, Page = 4096;

    private readonly Lock _lock = new();
    private readonly byte* _memory, _data;
    private readonly ulong _mask;

    /// <summary>A bit for every 8 bytes of the data area: a reservation begins there that nobody has committed. For sandboxed programs.</summary>
    private readonly ulong[] _live;

    private ulong _producer, _consumer;
    private long _dropped;
    private TaskCompletionSource? _waiter;

    public RingBufferMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
    {
        _mask = (ulong)definition.MaxEntries - 1;
        _memory = allocator.Allocate((nuint)definition.MaxEntries * 2 + Page, Page);
        _data = _memory + Page;
        *(int*)_memory = Id;
        _live = new ulong[Math.Max(1, definition.MaxEntries / 512)];
    }

    /// <summary>Number of records that could not be reserved for want of space.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Is this the address of a reservation of one of these maps that is neither submitted nor discarded?</summary>
    public static bool IsReservation(IReadOnlyList<IMap> maps, ulong sample)
    {
        foreach (IMap map in maps)
        {
            if (map is RingBufferMap ring && ring.IsReservation(sample))
                return true;
            if (map is IMapOfMaps { } outer && outer.AnyInner(inner => inner is RingBufferMap inside && inside.IsReservation(sample)))
                return true;
        }
        return false;
    }

    private bool IsReservation(ulong sample)
    {
        ulong offset = sample - HeaderSize - (ulong)_data;
        return offset <= _mask && offset % 8 == 0 && (Volatile.Read(ref _live[offset / 512]) >> (int)(offset / 8 % 64) & 1) != 0;
    }

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
            if (_producer + total - Volatile.Read(ref _consumer) > _mask)
            {
                _dropped++;
                return null;
            }
            ulong offset = _producer & _mask;
            byte* header = _data + offset;
            *(uint*)(header + 4) = (uint)((ulong)(header - _memory) / Page);
            Volatile.Write(ref *(uint*)header, (uint)size | Busy);
            Interlocked.Or(ref _live[offset / 512], 1UL << (int)(offset / 8 % 64));
            Volatile.Write(ref _producer, _producer + total);
            return header + HeaderSize;
        }
    }

    /// <summary>Submits or discards a reservation of any ring buffer; the address is known to be one.</summary>
    public static void Commit(ulong sample, bool discard, ulong flags = 0)
    {
        uint* header = (uint*)(sample - HeaderSize);
        byte* first = (byte*)((ulong)header & ~(ulong)(Page - 1)) - (ulong)header[1] * Page;
        if (MapTable.Find(*(int*)first) is RingBufferMap ring)
            ring.Commit(header, discard, flags);
    }

    private void Commit(uint* header, bool discard, ulong flags)
    {
        ulong offset = (ulong)((byte*)header - _data);
        Interlocked.And(ref _live[offset / 512], ~(1UL << (int)(offset / 8 % 64)));
        Volatile.Write(ref *header, (*header & ~Busy) | (discard ? Discarded : 0));
        Interlocked.MemoryBarrier();
        // The kernel wakes a consumer that has caught up with this record, unless told otherwise.
        bool isNext = (Volatile.Read(ref _consumer) & _mask) == offset;
        if ((flags & ForceWakeup) != 0 || isNext && (flags & NoWakeup) == 0)
            Wake();
    }

    private void Wake()
    {
        if (Volatile.Read(ref _waiter) is not null)
            Interlocked.Exchange(ref _waiter, null)?.TrySetResult();
    }

    public int Output(ReadOnlySpan<byte> data, ulong flags = 0)
    {
        byte* record = Reserve((ulong)data.Length);
        if (record is null)
            return -Errno.EAGAIN;
        data.CopyTo(new Span<byte>(record, data.Length));
        Commit((uint*)(record - HeaderSize), discard: false, flags);
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

    /// <summary>Sees one record; the bytes are the ring's own and change when it returns.</summary>
    public delegate void RecordVisitor<TState>(ReadOnlySpan<byte> record, TState state);

    /// <summary>Shows the next committed record and frees its space; discarded ones are skipped. False when none is ready.</summary>
    public bool TryConsume<TState>(RecordVisitor<TState> visitor, TState state)
    {
        lock (_consumerLock)
        {
            while (NextCommitted() is var header && header is not null)
            {
                uint length = *(uint*)header;
                uint size = length & ~Discarded;
                bool isShown = (length & Discarded) == 0;
                if (isShown)
                    visitor(new ReadOnlySpan<byte>(header + HeaderSize, (int)size), state);
                Volatile.Write(ref _consumer, _consumer + ((size + HeaderSize + 7) & ~7ul));
                if (isShown)
                    return true;
            }
        }
        return false;
    }

    private readonly Lock _consumerLock = new();

    private byte* NextCommitted()
    {
        if (_consumer == Volatile.Read(ref _producer))
            return null;
        byte* header = _data + (_consumer & _mask);
        return (Volatile.Read(ref *(uint*)header) & Busy) != 0 ? null : header;
    }

    /// <summary>Takes a copy of the next committed record. False when none is ready.</summary>
    public bool TryConsume(out byte[] record)
    {
        var holder = new Holder();
        bool found = TryConsume(static (bytes, holder) => holder.Record = bytes.ToArray(), holder);
        record = holder.Record;
        return found;
    }

    private sealed class Holder
    {
        public byte[] Record = [];
    }

    /// <summary>Ends when a record may be ready.</summary>
    public Task WaitAsync(CancellationToken cancellation)
    {
        TaskCompletionSource waiter = Volatile.Read(ref _waiter) ?? Install();
        Interlocked.MemoryBarrier();
        if (NextCommitted() is not null)
            Wake();
        return waiter.Task.WaitAsync(cancellation);
    }

    private TaskCompletionSource Install()
    {
        var fresh = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return Interlocked.CompareExchange(ref _waiter, fresh, null) ?? fresh;
    }

    public override byte* Lookup(byte* key) => null;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.ENOTSUPP;

    public override int Delete(byte* key) => -Errno.ENOTSUPP;

    public override int GetNextKey(byte* key, byte* next) => -Errno.ENOTSUPP;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => -Errno.ENOTSUPP;

    /// <summary>Only what is reserved may be touched: looks back for the reservation that an address lies in.</summary>
    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        start = null;
        length = 0;
        if (!Inside(_data, (nuint)(_mask + 1) * 2, address, size))
            return false;
        // A record may begin before the ring's end and lie behind it.
        ulong offset = Math.Min((ulong)(address - _data), _mask);
        for (long word = (long)(offset / 512); word >= 0; word--)
        {
            ulong bits = Volatile.Read(ref _live[word]);
            if (word == (long)(offset / 512))
                bits &= ulong.MaxValue >> (int)(63 - offset / 8 % 64);
            if (bits == 0)
                continue;
            byte* header = _data + (ulong)word * 512 + (ulong)(63 - System.Numerics.BitOperations.LeadingZeroCount(bits)) * 8;
            start = header + HeaderSize;
            length = *(uint*)header & ~(Busy | Discarded);
            return Inside(start, length, address, size);
        }
        return false;
    }

    protected override void FreeValues()
    {
        Wake();
        Allocator.Free(_memory);
    }
}
