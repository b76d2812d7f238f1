// Statements.
using Antlr4.Runtime;
using Antlr4.Runtime.Tree;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Parsing;

internal sealed partial class TreeBuilder
{
    private CompoundStatementSyntax Compound(CParser.CompoundStatementContext context)
    {
        GuardStack();
        var items = new List<SyntaxNode>(Math.Max(0, context.ChildCount - 2));
        List<IdentifierSyntax>? labels = null;
        List<CParser.LabelContext>? pending = null;
        int lastStray = -2;
        foreach (IParseTree child in context.children)
        {
            if (child is not CParser.BlockItemContext item)
                continue;
            if (item.exception is null && item.stray() is { } stray)
            {
                int place = stray.Start.TokenIndex;
                if (place != lastStray + 1)
                    ReportStray(place);
                lastStray = place;
                items.Add(new ErrorStatementSyntax { Span = SpanOf(item) });
                continue;
            }
            if (item.exception is null && item.label() is { } label)
            {
                (pending ??= []).Add(label);
                continue;
            }
            if (item.exception is null && item.unlabeledStatement() is { } statement)
            {
                items.Add(Labeled(pending, Unlabeled(statement)));
                pending = null;
                continue;
            }
            FlushLabels(ref pending, items);
            if (item.exception is not null)
                items.Add(new ErrorStatementSyntax { Span = SpanOf(item) });
            else if (item.declaration() is { } declaration)
                items.Add(Declaration(declaration));
            else if (item.localLabels() is { } names)
            {
                foreach (CParser.NameContext name in names.name())
                    (labels ??= []).Add(Identifier(name));
            }
        }
        FlushLabels(ref pending, items);
        return new CompoundStatementSyntax(items) { Span = SpanOf(context), LocalLabels = labels ?? (IReadOnlyList<IdentifierSyntax>)[] };
    }

    private void ReportStray(int place)
    {
        if (tokens.TypeAt(place) == CParser.UNKNOWN)
            SyntaxErrorStrategy.ReportUnknown(bag, tokens, names, place);
        else
            bag.Report(ParsingDiagnostics.ExpectedExpression, SourceSpan.At(tokens[place].Location, names.GetLength(tokens[place])));
    }

    /// <summary>Labels in front of a closing brace or a declaration label an empty statement.</summary>
    private void FlushLabels(ref List<CParser.LabelContext>? pending, List<SyntaxNode> items)
    {
        if (pending is null)
            return;
        SourceLocation end = SpanOf(pending[^1]).End;
        items.Add(Labeled(pending, new ExpressionStatementSyntax(null) { Span = new SourceSpan(end, end) }));
        pending = null;
    }

    private StatementSyntax Statement(CParser.StatementContext context) => Labeled(context.label(), Unlabeled(context.unlabeledStatement()));

    private StatementSyntax Unlabeled(CParser.UnlabeledStatementContext context)
    {
        GuardStack();
        SourceSpan span = SpanOf(context);
        switch (context.GetChild(0))
        {
            case CParser.CompoundStatementContext block:
                return Compound(block);
            case CParser.AttributeContext:
                var attributes = new List<AttributeSyntax>();
                foreach (CParser.AttributeContext attribute in context.attribute())
                    Attribute(attribute, attributes);
                StatementSyntax inner = Statement(context.statement());
                return inner with { Attributes = [.. attributes, .. inner.Attributes] };
            case CParser.ExpressionStatementContext expression:
                return new ExpressionStatementSyntax(expression.expression() is { } value ? Expression(value) : null) { Span = span };
            case CParser.IfStatementContext choice:
                return If(choice);
            case CParser.SwitchStatementContext choice:
                return new SwitchStatementSyntax(Expression(choice.expression()), Statement(choice.statement())) { Span = span };
            case CParser.WhileStatementContext loop:
                return new WhileStatementSyntax(Expression(loop.expression()), Statement(loop.statement())) { Span = span, UnrollHint = UnrollHint(context) };
            case CParser.DoStatementContext loop:
                return new DoStatementSyntax(Statement(loop.statement()), Expression(loop.expression())) { Span = span, UnrollHint = UnrollHint(context) };
            case CParser.ForStatementContext loop:
                return For(loop, UnrollHint(context));
            case CParser.GotoStatementContext jump:
                if (jump.name() is { } label)
                    return new GotoStatementSyntax(NameText(label)) { Span = span, Location = StartOf(label.Start) };
                return new ComputedGotoStatementSyntax(Expression(jump.expression())) { Span = span };
            case CParser.BreakStatementContext:
                return new BreakStatementSyntax { Span = span };
            case CParser.ContinueStatementContext:
                return new ContinueStatementSyntax { Span = span };
            case CParser.ReturnStatementContext result:
                return new ReturnStatementSyntax(result.expression() is { } returned ? Expression(returned) : null) { Span = span };
            default:
                return Asm((CParser.AsmStatementContext)context.GetChild(0));
        }
    }

