// Conditions, and the conditional operator with the common type of its branches (C11 6.5.15).
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private BoundExpression BindConditional(ConditionalExpressionSyntax syntax)
    {
        BoundExpression condition = syntax.IfTrue is null ? BindValue(syntax.Condition) : BindCondition(syntax.Condition);
        if (condition is BoundErrorExpression)
        {
            // Still find mistakes in the branches.
            if (syntax.IfTrue is not null)
                BindValue(syntax.IfTrue);
            BindValue(syntax.IfFalse);
            return ErrorAt(syntax);
        }
        if (!TypeRelations.IsScalar(condition.Type.Type))
            return ReportError(D.NotScalarCondition, syntax.Condition, Show(condition.Type));
        if (RefusesFloat(condition.Type, syntax.Location))
            return ErrorAt(syntax);
        bool? decided = condition is BoundLiteral constant ? constant.Value != 0 : null;
        BoundExpression ifTrue = syntax.IfTrue is null ? condition : BindBranch(syntax.IfTrue, decided == false);
        BoundExpression ifFalse = BindBranch(syntax.IfFalse, decided == true);
        if (ifTrue is BoundErrorExpression || ifFalse is BoundErrorExpression)
            return ErrorAt(syntax);
        if (CommonBranchType(ref ifTrue, ref ifFalse, syntax) is not { } type)
            return ErrorAt(syntax);
        // A decided condition leaves one branch, unless labels or statements in the other one matter.
        if (decided is { } isTrue)
            return (isTrue ? ifTrue : ifFalse) with { Span = syntax.Span, Location = syntax.Location };
        return new BoundConditional(condition, syntax.IfTrue is null ? null : ifTrue, ifFalse, type) { Span = syntax.Span, Location = syntax.Location };
    }

    /// <summary>A branch that is never taken is typed, but what it names need not be emitted.</summary>
    private BoundExpression BindBranch(ExpressionSyntax syntax, bool isDead)
    {
        if (isDead)
            _unevaluated++;
        BoundExpression value = BindValue(syntax);
        if (isDead)
            _unevaluated--;
        return value;
    }

    /// <summary>The type of <c>c ? a : b</c> (C11 6.5.15); converts the branches to it.</summary>
    private QualifiedType? CommonBranchType(ref BoundExpression left, ref BoundExpression right, SyntaxNode syntax)
    {
        QualifiedType first = left.Type, second = right.Type;
        if (TypeRelations.IsInteger(first.Type) && TypeRelations.IsInteger(second.Type))
        {
            IntegerType common = TypeRelations.UsualArithmetic(PromotedType(left), PromotedType(right));
            left = Convert(left, common);
            right = Convert(right, common);
            return common;
        }
        if (TypeRelations.IsArithmetic(first.Type) && TypeRelations.IsArithmetic(second.Type))
        {
            // Floating: only where nothing is evaluated.
            if (RefusesFloat(first, syntax.Location) || RefusesFloat(second, syntax.Location))
                return null;
            return TypeRelations.IsFloating(first.Type) ? first : second;
        }
        if (TypeRelations.IsVoid(first.Type) || TypeRelations.IsVoid(second.Type))
        {
            left = Discard(left);
            right = Discard(right);
            return VoidType.Instance;
        }
        if (first.Canonical is RecordType && ReferenceEquals(first.Canonical, second.Canonical))
            return first;
        if (first.Canonical is PointerType a && second.Canonical is PointerType b)
        {
            QualifiedType? pointee = CommonPointee(left, right, a, b);
            if (pointee is null)
            {
                Report(D.PointerTypeMismatch, syntax, Show(first), Show(second));
                pointee = new QualifiedType(VoidType.Instance, TypeRelations.PointeeQualifiers(a) | TypeRelations.PointeeQualifiers(b));
            }
            QualifiedType type = pointee == a.Pointee ? first : pointee == b.Pointee ? second : PointerTo(pointee.Value);
            left = Convert(left, type);
            right = Convert(right, type);
            return type;
        }
        bool leftPointer = first.Canonical is PointerType;
        if (leftPointer && TypeRelations.IsInteger(second.Type) || second.Canonical is PointerType && TypeRelations.IsInteger(first.Type))
        {
            QualifiedType type = leftPointer ? first : second;
            if (!IsNullConstant(leftPointer ? right : left))
                Report(D.ConditionalTypeMismatch, syntax, Show(first), Show(second));
            left = Convert(left, type);
            right = Convert(right, type);
            return type;
        }
        Report(D.ConditionalMismatch, syntax, Show(first), Show(second));
        return null;
    }

    private static QualifiedType? CommonPointee(BoundExpression left, BoundExpression right, PointerType a, PointerType b)
    {
        if (IsNullConstant(right))
            return a.Pointee;
        if (IsNullConstant(left))
            return b.Pointee;
        TypeQualifiers qualifiers = TypeRelations.PointeeQualifiers(a) | TypeRelations.PointeeQualifiers(b);
        if (TypeRelations.IsVoid(a.Pointee.Type) || TypeRelations.IsVoid(b.Pointee.Type))
            return TypeRelations.PointeeQualifiers(a) == qualifiers && TypeRelations.IsVoid(a.Pointee.Type) ? a.Pointee : new QualifiedType(VoidType.Instance, qualifiers);
        if (!TypeRelations.AreCompatible(a.Pointee.Canonical, b.Pointee.Canonical))
            return null;
        QualifiedType pointee = TypeRelations.Composite(a.Pointee, b.Pointee);
        return pointee.AllQualifiers == qualifiers || pointee.Canonical is ArrayType ? pointee : pointee.With(qualifiers);
    }

    /// <summary>A condition: a scalar value; assignments in it look like mistakes.</summary>
    private BoundExpression BindCondition(ExpressionSyntax syntax)
    {
        BoundExpression condition = BindValue(syntax);
        if (condition is BoundErrorExpression)
            return condition;
        if (TypeRelations.IsVoid(condition.Type.Type) || !TypeRelations.IsScalar(condition.Type.Type))
            return ReportError(D.NotScalarCondition, syntax, Show(condition.Type));
        if (RefusesFloat(condition.Type, syntax.Location))
            return ErrorAt(syntax);
        WarnSuspiciousCondition(syntax);
        return condition;
    }
}
