// From syntax to meaning: resolves names, gives every expression its type, makes implicit conversions explicit, folds constants
// and lays out structures, for exactly what the roots of a translation unit reach.
//
//   roots --> BindTopLevel --> functions, variables to emit --> bodies, initializers --> names they mention --> ...
//
// A declaration is bound when a name of it is first looked up, in the context (order, scope) of its own place in the file:
// names declared further down are invisible to it. Each translation unit has one Binder; nothing is shared between units.
using System.Runtime.CompilerServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

/// <summary>What the command line decides about binding.</summary>
public sealed record BinderOptions
{
    public static readonly BinderOptions Default = new();

    /// <summary>Bind every declaration of user files, reached or not (<c>-fsyntax-only</c>, unused-function warnings).</summary>
    public bool BindEverything { get; init; }

    /// <summary><c>inline</c> means what it meant in GNU C before C99 (<c>-fgnu89-inline</c>, <c>-std=gnu89</c>).</summary>
    public bool Gnu89Inline { get; init; }
}

public sealed partial class Binder
{
    private readonly ISyntaxTree _tree;
    private readonly SourceMap _map;
    private readonly DiagnosticBag _diagnostics;
    private readonly BinderOptions _options;
    private readonly Scope _fileScope = new(null, ScopeKind.File);
    private readonly HashSet<ITopLevelDeclaration> _bound = new(ReferenceEqualityComparer.Instance);

    // The context of what is being bound; saved and restored around every jump to another declaration.
    private Scope _scope;
    private int _order;
    private FunctionContext? _function;

    /// <summary>Above zero inside sizeof, typeof, and the like, where nothing is evaluated.</summary>
    private int _unevaluated;

    private int _depth;
    private bool _depthReported;

    private Binder(ISyntaxTree tree, SourceMap map, DiagnosticBag diagnostics, BinderOptions options)
    {
        (_tree, _map, _diagnostics, _options) = (tree, map, diagnostics, options);
        _scope = _fileScope;
    }

    /// <summary>
    /// Binds a translation unit. Mistakes of the user go to <paramref name="diagnostics"/>; functions that contain some have
    /// <see cref="BoundErrorExpression"/> or <see cref="BoundErrorStatement"/> nodes and must not be lowered.
    /// </summary>
    public static BoundUnit Bind(ISyntaxTree tree, SourceMap map, DiagnosticBag diagnostics, BinderOptions? options = null)
        => new Binder(tree, map, diagnostics, options ?? BinderOptions.Default).BindUnit();

    private BoundUnit BindUnit()
    {
        foreach (ITopLevelDeclaration declaration in _tree.Declarations)
        {
            if (declaration.IsRoot || (_options.BindEverything && declaration.IsInUserFile))
                BindTopLevel(declaration);
        }
        DrainWork();
        FinishFile();
        return BuildUnit();
    }

    // ---- contexts ------------------------------------------------------------------------------------------------------

    private readonly record struct Context(Scope Scope, int Order, FunctionContext? Function, int Unevaluated);

    private Context Enter(Scope scope, int order, FunctionContext? function)
    {
        var saved = new Context(_scope, _order, _function, _unevaluated);
        (_scope, _order, _function, _unevaluated) = (scope, order, function, 0);
        return saved;
    }

    private void Leave(Context saved) => (_scope, _order, _function, _unevaluated) = (saved.Scope, saved.Order, saved.Function, saved.Unevaluated);

    /// <summary>
    /// Runs one level of a recursion over the user's text. Deep but legal input continues on a fresh stack; beyond a fixed depth it is
    /// refused.
    /// </summary>
    private T Nested<T>(SyntaxNode at, Func<T> bind, T refused)
    {
        if (_depth > MaximumDepth)
        {
            if (!_depthReported)
                Report(D.TypeTooDeep, at);
            _depthReported = true;
            return refused;
        }
        _depth++;
        try
        {
            if (RuntimeHelpers.TryEnsureSufficientExecutionStack())
                return bind();
            T result = refused;
            System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
            var thread = new Thread(() =>
            {
                try
                {
                    result = bind();
                }
                catch (Exception exception)
                {
                    failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(exception);
                }
            }, FreshStackBytes);
            thread.Start();
            thread.Join();
            failure?.Throw();
            return result;
        }
        finally
        {
            _depth--;
        }
    }

    private const int MaximumDepth = 1000;
    private const int FreshStackBytes = 16 << 20;

    // ---- top-level declarations ----------------------------------------------------------------------------------------

