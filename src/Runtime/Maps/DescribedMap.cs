// A map of a type that has no implementation here: enough to verify programs that use it, not to run them.
namespace Ebpfcc.Runtime.Maps;

/// <summary>Only a definition. Every operation answers that it is not supported.</summary>
public sealed unsafe class DescribedMap(MapDefinition definition) : IMap
{
    public MapDefinition Definition { get; } = definition;

    public nint Handle => 0;

    public int UserValueSize => Definition.ValueSize;

    public byte* Lookup(byte* key) => null;

    public byte* LookupPerCpu(byte* key, int cpu) => null;

    public int Update(byte* key, byte* value, UpdateMode mode) => -Errno.EOPNOTSUPP;

    public int Delete(byte* key) => -Errno.EOPNOTSUPP;

    public int GetNextKey(byte* key, byte* next) => -Errno.EOPNOTSUPP;

    public int UserLookup(ReadOnlySpan<byte> key, Span<byte> value) => -Errno.EOPNOTSUPP;

    public int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode) => -Errno.EOPNOTSUPP;

    public byte* DirectValue(uint offset) => null;

    public bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        start = null;
        length = 0;
        return false;
    }

    public void Dispose()
    {
    }
}
