// C types as the binder knows them. Sugar (typedefs, tags on types) is kept in the graph, because diagnostics and BTF must
// show types as written; Canonical strips it where only the meaning counts.
// Data model: LP64, little endian (BPF): char is signed, long and pointers are 64 bits, enums are int-sized.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Symbols;

/// <summary>A type together with its qualifiers; what every expression and object has.</summary>
public readonly record struct QualifiedType(TypeSymbol Type, TypeQualifiers Qualifiers = TypeQualifiers.None)
{
    public bool IsConst => (AllQualifiers & TypeQualifiers.Const) != 0;

    public bool IsVolatile => (AllQualifiers & TypeQualifiers.Volatile) != 0;

    /// <summary>Qualifiers written here and those that typedefs below bring along.</summary>
    public TypeQualifiers AllQualifiers => Qualifiers | Type.SugarQualifiers;

    /// <summary>The meaning: no typedefs, no type tags.</summary>
    public TypeSymbol Canonical => Type.Canonical;

    public QualifiedType Unqualified => new(Type.Canonical);

    public QualifiedType With(TypeQualifiers qualifiers) => this with { Qualifiers = Qualifiers | qualifiers };

    public static implicit operator QualifiedType(TypeSymbol type) => new(type);

    public override string ToString() => TypePrinter.Print(this);
}

/// <summary>Base of all types. Types are compared with the rules of compatible types, not by reference, except records and enums.</summary>
public abstract class TypeSymbol
{
    private PointerType? _pointer;

    /// <summary>This type without typedefs and type tags at its top.</summary>
    public virtual TypeSymbol Canonical => this;

    /// <summary>Qualifiers that sugar at the top of this type adds.</summary>
    public virtual TypeQualifiers SugarQualifiers => TypeQualifiers.None;

    /// <summary>Bytes; -1 while incomplete; 0 for void, functions and empty structures.</summary>
    public abstract long Size { get; }

    /// <summary>Bytes.</summary>
    public abstract int Alignment { get; }

    /// <summary>Objects of the type can exist: not void, not a function, not a bare tag, not an array of unknown length.</summary>
    public virtual bool IsComplete => Size >= 0;

    /// <summary>The pointer to this type, made once.</summary>
    public PointerType PointerTo() => _pointer ??= new PointerType(this);

    public override string ToString() => TypePrinter.Print(this);
}

public sealed class VoidType : TypeSymbol
{
    public static readonly VoidType Instance = new();

    public override long Size => 0;

    public override int Alignment => 1;

    public override bool IsComplete => false;
}

public enum IntegerKind : byte
{
    Bool, Char, SignedChar, UnsignedChar, Short, UnsignedShort, Int, UnsignedInt, Long, UnsignedLong, LongLong, UnsignedLongLong, Int128, UnsignedInt128,
}

/// <summary>The built-in integer types, <c>_Bool</c> included. One object each.</summary>
public sealed class IntegerType : TypeSymbol
{
    public static readonly IntegerType Bool = new(IntegerKind.Bool, "_Bool", 1, false, 0);
    public static readonly IntegerType Char = new(IntegerKind.Char, "char", 1, true, 1);
    public static readonly IntegerType SignedChar = new(IntegerKind.SignedChar, "signed char", 1, true, 1);
    public static readonly IntegerType UnsignedChar = new(IntegerKind.UnsignedChar, "unsigned char", 1, false, 1);
    public static readonly IntegerType Short = new(IntegerKind.Short, "short", 2, true, 2);
    public static readonly IntegerType UnsignedShort = new(IntegerKind.UnsignedShort, "unsigned short", 2, false, 2);
    public static readonly IntegerType Int = new(IntegerKind.Int, "int", 4, true, 3);
    public static readonly IntegerType UnsignedInt = new(IntegerKind.UnsignedInt, "unsigned int", 4, false, 3);
    public static readonly IntegerType Long = new(IntegerKind.Long, "long", 8, true, 4);
    public static readonly IntegerType UnsignedLong = new(IntegerKind.UnsignedLong, "unsigned long", 8, false, 4);
    public static readonly IntegerType LongLong = new(IntegerKind.LongLong, "long long", 8, true, 5);
    public static readonly IntegerType UnsignedLongLong = new(IntegerKind.UnsignedLongLong, "unsigned long long", 8, false, 5);
    public static readonly IntegerType Int128 = new(IntegerKind.Int128, "__int128", 16, true, 6);
    public static readonly IntegerType UnsignedInt128 = new(IntegerKind.UnsignedInt128, "unsigned __int128", 16, false, 6);

