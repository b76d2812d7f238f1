// The types of SSA values. Aggregates are not values: they live in memory and are addressed by bytes, so that layout is
// decided once, in the front end.
namespace Ebpfcc.Ir;

public enum IrType : byte { Void, I1, I8, I16, I32, I64, I128, Ptr }

public static class IrTypes
{
    /// <summary>Width in bits; pointers are 64 bits wide, void has none.</summary>
    public static int Bits(this IrType type) => type switch
    {
        IrType.Void => 0,
        IrType.I1 => 1,
        IrType.I8 => 8,
        IrType.I16 => 16,
        IrType.I32 => 32,
        IrType.I64 or IrType.Ptr => 64,
        IrType.I128 => 128,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Bytes in memory (an I1 is stored as one byte).</summary>
    public static int Bytes(this IrType type) => (type.Bits() + 7) / 8;

    public static bool IsInteger(this IrType type) => type is >= IrType.I1 and <= IrType.I128;

    /// <summary>The integer type of a width, e.g. 32 gives I32.</summary>
    public static IrType Integer(int bits) => bits switch
    {
        1 => IrType.I1,
        8 => IrType.I8,
        16 => IrType.I16,
        32 => IrType.I32,
        64 => IrType.I64,
        128 => IrType.I128,
        _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, "No integer type has this width."),
    };

    /// <summary>How the text form writes the type.</summary>
    public static string Name(this IrType type) => type switch
    {
        IrType.Void => "void",
        IrType.Ptr => "ptr",
        _ => $"i{type.Bits()}",
    };
}
