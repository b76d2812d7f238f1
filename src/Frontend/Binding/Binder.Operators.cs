// Operators: unary, binary, assignment, increment; pointer arithmetic (C11 6.5.3 to 6.5.16).
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    // ---- unary ---------------------------------------------------------------------------------------------------------

    private BoundExpression BindUnary(UnaryExpressionSyntax syntax)
    {
        switch (syntax.Operator)
        {
            case UnaryOperator.Extension:
                return BindExpression(syntax.Operand);
            case UnaryOperator.AddressOf:
                return BindAddressOf(syntax);
            case UnaryOperator.Dereference:
                return BindDereference(syntax);
            case UnaryOperator.PreIncrement or UnaryOperator.PreDecrement or UnaryOperator.PostIncrement or UnaryOperator.PostDecrement:
                return BindIncrement(syntax);
            case UnaryOperator.Real or UnaryOperator.Imaginary:
                return ReportError(D.UnsupportedExpression, syntax, syntax.Operator == UnaryOperator.Real ? "__real__" : "__imag__");
        }
        BoundExpression operand = BindValue(syntax.Operand);
        if (operand is BoundErrorExpression)
            return ErrorAt(syntax);
        if (syntax.Operator == UnaryOperator.LogicalNot)
            return LogicalNot(syntax, operand);
        if (operand is BoundFloatConstant real && syntax.Operator != UnaryOperator.BitwiseNot)
            return real with { Value = syntax.Operator == UnaryOperator.Minus ? -real.Value : real.Value };
        if (TypeRelations.IsFloating(operand.Type.Type) && syntax.Operator != UnaryOperator.BitwiseNot)
            return RefusesFloat(operand.Type, syntax.Location) ? ErrorAt(syntax) : operand;
        if (!TypeRelations.IsInteger(operand.Type.Type))
            return ReportError(D.InvalidUnaryOperand, syntax, Show(operand.Type));
        operand = Promote(operand);
        if (syntax.Operator == UnaryOperator.Plus)
            return operand with { Span = syntax.Span, Location = syntax.Location };
        var type = (IntegerType)operand.Type.Canonical;
        if (operand is BoundLiteral literal)
        {
            Int128 exact = syntax.Operator == UnaryOperator.Minus ? unchecked(-literal.Value) : ~literal.Value;
            if (type.IsSigned && type.Bits < 128 && ConstantEvaluator.Wrap(exact, type) != exact && _unevaluated == 0)
                Report(D.IntegerOverflow, syntax, ConstantEvaluator.Wrap(exact, type), Show(type));
            return Literal(new QualifiedType(type), exact, syntax);
        }
        return new BoundUnary(syntax.Operator == UnaryOperator.Minus ? BoundUnaryOperator.Minus : BoundUnaryOperator.BitwiseNot, operand, type) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression LogicalNot(SyntaxNode syntax, BoundExpression operand)
    {
        if (!TypeRelations.IsScalar(operand.Type.Type))
            return ReportError(D.InvalidUnaryOperand, syntax, Show(operand.Type));
        if (RefusesFloat(operand.Type, syntax.Location))
            return ErrorAt(syntax);
        if (operand is BoundLiteral literal)
            return Literal(IntegerType.Int, literal.Value == 0 ? 1 : 0, syntax);
        return new BoundUnary(BoundUnaryOperator.LogicalNot, operand, IntegerType.Int) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression BindAddressOf(UnaryExpressionSyntax syntax)
    {
        bool outer = _isAddressOperand;
        _isAddressOperand = true;
        BoundExpression operand = BindExpression(syntax.Operand);
        _isAddressOperand = outer;
        if (operand is BoundErrorExpression)
            return ErrorAt(syntax);
        if (operand is BoundFunctionReference)
            return new BoundAddressOf(operand, operand.Type.Type.PointerTo()) { Span = syntax.Span, Location = syntax.Location };
        // &*p is p, with nothing read (C11 6.5.3.2p3); the same for a function behind a pointer.
        if (operand is BoundDereference dereference)
            return Convert(dereference.Pointer, PointerTo(dereference.Type)) with { Span = syntax.Span, Location = syntax.Location };
        if (!operand.IsLValue)
            return ReportError(D.AddressOfRvalue, syntax, Show(operand.Type));
        if (operand is BoundMember { Field.IsBitField: true })
            return ReportError(D.AddressOfBitField, syntax);
        if (operand is BoundVariable { Symbol: { Storage: StorageClass.Register } register })
            return ReportError(D.RegisterAddress, syntax, register.Name);
        MarkAddressTaken(operand);
        return new BoundAddressOf(operand, PointerTo(operand.Type)) { Span = syntax.Span, Location = syntax.Location };
    }

    private static void MarkAddressTaken(BoundExpression lvalue)
    {
        while (lvalue is BoundMember member)
            lvalue = member.Receiver;
        if (lvalue is BoundVariable variable)
            variable.Symbol.IsAddressTaken = true;
    }

    private BoundExpression BindDereference(UnaryExpressionSyntax syntax)
    {
        BoundExpression pointer = BindValue(syntax.Operand);
        if (pointer is BoundErrorExpression)
            return ErrorAt(syntax);
        if (pointer.Type.Canonical is not PointerType type)
            return ReportError(D.DereferenceNonPointer, syntax, Show(pointer.Type));
        if (TypeRelations.IsVoid(type.Pointee.Type) && _unevaluated == 0 && !_isAddressOperand)
            Report(D.VoidPointerDereference, syntax, Show(pointer.Type));
        // *&x is x, *f is f.
        if (pointer is BoundAddressOf { Operand: var operand } && operand.Type.Canonical is not ArrayType)
            return operand;
        if (pointer is BoundConversion { Kind: ConversionKind.FunctionToPointer, Operand: BoundFunctionReference function })
            return function;
        return new BoundDereference(pointer, type.Pointee) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression BindIncrement(UnaryExpressionSyntax syntax)
    {
        BoundExpression target = BindTarget(syntax.Operand, out bool wasRead);
        bool isDecrement = syntax.Operator is UnaryOperator.PreDecrement or UnaryOperator.PostDecrement;
        if (target is BoundErrorExpression || !CheckModifiable(target, syntax.Operand))
            return ErrorAt(syntax);
        if (!_isDiscarded && target is BoundVariable { Symbol: var symbol })
            symbol.IsRead = true;
        _ = wasRead;
        string verb = isDecrement ? "decrement" : "increment";
        switch (target.Type.Canonical)
        {
            case PointerType pointer:
                if (!HasStep(pointer.Pointee, syntax))
                    return ErrorAt(syntax);
                break;
            case FloatType:
                if (RefusesFloat(target.Type, syntax.Location))
                    return ErrorAt(syntax);
                break;
            default:
                if (!TypeRelations.IsInteger(target.Type.Type))
                    return ReportError(D.IncrementType, syntax, verb, Show(target.Type));
                break;
        }
        bool isPrefix = syntax.Operator is UnaryOperator.PreIncrement or UnaryOperator.PreDecrement;
        return new BoundIncrement(target, isDecrement, isPrefix, TypeRelations.ValueType(target.Type)) { Span = syntax.Span, Location = syntax.Location };
    }

    // ---- promotions ----------------------------------------------------------------------------------------------------

    /// <summary>The bit-field whose value an expression is, or null: bit-fields promote by width.</summary>
    private static FieldSymbol? BitFieldOf(BoundExpression expression)
    {
        while (true)
        {
            switch (expression)
            {
                case BoundConversion { Kind: ConversionKind.LoadValue } load: expression = load.Operand; continue;
                case BoundMember { Field: { IsBitField: true } field }: return field;
                case BoundAssignment assignment: expression = assignment.Target; continue;
                case BoundCompoundAssignment assignment: expression = assignment.Target; continue;
                case BoundIncrement increment: expression = increment.Target; continue;
                case BoundComma comma: expression = comma.Right; continue;
                default: return null;
            }
        }
    }

    private static IntegerType PromotedType(BoundExpression value)
    {
        IntegerType type = TypeRelations.Representation(value.Type.Type)!;
        return BitFieldOf(value) is { BitWidth: { } width } ? TypeRelations.PromoteBitField(type, width) : TypeRelations.Promote(type);
    }

    private static BoundExpression Promote(BoundExpression value) => Convert(value, PromotedType(value));

    // ---- binary --------------------------------------------------------------------------------------------------------

    private BoundExpression BindBinary(BinaryExpressionSyntax syntax)
    {
        if (OperatorTable.Of(syntax.Operator).Family == OperatorFamily.Logical)
            return BindLogical(syntax);
        // Long chains lean to the left: a + b + c + ... is walked down and bound on the way up, without recursion.
        Stack<BinaryExpressionSyntax>? chain = null;
        while (syntax.Left is BinaryExpressionSyntax inner && OperatorTable.Of(inner.Operator).Family != OperatorFamily.Logical)
        {
            (chain ??= new Stack<BinaryExpressionSyntax>()).Push(syntax);
            syntax = inner;
        }
        BoundExpression result = CombineOperands(BindValue(syntax.Left), syntax);
        while (chain is not null && chain.TryPop(out BinaryExpressionSyntax? outer))
            result = CombineOperands(result, outer);
        return result;
    }

    private BoundExpression CombineOperands(BoundExpression left, BinaryExpressionSyntax syntax)
    {
        BoundExpression right = BindValue(syntax.Right);
        if (left is BoundErrorExpression || right is BoundErrorExpression)
            return ErrorAt(syntax);
        WarnPrecedence(syntax);
        return Combine(syntax.Operator, left, right, syntax);
    }

    private BoundExpression BindLogical(BinaryExpressionSyntax syntax)
    {
        bool isAnd = syntax.Operator == BinaryOperator.LogicalAnd;
        BoundExpression left = BindCondition(syntax.Left);
        bool isDecided = left is BoundLiteral { Value: var value } && value != 0 != isAnd;
        if (isDecided)
            _unevaluated++;
        BoundExpression right = BindCondition(syntax.Right);
        if (isDecided)
            _unevaluated--;
        if (left is BoundErrorExpression || right is BoundErrorExpression)
            return ErrorAt(syntax);
        if (RefusesFloat(left.Type, syntax.Location) || RefusesFloat(right.Type, syntax.Location))
            return ErrorAt(syntax);
        WarnPrecedence(syntax);
        if (isDecided)
            return Literal(IntegerType.Int, isAnd ? 0 : 1, syntax);
        if (left is BoundLiteral && right is BoundLiteral second)
            return Literal(IntegerType.Int, second.Value != 0 ? 1 : 0, syntax);
        return new BoundLogical(isAnd, left, right, IntegerType.Int) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression Combine(BinaryOperator operation, BoundExpression left, BoundExpression right, SyntaxNode syntax)
    {
        OperatorRow row = OperatorTable.Of(operation);
        bool leftInteger = TypeRelations.IsInteger(left.Type.Type), rightInteger = TypeRelations.IsInteger(right.Type.Type);
        if (!(leftInteger && rightInteger))
        {
            if (row.TakesFloating && TypeRelations.IsArithmetic(left.Type.Type) && TypeRelations.IsArithmetic(right.Type.Type))
            {
                if (FoldFloating(operation, left, right, syntax) is { } constant)
                    return constant;
                if (RefusesFloat(left.Type, syntax.Location) || RefusesFloat(right.Type, syntax.Location))
                    return ErrorAt(syntax);
                // Typed only: inside sizeof or typeof.
                return row.Family is OperatorFamily.Relational or OperatorFamily.Equality ? Literal(IntegerType.Int, 0, syntax) : TypeRelations.IsFloating(left.Type.Type) ? left : right;
            }
            switch (row.Family)
            {
                case OperatorFamily.Additive:
                    return CombinePointers(operation, left, right, syntax);
                case OperatorFamily.Relational or OperatorFamily.Equality:
                    return ComparePointers(operation, left, right, syntax);
                default:
                    return InvalidOperands(left, right, syntax);
            }
        }
        if (row.Family == OperatorFamily.Shift)
            return Shift(operation, left, right, syntax);
        IntegerType type = TypeRelations.UsualArithmetic(PromotedType(left), PromotedType(right));
        if (row.Family is OperatorFamily.Relational or OperatorFamily.Equality)
            WarnComparison(operation, left, right, type, syntax);
        BoundExpression first = Convert(left, type), second = Convert(right, type);
        if (row.Operator is BinaryOperator.Divide or BinaryOperator.Remainder && second is BoundLiteral { Value: var divisor } && divisor == 0 && _unevaluated == 0)
            Report(D.DivisionByZero, syntax, row.Operator == BinaryOperator.Divide ? "division" : "remainder");
        IntegerType result = row.Family is OperatorFamily.Relational or OperatorFamily.Equality ? IntegerType.Int : type;
        if (first is BoundLiteral a && second is BoundLiteral b && ConstantEvaluator.Fold(operation, a.Value, b.Value, type) is { } folded)
        {
            WarnOverflow(operation, a.Value, b.Value, folded, type, syntax);
            return Literal(new QualifiedType(result), folded, syntax);
        }
        return new BoundBinary(operation, first, second, result) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression InvalidOperands(BoundExpression left, BoundExpression right, SyntaxNode syntax)
        => ReportError(D.InvalidBinaryOperands, syntax, Show(left.Type), Show(right.Type));

    private BoundExpression Shift(BinaryOperator operation, BoundExpression left, BoundExpression right, SyntaxNode syntax)
    {
        left = Promote(left);
        right = Promote(right);
        var type = (IntegerType)left.Type.Canonical;
        if (right is BoundLiteral count)
        {
            if (count.Value < 0 && _unevaluated == 0)
                Report(D.ShiftNegative, syntax);
            else if (count.Value >= type.Bits && _unevaluated == 0)
                Report(D.ShiftTooLarge, syntax);
            else if (left is BoundLiteral literal && ConstantEvaluator.Fold(operation, literal.Value, count.Value, type) is { } folded)
                return Literal(new QualifiedType(type), folded, syntax);
        }
        return new BoundBinary(operation, left, right, type) { Span = syntax.Span, Location = syntax.Location };
    }

    // ---- pointers ------------------------------------------------------------------------------------------------------

    /// <summary>The pointee has a size to step by.</summary>
    private bool HasStep(QualifiedType pointee, SyntaxNode syntax)
    {
        if (pointee.Canonical is VoidType or FunctionType || IsCompleteHere(pointee.Type))
            return true;
        if (!TypeRelations.IsError(pointee.Type))
            Report(D.DereferenceVoid, syntax, Show(pointee));
        return false;
    }

    private BoundExpression PointerPlus(BoundExpression pointer, BoundExpression index, bool isSubtraction, SyntaxNode syntax)
    {
        QualifiedType pointee = ((PointerType)pointer.Type.Canonical).Pointee;
        if (!HasStep(pointee, syntax))
            return ErrorAt(syntax);
        index = Promote(index);
        IntegerType type = TypeRelations.Representation(index.Type.Type)!;
        index = Convert(index, type.IsSigned ? IntegerType.Long : IntegerType.UnsignedLong);
        long step = TypeRelations.StepOf(pointee);
        if (pointer is BoundLiteral baseAddress && index is BoundLiteral offset)
        {
            Int128 bytes = unchecked(offset.Value * step);
            return Literal(TypeRelations.ValueType(pointer.Type), isSubtraction ? baseAddress.Value - bytes : baseAddress.Value + bytes, syntax);
        }
        return new BoundPointerArithmetic(pointer, index, isSubtraction, step, TypeRelations.ValueType(pointer.Type)) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression CombinePointers(BinaryOperator operation, BoundExpression left, BoundExpression right, SyntaxNode syntax)
    {
        bool isSubtraction = operation == BinaryOperator.Subtract;
        if (left.Type.Canonical is PointerType && TypeRelations.IsInteger(right.Type.Type))
            return PointerPlus(left, right, isSubtraction, syntax);
        if (!isSubtraction && right.Type.Canonical is PointerType && TypeRelations.IsInteger(left.Type.Type))
            return PointerPlus(right, left, false, syntax);
        if (!isSubtraction || left.Type.Canonical is not PointerType a || right.Type.Canonical is not PointerType b)
            return InvalidOperands(left, right, syntax);
        if (!TypeRelations.AreCompatible(a.Pointee.Canonical, b.Pointee.Canonical))
            return ReportError(D.PointerDifferenceTypes, syntax, Show(left.Type), Show(right.Type));
        if (!HasStep(a.Pointee, syntax))
            return ErrorAt(syntax);
        long step = TypeRelations.StepOf(a.Pointee);
        if (left is BoundLiteral first && right is BoundLiteral second && step > 0)
            return Literal(IntegerType.Long, (first.Value - second.Value) / step, syntax);
        return new BoundPointerDifference(left, right, Math.Max(step, 1), IntegerType.Long) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression ComparePointers(BinaryOperator operation, BoundExpression left, BoundExpression right, SyntaxNode syntax)
    {
        if (operation is BinaryOperator.Equal or BinaryOperator.NotEqual)
            WarnTautologicalPointer(left, right, syntax);
        if (left.Type.Canonical is PointerType a && right.Type.Canonical is PointerType b)
        {
            bool hasNull = IsNullConstant(left) || IsNullConstant(right);
            bool hasVoid = TypeRelations.IsVoid(a.Pointee.Type) || TypeRelations.IsVoid(b.Pointee.Type);
            if (!hasNull && !hasVoid && !TypeRelations.AreCompatible(a.Pointee.Canonical, b.Pointee.Canonical))
                Report(D.CompareDistinctPointers, syntax, Show(left.Type), Show(right.Type));
            right = Convert(right, left.Type);
        }
        else if (left.Type.Canonical is PointerType && TypeRelations.IsInteger(right.Type.Type))
        {
            if (!IsNullConstant(right))
                Report(D.ComparePointerInteger, syntax, Show(left.Type), Show(right.Type));
            right = Convert(right, left.Type);
        }
        else if (right.Type.Canonical is PointerType && TypeRelations.IsInteger(left.Type.Type))
        {
            if (!IsNullConstant(left))
                Report(D.ComparePointerInteger, syntax, Show(left.Type), Show(right.Type));
            left = Convert(left, right.Type);
        }
        else
        {
            return InvalidOperands(left, right, syntax);
        }
        if (left is BoundLiteral x && right is BoundLiteral y && ConstantEvaluator.Fold(operation, x.Value, y.Value, IntegerType.UnsignedLong) is { } folded)
            return Literal(IntegerType.Int, folded, syntax);
        return new BoundBinary(operation, left, right, IntegerType.Int) { Span = syntax.Span, Location = syntax.Location };
    }

    // ---- assignment ----------------------------------------------------------------------------------------------------

    /// <summary>Set while an expression is bound whose value nobody uses.</summary>
    private bool _isDiscarded;

    /// <summary>Binds what is assigned to: naming a variable here is not reading it.</summary>
    private BoundExpression BindTarget(ExpressionSyntax syntax, out bool wasRead)
    {
        if (syntax is NameExpressionSyntax name && LookupName(name.Name) is VariableSymbol variable)
        {
            wasRead = variable.IsRead;
            BoundExpression target = ReferTo(variable, syntax);
            variable.IsRead = wasRead;
            return target;
        }
        wasRead = true;
        return BindExpression(syntax);
    }

    private BoundExpression BindAssignment(AssignmentExpressionSyntax syntax)
    {
        bool isDiscarded = _isDiscarded;
        _isDiscarded = false;
        BoundExpression target = BindTarget(syntax.Target, out _);
        BoundExpression value = BindValue(syntax.Value);
        if (!isDiscarded && target is BoundVariable { Symbol: var symbol })
            symbol.IsRead = true;
        if (target is BoundErrorExpression || value is BoundErrorExpression || !CheckModifiable(target, syntax.Target))
            return ErrorAt(syntax);
        if (syntax.Operator is { } operation)
            return BindCompoundAssignment(syntax, operation, target, value);
        QualifiedType type = TypeRelations.ValueType(target.Type);
        BoundExpression converted = ConvertAssigned(value, target.Type, syntax, AssignmentKind.Assigning);
        if (converted is BoundErrorExpression)
            return ErrorAt(syntax);
        WarnBitFieldTruncation(target, converted, syntax.Value);
        return new BoundAssignment(target, converted, type) { Span = syntax.Span, Location = syntax.Location };
    }

    private BoundExpression BindCompoundAssignment(AssignmentExpressionSyntax syntax, BinaryOperator operation, BoundExpression target, BoundExpression value)
    {
        QualifiedType type = TypeRelations.ValueType(target.Type);
        OperatorRow row = OperatorTable.Of(operation);
        if (RefusesFloat(target.Type, syntax.Location) || RefusesFloat(value.Type, syntax.Location))
            return ErrorAt(syntax);
        if (target.Type.Canonical is PointerType pointer)
        {
            if (row.Family != OperatorFamily.Additive || !TypeRelations.IsInteger(value.Type.Type))
                return ReportError(D.InvalidBinaryOperands, syntax, Show(target.Type), Show(value.Type));
            if (!HasStep(pointer.Pointee, syntax))
                return ErrorAt(syntax);
            value = Promote(value);
            value = Convert(value, ((IntegerType)value.Type.Canonical).IsSigned ? IntegerType.Long : IntegerType.UnsignedLong);
            return new BoundCompoundAssignment(operation, target, value, type, TypeRelations.StepOf(pointer.Pointee), type) { Span = syntax.Span, Location = syntax.Location };
        }
        if (!TypeRelations.IsInteger(target.Type.Type) || !TypeRelations.IsInteger(value.Type.Type))
            return ReportError(D.InvalidBinaryOperands, syntax, Show(target.Type), Show(value.Type));
        IntegerType own = PromotedType(Conversion(ConversionKind.LoadValue, target, type));
        IntegerType computation;
        if (row.Family == OperatorFamily.Shift)
        {
            computation = own;
            value = Promote(value);
            if (value is BoundLiteral count)
            {
                if (count.Value < 0)
                    Report(D.ShiftNegative, syntax);
                else if (count.Value >= own.Bits)
                    Report(D.ShiftTooLarge, syntax);
            }
        }
        else
        {
            computation = TypeRelations.UsualArithmetic(own, PromotedType(value));
            value = Convert(value, computation);
            if (operation is BinaryOperator.Divide or BinaryOperator.Remainder && value is BoundLiteral { Value: var divisor } && divisor == 0)
                Report(D.DivisionByZero, syntax, operation == BinaryOperator.Divide ? "division" : "remainder");
        }
        return new BoundCompoundAssignment(operation, target, value, computation, 0, type) { Span = syntax.Span, Location = syntax.Location };
    }

    private bool CheckModifiable(BoundExpression target, SyntaxNode syntax)
    {
        if (!target.IsLValue || TypeRelations.IsVoid(target.Type.Type))
        {
            Report(D.NotAssignable, syntax);
            return false;
        }
        if (target.Type.Canonical is ArrayType)
        {
            Report(D.ArrayAssignment, syntax, Show(target.Type));
            return false;
        }
        if (!IsCompleteHere(target.Type.Type))
        {
            Report(D.DereferenceVoid, syntax, Show(target.Type));
            return false;
        }
        if ((target.Type.AllQualifiers & TypeQualifiers.Atomic) != 0)
        {
            Report(D.AtomicAccess, syntax);
            return false;
        }
        if (!target.Type.IsConst && !HasConstMember(target.Type.Type, 0))
            return true;
        string what = target switch
        {
            BoundVariable variable => $"variable '{variable.Symbol.Name}'",
            BoundMember { Field.Name: not null } member => $"member '{member.Field.Name}'",
            _ => "an object",
        };
        SourceLocationOf(target, out Core.Text.SourceLocation declared);
        ReportWithNote(D.ConstAssignment, SpanOf(syntax), "declared const here", declared, what, Show(target.Type));
        return false;
    }

    private static void SourceLocationOf(BoundExpression target, out Core.Text.SourceLocation location)
    {
        while (target is BoundMember { Field: var field } member)
        {
            if (field.Type.IsConst)
            {
                location = field.Location;
                return;
            }
            target = member.Receiver;
        }
        location = target is BoundVariable variable ? variable.Symbol.Location : default;
    }

    private static bool HasConstMember(TypeSymbol type, int depth)
    {
        if (type.Canonical is not RecordType record || depth > 16)
            return false;
        foreach (FieldSymbol field in record.Fields)
        {
            if (field.Type.IsConst || HasConstMember(field.Type.Type, depth + 1))
                return true;
        }
        return false;
    }
}
