// Compile-time values. Integer operations fold as soon as both operands are literals (C11 6.6 with the extra freedom gcc and
// clang take), in 128-bit arithmetic wrapped to the operation's type; addresses of static objects are symbolic:
//
//     &global.member[3] + 2   =   (base: global, offset: offsetof(member) + 3 * size + 2 * size)
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

/// <summary>
/// A constant: a plain integer (no base), or an address: a symbol's (<see cref="VariableSymbol"/>, <see cref="FunctionSymbol"/>,
/// <see cref="LabelSymbol"/>) or a string literal's, plus <paramref name="Value"/> bytes.
/// </summary>
public readonly record struct ConstantValue(Symbol? Symbol, BoundStringLiteral? Text, Int128 Value)
{
    public bool IsInteger => Symbol is null && Text is null;

    /// <summary>The initializer of a compound literal at file scope whose storage is <see cref="Symbol"/>, or null.</summary>
    public BoundCompoundLiteral? Literal { get; init; }
}

public static class ConstantEvaluator
{
    /// <summary>The value wrapped to the type, sign- or zero-extended back to 128 bits.</summary>
    public static Int128 Wrap(Int128 value, IntegerType type)
    {
        if (type.Kind == IntegerKind.Bool)
            return value == 0 ? 0 : 1;
        int bits = type.Bits;
        if (bits >= 128)
            return value;
        int shift = 128 - bits;
        return type.IsSigned ? (value << shift) >> shift : (value << shift) >>> shift;
    }

    /// <summary>Wraps to any scalar type; pointers are 64-bit unsigned.</summary>
    public static Int128 Wrap(Int128 value, TypeSymbol type)
        => Wrap(value, TypeRelations.Representation(type) ?? IntegerType.UnsignedLong);

    /// <summary>True when the type represents the value unchanged.</summary>
    public static bool Fits(Int128 value, IntegerType type) => Wrap(value, type) == value && (type.Bits < 128 || type.IsSigned || value >= 0);

    /// <summary>Folds a binary operation on operands of <paramref name="type"/>; null when there is no defined result (division by zero, shift out of range).</summary>
    public static Int128? Fold(BinaryOperator operation, Int128 left, Int128 right, IntegerType type)
    {
        bool isWideUnsigned = type.Kind == IntegerKind.UnsignedInt128;
        switch (operation)
        {
            case BinaryOperator.Add: return Wrap(unchecked(left + right), type);
            case BinaryOperator.Subtract: return Wrap(unchecked(left - right), type);
            case BinaryOperator.Multiply: return Wrap(unchecked(left * right), type);
            case BinaryOperator.Divide:
                if (right == 0)
                    return null;
                if (isWideUnsigned)
                    return (Int128)((UInt128)left / (UInt128)right);
                return right == -1 ? Wrap(unchecked(-left), type) : Wrap(left / right, type);
            case BinaryOperator.Remainder:
                if (right == 0)
                    return null;
                if (isWideUnsigned)
                    return (Int128)((UInt128)left % (UInt128)right);
                return right == -1 ? 0 : Wrap(left % right, type);
            case BinaryOperator.ShiftLeft: return right < 0 || right >= type.Bits ? null : Wrap(left << (int)right, type);
            case BinaryOperator.ShiftRight: return right < 0 || right >= type.Bits ? null : type.IsSigned ? left >> (int)right : left >>> (int)right;
            case BinaryOperator.BitwiseAnd: return left & right;
            case BinaryOperator.BitwiseOr: return left | right;
            case BinaryOperator.BitwiseXor: return Wrap(left ^ right, type);
            case BinaryOperator.Equal: return left == right ? 1 : 0;
            case BinaryOperator.NotEqual: return left != right ? 1 : 0;
        }
        int order = isWideUnsigned ? ((UInt128)left).CompareTo((UInt128)right) : left.CompareTo(right);
        return operation switch
        {
            BinaryOperator.Less => order < 0 ? 1 : 0,
            BinaryOperator.Greater => order > 0 ? 1 : 0,
            BinaryOperator.LessOrEqual => order <= 0 ? 1 : 0,
            BinaryOperator.GreaterOrEqual => order >= 0 ? 1 : 0,
            _ => null,
        };
    }

