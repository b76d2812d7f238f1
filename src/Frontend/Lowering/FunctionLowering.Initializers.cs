// Initializers of automatic objects: fill with zeros where needed, then store the entries one by one. Strings are stored as words
// (an old kernel without global data must still be able to run a program that prints a constant text).
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class FunctionLowering
{
    /// <summary>Longer strings are copied from a constant object in place of being stored word by word.</summary>
    private const int MaxStoredString = 512;

    private void LowerInitializer(Place destination, BoundInitializer initializer)
    {
        long size = initializer.Type.Type.Size;
        _builder.Location = initializer.Location.IsNone ? _builder.Location : initializer.Location;
        if (initializer.ZeroFill && size > 0 && !CoversEverything(initializer, size))
            _builder.MemSet(Address(destination), Constant.Of(IrType.I8, 0), Constant.I64(size), destination.Alignment, destination.IsVolatile);
        foreach (BoundInitializerEntry entry in initializer.Entries)
            LowerEntry(destination, entry);
    }

    private void LowerEntry(Place destination, BoundInitializerEntry entry)
    {
        if (entry.BitField is { } field)
        {
            Value bits = Lower(entry.Value);
            StoreBitField(destination.At(entry.Offset - field.ByteOffset) with { BitField = field }, bits);
            return;
        }
        Place place = destination.At(entry.Offset);
        if (entry.Value is BoundStringLiteral text)
        {
            StoreText(place, text, entry.Type.Type.Size);
            return;
        }
        if (TypeLowering.IsAggregate(entry.Type))
        {
            LowerAggregate(entry.Value, place);
            return;
        }
        Value value = Lower(entry.Value);
        _builder.Location = entry.Value.Location;
        Store(place with { IsVolatile = place.IsVolatile || TypeLowering.IsVolatileObject(entry.Type), IsAtomic = false }, value);
    }

    private void StoreText(Place place, BoundStringLiteral text, long size)
    {
        _builder.Location = text.Location;
        int length = (int)Math.Min(text.Bytes.Length, size);
        if (length > MaxStoredString)
        {
            GlobalVariable constant = module.GetString(text);
            Copy(place, new Place(constant, 0, constant.Alignment, false), length);
            return;
        }
        for (int done = 0; done < length;)
        {
            Place part = place.At(done);
            int piece = Math.Min(LargestPiece(length - done), LargestPiece(part.Alignment));
            ulong word = 0;
            for (int i = piece - 1; i >= 0; i--)
                word = word << 8 | text.Bytes[done + i];
            _builder.Store(Address(part), new Constant(IrTypes.Integer(piece * 8), word), part.Alignment, part.IsVolatile);
            done += piece;
        }
    }

    /// <summary>The entries write every byte, so that zeroing first would be wasted.</summary>
    private static bool CoversEverything(BoundInitializer initializer, long size)
    {
        long covered = 0;
        foreach (BoundInitializerEntry entry in initializer.Entries)
        {
            if (entry.BitField is not null || entry.Offset > covered)
                return false;
            long length = entry.Value is BoundStringLiteral text ? Math.Min(text.Bytes.Length, entry.Type.Type.Size) : entry.Type.Type.Size;
            covered = Math.Max(covered, entry.Offset + length);
        }
        return covered >= size;
    }
}
