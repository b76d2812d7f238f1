// Expressions. The grammar gives an operator chain flat, a op b op c ? d : e op f ...; precedence climbing with an explicit
// stack gives it its shape, so that a chain of thousands of operators needs no recursion here.
using Antlr4.Runtime;
using Antlr4.Runtime.Tree;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Parsing.Generated;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Parsing;

internal sealed partial class TreeBuilder
{
    /// <summary>Operators in one chain; a longer one makes a tree too deep for recursive consumers.</summary>
    private const int MaximumChainLength = 4096;

    private ExpressionSyntax Expression(CParser.ExpressionContext context)
    {
        ExpressionSyntax result = Assignment((CParser.AssignmentExpressionContext)context.GetChild(0));
        if (context.ChildCount > 2 * MaximumChainLength)
            throw new NestingException();
        for (int i = 2; i < context.ChildCount; i += 2)
        {
            ExpressionSyntax right = Assignment((CParser.AssignmentExpressionContext)context.GetChild(i));
            result = new CommaExpressionSyntax(result, right) { Span = result.Span.To(right.Span), Location = StartOf(TokenOf(context.GetChild(i - 1))) };
        }
        return result;
    }

    // ---- operator chains --------------------------------------------------------------------------------------------

    private const int AssignmentLevel = 1, ConditionalLevel = 2;

    private static int Level(int type) => type switch
    {
        CParser.STAR or CParser.SLASH or CParser.PERCENT => 12,
        CParser.PLUS or CParser.MINUS => 11,
        CParser.SHIFT_LEFT or CParser.SHIFT_RIGHT => 10,
        CParser.LESS or CParser.GREATER or CParser.LESS_EQUAL or CParser.GREATER_EQUAL => 9,
        CParser.EQUAL or CParser.NOT_EQUAL => 8,
        CParser.AMPERSAND => 7,
        CParser.CARET => 6,
        CParser.BAR => 5,
        CParser.AND_AND => 4,
        CParser.OR_OR => 3,
        CParser.QUESTION => ConditionalLevel,
        _ => AssignmentLevel,
    };

    private static BinaryOperator? BinaryOf(int type) => type switch
    {
        CParser.STAR or CParser.STAR_ASSIGN => BinaryOperator.Multiply,
        CParser.SLASH or CParser.SLASH_ASSIGN => BinaryOperator.Divide,
        CParser.PERCENT or CParser.PERCENT_ASSIGN => BinaryOperator.Remainder,
        CParser.PLUS or CParser.PLUS_ASSIGN => BinaryOperator.Add,
        CParser.MINUS or CParser.MINUS_ASSIGN => BinaryOperator.Subtract,
        CParser.SHIFT_LEFT or CParser.SHIFT_LEFT_ASSIGN => BinaryOperator.ShiftLeft,
        CParser.SHIFT_RIGHT or CParser.SHIFT_RIGHT_ASSIGN => BinaryOperator.ShiftRight,
        CParser.LESS => BinaryOperator.Less,
        CParser.GREATER => BinaryOperator.Greater,
        CParser.LESS_EQUAL => BinaryOperator.LessOrEqual,
        CParser.GREATER_EQUAL => BinaryOperator.GreaterOrEqual,
        CParser.EQUAL => BinaryOperator.Equal,
        CParser.NOT_EQUAL => BinaryOperator.NotEqual,
        CParser.AMPERSAND or CParser.AND_ASSIGN => BinaryOperator.BitwiseAnd,
        CParser.CARET or CParser.XOR_ASSIGN => BinaryOperator.BitwiseXor,
        CParser.BAR or CParser.OR_ASSIGN => BinaryOperator.BitwiseOr,
        CParser.AND_AND => BinaryOperator.LogicalAnd,
        CParser.OR_OR => BinaryOperator.LogicalOr,
        _ => null,
    };

    /// <summary>A pending operator: its token's type and place, and for <c>?:</c> the middle operand.</summary>
    private readonly record struct PendingOperator(int Type, SourceLocation Location, ExpressionSyntax? Middle);

