// The storage of cgroups that programs attached to them get.
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Maps;

/// <summary>Storage of the cgroup that a program is attached to: one value, here that of the only cgroup there is.</summary>
public sealed unsafe class CgroupStorageMap(MapDefinition definition, IGuestAllocator allocator) : Map(definition, allocator)
{
    private readonly byte* _value = allocator.Allocate(Round8(definition.ValueSize));

    public byte* Value => _value;

    public override byte* Lookup(byte* key) => _value;

    public override int Update(byte* key, byte* value, UpdateMode mode)
    {
        CopyValue(_value, value);
        return 0;
    }

    public override int Delete(byte* key) => -Errno.EINVAL;

    public override int GetNextKey(byte* key, byte* next) => -Errno.ENOENT;

    public override bool FindRegion(byte* address, nuint size, out byte* start, out nuint length)
    {
        start = _value;
        length = Round8(Definition.ValueSize);
        return Inside(start, length, address, size);
    }

    protected override void FreeValues() => Allocator.Free(_value);
}
