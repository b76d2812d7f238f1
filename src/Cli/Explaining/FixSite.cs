// Where a repair goes and of what it is made: the statement around an expression, the way out of the function, the variable that
// holds the packet's end. Makes text edits; whether they help is decided by compiling and verifying (FixSearch).
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;

namespace Ebpfcc.Cli.Explaining;

/// <summary>Replace characters of a file.</summary>
internal readonly record struct TextEdit(SourceText File, int Start, int Length, string Text);

/// <summary>Edits that are made together.</summary>
internal sealed record FixCandidate(string Description, IReadOnlyList<TextEdit> Edits);

internal sealed class FixSite
{
    private static readonly string[] s_contexts = ["xdp_md", "__sk_buff", "sk_msg_md"];

    private FixSite(CompiledSource source, BoundFunction function, IReadOnlyList<BoundNode> path)
        => (Source, Function, Path) = (source, function, path);

    public CompiledSource Source { get; }

    public BoundFunction Function { get; }

    /// <summary>From the function's body to the node.</summary>
    public IReadOnlyList<BoundNode> Path { get; }

    public BoundNode Node => Path[^1];

    /// <summary>The site of a node; null when no function holds it.</summary>
    public static FixSite? Of(CompiledSource source, BoundNode node)
        => source.FunctionOf(node) is { } function && BoundNodes.PathTo(function.Body, node) is { Count: > 0 } path ? new FixSite(source, function, path) : null;

    /// <summary>The innermost statement around the node in front of which others can stand, and what is around it.</summary>
    private (BoundStatement Statement, BoundNode Parent)? Around
    {
        get
        {
            for (int i = Path.Count - 1; i > 0; i--)
            {
                // Statements inside a macro cannot be reached by an edit; its invocation can.
                if (Path[i] is BoundStatement statement && !(Path[i - 1] is BoundFor loop && loop.Initializer.Contains(statement)) && !Source.Map.IsInExpansion(Path[i - 1].Span.Start))
                    return (statement, Path[i - 1]);
            }
            return null;
        }
    }

    public BoundStatement? Statement => Around?.Statement;

    /// <summary>A statement in front of the one around the node, in braces where the language wants them.</summary>
    public IReadOnlyList<TextEdit>? InsertBefore(string statement)
        => Around is { } around ? InsertBefore(around.Statement, around.Parent, statement) : null;

    public IReadOnlyList<TextEdit>? InsertBefore(BoundStatement before, string statement)
        => BoundNodes.PathTo(Function.Body, before) is { Count: > 1 } path ? InsertBefore(before, path[^2], statement) : null;

    private List<TextEdit>? InsertBefore(BoundStatement before, BoundNode parent, string statement)
    {
        if (Source.ExtentOf(before) is not { } extent)
            return null;
        string indent = Indent(extent.File, extent.Start);
        if (parent is BoundBlock or BoundCaseLabel or BoundLabeled)
            return [new TextEdit(extent.File, extent.Start, 0, Shift(statement, indent) + "\n" + indent)];
        // if (c) s;  ->  if (c) { check; s; }
        int end = EndOf(extent.File, extent.End);
        if (!IsAlone(extent.File, extent.Start))
        {
            string inner = indent + Unit(extent.File);
            return [new TextEdit(extent.File, extent.Start, 0, "{\n" + inner + Shift(statement, inner) + "\n" + inner), new TextEdit(extent.File, end, 0, "\n" + indent + "}")];
        }
        int head = extent.Start;
        while (head > 0 && char.IsWhiteSpace(extent.File.Content[head - 1]))
            head--;
        return
        [
            new TextEdit(extent.File, head, 0, " {"),
            new TextEdit(extent.File, extent.Start, 0, Shift(statement, indent) + "\n" + indent),
            new TextEdit(extent.File, end, 0, "\n" + Indent(extent.File, head) + "}"),
        ];
    }

    /// <summary>A statement behind another one of a block.</summary>
    public IReadOnlyList<TextEdit>? InsertAfter(BoundStatement after, string statement)
    {
        if (Source.ExtentOf(after) is not { } extent)
            return null;
        string indent = Indent(extent.File, extent.Start);
        return [new TextEdit(extent.File, EndOf(extent.File, extent.End), 0, "\n" + indent + Shift(statement, indent))];
    }

    public IReadOnlyList<TextEdit>? Replace(BoundNode node, string text)
        => Source.ExtentOf(node) is { } extent && !Source.Map.IsInExpansion(node.Span.Start) ? [new TextEdit(extent.File, extent.Start, extent.End - extent.Start, text)] : null;

    /// <summary>Deletes a statement with the line it stands on.</summary>
    public IReadOnlyList<TextEdit>? Delete(BoundStatement statement)
    {
        if (Source.ExtentOf(statement) is not { } extent)
            return null;
        int start = extent.Start, end = EndOf(extent.File, extent.End);
        string text = extent.File.Content;
        if (IsAlone(extent.File, start) && end < text.Length && text[end] == '\n')
        {
            start -= Indent(extent.File, start).Length;
            end++;
        }
        return [new TextEdit(extent.File, start, end - start, "")];
    }

    /// <summary>What a statement's text says, the semicolon included.</summary>
    public string? StatementText(BoundStatement statement)
        => Source.ExtentOf(statement) is { } extent ? extent.File.Content[extent.Start..EndOf(extent.File, extent.End)] : null;

    /// <summary>The end of a statement: spans of some end in front of the semicolon.</summary>
    private static int EndOf(SourceText file, int end)
    {
        if (end > 0 && file.Content[end - 1] is ';' or '}')
            return end;
        int at = end;
        while (at < file.Content.Length && char.IsWhiteSpace(file.Content[at]))
            at++;
        return at < file.Content.Length && file.Content[at] == ';' ? at + 1 : end;
    }

