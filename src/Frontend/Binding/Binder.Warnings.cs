// Warnings about single expressions: things that are legal and rarely meant.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private void WarnConstantConversion(BoundExpression value, QualifiedType target, SyntaxNode at)
    {
        if (value is not BoundLiteral literal || _unevaluated > 0 || TypeRelations.Representation(target.Type) is not { Kind: not IntegerKind.Bool } type)
            return;
        Int128 wrapped = ConstantEvaluator.Wrap(literal.Value, type);
        if (wrapped == literal.Value)
            return;
        // Losing only the sign of -1 and the like, or the upper half of a sign-extended mask, is idiomatic.
        IntegerType source = TypeRelations.Representation(literal.Type.Type)!;
        if (source.Bits <= type.Bits || ConstantEvaluator.Wrap(literal.Value, IntegerType.Int) is var narrow && narrow == literal.Value && FitsEither(literal.Value, type.Bits))
            return;
        if (FitsEither(literal.Value, type.Bits) && source.IsSigned)
            return;
        Report(D.ConstantConversion, at, Show(literal.Type), Show(target), literal.Value, wrapped);
    }

    private static bool FitsEither(Int128 value, int bits)
        => bits >= 127 || (value >= -(Int128.One << (bits - 1)) && value < Int128.One << bits);

    private void WarnBitFieldTruncation(BoundExpression target, BoundExpression value, SyntaxNode at)
    {
        if (target is not BoundMember { Field: { BitWidth: { } width } field } || value is not BoundLiteral literal || width == 0)
            return;
        IntegerType type = TypeRelations.Representation(field.Type.Type)!;
        if (type.Kind == IntegerKind.Bool || FitsEither(literal.Value, width))
            return;
        int shift = 128 - width;
        Int128 kept = type.IsSigned ? (literal.Value << shift) >> shift : (literal.Value << shift) >>> shift;
        Report(D.BitFieldConstantConversion, at, Show(literal.Type), literal.Value, kept);
    }

    private void WarnOverflow(BinaryOperator operation, Int128 left, Int128 right, Int128 result, IntegerType type, SyntaxNode syntax)
    {
        if (!type.IsSigned || type.Bits > 64 || _unevaluated > 0)
            return;
        Int128 exact = operation switch
        {
            BinaryOperator.Add => left + right,
            BinaryOperator.Subtract => left - right,
            BinaryOperator.Multiply => left * right,
            _ => result,
        };
        if (exact != result)
            Report(D.IntegerOverflow, syntax, result, Show(type));
    }

    private void WarnComparison(BinaryOperator operation, BoundExpression left, BoundExpression right, IntegerType common, SyntaxNode syntax)
    {
        if (_unevaluated > 0)
            return;
        if (left is BoundConversion { Kind: ConversionKind.LoadValue, Operand: BoundVariable a } && right is BoundConversion { Kind: ConversionKind.LoadValue, Operand: BoundVariable b }
            && ReferenceEquals(a.Symbol, b.Symbol) && !a.Type.IsVolatile && !_map.IsInExpansion(syntax.Location))
        {
            Report(D.TautologicalCompare, syntax, operation is BinaryOperator.Equal or BinaryOperator.LessOrEqual or BinaryOperator.GreaterOrEqual ? "true" : "false");
            return;
        }
        if (common.IsSigned || left is BoundLiteral && right is BoundLiteral)
            return;
        IntegerType first = PromotedType(left), second = PromotedType(right);
        if (right is BoundLiteral { Value: var zero } && zero == 0 && !first.IsSigned && operation is BinaryOperator.Less or BinaryOperator.GreaterOrEqual)
            Report(D.TautologicalUnsigned, syntax, OperatorTable.Of(operation).Text, operation == BinaryOperator.Less ? "false" : "true");
        BoundExpression? signed = first.IsSigned ? left : second.IsSigned ? right : null;
        if (signed is not null and not BoundLiteral || signed is BoundLiteral negative && negative.Value < 0)
            Report(D.SignCompare, syntax, Show(left.Type), Show(right.Type));
    }

    private void WarnTautologicalPointer(BoundExpression left, BoundExpression right, SyntaxNode syntax)
    {
        BoundExpression? address = IsNullConstant(right) ? left : IsNullConstant(left) ? right : null;
        if (address is null || _unevaluated > 0 || _map.IsInExpansion(syntax.Location))
            return;
        while (address is BoundConversion { Kind: ConversionKind.Pointer } conversion)
            address = conversion.Operand;
        Symbol? symbol = address switch
        {
            BoundAddressOf { Operand: BoundVariable variable } => variable.Symbol,
            BoundAddressOf { Operand: BoundFunctionReference function } => function.Symbol,
            BoundConversion { Kind: ConversionKind.ArrayToPointer, Operand: BoundVariable variable } => variable.Symbol,
            BoundConversion { Kind: ConversionKind.FunctionToPointer, Operand: BoundFunctionReference function } => function.Symbol,
            _ => null,
        };
        if (symbol is not null && !symbol.Attributes.Weak)
            Report(D.TautologicalPointer, syntax, symbol.Name);
    }

    private void WarnPrecedence(BinaryExpressionSyntax syntax)
    {
        if (_map.IsInExpansion(syntax.Location))
            return;
        switch (OperatorTable.Of(syntax.Operator).Family)
        {
            case OperatorFamily.Logical when syntax.Operator == BinaryOperator.LogicalOr:
                WarnWithin(syntax, syntax.Left, BinaryOperator.LogicalAnd);
                WarnWithin(syntax, syntax.Right, BinaryOperator.LogicalAnd);
                break;
            case OperatorFamily.Bitwise:
                foreach (ExpressionSyntax side in (ReadOnlySpan<ExpressionSyntax>)[syntax.Left, syntax.Right])
                {
                    if (side is BinaryExpressionSyntax inner && OperatorTable.Of(inner.Operator).Family is OperatorFamily.Relational or OperatorFamily.Equality)
                        WarnWithin(syntax, side, ((BinaryExpressionSyntax)side).Operator);
                }
                break;
        }
    }

    /// <summary>Parentheses show in the spans only: an operand that begins or ends outside of its own operands was parenthesised.</summary>
    private void WarnWithin(BinaryExpressionSyntax outer, ExpressionSyntax operand, BinaryOperator operation)
    {
        if (operand is BinaryExpressionSyntax inner && inner.Operator == operation && !inner.Span.IsNone && inner.Span.Start == inner.Left.Span.Start && inner.Span.End == inner.Right.Span.End)
            Report(D.LogicalInBitwise, inner, OperatorTable.Of(operation).Text, OperatorTable.Of(outer.Operator).Text);
    }

    private void WarnSuspiciousCondition(ExpressionSyntax syntax)
    {
        if (syntax is AssignmentExpressionSyntax { Operator: null } assignment && !assignment.Span.IsNone && assignment.Span.Start == assignment.Target.Span.Start && !_map.IsInExpansion(syntax.Location))
            Report(D.ParenthesesAssignment, syntax);
    }

    /// <summary>The value of an expression statement or a comma's left side is dropped: did the expression do anything?</summary>
    private void WarnUnusedValue(BoundExpression expression, ExpressionSyntax syntax)
    {
        if (_unevaluated > 0 || expression is BoundErrorExpression || TypeRelations.IsVoid(expression.Type.Type))
            return;
        switch (expression)
        {
            case BoundCall { Callee: BoundConversion { Operand: BoundFunctionReference { Symbol.Attributes.WarnUnusedResult: true } } }:
            case BoundCall { Callee: BoundFunctionReference { Symbol.Attributes.WarnUnusedResult: true } }:
                Report(D.UnusedResult, syntax);
                return;
            case BoundBinary { Operator: BinaryOperator.Equal or BinaryOperator.NotEqual or BinaryOperator.Less or BinaryOperator.LessOrEqual or BinaryOperator.Greater or BinaryOperator.GreaterOrEqual } comparison
                when !_map.IsInExpansion(syntax.Location):
                Report(D.UnusedComparison, syntax, comparison.Operator is BinaryOperator.Equal ? "equality" : comparison.Operator is BinaryOperator.NotEqual ? "inequality" : "relational");
                return;
            case BoundBinary or BoundUnary or BoundPointerArithmetic or BoundPointerDifference or BoundLiteral or BoundVariable or BoundMember or BoundAddressOf or BoundFunctionReference or BoundStringLiteral
                when !_map.IsInExpansion(syntax.Location) && !expression.Type.IsVolatile:
                Report(D.UnusedValue, syntax);
                return;
        }
    }
}