    private IntegerType(IntegerKind kind, string name, int bytes, bool isSigned, int rank)
        => (Kind, Name, Size, IsSigned, Rank) = (kind, name, bytes, isSigned, rank);

    public IntegerKind Kind { get; }

    /// <summary>As the standard spells it.</summary>
    public string Name { get; }

    public override long Size { get; }

    public override int Alignment => (int)Size;

    public bool IsSigned { get; }

    /// <summary>Conversion rank (C11 6.3.1.1).</summary>
    public int Rank { get; }

    public int Bits => Kind == IntegerKind.Bool ? 1 : (int)Size * 8;
}

/// <summary>Floating types: declared and described, never computed with.</summary>
public sealed class FloatType(string name, int bytes) : TypeSymbol
{
    public static readonly FloatType Float = new("float", 4);
    public static readonly FloatType Double = new("double", 8);
    public static readonly FloatType LongDouble = new("long double", 16);

    public string Name { get; } = name;

    public override long Size => bytes;

    public override int Alignment => bytes;
}

public sealed class PointerType(QualifiedType pointee) : TypeSymbol
{
    public QualifiedType Pointee { get; } = pointee;

    public override long Size => 8;

    public override int Alignment => 8;
}

/// <param name="length">Elements; null for <c>[]</c>.</param>
public sealed class ArrayType(QualifiedType element, long? length) : TypeSymbol
{
    /// <summary>No object is larger: arrays beyond it are refused where they are declared (2^47 bytes, the address space of a process).</summary>
    public const long MaximumSize = 1L << 47;

    public QualifiedType Element { get; } = element;

    public long? Length { get; } = length;

    public override long Size => Length is { } count && Element.Type.Size >= 0 ? count * Element.Type.Size : -1;

    public override int Alignment => Element.Type.Alignment;
}

public sealed record FunctionParameter(string? Name, QualifiedType Type, SourceLocation Location)
{
    public IReadOnlyList<string> DeclTags { get; init; } = [];
}

/// <param name="hasPrototype">False for <c>f()</c> and old-style definitions: arguments are promoted, not checked.</param>
public sealed class FunctionType(QualifiedType returnType, IReadOnlyList<FunctionParameter> parameters, bool isVariadic, bool hasPrototype) : TypeSymbol
{
    public QualifiedType ReturnType { get; } = returnType;

    /// <summary>With array and function parameters already adjusted to pointers.</summary>
    public IReadOnlyList<FunctionParameter> Parameters { get; } = parameters;

    public bool IsVariadic { get; } = isVariadic;

    public bool HasPrototype { get; } = hasPrototype;

    public override long Size => 0;

    public override int Alignment => 4;

    public override bool IsComplete => false;
}

/// <summary>A typedef name; stands for its target and keeps the name for messages and BTF.</summary>
public sealed class TypedefType(TypedefSymbol symbol) : TypeSymbol
{
    public TypedefSymbol Symbol { get; } = symbol;

    public QualifiedType Target => Symbol.Type;

    // Computed once: the target exists already, and a chain of typedefs of any length must not be walked (or recursed) again.
    public override TypeSymbol Canonical { get; } = symbol.Type.Canonical;

    public override TypeQualifiers SugarQualifiers { get; } = symbol.Type.AllQualifiers;

    public override long Size => Canonical.Size;

    /// <summary>A typedef may change the alignment.</summary>
    public override int Alignment => Symbol.Attributes.Alignment ?? _targetAlignment ?? (_targetAlignment = Target.Type.Alignment).Value;

    public override bool IsComplete => Canonical.IsComplete;

    private int? _targetAlignment;
}

/// <summary>A type with <c>btf_type_tag("...")</c> or an address space attached; otherwise transparent.</summary>
public sealed class TaggedType(QualifiedType target, string? tag, int addressSpace = 0) : TypeSymbol
{
    public QualifiedType Target { get; } = target;

    public string? Tag { get; } = tag;

    public int AddressSpace { get; } = addressSpace;

    public override TypeSymbol Canonical { get; } = target.Type.Canonical;

    public override TypeQualifiers SugarQualifiers { get; } = target.AllQualifiers;

    public override long Size => Canonical.Size;

    public override int Alignment => Target.Type.Alignment;

    public override bool IsComplete => Canonical.IsComplete;
}

/// <summary>The type of something that was reported as wrong; converts to and from everything without further reports.</summary>
public sealed class ErrorType : TypeSymbol
{
    public static readonly ErrorType Instance = new();

    public override long Size => 4;

    public override int Alignment => 4;
}
