// Types one by one, in the raw format of "bpftool btf dump".
using System.Globalization;
using System.Text;

namespace Ebpfcc.Ebpf.Btf;

/// <summary>Prints BTF in bpftool's raw format.</summary>
public static class BtfRawPrinter
{
    /// <summary>All types of the reader (not of its base), a line for each and for each of its members.</summary>
    public static string Print(BtfReader types)
    {
        var text = new StringBuilder();
        for (int id = types.FirstId; id < types.Count; id++)
            Append(text, types, id);
        return text.ToString();
    }

    public static void Append(StringBuilder text, BtfReader types, int id)
    {
        BtfType type = types[id];
        CultureInfo invariant = CultureInfo.InvariantCulture;
        text.Append(invariant, $"[{id}] {KindName(type.Kind)} '{Name(type.Name)}'");
        switch (type.Kind)
        {
            case BtfKind.Int:
                string encoding = type.Encoding switch { 0 => "(none)", BtfIntEncoding.Signed => "SIGNED", BtfIntEncoding.Char => "CHAR", BtfIntEncoding.Bool => "BOOL", _ => "UNKN" };
                text.Append(invariant, $" size={type.Size} bits_offset={type.IntOffset} nr_bits={type.Bits} encoding={encoding}");
                break;
            case BtfKind.Array:
                text.Append(invariant, $" type_id={type.ElementTypeId} index_type_id={type.IndexTypeId} nr_elems={type.ArrayCount}");
                break;
            case BtfKind.Struct or BtfKind.Union:
                text.Append(invariant, $" size={type.Size} vlen={type.Length}");
                for (int i = 0; i < type.Length; i++)
                {
                    BtfMember member = type.GetMember(i);
                    text.Append(invariant, $"\n\t'{Name(type.GetString(member.NameOffset))}' type_id={member.TypeId} bits_offset={member.BitOffset}");
                    if (member.BitSize != 0)
                        text.Append(invariant, $" bitfield_size={member.BitSize}");
                }
                break;
            case BtfKind.Enum or BtfKind.Enum64:
                text.Append(invariant, $" encoding={(type.KindFlag ? "SIGNED" : "UNSIGNED")} size={type.Size} vlen={type.Length}");
                for (int i = 0; i < type.Length; i++)
                {
                    BtfEnumerator enumerator = type.GetEnumerator(i);
                    text.Append(invariant, $"\n\t'{Name(type.GetString(enumerator.NameOffset))}' val=");
                    if (type.KindFlag)
                        text.Append(enumerator.Value);
                    else
                        text.Append((ulong)enumerator.Value);
                    if (type.Kind == BtfKind.Enum64)
                        text.Append(type.KindFlag ? "LL" : "ULL");
                }
                break;
            case BtfKind.Forward:
                text.Append(" fwd_kind=").Append(type.KindFlag ? "union" : "struct");
                break;
            case BtfKind.Function:
                text.Append(invariant, $" type_id={type.TypeId} linkage={Linkage(type.Linkage)}");
                break;
            case BtfKind.FunctionPrototype:
                text.Append(invariant, $" ret_type_id={type.TypeId} vlen={type.Length}");
                for (int i = 0; i < type.Length; i++)
                    text.Append(invariant, $"\n\t'{Name(type.GetString(type.GetParameter(i).NameOffset))}' type_id={type.GetParameter(i).TypeId}");
                break;
            case BtfKind.Variable:
                text.Append(invariant, $" type_id={type.TypeId}, linkage={Linkage(type.Linkage)}");
                break;
            case BtfKind.DataSection:
                text.Append(invariant, $" size={type.Size} vlen={type.Length}");
                for (int i = 0; i < type.Length; i++)
                {
                    BtfSectionEntry entry = type.GetEntry(i);
                    text.Append(invariant, $"\n\ttype_id={entry.TypeId} offset={entry.Offset} size={entry.Size}");
                    BtfType variable = types[entry.TypeId];
                    if (variable.Kind is BtfKind.Variable or BtfKind.Function)
                        text.Append(invariant, $" ({(variable.Kind == BtfKind.Variable ? "VAR" : "FUNC")} '{Name(variable.Name)}')");
                }
                break;
            case BtfKind.DeclTag:
                text.Append(invariant, $" type_id={type.TypeId} component_idx={type.ComponentIndex}");
                break;
            case BtfKind.Float:
                text.Append(invariant, $" size={type.Size}");
                break;
            case BtfKind.Void:
                break;
            default:
                text.Append(invariant, $" type_id={type.TypeId}");
                break;
        }
        text.Append('\n');
    }

    private static string Name(string name) => name.Length == 0 ? "(anon)" : name;

    private static string Linkage(BtfLinkage linkage) => linkage switch { BtfLinkage.Static => "static", BtfLinkage.Global => "global", BtfLinkage.Extern => "extern", _ => "(unknown)" };

    internal static string KindName(BtfKind kind) => kind switch
    {
        BtfKind.Int => "INT",
        BtfKind.Pointer => "PTR",
        BtfKind.Array => "ARRAY",
        BtfKind.Struct => "STRUCT",
        BtfKind.Union => "UNION",
        BtfKind.Enum => "ENUM",
        BtfKind.Forward => "FWD",
        BtfKind.Typedef => "TYPEDEF",
        BtfKind.Volatile => "VOLATILE",
        BtfKind.Const => "CONST",
        BtfKind.Restrict => "RESTRICT",
        BtfKind.Function => "FUNC",
        BtfKind.FunctionPrototype => "FUNC_PROTO",
        BtfKind.Variable => "VAR",
        BtfKind.DataSection => "DATASEC",
        BtfKind.Float => "FLOAT",
        BtfKind.DeclTag => "DECL_TAG",
        BtfKind.TypeTag => "TYPE_TAG",
        BtfKind.Enum64 => "ENUM64",
        _ => "UNKNOWN",
    };
}
