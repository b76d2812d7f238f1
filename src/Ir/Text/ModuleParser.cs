// Reads the text form that ModulePrinter writes (the grammar is drawn there). Two passes: headers of everything first, so that
// globals and functions may be used before they stand in the text, then function bodies. Local values used before their
// definition (phis) are stood in for by placeholders until the definition comes.
using System.Globalization;
using Ebpfcc.Core.Text;
using Ebpfcc.Ir.Debug;

namespace Ebpfcc.Ir.Text;

public sealed partial class ModuleParser
{
    private readonly List<IrToken> _tokens;
    private readonly Module _module;
    private readonly Dictionary<string, GlobalValue> _globals = [];
    private readonly Dictionary<string, int> _typeStarts = [];
    private readonly Dictionary<string, DebugType> _types = [];
    private readonly List<(Function Function, int Body, string[] ParameterNames)> _bodies = [];
    private readonly List<Action> _deferred = [];
    private int _position;

    private ModuleParser(string text, SourceMap? sourceMap)
    {
        _tokens = IrLexer.Tokenize(text);
        string name = "text";
        if (TryWord("module"))
            name = TakeString();
        _module = new Module(name, sourceMap ?? new SourceMap());
    }

    /// <summary>Parses a module.</summary>
    /// <param name="sourceMap">The map that <c>loc</c> positions refer to; a new, empty one without it.</param>
    /// <exception cref="IrParseException">The text is malformed.</exception>
    public static Module Parse(string text, SourceMap? sourceMap = null)
    {
        var parser = new ModuleParser(text, sourceMap);
        parser.ParseHeaders();
        foreach ((Function function, int body, string[] names) in parser._bodies)
        {
            parser._position = body;
            parser.ParseBody(function, names);
        }
        return parser._module;
    }

    private IrToken Current => _tokens[_position];

    private IrParseException Error(string message) => new(message, Current.Line);

    private IrToken Take()
    {
        IrToken token = _tokens[_position];
        if (token.Kind != IrTokenKind.End)
            _position++;
        return token;
    }

    private IrToken Take(IrTokenKind kind)
        => Current.Kind == kind ? Take() : throw Error($"{kind} expected instead of '{Current.Text}'");

    private string TakeWord() => Take(IrTokenKind.Word).Text;

    private string TakeString() => Take(IrTokenKind.String).Text;

    private Int128 TakeNumber()
        => Int128.TryParse(Take(IrTokenKind.Number).Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out Int128 value)
            ? value
            : throw Error("the number is out of range");

    private int TakeInt()
    {
        Int128 value = TakeNumber();
        return value >= int.MinValue && value <= int.MaxValue ? (int)value : throw Error("the number is out of range");
    }

    private long TakeLong()
    {
        Int128 value = TakeNumber();
        return value >= long.MinValue && value <= long.MaxValue ? (long)value : throw Error("the number is out of range");
    }

    private bool Is(string text) => Current.Kind is IrTokenKind.Word or IrTokenKind.Punctuation && Current.Text == text;

    private bool TryTake(string text)
    {
        if (!Is(text))
            return false;
        _position++;
        return true;
    }

    /// <summary>Takes a word if it stands here and does not begin a new line.</summary>
    private bool TryOption(string word) => !Current.StartsLine && TryTake(word);

    private bool TryWord(string word) => Current.Kind == IrTokenKind.Word && TryTake(word);

    private void Expect(string text)
    {
        if (!TryTake(text))
            throw Error($"'{text}' expected instead of '{Current.Text}'");
    }

    private IrType TakeType() => ParseType(TakeWord());

    private IrType ParseType(string word) => word switch
    {
        "void" => IrType.Void,
        "i1" => IrType.I1,
        "i8" => IrType.I8,
        "i16" => IrType.I16,
        "i32" => IrType.I32,
        "i64" => IrType.I64,
        "i128" => IrType.I128,
        "ptr" => IrType.Ptr,
        _ => throw Error($"'{word}' is no type"),
    };

    private GlobalValue Global(string name)
        => _globals.TryGetValue(name, out GlobalValue? value) ? value : throw Error($"there is no global '@{name}'");

