// Map values as spans for code without pointers: the live memory that programs see, not copies.
namespace Ebpfcc.Runtime.Maps;

public static class MapSpans
{
    /// <summary>
    /// The live value of a key (per-CPU maps: that of one CPU); empty when there is none. Writes are seen by programs at once. In hash
    /// tables the memory belongs to the entry until that is deleted or replaced; the caller keeps the map alive.
    /// </summary>
    public static unsafe Span<byte> Find(this IMap map, scoped ReadOnlySpan<byte> key, int cpu = -1)
    {
        if (key.Length != map.Definition.KeySize)
            throw new ArgumentException($"keys of '{map.Definition.Name}' have {map.Definition.KeySize} bytes", nameof(key));
        fixed (byte* address = key)
        {
            byte* value = cpu < 0 ? map.Lookup(address) : map.LookupPerCpu(address, cpu);
            return value is null ? default : new Span<byte>(value, map.Definition.ValueSize);
        }
    }

    /// <summary>Removes an entry; 0 or a negative errno.</summary>
    public static unsafe int Delete(this IMap map, ReadOnlySpan<byte> key)
    {
        fixed (byte* address = key)
            return map.Delete(address);
    }

    /// <summary>The key after one (empty: the first); 0, or -ENOENT at the end.</summary>
    public static unsafe int NextKey(this IMap map, ReadOnlySpan<byte> key, Span<byte> next)
    {
        fixed (byte* address = key, to = next)
            return map.GetNextKey(key.IsEmpty ? null : address, to);
    }

    /// <summary>Adds to a queue, stack or filter; 0 or a negative errno.</summary>
    public static unsafe int Push(this IValueQueue queue, ReadOnlySpan<byte> value, ulong flags = 0)
    {
        fixed (byte* address = value)
            return queue.Push(address, flags);
    }

    /// <summary>Takes from a queue or stack; 0 or a negative errno.</summary>
    public static unsafe int Pop(this IValueQueue queue, Span<byte> value)
    {
        fixed (byte* address = value)
            return queue.Pop(address);
    }

    /// <summary>Looks at the next value, or asks a filter; 0 or a negative errno.</summary>
    public static unsafe int Peek(this IValueQueue queue, Span<byte> value)
    {
        fixed (byte* address = value)
            return queue.Peek(address);
    }
}
