// When two types of different readers count as the same for CO-RE: three relations, from loose to strict. Rules: libbpf's
// relo_core.c (bpf_core_fields_are_compat, bpf_core_types_are_compat, bpf_core_types_match).
using Ebpfcc.Ebpf.Btf;

namespace Ebpfcc.Runtime.Loading;

internal static class CoreTypes
{
    private const int MaxNesting = 32;

    /// <summary>A name without its flavor: what stands before three underscores.</summary>
    public static ReadOnlySpan<byte> EssentialName(ReadOnlySpan<byte> name)
    {
        int flavor = name.LastIndexOf("___"u8);
        return flavor > 0 ? name[..flavor] : name;
    }

    private static bool SameEssentialName(BtfType left, BtfType right) => EssentialName(left.NameBytes).SequenceEqual(EssentialName(right.NameBytes));

    public static bool IsEnum(BtfType type) => type.Kind is BtfKind.Enum or BtfKind.Enum64;

    public static bool AreKindsCompatible(BtfType left, BtfType right) => left.Kind == right.Kind || IsEnum(left) && IsEnum(right);

    private static bool IsComposite(BtfType type) => type.Kind is BtfKind.Struct or BtfKind.Union;

    /// <summary>May a field of the one type be read as one of the other?</summary>
    public static bool AreFieldsCompatible(BtfReader localTypes, int localId, BtfReader targetTypes, int targetId, int nesting)
    {
        BtfType local = localTypes.SkipModifiers(localId), target = targetTypes.SkipModifiers(targetId);
        if (IsComposite(local) && IsComposite(target))
            return true;
        if (!AreKindsCompatible(local, target) || nesting > MaxNesting)
            return false;
        switch (local.Kind)
        {
            case BtfKind.Pointer or BtfKind.Float:
                return true;
            case BtfKind.Forward or BtfKind.Enum or BtfKind.Enum64:
                return local.NameBytes.IsEmpty || target.NameBytes.IsEmpty || SameEssentialName(local, target);
            case BtfKind.Int:
                return local.IntOffset == 0 && target.IntOffset == 0;
            case BtfKind.Array:
                return AreFieldsCompatible(localTypes, local.ElementTypeId, targetTypes, target.ElementTypeId, nesting + 1);
            default:
                return false;
        }
    }

    /// <summary>Do both types have the same shape, names of structures aside?</summary>
    public static bool AreCompatible(BtfReader localTypes, int localId, BtfReader targetTypes, int targetId, int nesting = 0)
    {
        BtfType local = localTypes.SkipModifiers(localId), target = targetTypes.SkipModifiers(targetId);
        if (!AreKindsCompatible(local, target) || nesting > MaxNesting)
            return false;
        switch (local.Kind)
        {
            case BtfKind.Int:
                return local.IntOffset == 0 && target.IntOffset == 0;
            case BtfKind.Pointer:
                return AreCompatible(localTypes, local.TypeId, targetTypes, target.TypeId, nesting + 1);
            case BtfKind.Array:
                return AreCompatible(localTypes, local.ElementTypeId, targetTypes, target.ElementTypeId, nesting + 1);
            case BtfKind.FunctionPrototype:
                if (local.Length != target.Length)
                    return false;
                for (int i = 0; i < local.Length; i++)
                {
                    if (!AreCompatible(localTypes, local.GetParameter(i).TypeId, targetTypes, target.GetParameter(i).TypeId, nesting + 1))
                        return false;
                }
                return AreCompatible(localTypes, local.TypeId, targetTypes, target.TypeId, nesting + 1);
            case BtfKind.Void or BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Forward:
                return true;
            default:
                return false;
        }
    }

