// A ring buffer's consumer.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Embedding;

/// <summary>Records that programs send. One consumer at a time gets each record.</summary>
public sealed class RingBuffer : IAsyncEnumerable<ReadOnlyMemory<byte>>
{
    private readonly RingBufferMap _ring;

    /// <exception cref="ArgumentException">The map is no ring buffer.</exception>
    public RingBuffer(Map map) => _ring = map.Target as RingBufferMap ?? throw new ArgumentException($"'{map.Name}' is no ring buffer", nameof(map));

    /// <summary>Records that did not fit since the beginning.</summary>
    public long Dropped => _ring.Dropped;

    /// <summary>Copies the next record out; false when none is ready.</summary>
    public bool TryRead(out byte[] record) => _ring.TryConsume(out record);

    /// <summary>
    /// Shows the next record where it lies, without a copy; false when none is ready.
    /// </summary>
    /// <param name="visitor">Gets the record, valid during the call, and the state.</param>
    /// <param name="state">Passed on, so that the visitor needs no closure.</param>
    public bool TryRead<TState>(RingBufferMap.RecordVisitor<TState> visitor, TState state) => _ring.TryConsume(visitor, state);

    /// <summary>Reads a record that begins with a structure; false when none is ready.</summary>
    /// <exception cref="InvalidDataException">The record is shorter than the structure.</exception>
    public bool TryRead<T>(out T record)
        where T : unmanaged
    {
        record = default;
        if (!_ring.TryConsume(out byte[] bytes))
            return false;
        record = Read<T>(bytes);
        return true;
    }

    /// <summary>Records as they come, until the cancellation.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (true)
        {
            while (_ring.TryConsume(out byte[] record))
                yield return record;
            await _ring.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Structures as they come, until the cancellation.</summary>
    /// <exception cref="InvalidDataException">A record is shorter than the structure.</exception>
    public async IAsyncEnumerable<T> ReadAllAsync<T>([EnumeratorCancellation] CancellationToken cancellation = default)
        where T : unmanaged
    {
        await foreach (ReadOnlyMemory<byte> record in ReadAllAsync(cancellation).ConfigureAwait(false))
            yield return Read<T>(record.Span);
    }

    /// <inheritdoc/>
    public IAsyncEnumerator<ReadOnlyMemory<byte>> GetAsyncEnumerator(CancellationToken cancellationToken = default) => ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    private static T Read<T>(ReadOnlySpan<byte> record)
        where T : unmanaged
        => MemoryMarshal.TryRead(record, out T value) ? value : throw new InvalidDataException($"a record of {record.Length} bytes is shorter than {typeof(T).Name}");
}
