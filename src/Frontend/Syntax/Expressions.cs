// Expressions. Parentheses vanish (precedence is in the shape), except that spans include them.
namespace Ebpfcc.Frontend.Syntax;

public abstract record ExpressionSyntax : SyntaxNode;

public sealed record NameExpressionSyntax(string Name) : ExpressionSyntax;

/// <summary>An integer or floating constant, spelled as written with its suffix.</summary>
public sealed record NumberExpressionSyntax(string Text) : ExpressionSyntax;

/// <summary>A character constant, spelled as written with quotes and prefix.</summary>
public sealed record CharacterExpressionSyntax(string Text) : ExpressionSyntax;

/// <summary>Adjacent string literals, each spelled as written with quotes and prefix.</summary>
public sealed record StringExpressionSyntax(IReadOnlyList<string> Parts) : ExpressionSyntax;

public enum UnaryOperator : byte { Plus, Minus, BitwiseNot, LogicalNot, Dereference, AddressOf, PreIncrement, PreDecrement, PostIncrement, PostDecrement, Extension, Real, Imaginary }

public sealed record UnaryExpressionSyntax(UnaryOperator Operator, ExpressionSyntax Operand) : ExpressionSyntax;

public enum BinaryOperator : byte
{
    Multiply, Divide, Remainder, Add, Subtract, ShiftLeft, ShiftRight,
    Less, Greater, LessOrEqual, GreaterOrEqual, Equal, NotEqual,
    BitwiseAnd, BitwiseXor, BitwiseOr, LogicalAnd, LogicalOr,
}

public sealed record BinaryExpressionSyntax(BinaryOperator Operator, ExpressionSyntax Left, ExpressionSyntax Right) : ExpressionSyntax;

/// <summary>Assignment; a compound one names its operator.</summary>
public sealed record AssignmentExpressionSyntax(BinaryOperator? Operator, ExpressionSyntax Target, ExpressionSyntax Value) : ExpressionSyntax;

/// <summary><c>condition ? ifTrue : ifFalse</c>; GNU's <c>a ?: b</c> has a null middle.</summary>
public sealed record ConditionalExpressionSyntax(ExpressionSyntax Condition, ExpressionSyntax? IfTrue, ExpressionSyntax IfFalse) : ExpressionSyntax;

public sealed record CommaExpressionSyntax(ExpressionSyntax Left, ExpressionSyntax Right) : ExpressionSyntax;

/// <summary>A call; arguments are expressions, and for a few builtins type names.</summary>
public sealed record CallExpressionSyntax(ExpressionSyntax Callee, IReadOnlyList<SyntaxNode> Arguments) : ExpressionSyntax;

public sealed record IndexExpressionSyntax(ExpressionSyntax Array, ExpressionSyntax Index) : ExpressionSyntax;

public sealed record MemberExpressionSyntax(ExpressionSyntax Receiver, string Member, bool IsArrow) : ExpressionSyntax;

public sealed record CastExpressionSyntax(TypeNameSyntax Type, ExpressionSyntax Operand) : ExpressionSyntax;

public sealed record CompoundLiteralSyntax(TypeNameSyntax Type, ListInitializerSyntax Initializer) : ExpressionSyntax;

public enum TypeQuery : byte { SizeOf, AlignOf }

/// <summary><c>sizeof</c> or <c>_Alignof</c> of an expression or a <see cref="TypeNameSyntax"/>.</summary>
public sealed record TypeQueryExpressionSyntax(TypeQuery Query, SyntaxNode Operand) : ExpressionSyntax;

/// <summary><c>__builtin_offsetof(type, member designator)</c>: the designator as an expression whose innermost receiver is a bare name.</summary>
public sealed record OffsetofExpressionSyntax(TypeNameSyntax Type, ExpressionSyntax Designator) : ExpressionSyntax;

/// <summary><c>({ ... })</c>.</summary>
public sealed record StatementExpressionSyntax(CompoundStatementSyntax Body) : ExpressionSyntax;

public sealed record GenericExpressionSyntax(ExpressionSyntax Control, IReadOnlyList<GenericAssociationSyntax> Associations) : ExpressionSyntax;

/// <summary>One arm of <c>_Generic</c>; a null type is <c>default</c>.</summary>
public sealed record GenericAssociationSyntax(TypeNameSyntax? Type, ExpressionSyntax Value) : SyntaxNode;

/// <summary>GNU's <c>&amp;&amp;label</c>.</summary>
public sealed record LabelAddressSyntax(string Label) : ExpressionSyntax;

/// <summary>Where an expression was expected and the tokens made none; reported already.</summary>
public sealed record ErrorExpressionSyntax : ExpressionSyntax;
