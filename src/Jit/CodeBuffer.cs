// A growing byte buffer in which a compiler writes machine code. Encodings are the emitters' business.
using System.Buffers.Binary;

namespace Ebpfcc.Jit;

/// <summary>Little-endian bytes, appended and patched.</summary>
public sealed class CodeBuffer
{
    private byte[] _bytes = new byte[1024];

    /// <summary>Bytes written so far; the offset of the next one.</summary>
    public int Position { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Position);

    public void Clear() => Position = 0;

    /// <summary>Forgets what was written from a position on.</summary>
    public void Truncate(int position) => Position = position;

    public void Byte(int value)
    {
        if (Position == _bytes.Length)
            Grow(1);
        _bytes[Position++] = (byte)value;
    }

    public void Int16(int value)
    {
        BinaryPrimitives.WriteInt16LittleEndian(Reserve(2), unchecked((short)value));
    }

    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Reserve(4), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Reserve(8), value);

    public void Bytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    public void PatchInt32(int offset, int value) => BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(offset), value);

    /// <summary>Pads with <paramref name="filler"/> up to a multiple of a power of two.</summary>
    public void Align(int alignment, byte filler)
    {
        while ((Position & (alignment - 1)) != 0)
            Byte(filler);
    }

    private Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Position < count)
            Grow(count);
        Span<byte> span = _bytes.AsSpan(Position, count);
        Position += count;
        return span;
    }

    private void Grow(int count) => Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Position + count));
}
