// Objects of the kernel inside map values, which copies of values leave alone: found by the names of their types.
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Loading;

internal static class SpecialFields
{
    private const int MaxNesting = 8;

    /// <summary>Offset and size of each special field of a value, in ascending order.</summary>
    public static (int Offset, int Size)[] Find(BtfReader? types, int valueType)
    {
        if (types is null || valueType == 0)
            return [];
        var found = new List<(int, int)>();
        Walk(types, valueType, 0, 0, found);
        found.Sort();
        return [.. found];
    }

    /// <summary>Offset of the value's spin lock; -1 without.</summary>
    public static int FindSpinLock(BtfReader? types, int valueType, int nesting = 0)
    {
        if (types is null || valueType == 0 || nesting > MaxNesting)
            return -1;
        BtfType type = types.SkipModifiers(valueType);
        if (type.Kind != BtfKind.Struct)
            return -1;
        if (type.Name == "bpf_spin_lock")
            return 0;
        for (int i = 0; i < type.Length; i++)
        {
            BtfMember member = type.GetMember(i);
            if (FindSpinLock(types, member.TypeId, nesting + 1) is >= 0 and var inside)
                return (int)(member.BitOffset / 8) + inside;
        }
        return -1;
    }

    private static void Walk(BtfReader types, int id, long offset, int nesting, List<(int, int)> found)
    {
        BtfType type = types.SkipModifiers(id);
        if (nesting > MaxNesting || offset > int.MaxValue || found.Count > 64)
            return;
        switch (type.Kind)
        {
            case BtfKind.Struct when SizeOf(type.Name) is > 0 and int size:
                found.Add(((int)offset, size));
                break;
            case BtfKind.Struct:
                for (int i = 0; i < type.Length; i++)
                {
                    BtfMember member = type.GetMember(i);
                    Walk(types, member.TypeId, offset + member.BitOffset / 8, nesting + 1, found);
                }
                break;
            case BtfKind.Array when types.SizeOf(type.ElementTypeId) is { } elementSize && HasSpecial(types, type.ElementTypeId):
                for (long i = 0; i < Math.Min(type.ArrayCount, 64); i++)
                    Walk(types, type.ElementTypeId, offset + i * elementSize, nesting + 1, found);
                break;
            case BtfKind.DataSection:
                for (int i = 0; i < type.Length; i++)
                {
                    BtfSectionEntry entry = type.GetEntry(i);
                    Walk(types, types[entry.TypeId].TypeId, entry.Offset, nesting + 1, found);
                }
                break;
        }
    }

    private static bool HasSpecial(BtfReader types, int id)
    {
        var found = new List<(int, int)>();
        BtfType element = types.SkipModifiers(id);
        if (element.Kind == BtfKind.Struct)
            Walk(types, element.Id, 0, MaxNesting - 2, found);
        return found.Count > 0;
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
