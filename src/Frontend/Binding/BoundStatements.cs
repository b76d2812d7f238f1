// Bound statements and the whole bound unit.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;

namespace Ebpfcc.Frontend.Binding;

public abstract record BoundStatement : BoundNode;

public sealed record BoundBlock(IReadOnlyList<BoundStatement> Statements) : BoundStatement;

/// <summary>A local variable comes into existence; its initializer, if any, runs each time control gets here.</summary>
public sealed record BoundLocalDeclaration(VariableSymbol Variable, BoundInitializer? Initializer) : BoundStatement
{
    /// <summary>The call that ends the variable's life (<c>cleanup</c> attribute), or null.</summary>
    public BoundExpression? Cleanup { get; init; }

    /// <summary>The declaration with its specifiers and all its declarators; none where the source has no declaration.</summary>
    public SourceSpan Whole { get; init; }
}

public sealed record BoundExpressionStatement(BoundExpression Expression) : BoundStatement;

public sealed record BoundIf(BoundExpression Condition, BoundStatement Then, BoundStatement? Else) : BoundStatement;

public abstract record BoundLoop : BoundStatement
{
    /// <summary>Null: no wish; 0: never unroll; int.MaxValue: fully; otherwise the count.</summary>
    public int? UnrollHint { get; init; }
}

public sealed record BoundWhile(BoundExpression Condition, BoundStatement Body) : BoundLoop;

public sealed record BoundDo(BoundStatement Body, BoundExpression Condition) : BoundLoop;

/// <summary>Initializer statements run once in the loop's own scope; a null condition is true.</summary>
public sealed record BoundFor(IReadOnlyList<BoundStatement> Initializer, BoundExpression? Condition, BoundExpression? Step, BoundStatement Body) : BoundLoop;

/// <summary>The value is promoted; case ranges are inclusive and disjoint, in the value's type.</summary>
public sealed record BoundSwitch(BoundExpression Value, IReadOnlyList<BoundCase> Cases, BoundCase? Default, BoundStatement Body) : BoundStatement;

/// <summary>Identity of a case label; <see cref="BoundCaseLabel"/> marks its place in the body.</summary>
public sealed class BoundCase(Int128 first, Int128 last, SourceLocation location)
{
    public Int128 First { get; } = first;

    public Int128 Last { get; } = last;

    public SourceLocation Location { get; } = location;
}

public sealed record BoundCaseLabel(BoundCase Case, BoundStatement Body) : BoundStatement;

public sealed record BoundLabeled(LabelSymbol Label, BoundStatement Body) : BoundStatement;

public sealed record BoundGoto(LabelSymbol Label) : BoundStatement;

public sealed record BoundComputedGoto(BoundExpression Target) : BoundStatement;

public sealed record BoundBreak : BoundStatement;

public sealed record BoundContinue : BoundStatement;

public sealed record BoundReturn(BoundExpression? Value) : BoundStatement;

/// <param name="SymbolicName">The name in brackets, or null.</param>
/// <param name="Constraint">As written, e.g. <c>=r</c>.</param>
/// <param name="Value">Outputs: an lvalue; inputs: a value, or an lvalue for memory constraints.</param>
public sealed record BoundAsmOperand(string? SymbolicName, string Constraint, BoundExpression Value);

public sealed record BoundAsm(
    string Template, bool IsVolatile, bool IsBasic, IReadOnlyList<BoundAsmOperand> Outputs, IReadOnlyList<BoundAsmOperand> Inputs,
    IReadOnlyList<string> Clobbers, IReadOnlyList<LabelSymbol> Labels) : BoundStatement;

public sealed record BoundEmpty : BoundStatement
{
    /// <summary><c>__attribute__((fallthrough));</c>.</summary>
    public bool IsFallthrough { get; init; }
}

/// <summary>Reported already; stops lowering of the function.</summary>
public sealed record BoundErrorStatement : BoundStatement;

/// <summary>A function with its bound body.</summary>
public sealed record BoundFunction(FunctionSymbol Symbol, BoundBlock Body)
{
    /// <summary>The closing brace: where a missing return statement is.</summary>
    public SourceLocation End { get; init; }
}

/// <summary>Everything that roots reach, in source order.</summary>
public sealed record BoundUnit(
    IReadOnlyList<BoundFunction> Functions,
    IReadOnlyList<VariableSymbol> Globals,
    IReadOnlyList<FunctionSymbol> ExternalFunctions,
    IReadOnlyList<string> FileAssembly);
