// CO-RE builtins: expressions that the loader computes for the running kernel. The forms are those that libbpf's
// bpf_core_read.h writes.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private BoundExpression BindRelocationBuiltin(BuiltinRow row, CallExpressionSyntax syntax)
    {
        if (row.Form == BuiltinForm.PreserveAccessIndex)
        {
            if (Operand(row, syntax, 0, 1, "one expression") is not { } value)
                return ErrorAt(syntax);
            return Builtin(row, syntax, value.Type, value);
        }
        if (syntax.Arguments is not [ExpressionSyntax subject, ExpressionSyntax flagSyntax])
            return WrongArguments(row, syntax, "an expression and a constant");
        BoundExpression flag = BindValue(flagSyntax);
        if (flag is BoundErrorExpression)
            return ErrorAt(syntax);
        if (!TryGetConstant(flag, out Int128 flags))
            return ReportError(D.NotConstantArgument, flagSyntax, row.Name);
        int limit = row.Form switch { BuiltinForm.PreserveFieldInfo => 5, BuiltinForm.PreserveTypeInfo => 2, _ => 1 };
        if (flags < 0 || flags > limit)
            return ReportError(D.PreserveOperand, flagSyntax, row.Name, $"2 must be a constant from 0 to {limit}");
        return row.Form switch
        {
            BuiltinForm.PreserveFieldInfo => BindFieldInfo(row, syntax, subject, (long)flags),
            BuiltinForm.PreserveEnumValue => BindEnumValue(row, syntax, subject, (long)flags),
            _ => BindTypeInfo(row, syntax, subject, (long)flags),
        };
    }

    private BoundExpression BindFieldInfo(BuiltinRow row, CallExpressionSyntax syntax, ExpressionSyntax subject, long flags)
    {
        bool outer = _isAddressOperand;
        _isAddressOperand = true;
        BoundExpression field = BindExpression(subject);
        _isAddressOperand = outer;
        if (field is BoundErrorExpression)
            return ErrorAt(syntax);
        if (field is not (BoundMember or BoundDereference { Pointer: BoundPointerArithmetic }))
            return ReportError(D.PreserveOperand, subject, row.Name, "1 is not a member or element");
        return Builtin(row, syntax, IntegerType.UnsignedInt, field) with { Flags = flags };
    }

    private BoundExpression BindTypeInfo(BuiltinRow row, CallExpressionSyntax syntax, ExpressionSyntax subject, long flags)
    {
        _unevaluated++;
        BoundExpression operand = BindExpression(subject);
        _unevaluated--;
        if (operand is BoundErrorExpression && !TypeRelations.IsError(operand.Type.Type) || TypeRelations.IsError(operand.Type.Type))
            return ErrorAt(syntax);
        return Builtin(row, syntax, IntegerType.UnsignedInt) with { Flags = flags, TypeArgument = operand.Type };
    }

    /// <summary><c>*(typeof(enum e) *)ENUMERATOR</c>.</summary>
    private BoundExpression BindEnumValue(BuiltinRow row, CallExpressionSyntax syntax, ExpressionSyntax subject, long flags)
    {
        if (subject is not UnaryExpressionSyntax { Operator: UnaryOperator.Dereference, Operand: CastExpressionSyntax cast })
            return ReportError(D.PreserveOperand, subject, row.Name, "1 is not of the form *(typeof(enum) *)enumerator");
        QualifiedType type = BindTypeName(cast.Type);
        if (TypeRelations.IsError(type.Type))
            return ErrorAt(syntax);
        ExpressionSyntax operand = cast.Operand;
        while (operand is CastExpressionSyntax inner)
            operand = inner.Operand;
        if (type.Canonical is not PointerType { Pointee: var pointee } || pointee.Canonical is not EnumType
            || operand is not NameExpressionSyntax name || LookupName(name.Name) is not EnumConstantSymbol constant)
            return ReportError(D.PreserveOperand, subject, row.Name, "1 does not name an enumerator");
        if (!ReferenceEquals(constant.Enum, pointee.Canonical))
            return ReportError(D.PreserveOperand, subject, row.Name, $"1: '{constant.Name}' is no enumerator of {Show(pointee)}");
        constant.IsMentioned = true;
        return Builtin(row, syntax, IntegerType.UnsignedLong) with { Flags = flags, TypeArgument = pointee, EnumConstant = constant };
    }
}