    /// <summary>Does the target have everything of the local type, by names and shapes?</summary>
    public static bool Match(BtfReader localTypes, int localId, BtfReader targetTypes, int targetId, bool isBehindPointer = false, int nesting = 0)
    {
        BtfType local = localTypes.SkipModifiers(localId), target = targetTypes.SkipModifiers(targetId);
        if (nesting > MaxNesting)
            return false;
        if (!local.NameBytes.IsEmpty && !target.NameBytes.IsEmpty && !SameEssentialName(local, target))
            return false;
        if (local.Kind != target.Kind)
        {
            // Behind a pointer a forward declaration stands for the structure.
            bool forward = local.Kind == BtfKind.Forward && IsComposite(target) && local.KindFlag == (target.Kind == BtfKind.Union)
                || target.Kind == BtfKind.Forward && IsComposite(local) && target.KindFlag == (local.Kind == BtfKind.Union);
            return isBehindPointer && forward || IsEnum(local) && IsEnum(target) && (isBehindPointer || MatchEnumerators(local, target));
        }
        switch (local.Kind)
        {
            case BtfKind.Void:
                return true;
            case BtfKind.Forward:
                return local.KindFlag == target.KindFlag;
            case BtfKind.Enum or BtfKind.Enum64:
                return isBehindPointer || MatchEnumerators(local, target);
            case BtfKind.Struct or BtfKind.Union:
                return isBehindPointer || MatchMembers(localTypes, local, targetTypes, target, nesting);
            case BtfKind.Int:
                return local.IntOffset == 0 && target.IntOffset == 0
                    && (local.Size == target.Size && (local.Encoding & BtfIntEncoding.Signed) == (target.Encoding & BtfIntEncoding.Signed));
            case BtfKind.Float:
                return local.Size == target.Size;
            case BtfKind.Pointer:
                return Match(localTypes, local.TypeId, targetTypes, target.TypeId, isBehindPointer: true, nesting + 1);
            case BtfKind.Array:
                return local.ArrayCount == target.ArrayCount && Match(localTypes, local.ElementTypeId, targetTypes, target.ElementTypeId, isBehindPointer, nesting + 1);
            case BtfKind.FunctionPrototype:
                if (local.Length != target.Length)
                    return false;
                for (int i = 0; i < local.Length; i++)
                {
                    if (!Match(localTypes, local.GetParameter(i).TypeId, targetTypes, target.GetParameter(i).TypeId, isBehindPointer, nesting + 1))
                        return false;
                }
                return Match(localTypes, local.TypeId, targetTypes, target.TypeId, isBehindPointer, nesting + 1);
            default:
                return false;
        }
    }

    private static bool MatchEnumerators(BtfType local, BtfType target)
    {
        if (local.Size != target.Size || local.Length > target.Length)
            return false;
        for (int i = 0; i < local.Length; i++)
        {
            if (FindEnumerator(target, local.GetString(local.GetEnumerator(i).NameOffset)) is null)
                return false;
        }
        return true;
    }

    /// <summary>The enumerator of this name, flavors aside.</summary>
    public static BtfEnumerator? FindEnumerator(BtfType type, string name)
    {
        byte[] wanted = System.Text.Encoding.UTF8.GetBytes(name);
        for (int i = 0; i < type.Length; i++)
        {
            BtfEnumerator enumerator = type.GetEnumerator(i);
            byte[] actual = System.Text.Encoding.UTF8.GetBytes(type.GetString(enumerator.NameOffset));
            if (EssentialName(actual).SequenceEqual(EssentialName(wanted)))
                return enumerator;
        }
        return null;
    }

    private static bool MatchMembers(BtfReader localTypes, BtfType local, BtfReader targetTypes, BtfType target, int nesting)
    {
        if (local.Length > target.Length)
            return false;
        for (int i = 0; i < local.Length; i++)
        {
            BtfMember member = local.GetMember(i);
            string name = localTypes.GetString(member.NameOffset);
            bool found = false;
            for (int j = 0; j < target.Length && !found; j++)
            {
                BtfMember candidate = target.GetMember(j);
                found = name == targetTypes.GetString(candidate.NameOffset)
                    && Match(localTypes, member.TypeId, targetTypes, candidate.TypeId, isBehindPointer: false, nesting + 1);
            }
            if (!found)
                return false;
        }
        return true;
    }
}