    private void BindTopLevel(ITopLevelDeclaration declaration)
    {
        if (!_bound.Add(declaration))
            return;
        DeclarationSyntax syntax = declaration.Syntax;
        Context saved = Enter(_fileScope, declaration.Order, null);
        Nested<object?>(syntax, () =>
        {
            BindFileDeclaration(syntax);
            return null;
        }, null);
        Leave(saved);
    }

    /// <summary>Binds all declarations of a name up to an order, so that they merge in source order.</summary>
    private void BindDeclarationsOf(NameSpaceKind kind, string name, int maximumOrder)
    {
        IReadOnlyList<ITopLevelDeclaration> found = _tree.Find(kind, name);
        for (int i = 0; i < found.Count; i++)
        {
            if (found[i].Order > maximumOrder)
                break;
            BindTopLevel(found[i]);
        }
    }

    // ---- names ---------------------------------------------------------------------------------------------------------

    private Symbol? LookupName(string name)
    {
        for (Scope? scope = _scope; scope is not null; scope = scope.Parent)
        {
            if (scope.Kind == ScopeKind.File)
                return LookupFileName(name);
            if (scope.FindName(name) is { } symbol)
                return symbol;
        }
        return null;
    }

    private Symbol? LookupFileName(string name)
    {
        BindDeclarationsOf(NameSpaceKind.Ordinary, name, _order);
        Symbol? symbol = _fileScope.FindName(name);
        if (symbol is null)
        {
            // An enumerator of an enumeration inside a structure: the structure itself is completed only when needed.
            IReadOnlyList<ITopLevelDeclaration> found = _tree.Find(NameSpaceKind.Ordinary, name);
            for (int i = 0; i < found.Count && symbol is null && found[i].Order <= _order; i++)
            {
                if (SyntaxSearch.FindEnumerator(found[i].Syntax, name) is { } enumeration)
                {
                    Context saved = Enter(_fileScope, found[i].Order, null);
                    BindEnumSpecifier(enumeration, false);
                    Leave(saved);
                    symbol = _fileScope.FindName(name);
                }
            }
        }
        return symbol is not null && symbol.DeclarationOrder <= _order ? symbol : null;
    }

    // ---- reports -------------------------------------------------------------------------------------------------------

    private static SourceSpan SpanOf(SyntaxNode node)
        => node.Location == node.Span.Start && !node.Span.IsNone ? node.Span : SourceSpan.At(node.Location);

    private void Report(DiagnosticDescriptor row, SyntaxNode at, params ReadOnlySpan<object?> arguments)
        => _diagnostics.Report(row, SpanOf(at), arguments);

    private void Report(DiagnosticDescriptor row, SourceLocation at, params ReadOnlySpan<object?> arguments)
        => _diagnostics.Report(row, SourceSpan.At(at), arguments);

    private void ReportWithNote(DiagnosticDescriptor row, SourceSpan at, string note, SourceLocation noteAt, params ReadOnlySpan<object?> arguments)
    {
        Diagnostic diagnostic = Diagnostic.Create(row, at, arguments);
        if (!noteAt.IsNone)
            diagnostic = diagnostic with { Notes = [new DiagnosticNote(note, SourceSpan.At(noteAt))] };
        _diagnostics.Add(diagnostic);
    }

    private static readonly BoundErrorExpression s_error = new();

    private BoundExpression ReportError(DiagnosticDescriptor row, SyntaxNode at, params ReadOnlySpan<object?> arguments)
    {
        Report(row, at, arguments);
        return ErrorAt(at);
    }

    private static BoundExpression ErrorAt(SyntaxNode at) => s_error with { Span = at.Span, Location = at.Location };

    /// <summary>The type in quotes as written, and what it stands for when that says more.</summary>
    private static string Show(QualifiedType type)
    {
        string written = TypePrinter.Print(type);
        string meaning = TypePrinter.Print(Desugar(type));
        return written == meaning || meaning.Contains("(unnamed", StringComparison.Ordinal) ? $"'{written}'" : $"'{written}' (aka '{meaning}')";
    }

    private static QualifiedType Desugar(QualifiedType type)
    {
        TypeQualifiers qualifiers = type.AllQualifiers;
        switch (type.Canonical)
        {
            case PointerType pointer:
            {
                QualifiedType pointee = Desugar(pointer.Pointee);
                return pointee == pointer.Pointee ? new QualifiedType(pointer, qualifiers) : new QualifiedType(new PointerType(pointee), qualifiers);
            }
            case ArrayType array:
            {
                QualifiedType element = Desugar(array.Element);
                return element == array.Element ? new QualifiedType(array, qualifiers) : new QualifiedType(new ArrayType(element, array.Length), qualifiers);
            }
            default:
                return new QualifiedType(type.Canonical, qualifiers);
        }
    }
}
