// Scopes of names: each block, prototype and the file hold two dictionaries, because C keeps tags apart from ordinary names.
// The file's scope is filled lazily by the binder from the index of top-level declarations.
using Ebpfcc.Frontend.Symbols;

namespace Ebpfcc.Frontend.Binding;

internal enum ScopeKind : byte { File, Prototype, Block }

internal sealed class Scope(Scope? parent, ScopeKind kind)
{
    private Dictionary<string, Symbol>? _names;
    private Dictionary<string, TypeSymbol>? _tags;

    public Scope? Parent { get; } = parent;

    public ScopeKind Kind { get; } = kind;

    /// <summary>GNU <c>__label__</c> names of this block.</summary>
    public Dictionary<string, LabelSymbol>? LocalLabels { get; set; }

    public IEnumerable<Symbol> Symbols => _names?.Values ?? Enumerable.Empty<Symbol>();

    public IEnumerable<TypeSymbol> Tags => _tags?.Values ?? Enumerable.Empty<TypeSymbol>();

    public Symbol? FindName(string name) => _names is not null && _names.TryGetValue(name, out Symbol? symbol) ? symbol : null;

    public TypeSymbol? FindTag(string tag) => _tags is not null && _tags.TryGetValue(tag, out TypeSymbol? type) ? type : null;

    public void Declare(string name, Symbol symbol) => (_names ??= [])[name] = symbol;

    public void DeclareTag(string tag, TypeSymbol type) => (_tags ??= [])[tag] = type;
}

/// <summary>What binding the body of one function needs to remember.</summary>
internal sealed class FunctionContext(FunctionSymbol symbol)
{
    public FunctionSymbol Symbol { get; } = symbol;

    public Dictionary<string, LabelSymbol> Labels { get; } = [];

    public List<LabelSymbol> AllLabels { get; } = [];

    public List<VariableSymbol> Locals { get; } = [];

    public SwitchContext? Switch { get; set; }

    public int LoopDepth { get; set; }

    /// <summary>Loops and switches around: what break may leave.</summary>
    public int BreakDepth { get; set; }

    /// <summary>Floating point was refused once in this function already.</summary>
    public bool HasReportedFloat { get; set; }

    public bool HasComputedGoto { get; set; }
}

/// <summary>The innermost switch while its body is bound.</summary>
internal sealed class SwitchContext(SwitchContext? outer, IntegerType type)
{
    public SwitchContext? Outer { get; } = outer;

    public IntegerType Type { get; } = type;

    public List<BoundCase> Cases { get; } = [];

    public BoundCase? Default { get; set; }
}
