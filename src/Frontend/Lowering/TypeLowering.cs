// C types as SSA types: scalars only, because structures and arrays live in memory. _Bool is a byte holding 0 or 1.
//
// Calling convention (as clang's BPF ABI): integers narrower than int travel extended to 32 bits by their signedness; structures
// of up to 16 bytes travel in one or two 64-bit words, larger ones by pointer to a copy; structures are returned through a hidden
// first parameter.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal static class TypeLowering
{
    /// <summary>Structures up to this many bytes are passed in registers.</summary>
    public const long MaxRegisterStructure = 16;

    /// <summary>The type of the value an expression of this type has; arrays and functions have none and count as their address.</summary>
    public static IrType ValueType(QualifiedType type) => type.Canonical switch
    {
        VoidType => IrType.Void,
        IntegerType integer => IrTypes.Integer((int)integer.Size * 8),
        EnumType enumeration => enumeration.Underlying is { } underlying ? IrTypes.Integer((int)underlying.Size * 8) : IrType.I32,
        FloatType real => IrTypes.Integer((int)real.Size * 8),
        ErrorType => IrType.I32,
        _ => IrType.Ptr,
    };

    public static bool IsAggregate(QualifiedType type) => type.Canonical is RecordType or ArrayType;

    public static bool IsSigned(QualifiedType type) => type.Canonical switch
    {
        IntegerType integer => integer.IsSigned,
        EnumType enumeration => enumeration.Underlying?.IsSigned ?? false,
        _ => false,
    };

    public static bool IsBool(QualifiedType type) => type.Canonical is IntegerType { Kind: IntegerKind.Bool };

    /// <summary>Bytes of alignment an object of the type has wherever it lies; at least 1.</summary>
    public static int Alignment(QualifiedType type) => Math.Max(type.Type.Alignment, 1);

    /// <summary>Const all the way down: qualifiers of an array are those of its elements.</summary>
    public static bool IsConstObject(QualifiedType type) => type.IsConst || (type.Canonical is ArrayType array && IsConstObject(array.Element));

    public static bool IsVolatileObject(QualifiedType type) => type.IsVolatile || (type.Canonical is ArrayType array && IsVolatileObject(array.Element));

    public static bool IsAtomic(QualifiedType type) => (type.AllQualifiers & TypeQualifiers.Atomic) != 0;

    /// <summary>The type in which a scalar of this type crosses a call.</summary>
    public static IrType CallType(QualifiedType type) => ValueType(type) switch
    {
        IrType.I8 or IrType.I16 => IrType.I32,
        IrType other => other,
    };

    /// <summary>64-bit words a structure argument occupies, or 0 when it goes by pointer (or is empty).</summary>
    public static int RegisterWords(QualifiedType type) => type.Type.Size is > 0 and <= MaxRegisterStructure and var size ? (int)((size + 7) / 8) : 0;

    public static bool IsEmpty(QualifiedType type) => IsAggregate(type) && type.Type.Size == 0;

    /// <param name="isDefined">The parameters are known although the type has no prototype.</param>
    public static FunctionSignature Signature(FunctionType type, bool isDefined = false)
    {
        var parameters = new List<IrType>(type.Parameters.Count + 1);
        bool returnsStructure = IsAggregate(type.ReturnType);
        if (returnsStructure)
            parameters.Add(IrType.Ptr);
        foreach (FunctionParameter parameter in type.Parameters)
            AddParameter(parameters, parameter.Type);
        return new FunctionSignature(returnsStructure ? IrType.Void : CallType(type.ReturnType), parameters, type.IsVariadic || (!type.HasPrototype && !isDefined));
    }

    private static void AddParameter(List<IrType> parameters, QualifiedType type)
    {
        if (!IsAggregate(type))
        {
            parameters.Add(CallType(type));
        }
        else if (RegisterWords(type) is > 0 and var words)
        {
            for (int i = 0; i < words; i++)
                parameters.Add(IrType.I64);
        }
        else if (!IsEmpty(type))
        {
            parameters.Add(IrType.Ptr);
        }
    }
}
