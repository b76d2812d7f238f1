// Maps as user code sees them: bytes, typed entries, per-CPU values, queues.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Embedding;

/// <summary>A map as bytes. Thread-safe beside programs that use it.</summary>
public sealed class Map
{
    internal Map(IMap target) => Target = target;

    /// <summary>The map of the runtime.</summary>
    public IMap Target { get; }

    /// <summary>The C variable's name.</summary>
    public string Name => Target.Definition.Name;

    /// <summary>What kind of map it is.</summary>
    public MapType Type => (MapType)Target.Definition.Type;

    /// <summary>Type, sizes, flags.</summary>
    public MapDefinition Definition => Target.Definition;

    /// <summary>Bytes of a value as user code reads and writes it: per-CPU maps have one for every CPU, each rounded up to 8.</summary>
    public int ValueSize => Target.UserValueSize;

    /// <summary>Copies a value out; false when there is none.</summary>
    public bool TryRead(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckKey(key.Length);
        CheckValue(value.Length);
        bool found = Target.UserLookup(key, value) == 0;
        GC.KeepAlive(Target);
        return found;
    }

    /// <summary>Writes an entry.</summary>
    /// <exception cref="EbpfException">The mode forbids it, the map is full or frozen; <see cref="EbpfException.Errno"/> is the kernel's.</exception>
    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode = UpdateMode.Any) => EbpfException.ThrowIfFailed(TryWrite(key, value, mode), Target, "an update");

    /// <summary>Writes an entry; 0 or a negative error number of the kernel's.</summary>
    public int TryWrite(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode = UpdateMode.Any)
    {
        CheckKey(key.Length);
        CheckValue(value.Length);
        int result = Target.Definition.IsFrozen ? -Errno.EPERM : Target.UserUpdate(key, value, mode);
        GC.KeepAlive(Target);
        return result;
    }

    /// <summary>Removes an entry; false when there was none.</summary>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        CheckKey(key.Length);
        bool removed = Target.Delete(key) == 0;
        GC.KeepAlive(Target);
        return removed;
    }

    /// <summary>Copies of all entries; those that others add or remove meanwhile may or may not be among them.</summary>
    public List<(byte[] Key, byte[] Value)> Snapshot() => MapEntries.Of(Target);

    private void CheckKey(int length)
    {
        if (length != Target.Definition.KeySize)
            throw new ArgumentException($"keys of '{Name}' have {Target.Definition.KeySize} bytes, not {length}", "key");
    }

    private void CheckValue(int length)
    {
        if (length != Target.UserValueSize)
            throw new ArgumentException($"values of '{Name}' have {Target.UserValueSize} bytes, not {length}", "value");
    }
}

