// The special fields inside a map's values (or an allocated object): locks, timers, kernel pointers, collections. Programs may
// not touch them as plain memory.
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Verification;

/// <summary>One special field.</summary>
/// <param name="Name">As messages call it: <c>bpf_spin_lock</c>, <c>kptr</c>.</param>
/// <param name="Offset">Bytes from the start of the value.</param>
/// <param name="Size">Bytes.</param>
/// <param name="IsKernelPointer">Loads and stores of exactly this field are meaningful.</param>
/// <param name="IsOwned">A kernel pointer that carries a reference.</param>
/// <param name="TypeId">What a kernel pointer points at, or a collection holds.</param>
internal readonly record struct MapField(string Name, int Offset, int Size, bool IsKernelPointer = false, bool IsOwned = false, int TypeId = 0);

/// <summary>The special fields of a type.</summary>
internal sealed class MapRecord
{
    public static readonly MapRecord None = new();

    /// <summary>The value's type is described by BTF.</summary>
    public bool HasBtf { get; init; }

    public MapField[] Fields { get; init; } = [];

    /// <summary>Offset of the field, -1 when there is none.</summary>
    public int SpinLock => Find("bpf_spin_lock");

    public int Timer => Find("bpf_timer");

    public int Workqueue => Find("bpf_wq");

    public bool HasCollections => Find("bpf_list_head") >= 0 || Find("bpf_rb_root") >= 0;

    public MapField? FindKernelPointer(int offset)
    {
        foreach (MapField field in Fields)
        {
            if (field.IsKernelPointer && field.Offset == offset)
                return field;
        }
        return null;
    }

    private int Find(string name)
    {
        foreach (MapField field in Fields)
        {
            if (field.Name == name)
                return field.Offset;
        }
        return -1;
    }

    public static MapRecord Read(MapDefinition map) => map.BtfValueTypeId == 0 ? None : new MapRecord { HasBtf = true };
}
