// Types as C declarations, in the layout of "bpftool btf dump ... format c": a named type with the anonymous types inside it
// written in place. Declarators are built from the inside out: "int (*name[4])(void *)" starts at the name.
using System.Globalization;
using System.Text;

namespace Ebpfcc.Ebpf.Btf;

/// <summary>Prints single types as C.</summary>
public sealed class BtfCPrinter
{
    private const int MaxDepth = 32;

    private readonly BtfReader _types;
    private readonly StringBuilder _text = new();

    /// <summary>Characters that may still be printed; shared with the printers of parameter lists, so that hostile types end.</summary>
    private readonly int[] _budget;

    private BtfCPrinter(BtfReader types, int[]? budget = null) => (_types, _budget) = (types, budget ?? [4 << 20]);

    /// <summary>The definition of a type, with semicolon and line break.</summary>
    public static string Define(BtfReader types, int id)
    {
        var printer = new BtfCPrinter(types);
        BtfType type = types[id];
        switch (type.Kind)
        {
            case BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64:
                printer.Body(type, 0, 0);
                break;
            case BtfKind.Typedef:
                printer._text.Append("typedef ");
                printer.Declaration(type.TypeId, type.Name, 0, 0);
                break;
            case BtfKind.Forward:
                printer._text.Append(type.KindFlag ? "union " : "struct ").Append(type.Name);
                break;
            case BtfKind.Function:
                if (type.Linkage != BtfLinkage.Global)
                    printer._text.Append(type.Linkage == BtfLinkage.Static ? "static " : "extern ");
                printer.Declaration(type.TypeId, type.Name, 0, 0);
                break;
            case BtfKind.Variable:
                if (type.Linkage != BtfLinkage.Global)
                    printer._text.Append(type.Linkage == BtfLinkage.Static ? "static " : "extern ");
                printer.Declaration(type.TypeId, type.Name, 0, 0);
                break;
            default:
                printer.Declaration(id, "", 0, 0);
                break;
        }
        return printer._text.Append(";\n").ToString();
    }

    /// <summary>A declaration of a name with a type, without semicolon; of the type alone when the name is empty.</summary>
    public static string Declare(BtfReader types, int id, string name)
    {
        var printer = new BtfCPrinter(types);
        printer.Declaration(id, name, 0, 0);
        return printer._text.ToString();
    }

    private void Indent(int level) => _text.Append('\t', level);

    private void Body(BtfType type, int level, int depth)
    {
        bool isEnum = type.Kind is BtfKind.Enum or BtfKind.Enum64;
        _text.Append(isEnum ? "enum" : type.Kind == BtfKind.Union ? "union" : "struct");
        if (type.Name.Length > 0)
            _text.Append(' ').Append(type.Name);
        _text.Append(" {");
        if (type.Length > 0 || !isEnum)
            _text.Append('\n');
        if (isEnum)
        {
            for (int i = 0; i < type.Length && _budget[0] > 0; i++)
            {
                BtfEnumerator enumerator = type.GetEnumerator(i);
                _budget[0] -= type.GetString(enumerator.NameOffset).Length + 16;
                Indent(level + 1);
                _text.Append(type.GetString(enumerator.NameOffset)).Append(" = ");
                if (type.KindFlag)
                    _text.Append(enumerator.Value);
                else
                    _text.Append((ulong)enumerator.Value);
                if (type.Kind == BtfKind.Enum64)
                    _text.Append(type.KindFlag ? "LL" : "ULL");
                _text.Append(",\n");
            }
        }
        else
        {
            for (int i = 0; i < type.Length && _budget[0] > 0; i++)
            {
                BtfMember member = type.GetMember(i);
                Indent(level + 1);
                Declaration(member.TypeId, type.GetString(member.NameOffset), level + 1, depth + 1);
                if (member.BitSize != 0)
                    _text.Append(CultureInfo.InvariantCulture, $": {member.BitSize}");
                _text.Append(";\n");
            }
        }
        Indent(level);
        _text.Append('}');
    }

    /// <summary>
    /// Walks from the name outwards: pointers and qualifiers go in front of the declarator, arrays and parameter lists behind
    /// it, parentheses where a pointer meets an array or a function.
    /// </summary>
    private void Declaration(int id, string name, int level, int depth)
    {
        _budget[0] -= name.Length + 16;
        if (depth > MaxDepth || _budget[0] < 0)
        {
            _text.Append("/* too large */ int");
            return;
        }
        string declarator = name;
        string qualifiers = "";
        bool afterPointer = false;
        for (int steps = 0; steps < MaxDepth; steps++)
        {
            BtfType type = _types[id];
            switch (type.Kind)
            {
                case BtfKind.Pointer:
                    declarator = qualifiers.Length > 0 ? $"* {qualifiers}{(declarator.Length > 0 ? " " : "")}{declarator}" : "*" + declarator;
                    qualifiers = "";
                    afterPointer = true;
                    id = type.TypeId;
                    continue;
                case BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict:
                    string word = type.Kind switch { BtfKind.Const => "const", BtfKind.Volatile => "volatile", _ => "restrict" };
                    qualifiers = qualifiers.Length > 0 ? qualifiers + " " + word : word;
                    id = type.TypeId;
                    continue;
                case BtfKind.TypeTag:
                    id = type.TypeId;
                    continue;
                case BtfKind.Array:
                    if (afterPointer)
                        declarator = $"({declarator})";
                    declarator += string.Create(CultureInfo.InvariantCulture, $"[{type.ArrayCount}]");
                    afterPointer = false;
                    id = type.ElementTypeId;
                    continue;
                case BtfKind.FunctionPrototype:
                    if (afterPointer)
                        declarator = $"({declarator})";
                    declarator += Parameters(type, depth);
                    afterPointer = false;
                    id = type.TypeId;
                    continue;
            }
            if (qualifiers.Length > 0)
                _text.Append(qualifiers).Append(' ');
            Specifier(type, level, depth);
            if (declarator.Length > 0)
                _text.Append(' ').Append(declarator);
            return;
        }
        _text.Append("/* endless type */ int ").Append(name);
    }

    private string Parameters(BtfType prototype, int depth)
    {
        if (prototype.Length == 0)
            return "(void)";
        var inner = new BtfCPrinter(_types, _budget);
        inner._text.Append('(');
        for (int i = 0; i < prototype.Length; i++)
        {
            if (i > 0)
                inner._text.Append(", ");
            BtfParameter parameter = prototype.GetParameter(i);
            if (i == prototype.Length - 1 && parameter == default)
                inner._text.Append("...");
            else
                inner.Declaration(parameter.TypeId, prototype.GetString(parameter.NameOffset), 0, depth + 1);
            if (_budget[0] < 0)
                break;
        }
        return inner._text.Append(')').ToString();
    }

    private void Specifier(BtfType type, int level, int depth)
    {
        bool anonymous = type.NameBytes.Length == 0;
        _budget[0] -= type.NameBytes.Length;
        switch (type.Kind)
        {
            case BtfKind.Void: _text.Append("void"); break;
            case BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 when anonymous && _budget[0] > 0: Body(type, level, depth); break;
            case BtfKind.Struct: _text.Append("struct ").Append(type.Name); break;
            case BtfKind.Union: _text.Append("union ").Append(type.Name); break;
            case BtfKind.Enum or BtfKind.Enum64: _text.Append("enum ").Append(type.Name); break;
            case BtfKind.Forward: _text.Append(type.KindFlag ? "union " : "struct ").Append(type.Name); break;
            default: _text.Append(anonymous ? "int" : type.Name); break;
        }
    }
}
