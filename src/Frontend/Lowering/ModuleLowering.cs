// The module's symbol table while it is lowered: which IR global stands for which C symbol, string literals merged by content,
// names of function-local statics made unique ("f.count", "f.count.1", as clang does).
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class ModuleLowering
{
    private readonly Module _module;
    private readonly DiagnosticBag _diagnostics;
    private readonly Dictionary<VariableSymbol, GlobalVariable> _variables = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<FunctionSymbol, Function> _functions = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, GlobalValue> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GlobalVariable> _strings = new(StringComparer.Ordinal);
    private readonly Queue<(GlobalVariable Global, BoundInitializer Initializer)> _pendingInitializers = [];

    public ModuleLowering(Module module, DiagnosticBag diagnostics)
    {
        _module = module;
        _diagnostics = diagnostics;
        Static = new StaticEvaluator(this);
    }

    public DebugTypeBuilder Types { get; } = new();

    public StaticEvaluator Static { get; }

    public Module Lower(BoundUnit unit)
    {
        foreach (VariableSymbol variable in unit.Globals)
            GetGlobal(variable);
        foreach (BoundFunction function in unit.Functions)
            GetFunction(function.Symbol);
        foreach (FunctionSymbol function in unit.ExternalFunctions)
            GetFunction(function);
        LowerPendingInitializers();
        foreach (BoundFunction function in unit.Functions)
        {
            new FunctionLowering(this, function, GetFunction(function.Symbol)).Lower();
            LowerPendingInitializers();
        }
        if (unit.FileAssembly.Count > 0)
            Report(LoweringDiagnostics.FileAssembly, SourceSpan.None);
        return _module;
    }

    public void Report(DiagnosticDescriptor descriptor, SourceSpan span, params ReadOnlySpan<object?> arguments) => _diagnostics.Report(descriptor, span, arguments);

    public Function GetFunction(FunctionSymbol symbol)
    {
        if (_functions.TryGetValue(symbol, out Function? function))
            return function;
        string name = symbol.AsmLabel ?? symbol.Name;
        if (_names.TryGetValue(name, out GlobalValue? existing) && existing is Function same)
        {
            // A second symbol for the same linker name (a block-scope declaration).
            _functions.Add(symbol, same);
            return same;
        }
        function = new Function(UniqueName(name), TypeLowering.Signature(symbol.Type, symbol.IsDefined));
        _functions.Add(symbol, function);
        _names[function.Symbol] = function;
        Describe(function, symbol);
        _module.Functions.Add(function);
        return function;
    }

    private void Describe(Function function, FunctionSymbol symbol)
    {
        SymbolAttributes attributes = symbol.Attributes;
        function.Linkage = symbol.Linkage == SymbolLinkage.Internal || symbol.IsInlineDefinitionOnly ? Linkage.Internal : attributes.Weak ? Linkage.Weak : Linkage.External;
        function.Visibility = attributes.Hidden ? SymbolVisibility.Hidden : SymbolVisibility.Default;
        function.Section = attributes.Section;
        function.IsUsed = attributes.Used;
        function.Location = symbol.Location;
        function.AlwaysInline = attributes.AlwaysInline;
        function.InlineHint = symbol.IsInline;
        function.NoInline = attributes.NoInline;
        function.NoReturn = attributes.NoReturn;
        function.IsNaked = attributes.Naked;
        function.DebugType = Types.DescribeFunction(symbol.Type, symbol.IsDefined ? symbol.Parameters : null);
        foreach (string tag in attributes.DeclTags)
            function.DeclTags.Add((tag, -1));
        for (int i = 0; i < symbol.Type.Parameters.Count; i++)
        {
            foreach (string tag in symbol.Type.Parameters[i].DeclTags)
                function.DeclTags.Add((tag, i));
        }
        if (attributes.Alias is not null)
            Report(LoweringDiagnostics.Alias, SourceSpan.At(symbol.Location), symbol.Name);
    }

    /// <summary>What __builtin_trap calls: a function nobody defines.</summary>
    public Function GetTrap()
    {
        if (_names.TryGetValue("__bpf_trap", out GlobalValue? known) && known is Function function)
            return function;
        function = new Function(UniqueName("__bpf_trap"), new FunctionSignature(IrType.Void, [])) { Linkage = Linkage.External, NoReturn = true };
        _names[function.Symbol] = function;
        _module.Functions.Add(function);
        return function;
    }

    public GlobalVariable GetGlobal(VariableSymbol symbol)
    {
        if (_variables.TryGetValue(symbol, out GlobalVariable? global))
            return global;
        if (symbol.Linkage == SymbolLinkage.External && _names.TryGetValue(symbol.Name, out GlobalValue? existing) && existing is GlobalVariable same)
        {
            _variables.Add(symbol, same);
            return same;
        }
        string name = symbol.Owner is { } owner && symbol.Linkage != SymbolLinkage.External ? $"{owner.Name}.{symbol.Name}" : symbol.Name;
        global = CreateGlobal(symbol, name);
        _variables.Add(symbol, global);
        if (symbol is { Initializer: { } initializer, IsExternal: false })
            _pendingInitializers.Enqueue((global, initializer));
        return global;
    }

    /// <summary>The object behind a compound literal of static storage.</summary>
    public GlobalVariable GetCompoundLiteral(BoundCompoundLiteral literal)
    {
        if (_variables.TryGetValue(literal.Storage, out GlobalVariable? global))
            return global;
        global = CreateGlobal(literal.Storage, ".compoundliteral");
        global.Linkage = Linkage.Internal;
        _variables.Add(literal.Storage, global);
        _pendingInitializers.Enqueue((global, literal.Initializer));
        return global;
    }

    /// <summary>The constant object of a string literal; equal literals share one.</summary>
    public GlobalVariable GetString(BoundStringLiteral literal)
    {
        byte[] bytes = literal.Bytes;
        int alignment = TypeLowering.Alignment(literal.Type);
        string key = string.Concat((char)alignment, string.Create(bytes.Length, bytes, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
                span[i] = (char)source[i];
        }));
        if (_strings.TryGetValue(key, out GlobalVariable? global))
            return global;
        global = new GlobalVariable(UniqueName(".str"), bytes.Length, alignment)
        {
            Linkage = Linkage.Internal, IsConstant = true, InitialBytes = bytes, Location = literal.Location,
        };
        _strings.Add(key, global);
        _names[global.Symbol] = global;
        _module.Globals.Add(global);
        return global;
    }

    private GlobalVariable CreateGlobal(VariableSymbol symbol, string name)
    {
        QualifiedType type = symbol.Type;
        SymbolAttributes attributes = symbol.Attributes;
        var global = new GlobalVariable(UniqueName(name), Math.Max(type.Type.Size, 0), Math.Max(attributes.Alignment ?? 1, TypeLowering.Alignment(type)))
        {
            Linkage = symbol.Linkage != SymbolLinkage.External ? Linkage.Internal : attributes.Weak ? Linkage.Weak : Linkage.External,
            Visibility = attributes.Hidden ? SymbolVisibility.Hidden : SymbolVisibility.Default,
            Section = attributes.Section,
            IsUsed = attributes.Used,
            Location = symbol.Location,
            IsConstant = TypeLowering.IsConstObject(type),
            IsVolatile = TypeLowering.IsVolatileObject(type),
            IsExternal = symbol.IsExternal,
            DebugType = Types.Describe(type),
        };
        foreach (string tag in attributes.DeclTags)
            global.DeclTags.Add((tag, -1));
        if (attributes.Alias is not null)
            Report(LoweringDiagnostics.Alias, SourceSpan.At(symbol.Location), symbol.Name);
        _names[global.Symbol] = global;
        _module.Globals.Add(global);
        return global;
    }

    private string UniqueName(string name)
    {
        string unique = name;
        for (int i = 1; _names.ContainsKey(unique); i++)
            unique = $"{name}.{i}";
        return unique;
    }
}
