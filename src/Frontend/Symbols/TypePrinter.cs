// Prints types as C writes them, inside out: the declarator grows around the name while walking from the outermost
// derivation inwards ("int (*[3])(void)").
using System.Text;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Symbols;

public static class TypePrinter
{
    /// <summary>The type, and if a name is given the declaration of that name.</summary>
    public static string Print(QualifiedType type, string name = "")
    {
        string declarator = name;
        while (true)
        {
            switch (type.Type)
            {
                case PointerType pointer:
                    declarator = "*" + Qualifiers(type.Qualifiers, declarator.Length > 0) + declarator;
                    if (pointer.Pointee.Type is ArrayType or FunctionType)
                        declarator = "(" + declarator + ")";
                    type = pointer.Pointee;
                    continue;
                case ArrayType array:
                    declarator += $"[{array.Length}]";
                    type = array.Element.With(type.Qualifiers);
                    continue;
                case FunctionType function:
                    declarator += "(" + Parameters(function) + ")";
                    type = function.ReturnType;
                    continue;
                default:
                    return Qualifiers(type.Qualifiers, true) + BaseName(type.Type) + (declarator.Length == 0 ? "" : " " + declarator);
            }
        }
    }

    private static string Parameters(FunctionType function)
    {
        if (!function.HasPrototype)
            return "";
        var text = new StringBuilder(string.Join(", ", function.Parameters.Select(parameter => Print(parameter.Type))));
        if (function.IsVariadic)
            text.Append(text.Length > 0 ? ", ..." : "...");
        return text.Length == 0 ? "void" : text.ToString();
    }

    private static string BaseName(TypeSymbol type) => type switch
    {
        VoidType => "void",
        IntegerType integer => integer.Name,
        FloatType real => real.Name,
        TypedefType typedef => typedef.Symbol.Name,
        TaggedType tagged => Print(tagged.Target),
        RecordType record => (record.IsUnion ? "union " : "struct ") + (record.Tag ?? record.NamingTypedef?.Name ?? "(unnamed)"),
        EnumType enumeration => "enum " + (enumeration.Tag ?? enumeration.NamingTypedef?.Name ?? "(unnamed)"),
        _ => "<error type>",
    };

    private static string Qualifiers(TypeQualifiers qualifiers, bool spaceBehind)
    {
        if (qualifiers == 0)
            return "";
        var words = new List<string>(4);
        if ((qualifiers & TypeQualifiers.Const) != 0)
            words.Add("const");
        if ((qualifiers & TypeQualifiers.Volatile) != 0)
            words.Add("volatile");
        if ((qualifiers & TypeQualifiers.Restrict) != 0)
            words.Add("restrict");
        if ((qualifiers & TypeQualifiers.Atomic) != 0)
            words.Add("_Atomic");
        return string.Join(' ', words) + (spaceBehind ? " " : "");
    }
}
