// Truth values and control flow inside expressions: short-circuit operators become branches, comparisons stay one bit wide until
// somebody needs the number.
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    /// <summary>The value is 0 or 1 and made by a comparison or a logical operator.</summary>
    private static bool IsBooleanValued(BoundExpression expression) => expression switch
    {
        BoundUnary { Operator: BoundUnaryOperator.LogicalNot } => true,
        BoundBinary { Operator: >= BinaryOperator.Less and <= BinaryOperator.NotEqual } => true,
        BoundLogical => true,
        BoundConversion { Kind: ConversionKind.ToBool } => true,
        BoundConversion { Kind: ConversionKind.Integral or ConversionKind.Identity } conversion => !conversion.Operand.IsLValue && IsBooleanValued(conversion.Operand),
        BoundBuiltinCall { Kind: BuiltinKind.Expect } expect => IsBooleanValued(expect.Arguments[0]),
        _ => false,
    };

    private Value WidenBoolean(Value truth, BoundExpression expression)
    {
        _builder.Location = expression.Location;
        IrType type = TypeLowering.ValueType(expression.Type);
        return type == IrType.I1 ? truth : _builder.ZExt(truth, type);
    }

    private Value IsNonZero(Value value) => value.Type == IrType.I1 ? value : _builder.Compare(ComparePredicate.Ne, value, Constant.Of(value.Type, 0));

    /// <summary>Whether a scalar expression differs from zero, as an I1.</summary>
    private Value LowerBoolean(BoundExpression expression)
    {
        switch (expression)
        {
            case BoundUnary { Operator: BoundUnaryOperator.LogicalNot } not:
                return Negate(LowerBoolean(not.Operand), expression);
            case BoundBinary { Operator: >= BinaryOperator.Less and <= BinaryOperator.NotEqual } comparison:
                return LowerComparison(comparison);
            case BoundLogical logical:
                return LowerLogical(logical);
            case BoundConversion { Kind: ConversionKind.ToBool or ConversionKind.Pointer or ConversionKind.Identity } conversion when !conversion.Operand.IsLValue:
                return LowerBoolean(conversion.Operand);
            case BoundConversion { Kind: ConversionKind.Integral } conversion when KeepsTruth(conversion):
                return LowerBoolean(conversion.Operand);
            case BoundBuiltinCall { Kind: BuiltinKind.Expect } expect:
                return LowerBoolean(expect.Arguments[0]);
            default:
                Value value = Lower(expression);
                _builder.Location = expression.Location;
                return IsNonZero(value);
        }
    }

    /// <summary>A widening conversion is zero exactly when its operand is.</summary>
    private static bool KeepsTruth(BoundConversion conversion)
        => IsBooleanValued(conversion.Operand) || conversion.Type.Type.Size >= conversion.Operand.Type.Type.Size;

    private Value Negate(Value truth, BoundExpression expression)
    {
        _builder.Location = expression.Location;
        if (truth is CompareInstruction { HasUsers: false } comparison && comparison.Block == _builder.Block && comparison.Next is null)
        {
            // Nobody has seen the comparison yet: turn it around in place of inverting its result.
            comparison.Predicate = Inverse(comparison.Predicate);
            return comparison;
        }
        return _builder.Xor(truth, Constant.I1(true));
    }

    private static ComparePredicate Inverse(ComparePredicate predicate) => predicate switch
    {
        ComparePredicate.Eq => ComparePredicate.Ne,
        ComparePredicate.Ne => ComparePredicate.Eq,
        ComparePredicate.Ult => ComparePredicate.Uge,
        ComparePredicate.Ule => ComparePredicate.Ugt,
        ComparePredicate.Ugt => ComparePredicate.Ule,
        ComparePredicate.Uge => ComparePredicate.Ult,
        ComparePredicate.Slt => ComparePredicate.Sge,
        ComparePredicate.Sle => ComparePredicate.Sgt,
        ComparePredicate.Sgt => ComparePredicate.Sle,
        _ => ComparePredicate.Slt,
    };

    private Value LowerComparison(BoundBinary comparison)
    {
        Value left = Lower(comparison.Left), right = Lower(comparison.Right);
        _builder.Location = comparison.Location;
        if (left.Type != right.Type)
            right = ConvertScalar(right, comparison.Right.Type, comparison.Left.Type);
        bool signed = TypeLowering.IsSigned(comparison.Left.Type);
        return _builder.Compare(comparison.Operator switch
        {
            BinaryOperator.Equal => ComparePredicate.Eq,
            BinaryOperator.NotEqual => ComparePredicate.Ne,
            BinaryOperator.Less => signed ? ComparePredicate.Slt : ComparePredicate.Ult,
            BinaryOperator.LessOrEqual => signed ? ComparePredicate.Sle : ComparePredicate.Ule,
            BinaryOperator.Greater => signed ? ComparePredicate.Sgt : ComparePredicate.Ugt,
            _ => signed ? ComparePredicate.Sge : ComparePredicate.Uge,
        }, left, right);
    }

    private Value LowerLogical(BoundLogical logical)
    {
        string name = logical.IsAnd ? "and" : "or";
        if (module.Static.Truth(logical.Left) is { } known)
            return known != logical.IsAnd ? Constant.I1(known) : LowerBoolean(logical.Right);
        BasicBlock right = new(name + ".rhs"), end = new(name + ".end"), shortcut = new(name + ".short");
        // All ways out that skip the right operand pass through one block, so that the phi has two edges only.
        if (logical.IsAnd)
            LowerCondition(logical.Left, right, shortcut);
        else
            LowerCondition(logical.Left, shortcut, right);
        StartBlock(right);
        Value value = LowerBoolean(logical.Right);
        EnsureOpenBlock();
        BasicBlock rightEnd = _builder.Block;
        _builder.Location = logical.Location;
        _builder.Branch(end);
        function.AppendBlock(shortcut);
        _builder.PositionAtEnd(shortcut);
        _builder.Branch(end);
        function.AppendBlock(end);
        _builder.PositionAtEnd(end);
        PhiInstruction phi = _builder.Phi(IrType.I1);
        phi.AddIncoming(value, rightEnd);
        phi.AddIncoming(Constant.I1(!logical.IsAnd), shortcut);
        return phi;
    }

    /// <summary>Jumps to one of two blocks.</summary>
    private void LowerCondition(BoundExpression condition, BasicBlock ifTrue, BasicBlock ifFalse, bool? likely = null)
    {
        EnsureOpenBlock();
        switch (condition)
        {
            case BoundUnary { Operator: BoundUnaryOperator.LogicalNot } not:
                LowerCondition(not.Operand, ifFalse, ifTrue, !likely);
                return;
            case BoundConversion { Kind: ConversionKind.ToBool or ConversionKind.Pointer or ConversionKind.Identity } conversion when !conversion.Operand.IsLValue:
                LowerCondition(conversion.Operand, ifTrue, ifFalse, likely);
                return;
            case BoundConversion { Kind: ConversionKind.Integral } conversion when KeepsTruth(conversion):
                LowerCondition(conversion.Operand, ifTrue, ifFalse, likely);
                return;
            case BoundBuiltinCall { Kind: BuiltinKind.Expect } expect:
                LowerCondition(expect.Arguments[0], ifTrue, ifFalse, module.Static.Truth(expect.Arguments[1]) ?? likely);
                return;
            case BoundComma comma:
                LowerDiscarded(comma.Left);
                LowerCondition(comma.Right, ifTrue, ifFalse, likely);
                return;
            case BoundLogical logical when module.Static.Truth(logical.Left) is { } known:
                if (known == logical.IsAnd)
                    LowerCondition(logical.Right, ifTrue, ifFalse, likely);
                else
                    _builder.Branch(known ? ifTrue : ifFalse);
                return;
            case BoundLogical logical:
                BasicBlock next = new(logical.IsAnd ? "and.rhs" : "or.rhs");
                // a && b is likely only if both are; a || b unlikely only if both are.
                bool? part = likely == logical.IsAnd ? likely : null;
                if (logical.IsAnd)
                    LowerCondition(logical.Left, next, ifFalse, part);
                else
                    LowerCondition(logical.Left, ifTrue, next, part);
                StartBlock(next);
                LowerCondition(logical.Right, ifTrue, ifFalse, part);
                return;
        }
        Value truth = LowerBoolean(condition);
        EnsureOpenBlock();
        _builder.Location = condition.Location;
        if (truth is Constant constant)
            _builder.Branch(constant.IsZero ? ifFalse : ifTrue);
        else
            _builder.CondBranch(truth, ifTrue, ifFalse, likely);
    }

    /// <summary>c ? a : b; a structure goes to <paramref name="destination"/>.</summary>
    private Value LowerConditional(BoundConditional conditional, Place? destination)
    {
        if (conditional.IfTrue is null)
            return LowerShortConditional(conditional);
        if (module.Static.Truth(conditional.Condition) is { } known)
            return LowerArm(known ? conditional.IfTrue : conditional.IfFalse, destination);
        if (TypeLowering.ValueType(conditional.Type) == IrType.Void)
        {
            LowerDiscardedConditional(conditional);
            return s_nothing;
        }
        BasicBlock ifTrue = new("cond.true"), ifFalse = new("cond.false"), end = new("cond.end");
        LowerCondition(conditional.Condition, ifTrue, ifFalse);
        StartBlock(ifTrue);
        Value first = LowerArm(conditional.IfTrue, destination);
        EnsureOpenBlock();
        BasicBlock firstEnd = _builder.Block;
        _builder.Branch(end);
        function.AppendBlock(ifFalse);
        _builder.PositionAtEnd(ifFalse);
        Value second = LowerArm(conditional.IfFalse, destination);
        EnsureOpenBlock();
        BasicBlock secondEnd = _builder.Block;
        StartBlock(end);
        _builder.Location = conditional.Location;
        return destination is null ? Merge(conditional.Type, first, firstEnd, second, secondEnd) : s_nothing;
    }

    private Value LowerArm(BoundExpression arm, Place? destination)
    {
        if (destination is not { } place)
            return Lower(arm);
        LowerAggregate(arm, place);
        return s_nothing;
    }

    private Value Merge(QualifiedType type, Value first, BasicBlock firstEnd, Value second, BasicBlock secondEnd)
    {
        PhiInstruction phi = _builder.Phi(TypeLowering.ValueType(type));
        phi.AddIncoming(first, firstEnd);
        phi.AddIncoming(second, secondEnd);
        return phi;
    }

    /// <summary>GNU's a ?: b: the condition is evaluated once.</summary>
    private Value LowerShortConditional(BoundConditional conditional)
    {
        Value value = Lower(conditional.Condition);
        Value truth = IsNonZero(value);
        Value converted = ConvertScalar(value, conditional.Condition.Type, conditional.Type);
        BasicBlock start = _builder.Block, ifFalse = new("cond.false"), end = new("cond.end");
        _builder.CondBranch(truth, end, ifFalse);
        function.AppendBlock(ifFalse);
        _builder.PositionAtEnd(ifFalse);
        Value other = Lower(conditional.IfFalse);
        EnsureOpenBlock();
        BasicBlock otherEnd = _builder.Block;
        StartBlock(end);
        _builder.Location = conditional.Location;
        return Merge(conditional.Type, converted, start, other, otherEnd);
    }

    private void LowerDiscardedConditional(BoundConditional conditional)
    {
        BasicBlock ifTrue = new("cond.true"), ifFalse = new("cond.false"), end = new("cond.end");
        if (module.Static.Truth(conditional.Condition) is { } known)
        {
            if ((known ? conditional.IfTrue : conditional.IfFalse) is { } taken)
                LowerDiscarded(taken);
            return;
        }
        LowerCondition(conditional.Condition, conditional.IfTrue is null ? end : ifTrue, ifFalse);
        if (conditional.IfTrue is not null)
        {
            StartBlock(ifTrue);
            LowerDiscarded(conditional.IfTrue);
            BranchIfOpen(end);
        }
        StartBlock(ifFalse);
        LowerDiscarded(conditional.IfFalse);
        StartBlock(end);
    }
}
