// Expressions that have a scalar value.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    /// <summary>The value of a scalar expression, in the SSA type of its C type.</summary>
    private Value Lower(BoundExpression expression)
    {
        switch (expression)
        {
            case BoundLiteral literal:
                return new Constant(TypeLowering.ValueType(literal.Type), unchecked((UInt128)literal.Value));
            case BoundConversion conversion:
                return LowerConversion(conversion);
            case BoundAddressOf address:
                if (address.Operand is BoundFunctionReference addressed)
                    return module.GetFunction(addressed.Symbol);
                Place place = PlaceOf(address.Operand);
                _builder.Location = address.Location;
                return Address(place);
            case BoundFunctionReference designator:
                return module.GetFunction(designator.Symbol);
            case BoundUnary unary:
                return LowerUnary(unary);
            case BoundBinary { Operator: >= BinaryOperator.Less and <= BinaryOperator.NotEqual } or BoundLogical:
                return WidenBoolean(LowerBoolean(expression), expression);
            case BoundBinary binary:
                Value left = Lower(binary.Left), right = Lower(binary.Right);
                _builder.Location = binary.Location;
                return Arithmetic(binary.Operator, left, right, binary.Type, TypeLowering.IsSigned(binary.Right.Type));
            case BoundPointerArithmetic { Pointer: BoundConversion { Kind: ConversionKind.ArrayToPointer } } element:
                // &array[i]: the element's place, so that the index takes part in relocated accesses.
                Place elementPlace = Pointee(element, ((PointerType)element.Type.Canonical).Pointee);
                _builder.Location = element.Location;
                return Address(elementPlace);
            case BoundPointerArithmetic arithmetic:
                Value pointer = Lower(arithmetic.Pointer);
                return Advance(pointer, arithmetic);
            case BoundPointerDifference difference:
                return LowerDifference(difference);
            case BoundAssignment assignment:
                return LowerAssignment(assignment, true);
            case BoundCompoundAssignment assignment:
                return LowerCompoundAssignment(assignment);
            case BoundIncrement increment:
                return LowerIncrement(increment);
            case BoundConditional conditional:
                return LowerConditional(conditional, null);
            case BoundComma comma:
                LowerDiscarded(comma.Left);
                return Lower(comma.Right);
            case BoundCall call:
                return LowerCall(call, null);
            case BoundBuiltinCall builtin:
                return LowerBuiltin(builtin);
            case BoundStatementExpression block:
                return LowerStatementExpression(block);
            case BoundMember member:
                // Of a structure value.
                Place field = PlaceOf(member);
                return Load(field, member.Type);
            case BoundLabelAddress:
                return Fail(LoweringDiagnostics.ComputedGoto, expression);
            case BoundErrorExpression:
                _failed = true;
                return Placeholder(expression.Type);
            default:
                throw Unexpected(expression);
        }
    }

    /// <summary>Evaluates for effect only.</summary>
    private void LowerDiscarded(BoundExpression expression)
    {
        EnsureOpenBlock();
        switch (expression)
        {
            case BoundConversion { Kind: ConversionKind.ToVoid or ConversionKind.Identity, Operand: var operand }:
                LowerDiscarded(operand);
                return;
            case BoundConversion { Kind: not ConversionKind.LoadValue, Operand: { IsLValue: false } operand }:
                LowerDiscarded(operand);
                return;
            case BoundConversion { Kind: ConversionKind.LoadValue } load when TypeLowering.IsAggregate(load.Type):
                PlaceOf(load.Operand);
                return;
            case BoundAssignment assignment:
                LowerAssignment(assignment, false);
                return;
            case BoundComma comma:
                LowerDiscarded(comma.Left);
                LowerDiscarded(comma.Right);
                return;
            case BoundLiteral or BoundFunctionReference:
                return;
            case BoundStatementExpression block:
                LowerStatementExpression(block.Body, () =>
                {
                    if (block.Result is not null)
                        LowerDiscarded(block.Result);
                    return s_nothing;
                });
                return;
            case BoundConditional conditional:
                LowerDiscardedConditional(conditional);
                return;
            case BoundCall call when TypeLowering.IsAggregate(call.Type):
                LowerCall(call, Temporary(call.Type));
                return;
        }
        if (expression.IsLValue || TypeLowering.IsAggregate(expression.Type))
            PlaceOf(expression);
        else
            Lower(expression);
    }

    private Value LowerConversion(BoundConversion conversion)
    {
        BoundExpression operand = conversion.Operand;
        IrType target = TypeLowering.ValueType(conversion.Type);
        switch (conversion.Kind)
        {
            case ConversionKind.LoadValue:
                if (operand is BoundFunctionReference designator)
                    return module.GetFunction(designator.Symbol);
                if (!operand.IsLValue && operand is not BoundMember)
                    return Lower(operand);
                Place place = PlaceOf(operand);
                _builder.Location = conversion.Location;
                return Load(place, operand.Type);
            case ConversionKind.ArrayToPointer:
                Place array = PlaceOf(operand);
                _builder.Location = conversion.Location;
                return Address(array);
            case ConversionKind.FunctionToPointer:
                return operand is BoundDereference dereference ? Lower(dereference.Pointer) : Lower(operand);
            case ConversionKind.ToBool:
                return WidenBoolean(LowerBoolean(operand), conversion);
            case ConversionKind.ToVoid:
                LowerDiscarded(operand);
                return s_nothing;
            case ConversionKind.Integral when IsBooleanValued(operand):
                return WidenBoolean(LowerBoolean(operand), conversion);
        }
        Value value = Lower(operand);
        _builder.Location = conversion.Location;
        return conversion.Kind switch
        {
            ConversionKind.Integral => _builder.ConvertInteger(value, target, TypeLowering.IsSigned(operand.Type)),
            ConversionKind.IntegralToPointer => _builder.IntToPtr(_builder.ConvertInteger(value, IrType.I64, TypeLowering.IsSigned(operand.Type))),
            ConversionKind.PointerToIntegral => _builder.ConvertInteger(_builder.PtrToInt(value), target, false),
            _ => value,
        };
    }

    /// <summary>A scalar brought from one type to another, for operators that convert behind the tree's back.</summary>
    private Value ConvertScalar(Value value, QualifiedType from, QualifiedType to)
    {
        IrType target = TypeLowering.ValueType(to);
        if (TypeLowering.IsBool(to) && !TypeLowering.IsBool(from))
            return _builder.ZExt(IsNonZero(value), IrType.I8);
        if (value.Type == IrType.Ptr && target != IrType.Ptr)
            return _builder.ConvertInteger(_builder.PtrToInt(value), target, false);
        if (value.Type != IrType.Ptr && target == IrType.Ptr)
            return _builder.IntToPtr(_builder.ConvertInteger(value, IrType.I64, TypeLowering.IsSigned(from)));
        return target == IrType.Ptr ? value : _builder.ConvertInteger(value, target, TypeLowering.IsSigned(from));
    }

    // ---- operators ----------------------------------------------------------------------------------------------------

    private Value LowerUnary(BoundUnary unary)
    {
        if (unary.Operator == BoundUnaryOperator.LogicalNot)
            return WidenBoolean(LowerBoolean(unary), unary);
        Value operand = Lower(unary.Operand);
        _builder.Location = unary.Location;
        return unary.Operator == BoundUnaryOperator.Minus ? _builder.Neg(operand) : _builder.Not(operand);
    }

    private Value Arithmetic(BinaryOperator operation, Value left, Value right, QualifiedType type, bool rightIsSigned)
    {
        bool signed = TypeLowering.IsSigned(type);
        if (operation is BinaryOperator.ShiftLeft or BinaryOperator.ShiftRight)
            right = _builder.ConvertInteger(right, left.Type, rightIsSigned);
        return _builder.Binary(operation switch
        {
            BinaryOperator.Multiply => IrOpcode.Mul,
            BinaryOperator.Divide => signed ? IrOpcode.SDiv : IrOpcode.UDiv,
            BinaryOperator.Remainder => signed ? IrOpcode.SRem : IrOpcode.URem,
            BinaryOperator.Add => IrOpcode.Add,
            BinaryOperator.Subtract => IrOpcode.Sub,
            BinaryOperator.ShiftLeft => IrOpcode.Shl,
            BinaryOperator.ShiftRight => signed ? IrOpcode.AShr : IrOpcode.LShr,
            BinaryOperator.BitwiseAnd => IrOpcode.And,
            BinaryOperator.BitwiseXor => IrOpcode.Xor,
            BinaryOperator.BitwiseOr => IrOpcode.Or,
            _ => throw Unexpected(operation),
        }, left, right);
    }

    /// <summary>pointer + index * element size.</summary>
    private Value Advance(Value pointer, BoundPointerArithmetic arithmetic)
    {
        Value index = Lower(arithmetic.Index);
        _builder.Location = arithmetic.Location;
        return Advance(pointer, index, TypeLowering.IsSigned(arithmetic.Index.Type), arithmetic.IsSubtraction, arithmetic.ElementSize);
    }

    private Value Advance(Value pointer, Value index, bool indexIsSigned, bool subtract, long elementSize)
    {
        Value offset = _builder.ConvertInteger(index, IrType.I64, indexIsSigned);
        if (elementSize != 1)
            offset = _builder.Mul(offset, Constant.I64(elementSize));
        return _builder.PtrAdd(pointer, subtract ? _builder.Neg(offset) : offset);
    }

    private Value LowerDifference(BoundPointerDifference difference)
    {
        Value left = Lower(difference.Left), right = Lower(difference.Right);
        _builder.Location = difference.Location;
        Value bytes = _builder.Sub(_builder.PtrToInt(left), _builder.PtrToInt(right));
        long size = difference.ElementSize;
        if (size <= 1)
            return bytes;
        // The distance is a multiple of the size, so a power of two is exactly a shift; the machine lacks signed division before v4.
        if (Core.Numerics.IntegerArithmetic.IsPowerOfTwo((ulong)size))
            return _builder.AShr(bytes, Constant.I64(System.Numerics.BitOperations.TrailingZeroCount(size)));
        return ExactQuotient(bytes, size);
    }

    /// <summary>
    /// Division of a multiple: size = odd * 2^k, and an odd number has an inverse modulo 2^64 (Hacker's Delight 10-16), so
    /// n / size = (n >> k) * odd^-1, without a division and right for negative n too.
    /// </summary>
    private Value ExactQuotient(Value multiple, long size)
    {
        int twos = System.Numerics.BitOperations.TrailingZeroCount(size);
        ulong odd = (ulong)size >> twos, inverse = odd;
        for (int i = 0; i < 5; i++)
            inverse = unchecked(inverse * (2 - odd * inverse));
        return _builder.Mul(_builder.AShr(multiple, Constant.I64(twos)), new Constant(IrType.I64, inverse));
    }

    // ---- assignments --------------------------------------------------------------------------------------------------

    private Value LowerAssignment(BoundAssignment assignment, bool isUsed)
    {
        if (TypeLowering.IsAggregate(assignment.Type))
        {
            AssignAggregate(assignment);
            return s_nothing;
        }
        // The value first: it may contain calls, across which addresses would only occupy registers.
        Value value = Lower(assignment.Value);
        Place place = PlaceOf(assignment.Target);
        _builder.Location = assignment.Location;
        Store(place, value);
        return isUsed ? Stored(place, value, assignment.Target.Type) : value;
    }

    private void AssignAggregate(BoundAssignment assignment)
    {
        if (assignment.Value is BoundConversion { Kind: ConversionKind.LoadValue, Operand: not BoundCompoundLiteral and var source })
        {
            Place from = PlaceOf(source), to = PlaceOf(assignment.Target);
            _builder.Location = assignment.Location;
            Copy(to, from, assignment.Type.Type.Size);
            return;
        }
        // The value may depend on the old contents of the target.
        Place temporary = Temporary(assignment.Type);
        LowerAggregate(assignment.Value, temporary);
        Place target = PlaceOf(assignment.Target);
        _builder.Location = assignment.Location;
        Copy(target, temporary, assignment.Type.Type.Size);
    }

    /// <summary>The value an assignment has: what the target holds now, without reading it again.</summary>
    private Value Stored(Place place, Value value, QualifiedType type) => place.BitField is { } field ? TruncateToField(value, field, type) : value;

    private Value LowerCompoundAssignment(BoundCompoundAssignment assignment)
    {
        QualifiedType type = assignment.Target.Type;
        Value operand = Lower(assignment.Value);
        Place place = Materialize(PlaceOf(assignment.Target));
        _builder.Location = assignment.Location;
        if (place.IsAtomic)
            return LowerAtomicAssignment(assignment, place, operand);
        Value old = Load(place, type);
        Value result = Combine(assignment, old, operand);
        Store(place, result);
        return Stored(place, result, type);
    }

    /// <summary>(T)((C)old op value), or pointer stepping.</summary>
    private Value Combine(BoundCompoundAssignment assignment, Value old, Value operand)
    {
        QualifiedType type = assignment.Target.Type;
        if (type.Canonical is PointerType)
            return Advance(old, operand, TypeLowering.IsSigned(assignment.Value.Type), assignment.Operator == BinaryOperator.Subtract, assignment.ElementSize);
        QualifiedType computation = assignment.ComputationType;
        Value left = ConvertScalar(old, type, computation);
        if (assignment.Operator is not (BinaryOperator.ShiftLeft or BinaryOperator.ShiftRight))
            operand = ConvertScalar(operand, assignment.Value.Type, computation);
        return ConvertScalar(Arithmetic(assignment.Operator, left, operand, computation, TypeLowering.IsSigned(assignment.Value.Type)), computation, type);
    }

    private Value LowerIncrement(BoundIncrement increment)
    {
        QualifiedType type = increment.Target.Type;
        Place place = Materialize(PlaceOf(increment.Target));
        _builder.Location = increment.Location;
        if (place.IsAtomic)
            return LowerAtomicIncrement(increment, place);
        Value old = Load(place, type);
        Value changed = Step(old, type, increment.IsDecrement);
        Store(place, changed);
        return increment.IsPrefix ? Stored(place, changed, type) : old;
    }

    private Value Step(Value old, QualifiedType type, bool down)
    {
        if (type.Canonical is PointerType pointer)
            return _builder.PtrAdd(old, (down ? -1 : 1) * Math.Max(pointer.Pointee.Type is VoidType or FunctionType ? 1 : pointer.Pointee.Canonical is VoidType ? 1 : pointer.Pointee.Type.Size, 0));
        if (TypeLowering.IsBool(type))
            return down ? _builder.Xor(old, Constant.Of(IrType.I8, 1)) : Constant.Of(IrType.I8, 1);
        return _builder.Add(old, Constant.Of(old.Type, down ? -1 : 1));
    }

    private Value LowerStatementExpression(BoundStatementExpression block)
        => LowerStatementExpression(block.Body, () => block.Result is null ? s_nothing : Lower(block.Result));
}
