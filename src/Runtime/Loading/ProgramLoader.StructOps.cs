// Operation tables (.struct_ops): a program is an operation when the table's variable holds its address. Which operation is told to
// the kernel as the table's structure in the kernel's types and the index of the member there, found by names as libbpf does:
//
//     SEC(".struct_ops") struct tcp_congestion_ops cubic = { .init = (void *)cubic_init };
//     relocation at cubic + 64 --> cubic_init     offset 64 is the local member "init" --> member 3 of the kernel's structure
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Runtime.Loading;

public sealed partial class ProgramLoader
{
    /// <summary>Member index and structure id in the kernel's types; zeros when no table holds the program.</summary>
    private (int Member, int StructureId) OperationOf(EbpfFunction entry)
    {
        if (_object.Btf is not { } types)
            return default;
        foreach (EbpfSection section in _object.Sections)
        {
            if (section.Kind != EbpfSectionKind.StructOps)
                continue;
            foreach (DataRelocation relocation in section.Relocations)
            {
                if (relocation.Symbol.Function != entry || MemberAt(types, section, relocation.Offset) is not { } place)
                    continue;
                BtfReader kernel = KernelTypes(entry.Name);
                int structure = kernel.Find(place.Structure, BtfKind.Struct);
                if (structure == 0)
                    return default;
                BtfType target = kernel[structure];
                for (int i = 0; i < target.Length; i++)
                {
                    if (target.GetString(target.GetMember(i).NameOffset) == place.Member)
                        return (i, structure);
                }
                return (-1, structure);
            }
        }
        return default;
    }

    /// <summary>The structure and the member of it that lie at an offset: symbols say where variables are, types what they are.</summary>
    private (string Structure, string Member)? MemberAt(BtfReader types, EbpfSection section, long offset)
    {
        foreach (EbpfSymbol symbol in _object.Symbols)
        {
            if (symbol.Section != section || symbol.Name.Length == 0 || offset < symbol.Offset || offset >= symbol.Offset + symbol.Size)
                continue;
            int variable = types.Find(symbol.Name, BtfKind.Variable);
            BtfType structure = variable == 0 ? default : types.SkipModifiers(types[variable].TypeId);
            for (int member = 0; structure.Kind == BtfKind.Struct && member < structure.Length; member++)
            {
                if (structure.GetMember(member).BitOffset == (ulong)(offset - symbol.Offset) * 8)
                    return (WithoutFlavor(structure.Name), structure.GetString(structure.GetMember(member).NameOffset));
            }
        }
        return null;
    }

    private static string WithoutFlavor(string name) => name.IndexOf("___", StringComparison.Ordinal) is > 0 and var at ? name[..at] : name;
}
