// Lays out structures and unions as clang and gcc do for BPF: the System V rules with LP64 types. Bit-fields follow the
// declared type's storage units:
//
//     struct { char a; int b : 20; int c : 10; }      a aaaaaaaa|bbbbbbbb bbbbbbbb bbbb....|cccccccc cc......
//                                                       0        8 ... 27                   32 ... 41
//
// (b fits what is left of the first int unit; c would straddle its end and starts the next one.) The order of the rules about
// packed, aligned and #pragma pack is that of clang's record layout builder, which the tests compare with.
using Ebpfcc.Core.Numerics;
using Ebpfcc.Frontend.Symbols;

namespace Ebpfcc.Frontend.Binding;

/// <summary>Attributes of a record that decide its layout.</summary>
/// <param name="IsPacked"><c>packed</c> on the record.</param>
/// <param name="Alignment"><c>aligned(n)</c> on the record, or null.</param>
/// <param name="PragmaPack">Bytes, 0 for none.</param>
public readonly record struct LayoutRules(bool IsPacked, int? Alignment, int PragmaPack);

public static class RecordLayout
{
    /// <summary>Places the fields (sets their bit offsets) and returns size and alignment in bytes; size -1 when the record is too large.</summary>
    public static (long Size, int Alignment) Compute(IReadOnlyList<FieldSymbol> fields, bool isUnion, LayoutRules rules)
    {
        long dataBits = 0, sizeBits = 0, unfilledBits = 0;
        int alignment = 1;
        const long limit = ArrayType.MaximumSize * 8;
        foreach (FieldSymbol field in fields)
        {
            bool isPacked = rules.IsPacked || field.Attributes.Packed;
            int explicitAlignment = field.Attributes.Alignment ?? 0;
            int fieldAlignment;
            if (field.BitWidth is { } width)
            {
                long unitBits = Math.Max(field.Type.Type.Size, 1) * 8;
                long offset = isUnion ? 0 : dataBits - unfilledBits;
                int unpacked = Math.Max(field.Type.Type.Alignment, explicitAlignment) * 8;
                fieldAlignment = isPacked && width != 0 ? Math.Max(1, explicitAlignment * 8) : unpacked;
                // #pragma pack overrides packed: the type's alignment counts again, up to the pragma's.
                if (rules.PragmaPack != 0 && width != 0)
                    fieldAlignment = Math.Min(isPacked ? unpacked : fieldAlignment, rules.PragmaPack * 8);
                bool mayPad = rules.PragmaPack == 0;
                if (width == 0 || (mayPad && (offset & (fieldAlignment - 1)) + width > unitBits))
                    offset = IntegerArithmetic.AlignUp(offset, fieldAlignment);
                else if (explicitAlignment != 0 && (rules.PragmaPack == 0 || explicitAlignment <= rules.PragmaPack))
                    offset = IntegerArithmetic.AlignUp(offset, explicitAlignment * 8L);
                field.BitOffset = offset;
                if (field.Name is null)
                    fieldAlignment = 8;
                if (isUnion)
                {
                    dataBits = Math.Max(dataBits, IntegerArithmetic.AlignUp(width, 8));
                }
                else
                {
                    long end = offset + width;
                    dataBits = IntegerArithmetic.AlignUp(end, 8);
                    unfilledBits = dataBits - end;
                }
                fieldAlignment = Math.Max(1, fieldAlignment / 8);
            }
            else
            {
                fieldAlignment = isPacked ? 1 : field.Type.Type.Alignment;
                fieldAlignment = Math.Max(fieldAlignment, explicitAlignment);
                if (rules.PragmaPack != 0)
                    fieldAlignment = Math.Min(fieldAlignment, rules.PragmaPack);
                // A flexible array member has no size; so has one that was refused.
                long bits = Math.Max(field.Type.Type.Size, 0) * 8;
                long offset = isUnion ? 0 : IntegerArithmetic.AlignUp(dataBits, fieldAlignment * 8L);
                field.BitOffset = offset;
                dataBits = isUnion ? Math.Max(dataBits, bits) : offset + bits;
                unfilledBits = 0;
            }
            alignment = Math.Max(alignment, fieldAlignment);
            sizeBits = Math.Max(sizeBits, dataBits);
            if (sizeBits > limit)
                return (-1, alignment);
        }
        alignment = Math.Max(alignment, rules.Alignment ?? 1);
        return (IntegerArithmetic.AlignUp(sizeBits, alignment * 8L) / 8, alignment);
    }
}
