// The memory of the IR evaluator: objects far apart in a 64-bit address space, so that every access outside an object is seen.
//
//   address = (object number + 1) << 32 | offset
namespace Ebpfcc.Ir.Evaluation;

/// <summary>The evaluated program did something with no meaning (an access outside an object, a call of nothing).</summary>
public sealed class EvaluationTrap(string message) : Exception(message);

internal sealed class EvaluatorMemory
{
    private readonly List<byte[]?> _objects = [];

    public ulong Allocate(byte[] content)
    {
        _objects.Add(content);
        return (ulong)_objects.Count << 32;
    }

    /// <summary>Ends the life of objects allocated after a mark.</summary>
    public void Release(int mark)
    {
        for (int i = mark; i < _objects.Count; i++)
            _objects[i] = null;
    }

    public int Mark => _objects.Count;

    public bool IsPointer(UInt128 address) => Find((ulong)address) is not null;

    /// <summary>The bytes from an address to the end of its object.</summary>
    public Span<byte> Tail(UInt128 address)
    {
        byte[]? target = Find((ulong)address);
        uint offset = (uint)(ulong)address;
        return target is not null && offset <= target.Length ? target.AsSpan((int)offset) : throw new EvaluationTrap($"0x{(ulong)address:x} points to no object");
    }

    public Span<byte> Access(UInt128 address, long length)
    {
        Span<byte> tail = Tail(address);
        return length >= 0 && length <= tail.Length ? tail[..(int)length] : throw new EvaluationTrap($"an access of {length} bytes leaves its object");
    }

    public UInt128 Read(UInt128 address, IrType type)
    {
        ReadOnlySpan<byte> bytes = Access(address, type.Bytes());
        UInt128 value = 0;
        for (int i = bytes.Length - 1; i >= 0; i--)
            value = (value << 8) | bytes[i];
        return IrArithmetic.Truncate(value, type);
    }

    public void Write(UInt128 address, IrType type, UInt128 value)
    {
        Span<byte> bytes = Access(address, type.Bytes());
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)value;
            value >>= 8;
        }
    }

    private byte[]? Find(ulong address)
    {
        ulong number = address >> 32;
        return number >= 1 && number <= (ulong)_objects.Count ? _objects[(int)number - 1] : null;
    }
}
