// Bound expressions: every name resolved, every type known, every implicit conversion explicit. An expression designates an
// object (IsLValue) or has a value; the only step from the one to the other is a LoadValue conversion. Lowering needs no more
// knowledge of C's typing rules.
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;

namespace Ebpfcc.Frontend.Binding;

public abstract record BoundNode
{
    public SourceSpan Span { get; init; }

    /// <summary>Where diagnostics and line information point.</summary>
    public SourceLocation Location { get; init; }
}

/// <summary>Base of expressions. Values have unqualified types; lvalues keep their object's qualifiers.</summary>
public abstract record BoundExpression(QualifiedType Type) : BoundNode
{
    /// <summary>Designates an object in memory (or a bit-field of one).</summary>
    public virtual bool IsLValue => false;
}

/// <summary>An integer constant of integer, enum or (null pointers, folded casts) pointer type; sign- or zero-extended by that type.</summary>
public sealed record BoundLiteral(QualifiedType Type, Int128 Value) : BoundExpression(Type);

/// <summary>A string literal: an lvalue of array type. <paramref name="Bytes"/> includes the terminating zero.</summary>
public sealed record BoundStringLiteral(QualifiedType Type, byte[] Bytes) : BoundExpression(Type)
{
    public override bool IsLValue => true;
}

public sealed record BoundVariable(VariableSymbol Symbol) : BoundExpression(Symbol.Type)
{
    public override bool IsLValue => true;
}

/// <summary>A function designator; its value is reached through a FunctionToPointer conversion or a call.</summary>
public sealed record BoundFunctionReference(FunctionSymbol Symbol) : BoundExpression(new QualifiedType(Symbol.Type));

/// <summary><c>*pointer</c>: an lvalue (or function designator).</summary>
public sealed record BoundDereference(BoundExpression Pointer, QualifiedType Type) : BoundExpression(Type)
{
    public override bool IsLValue => Type.Canonical is not FunctionType;
}

/// <summary>A member of an lvalue or of a structure value. <c>p->m</c> is a member of a dereference.</summary>
public sealed record BoundMember(BoundExpression Receiver, FieldSymbol Field, QualifiedType Type) : BoundExpression(Type)
{
    public override bool IsLValue => Receiver.IsLValue;
}

public sealed record BoundAddressOf(BoundExpression Operand, QualifiedType Type) : BoundExpression(Type);

public enum ConversionKind : byte
{
    /// <summary>Reads an lvalue: object to value.</summary>
    LoadValue,

    ArrayToPointer, FunctionToPointer,

    /// <summary>Integer or enum to integer or enum: truncates or extends by the source's signedness.</summary>
    Integral,

    /// <summary>Any scalar to <c>_Bool</c>: compares with zero.</summary>
    ToBool,

    /// <summary>Pointer to pointer: no change of bits.</summary>
    Pointer,

    IntegralToPointer, PointerToIntegral,

    /// <summary>The value is not used.</summary>
    ToVoid,

    /// <summary>Between identical types, written by the user.</summary>
    Identity,
}

public sealed record BoundConversion(ConversionKind Kind, BoundExpression Operand, QualifiedType Type, bool IsImplicit) : BoundExpression(Type);

public enum BoundUnaryOperator : byte { Minus, BitwiseNot, LogicalNot }

/// <summary>Operand already promoted; LogicalNot has a scalar operand and int result.</summary>
public sealed record BoundUnary(BoundUnaryOperator Operator, BoundExpression Operand, QualifiedType Type) : BoundExpression(Type);

/// <summary>++ and --: the target's type decides the arithmetic (pointers step by their pointee's size).</summary>
public sealed record BoundIncrement(BoundExpression Target, bool IsDecrement, bool IsPrefix, QualifiedType Type) : BoundExpression(Type);

/// <summary>
/// Integer arithmetic (operands of the result's type; for shifts the right one keeps its own) and comparisons (operands of one
/// type, integer or pointer; result int). Not the logical operators, not pointer arithmetic.
/// </summary>
public sealed record BoundBinary(BinaryOperator Operator, BoundExpression Left, BoundExpression Right, QualifiedType Type) : BoundExpression(Type);

/// <summary><c>&amp;&amp;</c> and <c>||</c> with scalar operands; result int.</summary>
public sealed record BoundLogical(bool IsAnd, BoundExpression Left, BoundExpression Right, QualifiedType Type) : BoundExpression(Type);

