// The path of a CO-RE relocation through types: parsed from the access string against the program's own types, then found
// again in the target's types by names. Rules: libbpf's relo_core.c.
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Runtime.Loading;

/// <summary>One step of a path: a named member, or an element of an array.</summary>
/// <param name="TypeId">The type that the member or element belongs to.</param>
/// <param name="Index">Member or element number.</param>
/// <param name="Name">The member's name; null for elements.</param>
internal readonly record struct CoreStep(int TypeId, int Index, string? Name);

/// <summary>A path through the types of one reader.</summary>
internal sealed class CoreSpec(BtfReader types, int rootId)
{
    private const int MaxSteps = 64;

    public BtfReader Types { get; } = types;

    public int RootId { get; } = rootId;

    public List<CoreStep> Steps { get; } = [];

    /// <summary>Bits from the start of the root object to the last step's place.</summary>
    public long BitOffset { get; private set; }

    /// <summary>Of enumerators: which.</summary>
    public int Enumerator { get; private init; } = -1;

    private bool IsElement(int id, out int elementType)
    {
        BtfType type = Types.SkipModifiers(id);
        elementType = type.ElementTypeId;
        return type.Kind == BtfKind.Array;
    }

    /// <summary>Parses an access string such as <c>0:1:2</c>; null with a problem when it does not fit the types.</summary>
    public static CoreSpec? Parse(BtfReader types, CoreRelocation relocation, string access, out string problem)
    {
        problem = $"the access string '{access}' is malformed";
        Span<int> path = stackalloc int[MaxSteps];
        int length = 0;
        foreach (Range part in access.AsSpan().Split(':'))
        {
            if (length == MaxSteps || !int.TryParse(access.AsSpan()[part], out path[length]) || path[length++] < 0)
                return null;
        }
        if (length == 0)
            return null;
        BtfType root = types.SkipModifiers(relocation.TypeId);
        if (relocation.Kind is CoreRelocationKind.TypeIdLocal or CoreRelocationKind.TypeIdTarget or CoreRelocationKind.TypeExists or CoreRelocationKind.TypeSize or CoreRelocationKind.TypeMatches)
            return new CoreSpec(types, relocation.TypeId);
        if (relocation.Kind is CoreRelocationKind.EnumeratorExists or CoreRelocationKind.EnumeratorValue)
        {
            problem = "it names no enumerator";
            if (root.Kind is not (BtfKind.Enum or BtfKind.Enum64) || path[0] >= root.Length || length > 1)
                return null;
            return new CoreSpec(types, relocation.TypeId) { Enumerator = path[0] };
        }
        problem = "the access string does not fit its type";
        var spec = new CoreSpec(types, relocation.TypeId);
        spec.Steps.Add(new CoreStep(root.Id, path[0], null));
        if (types.SizeOf(root.Id) is not { } size)
            return null;
        spec.BitOffset = path[0] * size * 8;
        int id = root.Id;
        for (int i = 1; i < length; i++)
        {
            BtfType type = types.SkipModifiers(id);
            if (type.Kind is BtfKind.Struct or BtfKind.Union)
            {
                if (path[i] >= type.Length)
                    return null;
                BtfMember member = type.GetMember(path[i]);
                spec.BitOffset += member.BitOffset;
                string name = types.GetString(member.NameOffset);
                if (name.Length > 0)
                    spec.Steps.Add(new CoreStep(type.Id, path[i], name));
                id = member.TypeId;
            }
            else if (spec.IsElement(id, out int elementType))
            {
                bool isFlexible = i > 0 && spec.IsFlexibleArray(type.ArrayCount);
                if (!isFlexible && (uint)path[i] >= type.ArrayCount || types.SizeOf(elementType) is not { } elementSize)
                    return null;
                spec.Steps.Add(new CoreStep(types.SkipModifiers(elementType).Id, path[i], null));
                spec.BitOffset += path[i] * elementSize * 8;
                id = elementType;
            }
            else
            {
                return null;
            }
        }
        return spec;
    }

    /// <summary>An array without a bound that is the last member of its structure may be indexed freely.</summary>
    private bool IsFlexibleArray(uint count)
        => count == 0 && Steps.Count > 0 && Steps[^1] is { Name: not null } step && step.Index == Types[step.TypeId].Length - 1;

    /// <summary>Finds this path below <paramref name="candidate"/> in other types; null when it is not there.</summary>
    public CoreSpec? MatchField(BtfReader target, int candidate)
    {
        var found = new CoreSpec(target, candidate);
        int id = candidate;
        for (int i = 0; i < Steps.Count; i++)
        {
            CoreStep step = Steps[i];
            BtfType type = target.SkipModifiers(id);
            if (step.Name is not null)
            {
                BtfMember local = Types[step.TypeId].GetMember(step.Index);
                if (!found.FindMember(type, step.Name, Types, local.TypeId, 0, out int next))
                    return null;
                id = next;
                continue;
            }
            // The first step indexes the root as if it were an array; later ones need one.
            if (i > 0)
            {
                bool isFlexible = type.Kind == BtfKind.Array && found.IsFlexibleArray(type.ArrayCount);
                if (type.Kind != BtfKind.Array || !isFlexible && (uint)step.Index >= type.ArrayCount)
                    return null;
                id = type.ElementTypeId;
            }
            BtfType element = target.SkipModifiers(id);
            if (target.SizeOf(element.Id) is not { } size)
                return null;
            found.Steps.Add(new CoreStep(element.Id, step.Index, null));
            found.BitOffset += step.Index * size * 8;
            id = element.Id;
        }
        return found;
    }

    private bool FindMember(BtfType type, string name, BtfReader localTypes, int localType, int nesting, out int memberType)
    {
        memberType = 0;
        if (type.Kind is not (BtfKind.Struct or BtfKind.Union) || nesting > 32)
            return false;
        for (int i = 0; i < type.Length; i++)
        {
            BtfMember member = type.GetMember(i);
            string targetName = Types.GetString(member.NameOffset);
            if (targetName.Length == 0)
            {
                // An embedded anonymous structure: its members count as ours.
                long before = BitOffset;
                BitOffset += member.BitOffset;
                if (FindMember(Types.SkipModifiers(member.TypeId), name, localTypes, localType, nesting + 1, out memberType))
                    return true;
                BitOffset = before;
            }
            else if (targetName == name)
            {
                if (!CoreTypes.AreFieldsCompatible(localTypes, localType, Types, member.TypeId, 0))
                    return false;
                BitOffset += member.BitOffset;
                Steps.Add(new CoreStep(type.Id, i, targetName));
                memberType = member.TypeId;
                return true;
            }
        }
        return false;
    }
}
