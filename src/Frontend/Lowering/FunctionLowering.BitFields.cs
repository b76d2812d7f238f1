// Bit-fields: a read-modify-write of the storage unit that holds them.
//
//      byte:   0        1        2        3          unsigned a : 5, b : 11;  both in the unit of bytes 0..3
//            +--------+--------+--------+--------+   (the declared type's size), or, where that would reach outside the record
//            |aaaaabbb|bbbbbbbb|        |        |   or over a neighbour that is no bit-field, in the narrowest unit that does not,
//            +--------+--------+--------+--------+   or byte by byte.
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    /// <param name="Offset">Bytes from the start of the record.</param>
    /// <param name="Bytes">1, 2, 4 or 8; 0 when no single unit holds the field.</param>
    private readonly record struct StorageUnit(long Offset, int Bytes, int Shift);

    private static StorageUnit FindUnit(FieldSymbol field)
    {
        int width = field.BitWidth!.Value;
        int declared = Math.Min((int)Math.Max(field.Type.Type.Size, 1), 8);
        if (TryUnit(field, width, declared) is { } natural)
            return natural;
        for (int bytes = 1; bytes <= 8; bytes *= 2)
        {
            if (TryUnit(field, width, bytes) is { } narrow)
                return narrow;
        }
        return new StorageUnit(field.BitOffset / 8, 0, (int)(field.BitOffset % 8));
    }

    private static StorageUnit? TryUnit(FieldSymbol field, int width, int bytes)
    {
        long first = field.BitOffset / (bytes * 8) * bytes;
        long shift = field.BitOffset - first * 8;
        if (shift + width > bytes * 8 || first + bytes > field.Container.Size)
            return null;
        if (field.Container.IsUnion)
            return new StorageUnit(first, bytes, (int)shift);
        foreach (FieldSymbol neighbour in field.Container.Fields)
        {
            if (!neighbour.IsBitField && neighbour.ByteOffset < first + bytes && first < neighbour.ByteOffset + neighbour.Type.Type.Size)
                return null;
        }
        return new StorageUnit(first, bytes, (int)shift);
    }

    private Value LoadBitField(Place place, QualifiedType type)
    {
        FieldSymbol field = place.BitField!;
        int width = field.BitWidth!.Value;
        IrType result = TypeLowering.ValueType(type);
        if (width == 0)
            return Constant.Of(result, 0);
        StorageUnit unit = FindUnit(field);
        place = Materialize(place);
        if (unit.Bytes == 0)
            return Extract(LoadStraddling(place, unit, width), width, 0, type, result);
        Place storage = UnitPlace(place, unit);
        IrType unitType = IrTypes.Integer(unit.Bytes * 8);
        Value bits = _builder.Load(unitType, Address(storage), storage.Alignment, storage.IsVolatile);
        return Extract(bits, width, unit.Shift, type, result);
    }

    private Value Extract(Value bits, int width, int shift, QualifiedType type, IrType result)
    {
        int unitBits = bits.Type.Bits();
        if (TypeLowering.IsSigned(type))
        {
            bits = _builder.Shl(bits, Constant.Of(bits.Type, unitBits - width - shift));
            bits = _builder.AShr(bits, Constant.Of(bits.Type, unitBits - width));
        }
        else
        {
            bits = _builder.LShr(bits, Constant.Of(bits.Type, shift));
            if (shift + width < unitBits)
                bits = _builder.And(bits, Mask(bits.Type, width));
        }
        return _builder.ConvertInteger(bits, result, TypeLowering.IsSigned(type));
    }

    private void StoreBitField(Place place, Value value)
    {
        FieldSymbol field = place.BitField!;
        int width = field.BitWidth!.Value;
        if (width == 0)
            return;
        StorageUnit unit = FindUnit(field);
        place = Materialize(place);
        if (unit.Bytes == 0)
        {
            StoreStraddling(place, unit, width, value);
            return;
        }
        Place storage = UnitPlace(place, unit);
        IrType unitType = IrTypes.Integer(unit.Bytes * 8);
        Value bits = _builder.ConvertInteger(value, unitType, false);
        Value address = Address(storage);
        if (width < unit.Bytes * 8)
        {
            Value old = _builder.Load(unitType, address, storage.Alignment, storage.IsVolatile);
            bits = Insert(old, bits, width, unit.Shift);
        }
        _builder.Store(address, bits, storage.Alignment, storage.IsVolatile);
    }

    /// <summary>old with width bits from shift on replaced by the low bits of the new value.</summary>
    private Value Insert(Value old, Value bits, int width, int shift)
    {
        UInt128 mask = ((UInt128.One << width) - 1) << shift;
        Value kept = _builder.And(old, new Constant(old.Type, ~mask));
        Value placed = _builder.Shl(_builder.And(bits, Mask(bits.Type, width)), Constant.Of(bits.Type, shift));
        return _builder.Or(kept, placed);
    }

    /// <summary>The value a stored bit-field reads back as.</summary>
    private Value TruncateToField(Value value, FieldSymbol field, QualifiedType type)
        => field.BitWidth!.Value is > 0 and var width && width < value.Type.Bits() && !TypeLowering.IsBool(type) ? Extract(value, width, 0, type, value.Type) : value;

    private static Constant Mask(IrType type, int width) => new(type, (UInt128.One << width) - 1);

    private static Place UnitPlace(Place place, StorageUnit unit) => place.At(unit.Offset) with { BitField = null };

    // ---- packed fields that cross every unit: byte by byte -------------------------------------------------------------

    private Value LoadStraddling(Place place, StorageUnit unit, int width)
    {
        Value? whole = null;
        int bytes = (unit.Shift + width + 7) / 8;
        IrType type = bytes > 8 ? IrType.I128 : IrType.I64;
        for (int i = 0; i < bytes; i++)
        {
            Place part = UnitPlace(place, unit with { Offset = unit.Offset + i });
            Value piece = _builder.ZExt(_builder.Load(IrType.I8, Address(part), part.Alignment, part.IsVolatile), type);
            piece = _builder.Shl(piece, Constant.Of(type, i * 8));
            whole = whole is null ? piece : _builder.Or(whole, piece);
        }
        return _builder.LShr(whole!, Constant.Of(type, unit.Shift));
    }

    private void StoreStraddling(Place place, StorageUnit unit, int width, Value value)
    {
        int bytes = (unit.Shift + width + 7) / 8;
        IrType type = bytes > 8 ? IrType.I128 : IrType.I64;
        Value bits = _builder.Shl(_builder.And(_builder.ConvertInteger(value, type, false), Mask(type, width)), Constant.Of(type, unit.Shift));
        UInt128 mask = ((UInt128.One << width) - 1) << unit.Shift;
        for (int i = 0; i < bytes; i++)
        {
            Place part = UnitPlace(place, unit with { Offset = unit.Offset + i });
            Value address = Address(part);
            Value piece = _builder.Trunc(_builder.LShr(bits, Constant.Of(type, i * 8)), IrType.I8);
            byte byteMask = (byte)(mask >> (i * 8));
            if (byteMask != 0xff)
            {
                Value old = _builder.Load(IrType.I8, address, part.Alignment, part.IsVolatile);
                piece = _builder.Or(_builder.And(old, new Constant(IrType.I8, (byte)~byteMask)), piece);
            }
            _builder.Store(address, piece, part.Alignment, part.IsVolatile);
        }
    }
}