    public static string Indent(SourceText file, int offset)
    {
        ReadOnlySpan<char> line = file.GetLine(file.GetLineIndex(offset));
        int blank = 0;
        while (blank < line.Length && line[blank] is ' ' or '\t')
            blank++;
        return line[..blank].ToString();
    }

    /// <summary>Nothing but white space stands in front of it on its line.</summary>
    private static bool IsAlone(SourceText file, int offset)
    {
        int line = file.GetOffset(file.GetLineIndex(offset) + 1, 1) ?? 0;
        return file.Content.AsSpan(line, offset - line).IsWhiteSpace();
    }

    /// <summary>One step of indentation as this file has it.</summary>
    private static string Unit(SourceText file) => file.Content.Contains("\n\t", StringComparison.Ordinal) ? "\t" : "    ";

    public string Unit() => Source.ExtentOf(Function.Body) is { } extent ? Unit(extent.File) : "    ";

    private static string Shift(string statement, string indent) => statement.Replace("\n", "\n" + indent);

    /// <summary>Ways to leave the function, the likeliest first: as other statements of it leave early, then by its type.</summary>
    public IEnumerable<string> Exits
    {
        get
        {
            if (Function.Symbol.Type.ReturnType.Canonical is VoidType)
                return ["return;"];
            var texts = new List<string>();
            foreach (BoundReturn result in BoundNodes.Descendants(Function.Body).OfType<BoundReturn>())
            {
                if (result.Value is { } value && IsConstant(value) && Source.TextOf(CompiledSource.Bare(value)) is { } text && CompiledSource.IsShort(text))
                    texts.Add(text);
            }
            IEnumerable<string> known = texts.GroupBy(static text => text).OrderByDescending(static group => group.Count()).Select(static group => group.Key).Take(2);
            return known.Append(Pass).Append("0").Distinct().Take(3).Select(static text => $"return {text};");
        }
    }

    private string Pass => Function.Symbol.Attributes.Section?.Split('/')[0] is "xdp" or "xdp.frags" ? "XDP_PASS" : "0";

    private static bool IsConstant(BoundExpression value) => CompiledSource.Core(value) switch
    {
        BoundLiteral => true,
        BoundUnary { Operator: BoundUnaryOperator.Minus, Operand: var operand } => IsConstant(operand),
        _ => false,
    };

    /// <summary>Local variables and parameters in scope at the node, the nearest first, with the expression they were given.</summary>
    public IEnumerable<(VariableSymbol Symbol, BoundExpression? Initial)> Scope
    {
        get
        {
            for (int i = Path.Count - 1; i > 0; i--)
            {
                if (Path[i - 1] is not BoundBlock block)
                    continue;
                int at = block.Statements.TakeWhile(each => !ReferenceEquals(each, Path[i])).Count();
                for (int j = at - 1; j >= 0; j--)
                {
                    if (block.Statements[j] is BoundLocalDeclaration { Variable: var variable } declaration)
                        yield return (variable, declaration.Initializer is { Entries: [{ Value: var initial }] } ? initial : null);
                }
            }
            foreach (ParameterSymbol parameter in Function.Symbol.Parameters)
                yield return (parameter, null);
        }
    }

    /// <summary>The context parameter of the function, when it has one of a type with packet pointers.</summary>
    public VariableSymbol? Context
        => Scope.FirstOrDefault(static entry => entry.Symbol.Type.Canonical is PointerType { Pointee: var pointee } && pointee.Canonical is RecordType record && s_contexts.Contains(record.Tag)).Symbol;

    /// <summary>The packet's end as an expression of type <c>void *</c>; null when there is none in scope.</summary>
    public string? DataEnd
    {
        get
        {
            foreach ((VariableSymbol symbol, BoundExpression? initial) in Scope)
            {
                bool isEnd = symbol.Name.Contains("end", StringComparison.OrdinalIgnoreCase) && symbol.Type.Canonical is PointerType or IntegerType { Size: 8 };
                if (isEnd && (initial is null || (Source.TextOf(initial) ?? "").Contains("end", StringComparison.Ordinal)))
                    return symbol.Type.Canonical is PointerType { Pointee: var pointee } ? (pointee.Canonical is VoidType ? symbol.Name : $"(void *){symbol.Name}") : $"(void *){symbol.Name}";
            }
            return Context is { } context ? $"(void *)(long){context.Name}->data_end" : null;
        }
    }

    /// <summary>An <c>if</c> in front of the statement that leaves the function: one candidate for each way out.</summary>
    public IEnumerable<FixCandidate> LeaveIf(string condition, string description)
    {
        foreach (string exit in Exits)
        {
            if (InsertBefore($"if ({condition})\n{Unit()}{exit}") is { } edits)
                yield return new FixCandidate(description, edits);
        }
    }

    /// <summary>Guards the part of a condition that holds the node: <c>a</c> becomes <c>check &amp;&amp; a</c>.</summary>
    public IEnumerable<FixCandidate> Guard(string condition, string description)
    {
        for (int i = Path.Count - 1; i > 0; i--)
        {
            if (Path[i] is not BoundExpression operand || Path[i - 1] is not (BoundLogical or BoundIf or BoundConditional or BoundWhile or BoundFor))
                continue;
            if (Path[i - 1] is BoundConditional conditional && !ReferenceEquals(conditional.Condition, operand))
                continue;
            if (Source.TextOf(operand) is { } text && Replace(operand, $"({condition} && {text})") is { } edits)
                yield return new FixCandidate(description, edits);
            yield break;
        }
    }
}
