// Described types of the text form. They may refer to each other in any order and in cycles, so everything but function types
// is made as a shell first, then the function types (which are immutable), then the shells are filled.
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Ir.Text;

public sealed partial class ModuleParser
{
    private DebugType TypeNamed(string name)
        => _types.TryGetValue(name, out DebugType? type) ? type : throw Error($"there is no type '!{name}'");

    private DebugType? TakeTypeReference()
        => TryTake("void") ? null : TypeNamed(Take(IrTokenKind.Type).Text);

    private void ParseDebugTypes()
    {
        int resume = _position;
        foreach ((string name, int start) in _typeStarts)
        {
            _position = start;
            if (CreateShell() is { } shell)
                _types[name] = shell;
        }
        foreach ((string name, int start) in _typeStarts)
        {
            if (_types.ContainsKey(name))
                continue;
            _position = start;
            Expect("=");
            Expect("function");
            _types[name] = ParseFunctionType();
        }
        foreach ((string name, int start) in _typeStarts)
        {
            _position = start;
            Fill(_types[name]);
            while (TryOption("tag"))
                _types[name].DeclTags.Add(TakeString());
        }
        _position = resume;
    }

    private DebugType? CreateShell()
    {
        Expect("=");
        string kind = TakeWord();
        switch (kind)
        {
            case "base":
                string baseName = TakeString();
                Expect("size");
                int size = TakeInt();
                int encoding = DebugTypeNumbering.EncodingIndex(TakeWord());
                return encoding >= 0 ? new DebugBaseType(baseName, size, (DebugEncoding)encoding) : throw Error("an encoding expected");
            case "pointer":
                return new DebugPointerType(null);
            case "typetag":
                return new DebugTypeTag(TakeString(), null);
            case "typedef":
                return new DebugTypedef(TakeString(), null);
            case "array":
                Take();
                Expect("count");
                return new DebugArrayType(null, TakeLong());
            case "struct" or "union":
                var record = new DebugRecordType(TakeOptionalString(), kind == "union") { IsForward = TryTake("forward") };
                Expect("size");
                record.Size = TakeLong();
                return record;
            case "enum":
                return ParseEnum();
            case "function":
                return null;
            default:
                int qualifier = DebugTypeNumbering.QualifierIndex(kind);
                return qualifier >= 0 ? new DebugQualifiedType((DebugQualifierKind)qualifier, null) : throw Error($"'{kind}' is no kind of type");
        }
    }

    private string? TakeOptionalString() => Current.Kind == IrTokenKind.String ? Take().Text : null;

    private DebugEnumType ParseEnum()
    {
        string? name = TakeOptionalString();
        Expect("size");
        int size = TakeInt();
        bool isSigned = TryTake("signed");
        if (!isSigned)
            Expect("unsigned");
        var enumerators = new List<(string Name, long Value)>();
        Expect("{");
        while (!TryTake("}"))
        {
            string enumerator = TakeString();
            Expect("=");
            enumerators.Add((enumerator, TakeLong()));
            if (!Is("}"))
                Expect(",");
        }
        return new DebugEnumType(name, size, isSigned, enumerators);
    }

    private DebugFunctionType ParseFunctionType()
    {
        DebugType? result = TakeTypeReference();
        var parameters = new List<DebugParameter>();
        bool variadic = false;
        Expect("(");
        while (!TryTake(")"))
        {
            if (TryTake("..."))
            {
                variadic = true;
                Expect(")");
                break;
            }
            string name = TakeString();
            parameters.Add(new DebugParameter(name, TakeTypeReference()));
            if (!Is(")"))
                Expect(",");
        }
        return new DebugFunctionType(result, parameters, variadic);
    }

    private void Fill(DebugType type)
    {
        Expect("=");
        string kind = TakeWord();
        switch (type)
        {
            case DebugPointerType pointer:
                pointer.Pointee = TakeTypeReference();
                break;
            case DebugQualifiedType qualified:
                qualified.Type = TakeTypeReference();
                break;
            case DebugTypeTag tag:
                TakeString();
                tag.Type = TakeTypeReference();
                break;
            case DebugTypedef typedef:
                TakeString();
                typedef.Type = TakeTypeReference();
                break;
            case DebugArrayType array:
                array.Element = TakeTypeReference();
                Expect("count");
                TakeLong();
                break;
            case DebugRecordType record:
                TakeOptionalString();
                TryTake("forward");
                Expect("size");
                TakeLong();
                record.Members = ParseMembers();
                break;
            case DebugFunctionType:
                ParseFunctionType();
                break;
            case DebugEnumType:
                ParseEnum();
                break;
            default:
                TakeString();
                Expect("size");
                TakeInt();
                TakeWord();
                break;
        }
    }

    private List<DebugMember> ParseMembers()
    {
        var members = new List<DebugMember>();
        Expect("{");
        while (!TryTake("}"))
        {
            string? name = TakeOptionalString();
            DebugType? type = TakeTypeReference();
            Expect("at");
            long offset = TakeLong();
            int bits = TryTake("bits") ? TakeInt() : 0;
            var tags = new List<string>();
            while (TryTake("tag"))
                tags.Add(TakeString());
            members.Add(new DebugMember(name, type, offset, bits, tags));
            if (!Is("}"))
                Expect(",");
        }
        return members;
    }
}
