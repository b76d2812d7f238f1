// Evaluates bound expressions at compile time to "symbol + number": what static initializers, conditions and immediate operands
// of assembly need. Total: anything else yields null, never a diagnostic.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

/// <summary>A number (no base) or an address a known distance behind a global.</summary>
internal readonly record struct StaticValue(GlobalValue? Base, Int128 Offset)
{
    public bool IsNumber => Base is null;
}

internal sealed class StaticEvaluator(ModuleLowering module)
{
    /// <summary>The truth of a condition that is known at compile time, else null.</summary>
    public bool? Truth(BoundExpression condition) => Evaluate(condition) is { } value ? !value.IsNumber || value.Offset != 0 : null;

    public Int128? Number(BoundExpression expression) => Evaluate(expression) is { IsNumber: true } value ? value.Offset : null;

    public StaticValue? Evaluate(BoundExpression expression)
    {
        switch (expression)
        {
            case BoundLiteral literal:
                return new StaticValue(null, literal.Value);
            case BoundAddressOf address:
                return AddressOf(address.Operand);
            case BoundConversion conversion:
                return Convert(conversion);
            case BoundPointerArithmetic arithmetic:
                return Evaluate(arithmetic.Pointer) is { } pointer && Number(arithmetic.Index) is { } index
                    ? pointer with { Offset = pointer.Offset + (arithmetic.IsSubtraction ? -index : index) * arithmetic.ElementSize }
                    : null;
            case BoundPointerDifference difference:
                return Evaluate(difference.Left) is { } left && Evaluate(difference.Right) is { } right && left.Base == right.Base && difference.ElementSize > 0
                    ? new StaticValue(null, (left.Offset - right.Offset) / difference.ElementSize)
                    : null;
            case BoundUnary unary:
                return Unary(unary);
            case BoundBinary binary:
                return Binary(binary);
            case BoundLogical logical:
                return Truth(logical.Left) is not { } first ? null
                    : first != logical.IsAnd ? Boolean(first)
                    : Truth(logical.Right) is { } second ? Boolean(second) : null;
            case BoundConditional conditional:
                return Truth(conditional.Condition) is not { } chosen ? null
                    : !chosen ? Evaluate(conditional.IfFalse)
                    : conditional.IfTrue is null ? Evaluate(conditional.Condition) : Evaluate(conditional.IfTrue);
            case BoundBuiltinCall { Kind: BuiltinKind.Expect } expect:
                return Evaluate(expect.Arguments[0]);
            case BoundBuiltinCall { Kind: BuiltinKind.ConstantP } query:
                // A no is only known after inlining; see FunctionLowering.
                return Number(query.Arguments[0]) is not null || query.Arguments[0] is BoundConversion { Operand: BoundStringLiteral } ? Boolean(true) : null;
            case BoundBuiltinCall { Kind: BuiltinKind.ByteSwap } swap:
                return Number(swap.Arguments[0]) is { } swapped ? new StaticValue(null, SwapBytes(swapped, (int)swap.Type.Type.Size)) : null;
            default:
                return null;
        }
    }

    /// <summary>The address an lvalue of static storage has.</summary>
    public StaticValue? AddressOf(BoundExpression lvalue) => lvalue switch
    {
        BoundVariable { Symbol.IsGlobal: true } variable => new StaticValue(module.GetGlobal(variable.Symbol), 0),
        BoundVariable { Symbol.IsExternal: true } variable => new StaticValue(module.GetGlobal(variable.Symbol), 0),
        BoundStringLiteral text => new StaticValue(module.GetString(text), 0),
        BoundFunctionReference function => new StaticValue(module.GetFunction(function.Symbol), 0),
        BoundCompoundLiteral { Storage.IsGlobal: true } literal => new StaticValue(module.GetCompoundLiteral(literal), 0),
        BoundDereference dereference => Evaluate(dereference.Pointer),
        BoundMember { Field.IsBitField: false } member => AddressOf(member.Receiver) is { } record ? record with { Offset = record.Offset + member.Field.ByteOffset } : null,
        _ => null,
    };

    /// <summary>A number of the type's width: truncated, and extended again by its signedness.</summary>
    public static Int128 Wrap(Int128 value, QualifiedType type)
    {
        if (TypeLowering.IsBool(type))
            return value & 1;
        int bits = TypeLowering.ValueType(type).Bits();
        if (bits is 0 or >= 128)
            return value;
        value <<= 128 - bits;
        return TypeLowering.IsSigned(type) ? value >> (128 - bits) : value >>> (128 - bits);
    }

    private StaticValue? Convert(BoundConversion conversion)
    {
        switch (conversion.Kind)
        {
            case ConversionKind.ArrayToPointer:
            case ConversionKind.FunctionToPointer:
                return AddressOf(conversion.Operand);
            case ConversionKind.LoadValue:
                return ConstantVariable(conversion.Operand) ?? PartOfLiteral(conversion);
        }
        if (Evaluate(conversion.Operand) is not { } value)
            return null;
        switch (conversion.Kind)
        {
            case ConversionKind.Integral or ConversionKind.IntegralToPointer or ConversionKind.PointerToIntegral when value.IsNumber:
                return value with { Offset = Wrap(value.Offset, conversion.Type) };
            case ConversionKind.IntegralToPointer or ConversionKind.PointerToIntegral or ConversionKind.Integral:
                return conversion.Type.Type.Size == 8 ? value : null;
            case ConversionKind.ToBool:
                return Boolean(!value.IsNumber || value.Offset != 0);
            case ConversionKind.Pointer or ConversionKind.Identity:
                return value;
            default:
                return null;
        }
    }