/// <summary>A map with typed keys and values: hash tables, arrays, prefix tries. No operation allocates.</summary>
public sealed class Map<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly IMap _map;

    /// <exception cref="ArgumentException">The types have other sizes than the map's keys and values, or values are per CPU.</exception>
    public Map(Map map)
    {
        Untyped = map;
        _map = map.Target;
        Shapes.Check<TKey>(_map, _map.Definition.KeySize, "keys");
        Shapes.Check<TValue>(_map, _map.Definition.ValueSize, "values");
        if (map.Type.IsPerCpu())
            throw new ArgumentException($"'{map.Name}' has a value for every CPU: use {nameof(PerCpuMap<TKey, TValue>)}", nameof(map));
    }

    /// <summary>The same map as bytes.</summary>
    public Map Untyped { get; }

    /// <summary>The value of a key; setting adds or replaces.</summary>
    /// <exception cref="KeyNotFoundException">Getting: there is none.</exception>
    /// <exception cref="EbpfException">Setting: the map is full or frozen.</exception>
    public TValue this[TKey key]
    {
        get => TryGetValue(key, out TValue value) ? value : throw new KeyNotFoundException($"map '{Untyped.Name}' has no such key");
        set => EbpfException.ThrowIfFailed(Update(key, value), _map, "an update");
    }

    /// <summary>Copies a value out; false when there is none.</summary>
    public bool TryGetValue(TKey key, out TValue value)
    {
        value = default;
        bool found = _map.UserLookup(Shapes.Bytes(in key), Shapes.Writable(ref value)) == 0;
        GC.KeepAlive(_map);
        return found;
    }

    /// <summary>Adds an entry; false when the key is there already.</summary>
    /// <exception cref="EbpfException">The map is full or frozen.</exception>
    public bool TryAdd(TKey key, TValue value)
    {
        int result = Update(key, value, UpdateMode.NoExist);
        if (result == -Errno.EEXIST)
            return false;
        EbpfException.ThrowIfFailed(result, _map, "an update");
        return true;
    }

    /// <summary>Writes an entry; 0 or a negative error number of the kernel's.</summary>
    public int Update(TKey key, TValue value, UpdateMode mode = UpdateMode.Any)
    {
        int result = _map.Definition.IsFrozen ? -Errno.EPERM : _map.UserUpdate(Shapes.Bytes(in key), Shapes.Bytes(in value), mode);
        GC.KeepAlive(_map);
        return result;
    }

    /// <summary>Removes an entry; false when there was none.</summary>
    public bool Remove(TKey key)
    {
        bool removed = _map.Delete(Shapes.Bytes(in key)) == 0;
        GC.KeepAlive(_map);
        return removed;
    }

    /// <summary>
    /// The live value that programs see: reads and writes need the care that concurrent programs need (<see cref="Interlocked"/>). Valid
    /// while the entry exists and this object is kept.
    /// </summary>
    /// <exception cref="KeyNotFoundException">There is no such key.</exception>
    public ref TValue GetReference(TKey key)
    {
        Span<byte> live = _map.Find(Shapes.Bytes(in key));
        if (live.IsEmpty)
            throw new KeyNotFoundException($"map '{Untyped.Name}' has no such key");
        return ref MemoryMarshal.AsRef<TValue>(live);
    }

    /// <summary>Arrays whose elements lie side by side (values of a multiple of 8 bytes): all live values.</summary>
    /// <exception cref="InvalidOperationException">The map is no such array.</exception>
    public Span<TValue> Values => _map is ArrayMap array && _map.Definition.ValueSize % 8 == 0
        ? MemoryMarshal.Cast<byte, TValue>(array.Values)
        : throw new InvalidOperationException($"'{Untyped.Name}' is no array with values of a multiple of 8 bytes");

    /// <summary>Entries now in the map; walks it.</summary>
    public int Count()
    {
        int count = 0;
        foreach (KeyValuePair<TKey, TValue> _ in this)
            count++;
        return count;
    }

    /// <summary>Removes every entry that is there when it is reached.</summary>
    public void Clear()
    {
        foreach (KeyValuePair<TKey, TValue> entry in this)
            Remove(entry.Key);
    }

    /// <summary>Walks the entries, beside others that change the map: each entry that stays is seen once.</summary>
    public Enumerator GetEnumerator() => new(_map);

    /// <summary>The position of a walk.</summary>
    public struct Enumerator
    {
        private readonly IMap _map;
        private TKey _next;
        private bool _hasNext;
        private KeyValuePair<TKey, TValue> _current;

        internal Enumerator(IMap map)
        {
            (_map, _next, _current) = (map, default, default);
            _hasNext = map.NextKey(default, Shapes.Writable(ref _next)) == 0;
        }

        /// <summary>The entry.</summary>
        public readonly KeyValuePair<TKey, TValue> Current => _current;

        /// <summary>Goes on; false at the end.</summary>
        public bool MoveNext()
        {
            while (_hasNext)
            {
                // The key after this one is asked for first, so that the caller may remove this one.
                TKey key = _next;
                _hasNext = _map.NextKey(Shapes.Bytes(in key), Shapes.Writable(ref _next)) == 0;
                TValue value = default;
                if (_map.UserLookup(Shapes.Bytes(in key), Shapes.Writable(ref value)) != 0)
                    continue;
                _current = new KeyValuePair<TKey, TValue>(key, value);
                return true;
            }
            return false;
        }
    }
}