    private void ParseHeaders()
    {
        while (Current.Kind != IrTokenKind.End)
        {
            if (Current.Kind == IrTokenKind.Type)
            {
                _typeStarts[Take().Text] = _position;
                while (!Current.StartsLine)
                    _position++;
                continue;
            }
            switch (TakeWord())
            {
                case "retain":
                    string name = Take(IrTokenKind.Type).Text;
                    _deferred.Add(() => _module.RetainedTypes.Add(TypeNamed(name)));
                    break;
                case "global":
                    ParseGlobal();
                    break;
                case "declare":
                    ParseFunctionHeader(hasBody: false);
                    break;
                case "define":
                    ParseFunctionHeader(hasBody: true);
                    break;
                default:
                    throw Error("'global', 'declare', 'define' or a type expected");
            }
        }
        ParseDebugTypes();
        foreach (Action action in _deferred)
            action();
    }

    private void ParseGlobal()
    {
        Linkage linkage = TakeLinkage();
        SymbolVisibility visibility = TryTake("hidden") ? SymbolVisibility.Hidden : SymbolVisibility.Default;
        bool used = TryTake("used"), external = TryTake("extern"), constant = TryTake("const"), isVolatile = TryTake("volatile");
        string name = Take(IrTokenKind.Global).Text;
        Expect("size");
        long size = TakeLong();
        Expect("align");
        var global = new GlobalVariable(name, size, TakeInt())
        {
            Linkage = linkage, Visibility = visibility, IsUsed = used, IsExternal = external, IsConstant = constant, IsVolatile = isVolatile,
        };
        ParseGlobalAttributes(global, type => global.DebugType = type);
        if (TryOption("bytes"))
        {
            try
            {
                global.InitialBytes = Convert.FromHexString(TakeString());
            }
            catch (FormatException)
            {
                throw Error("the bytes are no hexadecimal digits");
            }
        }
        while (TryOption("reloc"))
        {
            int offset = TakeInt();
            string target = Take(IrTokenKind.Global).Text;
            Expect("+");
            long addend = TakeLong();
            _deferred.Add(() => global.Relocations.Add(new InitializerRelocation(offset, Global(target), addend)));
        }
        AddGlobal(global);
        _module.Globals.Add(global);
    }

    private void AddGlobal(GlobalValue value)
    {
        if (!_globals.TryAdd(value.Symbol, value))
            throw Error($"'@{value.Symbol}' is defined twice");
    }

    private Linkage TakeLinkage() => TryTake("internal") ? Linkage.Internal : TryTake("weak") ? Linkage.Weak : Linkage.External;

    private void ParseGlobalAttributes(GlobalValue value, Action<DebugType> setType)
    {
        if (TryOption("section"))
            value.Section = TakeString();
        while (TryOption("tag"))
        {
            string tag = TakeString();
            value.DeclTags.Add((tag, TakeInt()));
        }
        if (TryOption("loc"))
            value.Location = new SourceLocation(TakeInt());
        if (TryOption("debug"))
        {
            string type = Take(IrTokenKind.Type).Text;
            _deferred.Add(() => setType(TypeNamed(type)));
        }
    }

    private void ParseFunctionHeader(bool hasBody)
    {
        Linkage linkage = TakeLinkage();
        SymbolVisibility visibility = TryTake("hidden") ? SymbolVisibility.Hidden : SymbolVisibility.Default;
        bool used = TryTake("used"), always = TryTake("alwaysinline"), hint = TryTake("inlinehint"), never = TryTake("noinline");
        bool noReturn = TryTake("noreturn"), naked = TryTake("naked");
        IrType result = TakeType();
        string name = Take(IrTokenKind.Global).Text;
        var types = new List<IrType>();
        var names = new List<string>();
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
            types.Add(TakeType());
            names.Add(Take(IrTokenKind.Local).Text);
            if (!Is(")"))
                Expect(",");
        }
        var function = new Function(name, new FunctionSignature(result, types, variadic))
        {
            Linkage = linkage, Visibility = visibility, IsUsed = used, AlwaysInline = always, InlineHint = hint, NoInline = never, NoReturn = noReturn, IsNaked = naked,
        };
        for (int i = 0; i < names.Count; i++)
            function.Parameters[i].Name = IsNumber(names[i]) ? null : names[i];
        ParseGlobalAttributes(function, type => function.DebugType = type as DebugFunctionType ?? throw Error("the type of a function is no function type"));
        AddGlobal(function);
        _module.Functions.Add(function);
        if (!hasBody)
            return;
        Expect("{");
        _bodies.Add((function, _position, [.. names]));
        while (!TryTake("}"))
        {
            if (Take().Kind == IrTokenKind.End)
                throw Error($"the body of '@{name}' is not closed");
        }
    }

    private static bool IsNumber(string name) => name.Length > 0 && char.IsAsciiDigit(name[0]);
}