    private ExpressionSyntax Assignment(CParser.AssignmentExpressionContext context)
    {
        ExpressionSyntax first = Cast((CParser.CastExpressionContext)context.GetChild(0));
        if (context.ChildCount == 1)
            return first;
        if (context.ChildCount > 2 * MaximumChainLength)
            throw new NestingException();

        var operands = new Stack<ExpressionSyntax>();
        var operators = new Stack<PendingOperator>();
        operands.Push(first);
        for (int i = 1; i < context.ChildCount;)
        {
            PendingOperator next;
            if (context.GetChild(i) is CParser.InfixOperatorContext infix)
            {
                next = new PendingOperator(infix.Start.Type, StartOf(infix.Start), null);
                i++;
            }
            else
            {
                IToken question = TokenOf(context.GetChild(i));
                ExpressionSyntax? middle = context.GetChild(i + 1) is CParser.ExpressionContext inner ? Expression(inner) : null;
                next = new PendingOperator(CParser.QUESTION, StartOf(question), middle);
                i += middle is null ? 2 : 3;
            }
            int level = Level(next.Type);
            // Assignment and ?: group from the right, the others from the left.
            while (operators.TryPeek(out PendingOperator pending) && (Level(pending.Type) > level || (Level(pending.Type) == level && level > ConditionalLevel)))
                Reduce(operands, operators.Pop());
            operators.Push(next);
            operands.Push(Cast((CParser.CastExpressionContext)context.GetChild(i++)));
        }
        while (operators.TryPop(out PendingOperator rest))
            Reduce(operands, rest);
        return operands.Pop();
    }

    private static void Reduce(Stack<ExpressionSyntax> operands, PendingOperator operation)
    {
        ExpressionSyntax right = operands.Pop();
        ExpressionSyntax left = operands.Pop();
        SourceSpan span = left.Span.To(right.Span);
        operands.Push(Level(operation.Type) switch
        {
            AssignmentLevel => new AssignmentExpressionSyntax(BinaryOf(operation.Type), left, right) { Span = span, Location = operation.Location },
            ConditionalLevel => new ConditionalExpressionSyntax(left, operation.Middle, right) { Span = span, Location = operation.Location },
            _ => new BinaryExpressionSyntax(BinaryOf(operation.Type)!.Value, left, right) { Span = span, Location = operation.Location },
        });
    }

    // ---- unary ------------------------------------------------------------------------------------------------------

    private ExpressionSyntax Cast(CParser.CastExpressionContext context)
    {
        GuardStack();
        if (context.GetChild(0) is CParser.UnaryExpressionContext unary)
            return Unary(unary);
        TypeNameSyntax type = TypeName(context.typeName());
        if (context.castExpression() is { } operand)
            return new CastExpressionSyntax(type, Cast(operand)) { Span = SpanOf(context) };
        return CompoundLiteral(context, type, context.bracedInitializer());
    }

    private ExpressionSyntax CompoundLiteral(ParserRuleContext context, TypeNameSyntax type, CParser.BracedInitializerContext list)
    {
        ListInitializerSyntax initializer = Braced(list);
        var open = SpanOf(TokenOf(context.children.First(child => TypeOf(child) == CParser.LPAREN)));
        ExpressionSyntax result = new CompoundLiteralSyntax(type, initializer) { Span = open.To(initializer.Span) };
        return Postfix(context, result);
    }

    private ExpressionSyntax Unary(CParser.UnaryExpressionContext context)
    {
        GuardStack();
        IParseTree first = context.GetChild(0);
        switch (first)
        {
            case CParser.PrimaryExpressionContext primary:
                return Postfix(context, Primary(primary));
            case CParser.UnaryOperatorContext operation:
                return new UnaryExpressionSyntax(UnaryOf(operation.Start.Type), Cast(context.castExpression())) { Span = SpanOf(context) };
        }
        switch (TypeOf(first))
        {
            case CParser.AND_AND:
                return new LabelAddressSyntax(NameText(context.name())) { Span = SpanOf(context) };
            default:
                TypeQuery query = TypeOf(first) == CParser.SIZEOF ? TypeQuery.SizeOf : TypeQuery.AlignOf;
                SyntaxNode operand;
                if (context.typeName() is { } typeName)
                {
                    TypeNameSyntax type = TypeName(typeName);
                    operand = context.bracedInitializer() is { } list ? CompoundLiteral(context, type, list) : type;
                }
                else
                {
                    operand = Unary(context.unaryExpression());
                }
                return new TypeQueryExpressionSyntax(query, operand) { Span = SpanOf(context) };
        }
    }

    private static UnaryOperator UnaryOf(int type) => type switch
    {
        CParser.PLUS => UnaryOperator.Plus,
        CParser.MINUS => UnaryOperator.Minus,
        CParser.TILDE => UnaryOperator.BitwiseNot,
        CParser.EXCLAMATION => UnaryOperator.LogicalNot,
        CParser.STAR => UnaryOperator.Dereference,
        CParser.AMPERSAND => UnaryOperator.AddressOf,
        CParser.INCREMENT => UnaryOperator.PreIncrement,
        CParser.DECREMENT => UnaryOperator.PreDecrement,
        CParser.REAL => UnaryOperator.Real,
        CParser.IMAG => UnaryOperator.Imaginary,
        _ => UnaryOperator.Extension,
    };

    // ---- postfix ----------------------------------------------------------------------------------------------------

