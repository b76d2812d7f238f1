// Members of structures and elements of arrays (C11 6.5.2.1, 6.5.2.3).
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private BoundExpression BindMember(MemberExpressionSyntax syntax)
    {
        BoundExpression receiver = BindExpression(syntax.Receiver);
        if (syntax.IsArrow && receiver.Type.Canonical is not RecordType)
            receiver = ValueOf(receiver);
        if (TypeRelations.IsError(receiver.Type.Type))
            return ErrorAt(syntax);
        QualifiedType type = receiver.Type;
        if (syntax.IsArrow)
        {
            if (type.Canonical is PointerType pointer)
            {
                type = pointer.Pointee;
                receiver = new BoundDereference(receiver, type) { Span = syntax.Receiver.Span, Location = syntax.Location };
            }
            else if (type.Canonical is RecordType)
            {
                Report(D.ArrowOnNonPointer, syntax, Show(type));
            }
            else
            {
                return ReportError(D.ArrowOnNonPointer, syntax, Show(type));
            }
        }
        else if (type.Canonical is PointerType { Pointee.Canonical: RecordType } direct)
        {
            Report(D.DotOnPointer, syntax, Show(type));
            receiver = new BoundDereference(ValueOf(receiver), direct.Pointee) { Span = syntax.Receiver.Span, Location = syntax.Location };
            type = direct.Pointee;
        }
        if (type.Canonical is not RecordType record)
            return ReportError(D.MemberOfNonRecord, syntax, Show(type));
        if (!IsCompleteHere(record))
        {
            ReportWithNote(D.IncompleteMemberAccess, SpanOf(syntax), "forward declaration is here", record.Location, TypePrinter.Print(record));
            return ErrorAt(syntax);
        }
        var path = new List<FieldSymbol>(2);
        if (!FindMember(record, syntax.Member, path, 0))
        {
            FieldSymbol? similar = SuggestMember(record, syntax.Member, path);
            if (similar is null)
                return ReportError(D.NoSuchMember, syntax, syntax.Member, TypePrinter.Print(type.Type));
            ReportWithNote(D.NoSuchMemberSuggestion, SpanOf(syntax), $"'{similar.Name}' declared here", similar.Location, syntax.Member, TypePrinter.Print(type.Type), similar.Name);
        }
        foreach (FieldSymbol field in path)
        {
            QualifiedType fieldType = field.Type.With(type.AllQualifiers & (TypeQualifiers.Const | TypeQualifiers.Volatile));
            receiver = new BoundMember(receiver, field, fieldType) { Span = syntax.Span, Location = syntax.Location };
            type = fieldType;
        }
        return TypeRelations.IsError(receiver.Type.Type) ? ErrorAt(syntax) : receiver;
    }

    /// <summary>Finds a member, through anonymous structures; the path ends with it.</summary>
    private static bool FindMember(RecordType record, string name, List<FieldSymbol> path, int depth)
    {
        IReadOnlyList<FieldSymbol> fields = record.Fields;
        for (int i = 0; i < fields.Count; i++)
        {
            FieldSymbol field = fields[i];
            if (field.Name == name)
            {
                path.Add(field);
                return true;
            }
            if (field.Name is null && field.Type.Canonical is RecordType inner && depth < 64)
            {
                path.Add(field);
                if (FindMember(inner, name, path, depth + 1))
                    return true;
                path.RemoveAt(path.Count - 1);
            }
        }
        return false;
    }

    private BoundExpression BindIndex(IndexExpressionSyntax syntax)
    {
        BoundExpression arrayExpression = BindExpression(syntax.Array);
        long? bound = arrayExpression.Type.Canonical is ArrayType { Length: { } length } ? length : null;
        QualifiedType arrayType = arrayExpression.Type;
        BoundExpression array = ValueOf(arrayExpression), index = BindValue(syntax.Index);
        if (TypeRelations.IsError(array.Type.Type) || TypeRelations.IsError(index.Type.Type))
            return ErrorAt(syntax);
        if (array.Type.Canonical is not PointerType && index.Type.Canonical is PointerType)
            (array, index, bound) = (index, array, null);
        if (array.Type.Canonical is not PointerType pointer)
            return ReportError(D.SubscriptNotPointer, syntax);
        if (!TypeRelations.IsInteger(index.Type.Type))
            return ReportError(D.SubscriptNotInteger, syntax.Index);
        // Trailing arrays of one or no element are old flexible members.
        if (bound > 1 && index is BoundLiteral { Value: var at } && (at < 0 || at > bound || (at == bound && _unevaluated == 0 && !_isAddressOperand)) && arrayExpression is not BoundMember)
            Report(D.ArrayBounds, syntax.Index, at, Show(arrayType));
        BoundExpression sum = PointerPlus(array, index, false, syntax);
        return TypeRelations.IsError(sum.Type.Type) ? sum : new BoundDereference(sum, pointer.Pointee) { Span = syntax.Span, Location = syntax.Location };
    }

    /// <summary>Set while the operand of &amp; is bound: one past the end may be addressed.</summary>
    private bool _isAddressOperand;
}
