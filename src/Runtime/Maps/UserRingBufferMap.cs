// BPF_MAP_TYPE_USER_RINGBUF: records from user space to programs, the ring buffer turned round (kernel/bpf/ringbuf.c describes it).
// User space writes; a program drains with bpf_user_ringbuf_drain, which shows every record to a callback as a dynptr.
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>A ring of records from user space to programs.</summary>
public sealed unsafe class UserRingBufferMap : Map
{
    private const int HeaderSize = 8;

    private readonly Lock _lock = new();
    private readonly byte* _data;
    private readonly ulong _mask;
    private ulong _producer, _consumer;
    private int _busy;

    public UserRingBufferMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
    {
        _mask = (ulong)definition.MaxEntries - 1;
        _data = allocator.Allocate((nuint)definition.MaxEntries * 2, 4096);
    }

    /// <summary>Adds a record; -ENOSPC when the ring is full, -E2BIG when it never fits.</summary>
    public int Write(ReadOnlySpan<byte> record)
    {
        ulong total = ((ulong)record.Length + HeaderSize + 7) & ~7ul;
        if (total > _mask + 1)
            return -Errno.E2BIG;
        lock (_lock)
        {
            if (_producer + total - Volatile.Read(ref _consumer) > _mask + 1)
                return -Errno.ENOSPC;
            byte* header = _data + (_producer & _mask);
            *(ulong*)header = (uint)record.Length;
            record.CopyTo(new Span<byte>(header + HeaderSize, record.Length));
            Volatile.Write(ref _producer, _producer + total);
            return 0;
        }
    }

    /// <summary>Takes the ring for draining; false when another program drains it (-EBUSY).</summary>
    public bool TryBeginDrain() => Interlocked.CompareExchange(ref _busy, 1, 0) == 0;

    public void EndDrain() => Volatile.Write(ref _busy, 0);

    /// <summary>The next record, or null.</summary>
    public byte* Peek(out uint length)
    {
        length = 0;
        if (_consumer == Volatile.Read(ref _producer))
            return null;
        byte* header = _data + (_consumer & _mask);
        length = *(uint*)header;
        return header + HeaderSize;
    }

    /// <summary>Frees the record that <see cref="Peek"/> showed.</summary>
    public void Advance(uint length) => Volatile.Write(ref _consumer, _consumer + (((ulong)length + HeaderSize + 7) & ~7ul));

    public override byte* Lookup(byte* key) => null;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.ENOTSUPP;

    public override int Delete(byte* key) => -Errno.ENOTSUPP;

    public override int GetNextKey(byte* key, byte* next) => -Errno.ENOTSUPP;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => -Errno.ENOTSUPP;

    protected override void FreeValues() => Allocator.Free(_data);
}

/// <summary>BPF_MAP_TYPE_ARENA: pages that user space and programs share. Programs that follow pointers into one are refused before they run.</summary>
public sealed unsafe class ArenaMap : Map
{
    private const int Page = 4096;

    private readonly byte* _pages;

    public ArenaMap(MapDefinition definition, IGuestAllocator allocator)
        : base(definition, allocator)
        => _pages = allocator.Allocate((nuint)definition.MaxEntries * Page, Page);

    /// <summary>What user space maps.</summary>
    public Span<byte> Pages => new(_pages, (int)Math.Min((long)Definition.MaxEntries * Page, int.MaxValue));

    public override byte* Lookup(byte* key) => null;

    public override int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => -Errno.EINVAL;

    public override int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EOPNOTSUPP;

    public override int Delete(byte* key) => -Errno.EOPNOTSUPP;

    public override int GetNextKey(byte* key, byte* next) => -Errno.EOPNOTSUPP;

    protected override void FreeValues() => Allocator.Free(_pages);
}