/// <summary>A map that holds a value for every CPU under each key.</summary>
public sealed class PerCpuMap<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly IMap _map;
    private readonly int _cpus;

    /// <exception cref="ArgumentException">The types have other sizes than the map's keys and values, or values are not per CPU.</exception>
    public PerCpuMap(Map map)
    {
        Untyped = map;
        _map = map.Target;
        Shapes.Check<TKey>(_map, _map.Definition.KeySize, "keys");
        Shapes.Check<TValue>(_map, _map.Definition.ValueSize, "values");
        if (!map.Type.IsPerCpu())
            throw new ArgumentException($"'{map.Name}' has one value under a key", nameof(map));
        _cpus = _map.UserValueSize / ((_map.Definition.ValueSize + 7) / 8 * 8);
    }

    /// <summary>The same map as bytes.</summary>
    public Map Untyped { get; }

    /// <summary>Values under each key.</summary>
    public int CpuCount => _cpus;

    /// <summary>Copies the values of all CPUs out; false when there is no such key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values"><see cref="CpuCount"/> places.</param>
    public bool TryGetValues(TKey key, Span<TValue> values)
    {
        if (values.Length < _cpus)
            throw new ArgumentException($"there are {_cpus} values", nameof(values));
        for (int cpu = 0; cpu < _cpus; cpu++)
        {
            Span<byte> live = _map.Find(Shapes.Bytes(in key), cpu);
            if (live.IsEmpty)
                return false;
            values[cpu] = MemoryMarshal.Read<TValue>(live);
        }
        GC.KeepAlive(_map);
        return true;
    }

    /// <summary>Combines the values of all CPUs, as a sum does.</summary>
    /// <exception cref="KeyNotFoundException">There is no such key.</exception>
    public TResult Aggregate<TResult>(TKey key, TResult start, Func<TResult, TValue, TResult> combine)
    {
        for (int cpu = 0; cpu < _cpus; cpu++)
        {
            Span<byte> live = _map.Find(Shapes.Bytes(in key), cpu);
            if (live.IsEmpty)
                throw new KeyNotFoundException($"map '{Untyped.Name}' has no such key");
            start = combine(start, MemoryMarshal.Read<TValue>(live));
        }
        GC.KeepAlive(_map);
        return start;
    }
}

/// <summary>A queue or stack.</summary>
public sealed class ValueQueue<TValue>
    where TValue : unmanaged
{
    private readonly IValueQueue _queue;
    private readonly IMap _map;

    /// <exception cref="ArgumentException">The map is no queue or stack, or its values have another size.</exception>
    public ValueQueue(Map map)
    {
        Untyped = map;
        _map = map.Target;
        Shapes.Check<TValue>(_map, _map.Definition.ValueSize, "values");
        _queue = _map as QueueMap ?? throw new ArgumentException($"'{map.Name}' is no queue or stack", nameof(map));
    }

    /// <summary>The same map as bytes.</summary>
    public Map Untyped { get; }

    /// <summary>Adds a value; false when the map is full.</summary>
    public bool TryPush(TValue value) => _queue.Push(Shapes.Bytes(in value)) == 0;

    /// <summary>Takes the next value; false when there is none.</summary>
    public bool TryPop(out TValue value)
    {
        value = default;
        return _queue.Pop(Shapes.Writable(ref value)) == 0;
    }

    /// <summary>Looks at the next value; false when there is none.</summary>
    public bool TryPeek(out TValue value)
    {
        value = default;
        return _queue.Peek(Shapes.Writable(ref value)) == 0;
    }
}

internal static class Shapes
{
    public static ReadOnlySpan<byte> Bytes<T>(in T value)
        where T : unmanaged
        => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));

    public static Span<byte> Writable<T>(ref T value)
        where T : unmanaged
        => MemoryMarshal.AsBytes(new Span<T>(ref value));

    public static void Check<T>(IMap map, int size, string what)
        where T : unmanaged
    {
        int actual = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
        if (actual != size)
            throw new ArgumentException($"{what} of '{map.Definition.Name}' have {size} bytes, {typeof(T).Name} has {actual}");
    }
}
