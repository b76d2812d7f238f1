// Relations between C types: classes of types, promotions and usual arithmetic conversions (C11 6.3.1), compatible and composite
// types (6.2.7), what a pointer may be assigned to (6.5.16.1). Functions of types only: no scopes, no diagnostics.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

/// <summary>How well a pointer converts to another pointer type without a cast.</summary>
public enum PointerFit : byte { Exact, DiscardsQualifiers, DifferentSign, NestedQualifiers, VoidFunction, Incompatible }

public static class TypeRelations
{
    public static bool IsInteger(TypeSymbol type) => type.Canonical is IntegerType or EnumType { Underlying: not null };

    public static bool IsFloating(TypeSymbol type) => type.Canonical is FloatType;

    public static bool IsArithmetic(TypeSymbol type) => type.Canonical is IntegerType or FloatType or EnumType { Underlying: not null };

    public static bool IsPointer(TypeSymbol type) => type.Canonical is PointerType;

    public static bool IsScalar(TypeSymbol type) => type.Canonical is PointerType || IsArithmetic(type);

    public static bool IsVoid(TypeSymbol type) => type.Canonical is VoidType;

    public static bool IsError(TypeSymbol type) => type.Canonical is ErrorType;

    /// <summary>The integer type that represents an integer or enumeration; null for other types.</summary>
    public static IntegerType? Representation(TypeSymbol type) => type.Canonical switch
    {
        IntegerType integer => integer,
        EnumType enumeration => enumeration.Underlying,
        _ => null,
    };

    /// <summary>The element type of an array, with the qualifiers that were put on the array (through a typedef).</summary>
    public static QualifiedType ElementOf(QualifiedType array)
        => ((ArrayType)array.Canonical).Element.With(array.AllQualifiers);

    /// <summary>The type of a value read from an object: qualifiers dropped, names kept where they carry none.</summary>
    public static QualifiedType ValueType(QualifiedType type)
        => type.Type.SugarQualifiers == TypeQualifiers.None ? new QualifiedType(type.Type) : type.Unqualified;

    /// <summary>Integer promotions: everything below int becomes int; int-sized enums become their representation.</summary>
    public static IntegerType Promote(IntegerType type)
        => type.Rank < IntegerType.Int.Rank ? IntegerType.Int : type;

    /// <summary>Promotion of a bit-field by its width, as gcc and clang do: what fits int becomes int.</summary>
    public static IntegerType PromoteBitField(IntegerType type, int width)
    {
        if (width < 32 || (width == 32 && type.IsSigned))
            return IntegerType.Int;
        return width == 32 ? IntegerType.UnsignedInt : type;
    }

    /// <summary>The common type of two promoted operands.</summary>
    public static IntegerType UsualArithmetic(IntegerType left, IntegerType right)
    {
        left = Promote(left);
        right = Promote(right);
        if (ReferenceEquals(left, right))
            return left;
        if (left.IsSigned == right.IsSigned)
            return left.Rank >= right.Rank ? left : right;
        (IntegerType signed, IntegerType unsigned) = left.IsSigned ? (left, right) : (right, left);
        if (unsigned.Rank >= signed.Rank)
            return unsigned;
        return signed.Size > unsigned.Size ? signed : ToUnsigned(signed);
    }

    public static IntegerType ToUnsigned(IntegerType type) => type.Kind switch
    {
        IntegerKind.Char or IntegerKind.SignedChar => IntegerType.UnsignedChar,
        IntegerKind.Short => IntegerType.UnsignedShort,
        IntegerKind.Int => IntegerType.UnsignedInt,
        IntegerKind.Long => IntegerType.UnsignedLong,
        IntegerKind.LongLong => IntegerType.UnsignedLongLong,
        IntegerKind.Int128 => IntegerType.UnsignedInt128,
        _ => type,
    };

    public static bool AreCompatible(QualifiedType left, QualifiedType right)
    {
        if (left.Canonical is ArrayType && right.Canonical is ArrayType)
            return AreCompatible(left.Canonical, right.Canonical) && ElementOf(left).AllQualifiers == ElementOf(right).AllQualifiers;
        return left.AllQualifiers == right.AllQualifiers && AreCompatible(left.Canonical, right.Canonical);
    }

    /// <summary>Compatible types (C11 6.2.7), qualifiers at the top ignored.</summary>
    public static bool AreCompatible(TypeSymbol left, TypeSymbol right)
    {
        left = left.Canonical;
        right = right.Canonical;
        if (ReferenceEquals(left, right) || left is ErrorType || right is ErrorType)
            return true;
        switch (left, right)
        {
            case (EnumType enumeration, IntegerType):
                return ReferenceEquals(enumeration.Underlying, right);
            case (IntegerType, EnumType enumeration):
                return ReferenceEquals(enumeration.Underlying, left);
            case (PointerType first, PointerType second):
                return AreCompatible(first.Pointee, second.Pointee);
            case (ArrayType first, ArrayType second):
                return (first.Length is null || second.Length is null || first.Length == second.Length) && AreCompatible(first.Element, second.Element);
            case (FunctionType first, FunctionType second):
                return AreCompatibleFunctions(first, second);
            case (FloatType first, FloatType second):
                return first.Name == second.Name;
            default:
                return false;
        }
    }