    /// <summary>
    /// Evaluates an integer or address constant as static initializers take them. <paramref name="expression"/> may be a value or an lvalue
    /// whose address is wanted through an enclosing conversion.
    /// </summary>
    public static bool TryEvaluate(BoundExpression expression, out ConstantValue value)
    {
        value = default;
        switch (expression)
        {
            case BoundLiteral literal:
                value = new ConstantValue(null, null, literal.Value);
                return true;
            case BoundConversion conversion:
                return TryConversion(conversion, out value);
            case BoundAddressOf address:
                return TryAddress(address.Operand, out value);
            case BoundLabelAddress label:
                value = new ConstantValue(label.Label, null, 0);
                return true;
            case BoundPointerArithmetic arithmetic:
                if (!TryEvaluate(arithmetic.Pointer, out ConstantValue pointer) || !TryEvaluate(arithmetic.Index, out ConstantValue index) || !index.IsInteger)
                    return false;
                Int128 step = unchecked(index.Value * arithmetic.ElementSize);
                value = pointer with { Value = Wrap(unchecked(arithmetic.IsSubtraction ? pointer.Value - step : pointer.Value + step), pointer.IsInteger ? IntegerType.UnsignedLong : IntegerType.Long) };
                return true;
            case BoundPointerDifference difference:
                if (!TryEvaluate(difference.Left, out ConstantValue left) || !TryEvaluate(difference.Right, out ConstantValue right) || !SameBase(left, right) || difference.ElementSize == 0)
                    return false;
                value = new ConstantValue(null, null, (left.Value - right.Value) / difference.ElementSize);
                return true;
            case BoundConditional conditional:
                if (!TryEvaluate(conditional.Condition, out ConstantValue condition) || MayBeNull(condition))
                    return false;
                bool isTrue = !condition.IsInteger || condition.Value != 0;
                return isTrue ? conditional.IfTrue is { } then ? TryEvaluate(then, out value) : TryEvaluate(conditional.Condition, out value) : TryEvaluate(conditional.IfFalse, out value);
            case BoundBinary binary:
                return TryBinary(binary, out value);
            case BoundLogical logical:
                if (!TryEvaluate(logical.Left, out ConstantValue first) || MayBeNull(first))
                    return false;
                bool firstTrue = !first.IsInteger || first.Value != 0;
                if (firstTrue != logical.IsAnd)
                {
                    value = new ConstantValue(null, null, firstTrue ? 1 : 0);
                    return true;
                }
                if (!TryEvaluate(logical.Right, out ConstantValue second) || MayBeNull(second))
                    return false;
                value = new ConstantValue(null, null, !second.IsInteger || second.Value != 0 ? 1 : 0);
                return true;
            case BoundUnary { Operator: BoundUnaryOperator.LogicalNot } not:
                if (!TryEvaluate(not.Operand, out ConstantValue operand) || MayBeNull(operand))
                    return false;
                value = new ConstantValue(null, null, operand.IsInteger && operand.Value == 0 ? 1 : 0);
                return true;
            case BoundBuiltinCall { Kind: BuiltinKind.PreserveAccessIndex or BuiltinKind.Expect } call:
                return TryEvaluate(call.Arguments[0], out value);
            case BoundBuiltinCall { Kind: BuiltinKind.ConstantP } call:
                value = new ConstantValue(null, null, TryEvaluate(call.Arguments[0], out ConstantValue argument) && argument.IsInteger ? 1 : 0);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The address of a weak symbol is null where the symbol does not exist: only the loader knows.</summary>
    private static bool MayBeNull(ConstantValue value) => value.Symbol is { Attributes.Weak: true };

    private static bool SameBase(ConstantValue left, ConstantValue right) => ReferenceEquals(left.Symbol, right.Symbol) && ReferenceEquals(left.Text, right.Text);

    private static bool TryBinary(BoundBinary binary, out ConstantValue value)
    {
        value = default;
        if (!TryEvaluate(binary.Left, out ConstantValue left) || !TryEvaluate(binary.Right, out ConstantValue right))
            return false;
        IntegerType type = TypeRelations.Representation(binary.Left.Type.Type) ?? IntegerType.UnsignedLong;
        if (left.IsInteger && right.IsInteger)
        {
            if (Fold(binary.Operator, left.Value, right.Value, type) is not { } folded)
                return false;
            value = new ConstantValue(null, null, folded);
            return true;
        }
        bool isEquality = binary.Operator is BinaryOperator.Equal or BinaryOperator.NotEqual;
        if (SameBase(left, right) && Fold(binary.Operator, left.Value, right.Value, IntegerType.Long) is { } result
            && (isEquality || binary.Operator is BinaryOperator.Less or BinaryOperator.LessOrEqual or BinaryOperator.Greater or BinaryOperator.GreaterOrEqual or BinaryOperator.Subtract))
        {
            value = new ConstantValue(null, null, result);
            return true;
        }
        // An address as an integer plus a number stays an address: (long)&x + 8.
        if (type.Bits == 64 && binary.Operator is BinaryOperator.Add or BinaryOperator.Subtract)
        {
            if (right.IsInteger)
            {
                value = left with { Value = binary.Operator == BinaryOperator.Add ? left.Value + right.Value : left.Value - right.Value };
                return true;
            }
            if (left.IsInteger && binary.Operator == BinaryOperator.Add)
            {
                value = right with { Value = left.Value + right.Value };
                return true;
            }
        }
        return false;
    }

    private static bool TryConversion(BoundConversion conversion, out ConstantValue value)
    {
        value = default;
        switch (conversion.Kind)
        {
            case ConversionKind.ArrayToPointer:
            case ConversionKind.FunctionToPointer:
                return TryAddress(conversion.Operand, out value);
            case ConversionKind.LoadValue:
                // GNU: the value of a const integer with a constant initializer.
                if (conversion.Operand is BoundVariable { Symbol.ConstantValue: { } known })
                {
                    value = new ConstantValue(null, null, known);
                    return true;
                }
                return false;
            case ConversionKind.ToVoid:
                return false;
            case ConversionKind.ToBool:
                if (!TryEvaluate(conversion.Operand, out ConstantValue tested) || MayBeNull(tested))
                    return false;
                value = new ConstantValue(null, null, !tested.IsInteger || tested.Value != 0 ? 1 : 0);
                return true;
            default:
                if (!TryEvaluate(conversion.Operand, out value))
                    return false;
                if (value.IsInteger)
                {
                    value = value with { Value = Wrap(value.Value, conversion.Type.Type) };
                    return true;
                }
                // An address keeps its meaning only in 64 bits.
                return conversion.Type.Type.Size == 8;
        }
    }

    private static bool TryAddress(BoundExpression lvalue, out ConstantValue value)
    {
        value = default;
        switch (lvalue)
        {
            case BoundVariable variable:
                value = new ConstantValue(variable.Symbol, null, 0);
                return variable.Symbol.IsGlobal;
            case BoundFunctionReference function:
                value = new ConstantValue(function.Symbol, null, 0);
                return true;
            case BoundStringLiteral text:
                value = new ConstantValue(null, text, 0);
                return true;
            case BoundCompoundLiteral literal:
                value = new ConstantValue(literal.Storage, null, 0) { Literal = literal };
                return literal.Storage.IsGlobal;
            case BoundDereference dereference:
                return TryEvaluate(dereference.Pointer, out value);
            case BoundMember { Field.IsBitField: false } member:
                if (!TryAddress(member.Receiver, out value))
                    return false;
                value = value with { Value = value.Value + member.Field.ByteOffset };
                return true;
            default:
                return false;
        }
    }
}
