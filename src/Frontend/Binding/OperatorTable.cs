// C's binary operators, one row each: spelling, what operands they take, what they yield. The binder reads the rows; precedence
// is the grammar's business.
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

/// <summary>Families of binary operators that share their typing rules (C11 6.5.5 to 6.5.14).</summary>
public enum OperatorFamily : byte
{
    /// <summary>Arithmetic operands, usual conversions, result of the common type.</summary>
    Multiplicative,

    /// <summary>As multiplicative; also pointers.</summary>
    Additive,

    /// <summary>Integer operands promoted separately; result of the left one's type.</summary>
    Shift,

    /// <summary>Arithmetic or pointer operands; result int.</summary>
    Relational, Equality,

    /// <summary>Integer operands, usual conversions.</summary>
    Bitwise,

    /// <summary>Scalar operands, short circuit; result int.</summary>
    Logical,
}

/// <param name="Operator">The operator.</param>
/// <param name="Text">As spelled.</param>
/// <param name="Family">Its typing rules.</param>
/// <param name="TakesFloating">Allowed on floating operands in C (and then refused for eBPF by name).</param>
/// <param name="HasAssignmentForm">There is an <c>op=</c>.</param>
public sealed record OperatorRow(BinaryOperator Operator, string Text, OperatorFamily Family, bool TakesFloating, bool HasAssignmentForm);

public static class OperatorTable
{
    /// <summary>Indexed by the operator's number.</summary>
    public static readonly OperatorRow[] Rows =
    [
        new(BinaryOperator.Multiply, "*", OperatorFamily.Multiplicative, true, true),
        new(BinaryOperator.Divide, "/", OperatorFamily.Multiplicative, true, true),
        new(BinaryOperator.Remainder, "%", OperatorFamily.Multiplicative, false, true),
        new(BinaryOperator.Add, "+", OperatorFamily.Additive, true, true),
        new(BinaryOperator.Subtract, "-", OperatorFamily.Additive, true, true),
        new(BinaryOperator.ShiftLeft, "<<", OperatorFamily.Shift, false, true),
        new(BinaryOperator.ShiftRight, ">>", OperatorFamily.Shift, false, true),
        new(BinaryOperator.Less, "<", OperatorFamily.Relational, true, false),
        new(BinaryOperator.Greater, ">", OperatorFamily.Relational, true, false),
        new(BinaryOperator.LessOrEqual, "<=", OperatorFamily.Relational, true, false),
        new(BinaryOperator.GreaterOrEqual, ">=", OperatorFamily.Relational, true, false),
        new(BinaryOperator.Equal, "==", OperatorFamily.Equality, true, false),
        new(BinaryOperator.NotEqual, "!=", OperatorFamily.Equality, true, false),
        new(BinaryOperator.BitwiseAnd, "&", OperatorFamily.Bitwise, false, true),
        new(BinaryOperator.BitwiseXor, "^", OperatorFamily.Bitwise, false, true),
        new(BinaryOperator.BitwiseOr, "|", OperatorFamily.Bitwise, false, true),
        new(BinaryOperator.LogicalAnd, "&&", OperatorFamily.Logical, true, false),
        new(BinaryOperator.LogicalOr, "||", OperatorFamily.Logical, true, false),
    ];

    public static OperatorRow Of(BinaryOperator operation) => Rows[(int)operation];
}