    private static bool AreCompatibleFunctions(FunctionType left, FunctionType right)
    {
        if (!AreCompatible(left.ReturnType.Canonical, right.ReturnType.Canonical))
            return false;
        if (!left.HasPrototype || !right.HasPrototype)
        {
            FunctionType known = left.HasPrototype ? left : right;
            if (!known.HasPrototype)
                return true;
            // Against "f()" only parameters that survive the default promotions are compatible.
            return !known.IsVariadic && known.Parameters.All(parameter => Representation(parameter.Type.Type) is not { } type || ReferenceEquals(Promote(type), type));
        }
        if (left.IsVariadic != right.IsVariadic || left.Parameters.Count != right.Parameters.Count)
            return false;
        for (int i = 0; i < left.Parameters.Count; i++)
        {
            if (!AreCompatible(left.Parameters[i].Type.Canonical, right.Parameters[i].Type.Canonical))
                return false;
        }
        return true;
    }

    /// <summary>The composite of two compatible types: the one that knows more (lengths, prototypes).</summary>
    public static QualifiedType Composite(QualifiedType left, QualifiedType right)
    {
        switch (left.Canonical, right.Canonical)
        {
            case (ArrayType first, ArrayType second):
                if (first.Length is null && second.Length is not null)
                    return right;
                return left;
            case (FunctionType first, FunctionType second):
                return Composite(first, second);
            case (PointerType first, PointerType second):
                QualifiedType pointee = Composite(first.Pointee, second.Pointee);
                return pointee == second.Pointee && pointee != first.Pointee ? right with { Qualifiers = left.AllQualifiers } : left;
            default:
                return left;
        }
    }

    public static FunctionType Composite(FunctionType left, FunctionType right)
        => !left.HasPrototype && right.HasPrototype ? right : left;

    /// <summary>Whether a value of pointer type <paramref name="from"/> may become <paramref name="to"/> by assignment.</summary>
    public static PointerFit Fit(PointerType from, PointerType to)
    {
        TypeQualifiers lost = PointeeQualifiers(from) & ~PointeeQualifiers(to) & ~TypeQualifiers.Restrict;
        TypeSymbol source = from.Pointee.Canonical, target = to.Pointee.Canonical;
        if (source is VoidType || target is VoidType)
        {
            if (source is FunctionType || target is FunctionType)
                return PointerFit.VoidFunction;
            return lost == 0 ? PointerFit.Exact : PointerFit.DiscardsQualifiers;
        }
        if (AreCompatible(source, target))
            return lost == 0 ? PointerFit.Exact : PointerFit.DiscardsQualifiers;
        if (Representation(source) is { } a && Representation(target) is { } b && ReferenceEquals(ToUnsigned(a), ToUnsigned(b)))
            return PointerFit.DifferentSign;
        if (source is PointerType inner && target is PointerType outer && SameButQualifiers(inner, outer))
            return PointerFit.NestedQualifiers;
        return PointerFit.Incompatible;
    }

    private static bool SameButQualifiers(PointerType left, PointerType right)
    {
        while (true)
        {
            TypeSymbol first = left.Pointee.Canonical, second = right.Pointee.Canonical;
            if (AreCompatible(first, second))
                return true;
            if (first is not PointerType a || second is not PointerType b)
                return false;
            (left, right) = (a, b);
        }
    }

    /// <summary>Qualifiers of what a pointer points to; those of an array are its elements'.</summary>
    public static TypeQualifiers PointeeQualifiers(PointerType pointer)
    {
        QualifiedType pointee = pointer.Pointee;
        TypeQualifiers qualifiers = pointee.AllQualifiers;
        while (pointee.Canonical is ArrayType array)
        {
            pointee = array.Element;
            qualifiers |= pointee.AllQualifiers;
        }
        return qualifiers;
    }

    /// <summary>The bytes a pointer to this type steps over: GNU counts void and functions as one byte.</summary>
    public static long StepOf(QualifiedType pointee) => pointee.Canonical is VoidType or FunctionType ? 1 : pointee.Type.Size;

    public static bool HasFlexibleMember(TypeSymbol type)
        => type.Canonical is RecordType { IsUnion: false } record && record.Fields.Count > 0
            && (record.Fields[^1].Type.Canonical is ArrayType { Length: null } || HasFlexibleMember(record.Fields[^1].Type.Type));
}
