// Floating constants: eBPF cannot compute with them, but the compiler can. Literals fold among themselves, to integers
// (10E9 as a number of nanoseconds), and to the bytes of static objects.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

/// <summary>A folded floating value; never leaves the binder.</summary>
internal sealed record BoundFloatConstant(QualifiedType Type, double Value) : BoundExpression(Type);

public sealed partial class Binder
{
    private static double? FloatingValue(BoundExpression value) => value switch
    {
        BoundFloatConstant real => real.Value,
        BoundLiteral literal when TypeRelations.IsInteger(literal.Type.Type) => (double)literal.Value,
        _ => null,
    };

    private static BoundExpression? FoldFloating(BinaryOperator operation, BoundExpression left, BoundExpression right, SyntaxNode at)
    {
        if (FloatingValue(left) is not { } a || FloatingValue(right) is not { } b)
            return null;
        bool? truth = operation switch
        {
            BinaryOperator.Less => a < b,
            BinaryOperator.Greater => a > b,
            BinaryOperator.LessOrEqual => a <= b,
            BinaryOperator.GreaterOrEqual => a >= b,
            BinaryOperator.Equal => a == b,
            BinaryOperator.NotEqual => a != b,
            _ => null,
        };
        if (truth is { } result)
            return Literal(IntegerType.Int, result ? 1 : 0, at);
        double? value = operation switch
        {
            BinaryOperator.Add => a + b,
            BinaryOperator.Subtract => a - b,
            BinaryOperator.Multiply => a * b,
            BinaryOperator.Divide => a / b,
            _ => null,
        };
        QualifiedType type = TypeRelations.IsFloating(left.Type.Type) ? left.Type : right.Type;
        return value is null ? null : new BoundFloatConstant(type, value.Value) { Span = at.Span, Location = at.Location };
    }

    /// <summary>A floating constant as the target's type, or an integer constant as a floating one; null when there is nothing to fold.</summary>
    private static BoundExpression? FoldFloatConversion(BoundExpression value, QualifiedType target)
    {
        if (TypeRelations.IsFloating(target.Type))
            return FloatingValue(value) is { } real ? new BoundFloatConstant(TypeRelations.ValueType(target), target.Canonical is FloatType { Size: 4 } ? (float)real : real) { Span = value.Span, Location = value.Location } : null;
        if (value is not BoundFloatConstant constant || TypeRelations.Representation(target.Type) is not { } type)
            return null;
        if (type.Kind == IntegerKind.Bool)
            return Literal(TypeRelations.ValueType(target).Type, constant.Value != 0 ? 1 : 0, value);
        // Out of range is undefined in C: saturate, as clang's constant folding does not trap either.
        double truncated = double.IsNaN(constant.Value) ? 0 : Math.Clamp(Math.Truncate(constant.Value), -1.7e38, 1.7e38);
        return Literal(TypeRelations.ValueType(target).Type, (Int128)truncated, value);
    }

    /// <summary>Stores a floating constant's bits into static storage; false when the value or the object is something else.</summary>
    private bool StoreFloating(InitializerState state, QualifiedType type, long offset, BoundExpression value, SyntaxNode at)
    {
        if (!state.IsStatic || !TypeRelations.IsFloating(type.Type) || type.Type.Size > 8 || FloatingValue(value) is not { } real)
            return false;
        IntegerType bits = type.Type.Size == 4 ? IntegerType.UnsignedInt : IntegerType.UnsignedLong;
        Int128 pattern = bits.Size == 4 ? BitConverter.SingleToUInt32Bits((float)real) : BitConverter.DoubleToUInt64Bits(real);
        Append(state, new BoundInitializerEntry(offset, null, bits, Literal(new QualifiedType(bits), pattern, at)), at);
        return true;
    }
}
