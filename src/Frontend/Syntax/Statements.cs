// Statements.
namespace Ebpfcc.Frontend.Syntax;

public abstract record StatementSyntax : SyntaxNode
{
    /// <summary>Attributes in front of the statement (<c>__attribute__((fallthrough))</c>).</summary>
    public IReadOnlyList<AttributeSyntax> Attributes { get; init; } = [];
}

/// <summary><c>{ ... }</c>: statements and declarations in order.</summary>
public sealed record CompoundStatementSyntax(IReadOnlyList<SyntaxNode> Items) : StatementSyntax
{
    /// <summary>Names of GNU <c>__label__</c> declarations.</summary>
    public IReadOnlyList<IdentifierSyntax> LocalLabels { get; init; } = [];
}

/// <summary>An expression as a statement; null for the empty statement.</summary>
public sealed record ExpressionStatementSyntax(ExpressionSyntax? Expression) : StatementSyntax;

public sealed record IfStatementSyntax(ExpressionSyntax Condition, StatementSyntax Then, StatementSyntax? Else) : StatementSyntax;

/// <summary>What the pragma in front of a loop asks for: null nothing, 0 never unroll, int.MaxValue fully, else the count.</summary>
public abstract record LoopStatementSyntax : StatementSyntax
{
    public int? UnrollHint { get; init; }
}

public sealed record WhileStatementSyntax(ExpressionSyntax Condition, StatementSyntax Body) : LoopStatementSyntax;

public sealed record DoStatementSyntax(StatementSyntax Body, ExpressionSyntax Condition) : LoopStatementSyntax;

/// <summary>The initializer is null, a <see cref="SimpleDeclarationSyntax"/> or an <see cref="ExpressionSyntax"/>.</summary>
public sealed record ForStatementSyntax(SyntaxNode? Initializer, ExpressionSyntax? Condition, ExpressionSyntax? Step, StatementSyntax Body) : LoopStatementSyntax;

public sealed record SwitchStatementSyntax(ExpressionSyntax Value, StatementSyntax Body) : StatementSyntax;

/// <summary><c>case first:</c> or GNU's <c>case first ... last:</c>.</summary>
public sealed record CaseStatementSyntax(ExpressionSyntax First, ExpressionSyntax? Last, StatementSyntax Body) : StatementSyntax;

public sealed record DefaultStatementSyntax(StatementSyntax Body) : StatementSyntax;

public sealed record LabeledStatementSyntax(string Label, StatementSyntax Body) : StatementSyntax;

public sealed record GotoStatementSyntax(string Label) : StatementSyntax;

public sealed record ComputedGotoStatementSyntax(ExpressionSyntax Target) : StatementSyntax;

public sealed record BreakStatementSyntax : StatementSyntax;

public sealed record ContinueStatementSyntax : StatementSyntax;

public sealed record ReturnStatementSyntax(ExpressionSyntax? Value) : StatementSyntax;

/// <summary>One operand of an asm statement.</summary>
public sealed record AsmOperandSyntax(string? SymbolicName, string Constraint, ExpressionSyntax Value) : SyntaxNode;

public sealed record AsmStatementSyntax(
    string Template, bool IsVolatile, bool IsGoto, bool IsBasic,
    IReadOnlyList<AsmOperandSyntax> Outputs, IReadOnlyList<AsmOperandSyntax> Inputs,
    IReadOnlyList<string> Clobbers, IReadOnlyList<IdentifierSyntax> Labels) : StatementSyntax;

/// <summary>Tokens the parser skipped after reporting an error.</summary>
public sealed record ErrorStatementSyntax : StatementSyntax;
