// Conversion as if by assignment (C11 6.5.16.1): arguments, results, initializers, assignments; what clang says about each misfit.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using D = Ebpfcc.Frontend.Binding.BindingDiagnostics;

namespace Ebpfcc.Frontend.Binding;

public sealed partial class Binder
{
    private enum AssignmentKind : byte { Assigning, Passing, Returning, Initializing }

    private static string Phrase(AssignmentKind kind, QualifiedType from, QualifiedType to, bool isIncompatible) => kind switch
    {
        AssignmentKind.Assigning => $"assigning to {Show(to)} from {(isIncompatible ? "incompatible type " : "")}{Show(from)}",
        AssignmentKind.Passing => $"passing {Show(from)} to parameter of {(isIncompatible ? "incompatible " : "")}type {Show(to)}",
        AssignmentKind.Returning => $"returning {Show(from)} from a function with {(isIncompatible ? "incompatible " : "")}result type {Show(to)}",
        _ => $"initializing {Show(to)} with an expression of {(isIncompatible ? "incompatible " : "")}type {Show(from)}",
    };

    /// <summary>Converts a value to the type of the object, parameter or result it goes to; reports what does not fit.</summary>
    /// <param name="parameter">The parameter an argument goes to, for a note.</param>
    private BoundExpression ConvertAssigned(BoundExpression value, QualifiedType target, SyntaxNode at, AssignmentKind kind, SourceLocation parameter = default)
    {
        TypeSymbol from = value.Type.Canonical, to = target.Canonical;
        if (from is ErrorType || to is ErrorType)
            return ErrorAt(at);
        if (ReferenceEquals(from, to) && to is not VoidType)
            return value;
        if (from is VoidType)
            return Misfit(D.IncompatibleAssignment, value, target, at, kind, parameter, isIncompatible: true);
        if (TypeRelations.IsArithmetic(from) && TypeRelations.IsArithmetic(to))
        {
            if (FoldFloatConversion(value, target) is { } folded)
                return folded with { Span = at.Span, Location = at.Location };
            if (RefusesFloat(target, at.Location) || RefusesFloat(value.Type, at.Location))
                return ErrorAt(at);
            WarnConstantConversion(value, target, at);
            return Convert(value, target);
        }
        if (to is PointerType pointer)
        {
            if (from is PointerType source)
                return ConvertPointer(value, source, target, pointer, at, kind, parameter);
            if (TypeRelations.IsInteger(from))
            {
                if (!IsNullConstant(value))
                    ReportMisfit(D.IntConversion, "integer to pointer", value, target, at, kind, parameter);
                return Convert(value, target);
            }
        }
        if (from is PointerType && TypeRelations.IsInteger(to))
        {
            if (to is not IntegerType { Kind: IntegerKind.Bool })
                ReportMisfit(D.IntConversion, "pointer to integer", value, target, at, kind, parameter);
            return Convert(value, target);
        }
        if (to is RecordType { IsUnion: true, Attributes.TransparentUnion: true } union && kind == AssignmentKind.Passing)
        {
            foreach (FieldSymbol field in union.Fields)
            {
                if (!TypeRelations.AreCompatible(field.Type.Canonical, from) && !(IsNullConstant(value) && field.Type.Canonical is PointerType))
                    continue;
                var initializer = new BoundInitializer(target, true, [new BoundInitializerEntry(0, null, field.Type, Convert(value, field.Type))]) { Span = at.Span, Location = at.Location };
                return ValueOf(new BoundCompoundLiteral(MakeTemporary(target, at.Location), initializer) { Span = at.Span, Location = at.Location });
            }
        }
        return Misfit(D.IncompatibleAssignment, value, target, at, kind, parameter, isIncompatible: true);
    }

    private BoundExpression ConvertPointer(
        BoundExpression value, PointerType source, QualifiedType target, PointerType pointer, SyntaxNode at, AssignmentKind kind, SourceLocation parameter)
    {
        if (!IsNullConstant(value))
        {
            switch (TypeRelations.Fit(source, pointer))
            {
                case PointerFit.DiscardsQualifiers or PointerFit.NestedQualifiers:
                    ReportMisfit(D.DiscardsQualifiers, null, value, target, at, kind, parameter);
                    break;
                case PointerFit.DifferentSign:
                    ReportMisfit(D.PointerSign, null, value, target, at, kind, parameter);
                    break;
                case PointerFit.Incompatible:
                    bool isFunction = source.Pointee.Canonical is FunctionType && pointer.Pointee.Canonical is FunctionType;
                    ReportMisfit(isFunction ? D.IncompatibleFunctionPointers : D.IncompatiblePointers, null, value, target, at, kind, parameter);
                    break;
            }
        }
        return Convert(value, target);
    }

    private void ReportMisfit(
        DiagnosticDescriptor row, string? direction, BoundExpression value, QualifiedType target, SyntaxNode at, AssignmentKind kind, SourceLocation parameter, bool isIncompatible = false)
    {
        string phrase = Phrase(kind, value.Type, target, isIncompatible);
        if (direction is null)
            ReportWithNote(row, SpanOf(at), "passing argument to parameter here", parameter, phrase);
        else
            ReportWithNote(row, SpanOf(at), "passing argument to parameter here", parameter, direction, phrase);
    }

    private BoundExpression Misfit(
        DiagnosticDescriptor row, BoundExpression value, QualifiedType target, SyntaxNode at, AssignmentKind kind, SourceLocation parameter, bool isIncompatible)
    {
        ReportMisfit(row, null, value, target, at, kind, parameter, isIncompatible);
        return ErrorAt(at);
    }
}
