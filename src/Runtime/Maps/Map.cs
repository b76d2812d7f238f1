// What all maps share: definition, descriptor, a place in the table of live maps, disposal.
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>Base of all maps.</summary>
public abstract unsafe class Map : IMap
{
    private MapDescriptor* _descriptor;
    private int _retired;

    protected Map(MapDefinition definition, IGuestAllocator allocator)
    {
        (Definition, Allocator) = (definition, allocator);
        _descriptor = (MapDescriptor*)allocator.Allocate((nuint)sizeof(MapDescriptor), 16);
        *_descriptor = new MapDescriptor
        {
            Type = definition.Type, KeySize = (uint)definition.KeySize, ValueSize = (uint)definition.ValueSize,
            MaxEntries = (uint)definition.MaxEntries, Flags = definition.Flags,
        };
        _descriptor->Id = MapTable.Register(this);
    }

    public MapDefinition Definition { get; private set; }

    public nint Handle => (nint)_descriptor;

    /// <summary>Number in the table of live maps.</summary>
    public int Id => _descriptor->Id;

    protected MapDescriptor* Descriptor => _descriptor;

    protected IGuestAllocator Allocator { get; }

    protected bool IsDisposed => _descriptor is null;

    public virtual int UserValueSize => Definition.ValueSize;

    public abstract byte* Lookup(byte* key);

    public virtual byte* LookupPerCpu(byte* key, int cpu) => null;

    public abstract int Update(byte* key, byte* value, UpdateMode mode);

    public abstract int Delete(byte* key);

    public abstract int GetNextKey(byte* key, byte* next);

    public virtual byte* DirectValue(uint offset) => null;

    public virtual bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        start = null;
        length = 0;
        return false;
    }

    /// <summary>No more writes from programs or user space (BPF_MAP_FREEZE).</summary>
    public void Freeze() => Definition = Definition with { IsFrozen = true };

    public virtual int UserLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        fixed (byte* keyAddress = key)
        {
            byte* found = Lookup(keyAddress);
            if (found is null)
                return -Errno.ENOENT;
            new ReadOnlySpan<byte>(found, Definition.ValueSize).CopyTo(value);
            return 0;
        }
    }

    public virtual int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
    {
        if (Definition.IsFrozen)
            return -Errno.EPERM;
        fixed (byte* keyAddress = key)
        fixed (byte* valueAddress = value)
            return Update(keyAddress, valueAddress, mode);
    }

    ~Map() => Release();

    /// <summary>
    /// No program can reach the map any more; code that still holds the object may go on using it. Its memory goes with the last
    /// reference.
    /// </summary>
    public void Retire()
    {
        if (Interlocked.Exchange(ref _retired, 1) == 0 && _descriptor is not null)
            MapTable.Unregister(Id);
    }

    /// <summary>Frees the values; the descriptor goes last, so that late users find no map rather than another one.</summary>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        if (_descriptor is null)
            return;
        Retire();
        FreeValues();
        Allocator.Free((byte*)_descriptor);
        _descriptor = null;
    }

    protected abstract void FreeValues();

    /// <summary>Writes a whole value but for the special fields.</summary>
    protected void CopyValue(byte* destination, byte* source)
    {
        int from = 0;
        foreach ((int offset, int size) in Definition.SpecialFields)
        {
            Buffer.MemoryCopy(source + from, destination + from, offset - from, offset - from);
            from = offset + size;
        }
        Buffer.MemoryCopy(source + from, destination + from, Definition.ValueSize - from, Definition.ValueSize - from);
    }

    /// <summary>Bytes one value takes in memory: values are 8-byte aligned.</summary>
    protected static nuint Round8(int size) => ((nuint)size + 7) & ~(nuint)7;

    protected static bool Inside(byte* start, nuint length, byte* address, nuint size)
        => size <= length && (nuint)(address - start) <= length - size;
}