/// <summary>Pointer plus or minus an integer index, in elements of <paramref name="ElementSize"/> bytes.</summary>
public sealed record BoundPointerArithmetic(BoundExpression Pointer, BoundExpression Index, bool IsSubtraction, long ElementSize, QualifiedType Type) : BoundExpression(Type);

/// <summary>Difference of two pointers in elements; result long.</summary>
public sealed record BoundPointerDifference(BoundExpression Left, BoundExpression Right, long ElementSize, QualifiedType Type) : BoundExpression(Type);

/// <summary>Assignment of a value already converted to the target's type (scalars and whole structures).</summary>
public sealed record BoundAssignment(BoundExpression Target, BoundExpression Value, QualifiedType Type) : BoundExpression(Type);

/// <summary>
/// <c>target op= value</c>. Computed in <paramref name="ComputationType"/>: the target's value is converted to it, combined, and converted
/// back. For a pointer target the operation is Add or Subtract by <paramref name="ElementSize"/>.
/// </summary>
public sealed record BoundCompoundAssignment(
    BinaryOperator Operator, BoundExpression Target, BoundExpression Value, QualifiedType ComputationType, long ElementSize, QualifiedType Type) : BoundExpression(Type);

/// <summary><c>c ? a : b</c>; GNU's short form has a null <paramref name="IfTrue"/> and yields the condition's value converted to the type.</summary>
public sealed record BoundConditional(BoundExpression Condition, BoundExpression? IfTrue, BoundExpression IfFalse, QualifiedType Type) : BoundExpression(Type);

public sealed record BoundComma(BoundExpression Left, BoundExpression Right) : BoundExpression(Right.Type);

/// <summary>A call; the callee is a function reference or a pointer value; arguments converted and promoted.</summary>
public sealed record BoundCall(BoundExpression Callee, FunctionType FunctionType, IReadOnlyList<BoundExpression> Arguments, QualifiedType Type) : BoundExpression(Type);

/// <summary>A compiler builtin that is not folded by the binder; what each takes is documented at <see cref="BuiltinKind"/>.</summary>
public sealed record BoundBuiltinCall(BuiltinKind Kind, IReadOnlyList<BoundExpression> Arguments, QualifiedType Type) : BoundExpression(Type)
{
    /// <summary>A type operand (CO-RE builtins), or null.</summary>
    public QualifiedType? TypeArgument { get; init; }

    /// <summary>The enumerator of PreserveEnumValue, or null.</summary>
    public EnumConstantSymbol? EnumConstant { get; init; }

    /// <summary>The constant flags operand of CO-RE builtins, the memory order of atomics, or 0.</summary>
    public long Flags { get; init; }
}

/// <summary>A compound literal: an lvalue of automatic (or, at file scope, static) storage.</summary>
public sealed record BoundCompoundLiteral(VariableSymbol Storage, BoundInitializer Initializer) : BoundExpression(Storage.Type)
{
    public override bool IsLValue => true;
}

/// <summary><c>({ ... })</c>: runs the block; the value is that of <paramref name="Result"/> (null: void), evaluated in the block's scope at its end.</summary>
public sealed record BoundStatementExpression(BoundBlock Body, BoundExpression? Result, QualifiedType Type) : BoundExpression(Type);

public sealed record BoundLabelAddress(LabelSymbol Label, QualifiedType Type) : BoundExpression(Type);

/// <summary>Reported already; stops lowering of the function.</summary>
public sealed record BoundErrorExpression() : BoundExpression(new QualifiedType(ErrorType.Instance));

// ---- initializers ---------------------------------------------------------------------------------------------------

/// <summary>
/// One store of an initializer: <paramref name="Value"/> goes to byte <paramref name="Offset"/> of the object, into <paramref name="BitField"/> when it is
/// one. A structure value or a string literal (array type) is stored whole.
/// </summary>
public sealed record BoundInitializerEntry(long Offset, FieldSymbol? BitField, QualifiedType Type, BoundExpression Value);

/// <summary>
/// A flattened initializer: zero-fill the object if <paramref name="ZeroFill"/>, then perform the entries in order (later ones override).
/// A scalar's initializer is one entry at offset 0.
/// </summary>
public sealed record BoundInitializer(QualifiedType Type, bool ZeroFill, IReadOnlyList<BoundInitializerEntry> Entries) : BoundNode
{
    /// <summary>Every entry is an integer constant or an address constant: fit for static storage.</summary>
    public bool IsConstant { get; init; }

    /// <summary>Bytes of the object: its type's size, or more when a flexible array member at its end has initializers.</summary>
    public long ObjectSize { get; init; } = Type.Type.Size;
}
