// What must be emitted: the work list from roots to everything they reach, the file's end, and the finished unit.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private readonly Queue<Symbol> _work = new();
    private readonly HashSet<Symbol> _required = new(ReferenceEqualityComparer.Instance);
    private readonly List<FunctionSymbol> _functions = [];
    private readonly List<VariableSymbol> _globals = [];
    private readonly List<(int Order, BoundFunction Function)> _bodies = [];
    private readonly List<string> _fileAssembly = [];

    /// <summary>The symbol of static storage is part of the output: it is a root, or code that is emitted refers to it.</summary>
    private void Require(Symbol symbol)
    {
        symbol.IsReferenced = true;
        if (_required.Add(symbol))
            _work.Enqueue(symbol);
    }

    /// <summary>An expression names the symbol.</summary>
    private void Mention(Symbol symbol)
    {
        symbol.IsMentioned = true;
        if (_unevaluated > 0)
            return;
        if (symbol is FunctionSymbol or VariableSymbol { IsGlobal: true })
            Require(symbol);
        else
            symbol.IsReferenced = true;
    }

    private void DrainWork()
    {
        while (_work.TryDequeue(out Symbol? symbol))
        {
            // Later declarations may define it, complete its type or make it weak.
            if (symbol is FunctionSymbol or VariableSymbol { Owner: null } && ReferenceEquals(_fileScope.FindName(symbol.Name), symbol))
                BindDeclarationsOf(NameSpaceKind.Ordinary, symbol.Name, int.MaxValue);
            if (symbol is VariableSymbol variable)
                BindPendingInitializer(variable);
            else if (symbol is FunctionSymbol function && _pendingBodies.Remove(function, out PendingBody body))
                BindBody(function, body);
            if (symbol.Attributes.Alias is { } alias)
                RequireAlias(symbol, alias);
        }
    }

    private void RequireAlias(Symbol symbol, string alias)
    {
        int order = _order;
        _order = int.MaxValue;
        Symbol? target = LookupFileName(alias);
        _order = order;
        if (target is FunctionSymbol { IsDefined: true } or VariableSymbol { IsDefined: true })
            Require(target);
        else
            Report(D.UnresolvedAlias, symbol.Location, alias);
    }

    /// <summary>C11's inline rules and tentative definitions can be decided only now.</summary>
    private void FinishFile()
    {
        for (int i = 0; i < _functions.Count; i++)
        {
            FunctionSymbol function = _functions[i];
            if (!function.IsDefined || function.Linkage != SymbolLinkage.External || !function.IsInline)
                continue;
            function.IsInlineDefinitionOnly = function.Attributes.GnuInline || _options.Gnu89Inline ? function.IsDefinedExternInline : !function.HasPlainDeclaration;
            if (!function.IsInlineDefinitionOnly)
                Require(function);
        }
        DrainWork();
        foreach (VariableSymbol variable in _globals)
        {
            if (!variable.IsDefined || !_required.Contains(variable))
                continue;
            if (variable.Type.Canonical is ArrayType { Length: null } array && variable.Initializer is null)
                variable.Type = new ArrayType(array.Element.With(variable.Type.AllQualifiers), 1);
            else if (!variable.Type.Type.IsComplete && !TypeRelations.IsError(variable.Type.Type))
                Report(D.IncompleteTentative, variable.Location, Show(variable.Type));
        }
        if (_options.BindEverything)
            BindTheRest();
    }

    /// <summary>Finds the mistakes in what nothing reaches; it does not become part of the unit.</summary>
    private void BindTheRest()
    {
        HashSet<Symbol> emitted = [.. _required];
        int bodies = _bodies.Count;
        foreach (FunctionSymbol function in _pendingBodies.Keys.ToArray())
            _work.Enqueue(function);
        foreach (VariableSymbol variable in _pendingInitializers.Keys.ToArray())
            _work.Enqueue(variable);
        foreach (TypeSymbol type in _typesOfSpecifiers.Values.ToArray())
            _ = type.Size;
        DrainWork();
        ReportUnusedFunctions();
        _bodies.RemoveRange(bodies, _bodies.Count - bodies);
        _required.IntersectWith(emitted);
    }

    private void ReportUnusedFunctions()
    {
        foreach (FunctionSymbol function in _functions)
        {
            if (function is { IsDefined: true, Linkage: SymbolLinkage.Internal, IsMentioned: false, IsInline: false } && !function.Attributes.Used && !function.Attributes.Unused)
                Report(D.UnusedFunction, function.Location, function.Name);
        }
    }

    private BoundUnit BuildUnit()
    {
        var globals = new List<VariableSymbol>();
        foreach (VariableSymbol variable in _globals)
        {
            if (!_required.Contains(variable))
                continue;
            variable.IsExternal = !variable.IsDefined;
            globals.Add(variable);
        }
        var externals = new List<FunctionSymbol>();
        foreach (FunctionSymbol function in _functions)
        {
            if (!function.IsDefined && _required.Contains(function))
                externals.Add(function);
        }
        return new BoundUnit(
            [.. _bodies.OrderBy(body => body.Order).Select(body => body.Function)],
            [.. globals.OrderBy(variable => variable.DeclarationOrder)],
            [.. externals.OrderBy(function => function.DeclarationOrder)],
            _fileAssembly);
    }
}
