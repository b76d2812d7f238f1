// Initial values of static objects: bytes, and relocations where an address stands. Entries are written in order, so that later
// designators override earlier ones.
using System.Buffers.Binary;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Ir;

namespace Ebpfcc.Frontend.Lowering;

internal sealed partial class ModuleLowering
{
    private void LowerPendingInitializers()
    {
        // A queue instead of recursion: initializers may name objects whose own initializers name the first.
        while (_pendingInitializers.TryDequeue(out (GlobalVariable Global, BoundInitializer Initializer) pending))
            LowerInitializer(pending.Global, pending.Initializer);
    }

    private void LowerInitializer(GlobalVariable global, BoundInitializer initializer)
    {
        long size = Math.Max(global.Size, initializer.Type.Type.Size);
        // A flexible array member's elements lie behind the type's own size.
        foreach (BoundInitializerEntry entry in initializer.Entries)
            size = Math.Max(size, entry.Offset + (entry.Value is BoundStringLiteral text ? Math.Min(text.Bytes.Length, entry.Type.Type.Size) : Math.Max(entry.Type.Type.Size, 0)));
        global.Size = size;
        var bytes = new byte[size];
        if (Write(global.Relocations, bytes, 0, initializer) is { } variable)
            Report(LoweringDiagnostics.InitializerNotConstant, variable.Span, global.Symbol);
        global.Relocations.Sort(static (a, b) => a.Offset.CompareTo(b.Offset));
        global.InitialBytes = global.Relocations.Count == 0 && bytes.AsSpan().IndexOfAnyExcept((byte)0) < 0 ? null : bytes;
    }

    /// <summary>The bytes of an initializer that is all numbers; null for any other, and for what is longer than a few words.</summary>
    internal byte[]? ImageOf(BoundInitializer initializer)
    {
        const int Longest = 64;
        if (initializer.Type.Type.Size is <= 0 or > Longest || initializer.Entries.Any(entry => entry.Offset + entry.Type.Type.Size > initializer.Type.Type.Size))
            return null;
        var bytes = new byte[initializer.Type.Type.Size];
        var relocations = new List<InitializerRelocation>();
        return Write(relocations, bytes, 0, initializer) is null && relocations.Count == 0 ? bytes : null;
    }

    /// <returns>The first value that is not a constant.</returns>
    private BoundExpression? Write(List<InitializerRelocation> relocations, byte[] bytes, long start, BoundInitializer initializer)
    {
        BoundExpression? variable = null;
        foreach (BoundInitializerEntry entry in initializer.Entries)
            variable ??= Write(relocations, bytes, start + entry.Offset, entry);
        return variable;
    }

    private BoundExpression? Write(List<InitializerRelocation> relocations, byte[] bytes, long offset, BoundInitializerEntry entry)
    {
        switch (entry.Value)
        {
            case BoundStringLiteral text:
                text.Bytes.AsSpan(0, (int)Math.Min(text.Bytes.Length, Math.Max(entry.Type.Type.Size, 0))).CopyTo(bytes.AsSpan((int)offset));
                return null;
            case BoundConversion { Kind: ConversionKind.LoadValue or ConversionKind.Identity, Operand: BoundCompoundLiteral literal }:
                return Write(relocations, bytes, offset, literal.Initializer);
            case BoundCompoundLiteral literal:
                return Write(relocations, bytes, offset, literal.Initializer);
            case BoundConversion { Kind: ConversionKind.LoadValue, Operand: BoundVariable { Symbol: { Initializer: { } constant } variable } } when TypeLowering.IsConstObject(variable.Type) && TypeLowering.IsAggregate(variable.Type):
                return Write(relocations, bytes, offset, constant);
        }
        if (Static.Evaluate(entry.Value) is not { } value || value.Base is not null && entry.BitField is not null)
            return entry.Value;
        if (entry.BitField is { } field)
        {
            WriteBits(bytes, offset, field, value.Offset);
            return null;
        }
        int size = TypeLowering.ValueType(entry.Type).Bytes();
        relocations.RemoveAll(old => old.Offset < offset + size && offset < old.Offset + 8);
        if (value.Base is { } target)
        {
            if (size != 8)
                return entry.Value;
            relocations.Add(new InitializerRelocation((int)offset, target, (long)value.Offset));
            bytes.AsSpan((int)offset, 8).Clear();
            return null;
        }
        Span<byte> wide = stackalloc byte[16];
        BinaryPrimitives.WriteInt128LittleEndian(wide, value.Offset);
        wide[..size].CopyTo(bytes.AsSpan((int)offset));
        return null;
    }

    /// <param name="offset">Of the byte that holds the field's first bit.</param>
    private static void WriteBits(byte[] bytes, long offset, FieldSymbol field, Int128 value)
    {
        int first = (int)(field.BitOffset % 8);
        for (int i = 0; i < field.BitWidth!.Value; i++)
        {
            int position = first + i;
            ref byte target = ref bytes[offset + position / 8];
            int bit = 1 << (position % 8);
            target = (byte)((value >> i & 1) != 0 ? target | bit : target & ~bit);
        }
    }
}
