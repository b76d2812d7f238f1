// The source of code that was compiled in this process: every instruction has the exact place of an expression of the bound tree,
// which knows its names and types.
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Cli.Explaining;

internal sealed class CompiledSource(Compilation compilation, EbpfObject emitted) : SourceView
{
    private readonly Dictionary<SourceLocation, BoundNode?> _nodes = [];

    public Compilation Compilation => compilation;

    public override SourceMap Map => compilation.SourceMap;

    public override FunctionOrigins? Origins(LoadedProgram program, int subprogram)
        => subprogram >= 0 && subprogram < program.Subprograms.Count ? emitted.FindFunction(program.Subprograms[subprogram].Name)?.Origins : null;

    private SourceLocation PlaceOf(LoadedProgram program, int slot)
    {
        int index = SubprogramAt(program, slot);
        return Origins(program, index)?.PlaceOf(slot - program.Subprograms[index].Start) ?? SourceLocation.None;
    }

    public override SourceSpan SpanOf(LoadedProgram program, int slot)
    {
        SourceLocation place = PlaceOf(program, slot);
        if (place.IsNone)
            return program.FindLine(slot) is { } line && Map.Find(line.File, line.Line, line.Column) is { IsNone: false } found ? SourceSpan.At(found) : SourceSpan.None;
        // The caret stands at the operator; the line under the expression runs to its end.
        return NodeAt(place) is { } node && node.Span.End.CompareTo(place) > 0 && !Map.IsInExpansion(place) ? new SourceSpan(place, node.Span.End) : SourceSpan.At(place);
    }

    public override string? TextOf(LoadedProgram program, int slot)
        => NodeOf(program, slot) is BoundExpression node && TextOf(Bare(node)) is { } text && IsShort(text) ? text : null;

    /// <summary>The expression or statement an instruction belongs to.</summary>
    public BoundNode? NodeOf(LoadedProgram program, int slot) => NodeAt(PlaceOf(program, slot));

    private BoundNode? NodeAt(SourceLocation place)
    {
        if (place.IsNone)
            return null;
        if (!_nodes.TryGetValue(place, out BoundNode? found))
            _nodes[place] = found = Search(place);
        return found;
    }

    /// <summary>The outermost node whose place this is; expressions before statements.</summary>
    private BoundNode? Search(SourceLocation place)
    {
        BoundNode? statement = null;
        foreach (BoundFunction function in compilation.Bound?.Functions ?? [])
        {
            foreach (BoundNode node in BoundNodes.Descendants(function.Body))
            {
                if (node.Location != place)
                    continue;
                if (node is BoundExpression)
                    return node;
                statement ??= node;
            }
        }
        return statement;
    }

    /// <summary>The function whose body holds a node.</summary>
    public BoundFunction? FunctionOf(BoundNode node)
    {
        foreach (BoundFunction function in compilation.Bound?.Functions ?? [])
        {
            if (BoundNodes.PathTo(function.Body, node).Count > 0)
                return function;
        }
        return null;
    }

    public BoundFunction? FindFunction(string name)
    {
        foreach (BoundFunction function in compilation.Bound?.Functions ?? [])
        {
            if (function.Symbol.Name == name || function.Symbol.AsmLabel == name)
                return function;
        }
        return null;
    }

    /// <summary>An expression without the conversions around it that the source does not show.</summary>
    public static BoundExpression Bare(BoundExpression expression)
    {
        while (expression is BoundConversion { IsImplicit: true } conversion)
            expression = conversion.Operand;
        return expression;
    }

    /// <summary>An expression without any conversions around it.</summary>
    public static BoundExpression Core(BoundExpression expression)
    {
        while (expression is BoundConversion conversion)
            expression = conversion.Operand;
        return expression;
    }

    /// <summary>Where the text of a node lies in its file: first character and the one behind the last; null when macros hide it.</summary>
    public (SourceText File, int Start, int End)? ExtentOf(BoundNode node)
        => ExtentOf(node is BoundLocalDeclaration { Whole: { IsNone: false } whole } ? whole : node.Span);

    private (SourceText File, int Start, int End)? ExtentOf(SourceSpan span)
    {
        if (span.IsNone || Map.GetFilePosition(span.Start) is not { } first || Map.GetFilePosition(span.End) is not { } end || first.File != end.File)
            return null;
        int last = end.Offset;
        // A macro at the end: its whole invocation belongs to the expression.
        if (last <= first.Offset || Map.IsInExpansion(span.End))
        {
            string text = first.File.Content;
            last = Math.Max(last, first.Offset);
            while (last < text.Length && (char.IsAsciiLetterOrDigit(text[last]) || text[last] == '_'))
                last++;
            if (last < text.Length && text[last] == '(')
            {
                int depth = 0;
                do
                    depth += text[last] == '(' ? 1 : text[last] == ')' ? -1 : 0;
                while (++last < text.Length && depth > 0);
            }
        }
        return last > first.Offset && last <= first.File.Content.Length ? (first.File, first.Offset, last) : null;
    }

    /// <summary>The C text of a node as written.</summary>
    public string? TextOf(BoundNode node) => ExtentOf(node) is { } extent ? extent.File.Content[extent.Start..extent.End] : null;

    public static bool IsShort(string text) => text.Length <= 60 && !text.Contains('\n');

    /// <summary>The variable at the root of a pointer or lvalue expression: <c>ip</c> of <c>ip->protocol</c>; null when it is no variable.</summary>
    public static VariableSymbol? RootVariable(BoundExpression expression)
    {
        while (true)
        {
            switch (expression)
            {
                case BoundVariable variable: return variable.Symbol;
                case BoundConversion conversion: expression = conversion.Operand; break;
                case BoundMember member: expression = member.Receiver; break;
                case BoundDereference dereference: expression = dereference.Pointer; break;
                case BoundAddressOf address: expression = address.Operand; break;
                case BoundPointerArithmetic arithmetic: expression = arithmetic.Pointer; break;
                default: return null;
            }
        }
    }
}