    /// <summary>The value of a scalar constant variable, as clang folds it (immediate operands of assembly name helpers that way).</summary>
    private StaticValue? ConstantVariable(BoundExpression lvalue)
        => lvalue is BoundVariable { Symbol: { IsGlobal: true, IsExternal: false, Attributes.Weak: false, Initializer.Entries: [{ Offset: 0, BitField: null, Value: var value }] } symbol }
            && symbol.Type.IsConst && !symbol.Type.IsVolatile && !TypeLowering.IsAggregate(symbol.Type)
            ? Evaluate(value) : null;

    /// <summary>
    /// <c>*(long *)&amp;(struct bpf_insn){ ... }</c>: the start of a constant compound literal read as a number, which is how programs
    /// write instructions that their assembler does not know.
    /// </summary>
    private StaticValue? PartOfLiteral(BoundConversion load)
    {
        if (load.Operand is not BoundDereference { Pointer: var pointer } || load.Type.Type.Size is not (1 or 2 or 4 or 8))
            return null;
        while (pointer is BoundConversion { Kind: ConversionKind.Pointer } conversion)
            pointer = conversion.Operand;
        if (pointer is not BoundAddressOf { Operand: BoundCompoundLiteral literal } || module.ImageOf(literal.Initializer) is not { } bytes || bytes.Length < load.Type.Type.Size)
            return null;
        Int128 value = 0;
        for (int i = (int)load.Type.Type.Size - 1; i >= 0; i--)
            value = value << 8 | bytes[i];
        return new StaticValue(null, Wrap(value, load.Type));
    }

    private StaticValue? Unary(BoundUnary unary)
    {
        if (unary.Operator == BoundUnaryOperator.LogicalNot)
            return Truth(unary.Operand) is { } truth ? Boolean(!truth) : null;
        return Number(unary.Operand) is { } value
            ? new StaticValue(null, Wrap(unary.Operator == BoundUnaryOperator.Minus ? -value : ~value, unary.Type))
            : null;
    }

    private StaticValue? Binary(BoundBinary binary)
    {
        if (Evaluate(binary.Left) is not { } leftValue || Evaluate(binary.Right) is not { } rightValue)
            return null;
        if (!leftValue.IsNumber || !rightValue.IsNumber)
            return AddressArithmetic(binary, leftValue, rightValue);
        Int128 left = leftValue.Offset, right = rightValue.Offset;
        bool wideUnsigned = binary.Left.Type.Type.Size == 16 && !TypeLowering.IsSigned(binary.Left.Type);
        int bits = TypeLowering.ValueType(binary.Left.Type).Bits();
        Int128? result = binary.Operator switch
        {
            BinaryOperator.Add => left + right,
            BinaryOperator.Subtract => left - right,
            BinaryOperator.Multiply => left * right,
            BinaryOperator.Divide when right != 0 && !wideUnsigned => right == -1 ? -left : left / right,
            BinaryOperator.Remainder when right != 0 && !wideUnsigned => right == -1 ? 0 : left % right,
            BinaryOperator.ShiftLeft when right >= 0 && right < bits => left << (int)right,
            BinaryOperator.ShiftRight when right >= 0 && right < bits => wideUnsigned ? left >>> (int)right : left >> (int)right,
            BinaryOperator.BitwiseAnd => left & right,
            BinaryOperator.BitwiseOr => left | right,
            BinaryOperator.BitwiseXor => left ^ right,
            BinaryOperator.Equal => left == right ? 1 : 0,
            BinaryOperator.NotEqual => left != right ? 1 : 0,
            BinaryOperator.Less when !wideUnsigned => left < right ? 1 : 0,
            BinaryOperator.LessOrEqual when !wideUnsigned => left <= right ? 1 : 0,
            BinaryOperator.Greater when !wideUnsigned => left > right ? 1 : 0,
            BinaryOperator.GreaterOrEqual when !wideUnsigned => left >= right ? 1 : 0,
            _ => null,
        };
        return result is { } number ? new StaticValue(null, Wrap(number, binary.Type)) : null;
    }

    private static StaticValue? AddressArithmetic(BoundBinary binary, StaticValue left, StaticValue right) => binary.Operator switch
    {
        BinaryOperator.Add when right.IsNumber => left with { Offset = left.Offset + right.Offset },
        BinaryOperator.Add when left.IsNumber => right with { Offset = right.Offset + left.Offset },
        BinaryOperator.Subtract when right.IsNumber => left with { Offset = left.Offset - right.Offset },
        BinaryOperator.Subtract when left.Base == right.Base => new StaticValue(null, left.Offset - right.Offset),
        _ => null,
    };

    private static StaticValue Boolean(bool value) => new(null, value ? 1 : 0);

    private static Int128 SwapBytes(Int128 value, int bytes)
        => bytes is 2 or 4 or 8 ? (Int128)Core.Numerics.IntegerArithmetic.ByteSwap((ulong)(UInt128)(value & ulong.MaxValue), bytes * 8) : value;
}