    private int? UnrollHint(ParserRuleContext context) => pragmas.UnrollBefore(tokens.ToUnitIndex(context.Start.TokenIndex));

    private StatementSyntax Labeled(IReadOnlyList<CParser.LabelContext>? labels, StatementSyntax result)
    {
        if (labels is null)
            return result;
        if (labels.Count > MaximumChainLength)
            throw new NestingException();
        for (int i = labels.Count - 1; i >= 0; i--)
        {
            CParser.LabelContext label = labels[i];
            SourceSpan span = SpanOf(label).To(result.Span);
            CParser.AssignmentExpressionContext[] values = label.assignmentExpression();
            result = label.Start.Type switch
            {
                CParser.IDENTIFIER => new LabeledStatementSyntax(tokens.GetText(label.Start.TokenIndex), result) { Span = span },
                CParser.CASE => new CaseStatementSyntax(Assignment(values[0]), values.Length > 1 ? Assignment(values[1]) : null, result) { Span = span },
                _ => new DefaultStatementSyntax(result) { Span = span },
            };
        }
        return result;
    }

    private IfStatementSyntax If(CParser.IfStatementContext context)
    {
        // The flat chain becomes a nest from its end: the last "else" belongs to the last "else if".
        StatementSyntax? otherwise = context.ELSE() is not null && context.statement().Length > 1 ? Statement(context.statement()[1]) : null;
        CParser.ElseIfContext[] chain = context.elseIf();
        if (chain.Length > MaximumChainLength)
            throw new NestingException();
        SourceLocation end = SpanOf(context).End;
        for (int i = chain.Length - 1; i >= 0; i--)
        {
            SourceLocation start = StartOf(TokenOf(chain[i].GetChild(1)));
            otherwise = new IfStatementSyntax(Expression(chain[i].expression()), Statement(chain[i].statement()), otherwise) { Span = new SourceSpan(start, end) };
        }
        return new IfStatementSyntax(Expression(context.expression()), Statement(context.statement()[0]), otherwise) { Span = SpanOf(context) };
    }

    private ForStatementSyntax For(CParser.ForStatementContext context, int? unroll)
    {
        CParser.ForInitializerContext first = context.forInitializer();
        SyntaxNode? initializer = first.declaration() is { } declaration
            ? Declaration(declaration)
            : first.expression() is { } expression ? Expression(expression) : null;
        ExpressionSyntax? condition = context.forCondition().expression() is { } test ? Expression(test) : null;
        ExpressionSyntax? step = context.expression() is { } last ? Expression(last) : null;
        return new ForStatementSyntax(initializer, condition, step, Statement(context.statement())) { Span = SpanOf(context), UnrollHint = unroll };
    }

    private AsmStatementSyntax Asm(CParser.AsmStatementContext context)
    {
        bool isVolatile = false, isGoto = false;
        int colons = 0;
        var template = new System.Text.StringBuilder();
        List<AsmOperandSyntax> outputs = [], inputs = [];
        List<string> clobbers = [];
        List<IdentifierSyntax> labels = [];
        foreach (IParseTree child in context.children)
        {
            switch (child)
            {
                case ITerminalNode terminal:
                    switch (terminal.Symbol.Type)
                    {
                        case CParser.VOLATILE: isVolatile = true; break;
                        case CParser.GOTO: isGoto = true; break;
                        case CParser.COLON: colons++; break;
                        case CParser.STRING: template.Append(StringLiterals.Unescape(TextOf(terminal))); break;
                    }
                    break;
                case CParser.AsmOperandsContext operands:
                    foreach (CParser.AsmOperandContext operand in operands.asmOperand())
                        (colons == 1 ? outputs : inputs).Add(new AsmOperandSyntax(operand.name() is { } name ? NameText(name) : null, JoinStrings(operand), Expression(operand.expression())) { Span = SpanOf(operand) });
                    break;
                case CParser.AsmClobbersContext list:
                    foreach (CParser.AsmClobberContext clobber in list.asmClobber())
                        clobbers.Add(JoinStrings(clobber));
                    break;
                case CParser.AsmLabelsContext list:
                    foreach (CParser.NameContext name in list.name())
                        labels.Add(Identifier(name));
                    break;
            }
        }
        return new AsmStatementSyntax(template.ToString(), isVolatile, isGoto, colons == 0, outputs, inputs, clobbers, labels) { Span = SpanOf(context) };
    }
}