    private ExpressionSyntax Postfix(ParserRuleContext context, ExpressionSyntax result)
    {
        if (context.ChildCount > MaximumChainLength)
            throw new NestingException();
        foreach (IParseTree child in context.children)
        {
            if (child is not CParser.PostfixOperatorContext postfix)
                continue;
            var span = new SourceSpan(result.Span.Start, SpanOf(postfix).End);
            SourceLocation place = StartOf(postfix.Start);
            result = postfix.Start.Type switch
            {
                CParser.LBRACKET => new IndexExpressionSyntax(result, Expression(postfix.expression())) { Span = span, Location = place },
                CParser.LPAREN => new CallExpressionSyntax(result, postfix.arguments() is { } list ? Arguments(list) : []) { Span = span, Location = result.Location },
                CParser.DOT or CParser.ARROW => new MemberExpressionSyntax(result, NameText(postfix.name()), postfix.Start.Type == CParser.ARROW)
                {
                    Span = span,
                    Location = StartOf(postfix.name().Start),
                },
                CParser.INCREMENT => new UnaryExpressionSyntax(UnaryOperator.PostIncrement, result) { Span = span, Location = place },
                _ => new UnaryExpressionSyntax(UnaryOperator.PostDecrement, result) { Span = span, Location = place },
            };
        }
        return result;
    }

    public IReadOnlyList<SyntaxNode> Arguments(CParser.ArgumentsContext context)
    {
        var arguments = new List<SyntaxNode>((context.ChildCount + 1) / 2);
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.ArgumentContext argument)
                arguments.Add(argument.typeName() is { } type ? TypeName(type) : Assignment(argument.assignmentExpression()));
        }
        return arguments;
    }

    // ---- primary ----------------------------------------------------------------------------------------------------

    private ExpressionSyntax Primary(CParser.PrimaryExpressionContext context)
    {
        SourceSpan span = SpanOf(context);
        string text = tokens.GetText(context.Start.TokenIndex);
        switch (context.Start.Type)
        {
            case CParser.IDENTIFIER:
                return new NameExpressionSyntax(text) { Span = span };
            case CParser.NUMBER:
                return new NumberExpressionSyntax(text) { Span = span };
            case CParser.CHARACTER:
                return new CharacterExpressionSyntax(text) { Span = span };
            case CParser.STRING:
                var parts = new string[context.ChildCount];
                for (int i = 0; i < parts.Length; i++)
                    parts[i] = TextOf(context.GetChild(i));
                return new StringExpressionSyntax(parts) { Span = span };
            case CParser.LPAREN:
                if (context.compoundStatement() is { } body)
                    return new StatementExpressionSyntax(Compound(body)) { Span = span };
                ExpressionSyntax inner = Expression(context.expression());
                return inner with { Span = span, Location = inner.Location };
            case CParser.GENERIC:
                return Generic(context, span);
            default:
                return Offsetof(context, span);
        }
    }

    private GenericExpressionSyntax Generic(CParser.PrimaryExpressionContext context, SourceSpan span)
    {
        var associations = new List<GenericAssociationSyntax>();
        foreach (IParseTree child in context.children)
        {
            if (child is CParser.GenericAssociationContext association)
            {
                associations.Add(new GenericAssociationSyntax(
                    association.typeName() is { } type ? TypeName(type) : null, Assignment(association.assignmentExpression())) { Span = SpanOf(association) });
            }
        }
        return new GenericExpressionSyntax(Assignment(context.assignmentExpression()), associations) { Span = span };
    }

    private OffsetofExpressionSyntax Offsetof(CParser.PrimaryExpressionContext context, SourceSpan span)
    {
        CParser.OffsetDesignatorContext designator = context.offsetDesignator();
        ExpressionSyntax? path = null;
        bool isArrow = false;
        foreach (IParseTree child in designator.children)
        {
            switch (child)
            {
                case CParser.NameContext name when path is null:
                    path = new NameExpressionSyntax(NameText(name)) { Span = SpanOf(name) };
                    break;
                case CParser.NameContext name:
                    path = new MemberExpressionSyntax(path, NameText(name), isArrow) { Span = path.Span.To(SpanOf(name)), Location = StartOf(name.Start) };
                    break;
                case CParser.ExpressionContext index:
                    ExpressionSyntax value = Expression(index);
                    path = new IndexExpressionSyntax(path!, value) { Span = path!.Span.To(value.Span), Location = value.Location };
                    break;
                case ITerminalNode { Symbol.Type: CParser.ARROW or CParser.DOT } punctuator:
                    isArrow = punctuator.Symbol.Type == CParser.ARROW;
                    break;
            }
        }
        return new OffsetofExpressionSyntax(TypeName(context.typeName()), path!) { Span = span };
    }
}
