// The special fields inside a map's values (or an allocated object): locks, timers, kernel pointers, collections. Programs may
// not touch them as plain memory.
using Ebpfcc.Ebpf.Btf;
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

    /// <summary>The special fields of a map's values, found by the names of their types.</summary>
    public static MapRecord Read(MapDefinition map)
    {
        if (map.Btf is not { } types || map.BtfValueTypeId == 0)
            return None;
        return Read(types, map.BtfValueTypeId);
    }

    public static MapRecord Read(BtfReader types, int typeId)
    {
        var fields = new List<MapField>();
        BtfType value = types.SkipModifiers(typeId);
        if (value.Kind == BtfKind.DataSection)
        {
            for (int i = 0; i < value.Length; i++)
            {
                BtfSectionEntry entry = value.GetEntry(i);
                Add(types, types[entry.TypeId].TypeId, (int)entry.Offset, 0, fields);
            }
        }
        else
        {
            Add(types, typeId, 0, 0, fields);
        }
        return new MapRecord { HasBtf = true, Fields = [.. fields] };
    }

    private static void Add(BtfReader types, int typeId, int offset, int depth, List<MapField> fields)
    {
        if (depth > 8 || fields.Count > 64)
            return;
        BtfType type = types.SkipModifiers(typeId);
        switch (type.Kind)
        {
            case BtfKind.Struct when SizeOf(type.Name) is > 0 and int size:
                fields.Add(new MapField(type.Name, offset, size));
                break;
            case BtfKind.Struct:
                for (int i = 0; i < type.Length; i++)
                {
                    BtfMember member = type.GetMember(i);
                    Add(types, member.TypeId, offset + (int)(member.BitOffset / 8), depth + 1, fields);
                }
                break;
            case BtfKind.Array when type.ArrayCount is > 0 and <= 64 && types.SizeOf(type.ElementTypeId) is { } size:
                for (int i = 0; i < type.ArrayCount; i++)
                    Add(types, type.ElementTypeId, offset + (int)(i * size), depth + 1, fields);
                break;
            case BtfKind.Pointer when types[type.TypeId] is { Kind: BtfKind.TypeTag } tag:
                switch (tag.Name)
                {
                    case "kptr" or "percpu_kptr":
                        fields.Add(new MapField("kptr", offset, 8, IsKernelPointer: true, IsOwned: true, types.SkipModifiers(tag.TypeId).Id));
                        break;
                    case "kptr_untrusted":
                        fields.Add(new MapField("kptr", offset, 8, IsKernelPointer: true, TypeId: types.SkipModifiers(tag.TypeId).Id));
                        break;
                }
                break;
        }
    }

    private static int SizeOf(string name) => name switch
    {
        "bpf_spin_lock" or "bpf_refcount" => 4,
        "bpf_res_spin_lock" => 8,
        "bpf_timer" or "bpf_wq" or "bpf_list_head" or "bpf_rb_root" => 16,
        "bpf_list_node" => 24,
        "bpf_rb_node" => 32,
        _ => 0,
    };
}
