// Which bits of a value are certain, as the kernel verifier's tristate numbers ("tnum") know them. Only operations that the
// verifier tracks in the same way are looked through, and neither phis, selects nor branches: a mask that this analysis calls
// redundant is redundant for the verifier too, so that removing it loses no proof.
using System.Numerics;

namespace Ebpfcc.Ir.Analysis;

/// <param name="Zeros">Bits that are certainly 0 (including all above the type's width).</param>
/// <param name="Ones">Bits that are certainly 1.</param>
public readonly record struct KnownBits(ulong Zeros, ulong Ones)
{
    private const int MaxDepth = 6;

    public static readonly KnownBits Unknown = default;

    /// <summary>The least and greatest unsigned values that agree with the bits.</summary>
    public ulong Minimum => Ones;

    public ulong Maximum => ~Zeros;

    /// <summary>What is known of a value of at most 64 bits; nothing for wider ones.</summary>
    public static KnownBits Of(Value value, int depth = 0)
    {
        int width = value.Type.Bits();
        if (width is 0 or > 64)
            return Unknown;
        ulong above = width == 64 ? 0 : ulong.MaxValue << width;
        if (value is Constant constant)
            return new KnownBits(~constant.Unsigned, constant.Unsigned);
        if (value is not Instruction instruction || depth == MaxDepth)
            return new KnownBits(above, 0);
        KnownBits bits = Compute(instruction, width, depth + 1);
        return new KnownBits(bits.Zeros | above, bits.Ones & ~above);
    }

    public int TrailingZeros => BitOperations.TrailingZeroCount(~Zeros);

    private static KnownBits Compute(Instruction instruction, int width, int depth)
    {
        switch (instruction.Opcode)
        {
            case IrOpcode.ZExt or IrOpcode.Trunc:
                return Of(instruction.GetOperand(0), depth);
            case IrOpcode.SExt:
                return SignExtend(Of(instruction.GetOperand(0), depth), instruction.GetOperand(0).Type.Bits());
            case IrOpcode.And:
                (KnownBits a, KnownBits b) = Both(instruction, depth);
                return new KnownBits(a.Zeros | b.Zeros, a.Ones & b.Ones);
            case IrOpcode.Or:
                (a, b) = Both(instruction, depth);
                return new KnownBits(a.Zeros & b.Zeros, a.Ones | b.Ones);
            case IrOpcode.Xor:
                (a, b) = Both(instruction, depth);
                return new KnownBits((a.Zeros & b.Zeros) | (a.Ones & b.Ones), (a.Zeros & b.Ones) | (a.Ones & b.Zeros));
            case IrOpcode.Add:
                (a, b) = Both(instruction, depth);
                return Add(a, b);
            case IrOpcode.Mul:
                (a, b) = Both(instruction, depth);
                return LowZeros(a.TrailingZeros + b.TrailingZeros);
            case IrOpcode.Shl when ShiftOf(instruction, width) is { } left:
                KnownBits shifted = Of(instruction.GetOperand(0), depth);
                return new KnownBits((shifted.Zeros << left) | ((1UL << left) - 1), shifted.Ones << left);
            case IrOpcode.LShr when ShiftOf(instruction, width) is { } right:
                KnownBits value = Of(instruction.GetOperand(0), depth);
                return new KnownBits((value.Zeros >> right) | ~(ulong.MaxValue >> right), value.Ones >> right);
            case IrOpcode.AShr when ShiftOf(instruction, width) is { } arithmetic:
                KnownBits extended = SignExtend(Of(instruction.GetOperand(0), depth), width);
                return new KnownBits((ulong)((long)extended.Zeros >> arithmetic), (ulong)((long)extended.Ones >> arithmetic));
            case IrOpcode.ByteSwap:
                KnownBits swapped = Of(instruction.GetOperand(0), depth);
                int unused = 64 - width;
                return new KnownBits(
                    System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(swapped.Zeros) >> unused,
                    System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(swapped.Ones) >> unused);
            default:
                return Unknown;
        }
    }

    private static (KnownBits, KnownBits) Both(Instruction instruction, int depth)
        => (Of(instruction.GetOperand(0), depth), Of(instruction.GetOperand(1), depth));

    private static int? ShiftOf(Instruction instruction, int width)
        => instruction.GetOperand(1) is Constant count && count.Bits < (UInt128)width ? (int)count.Unsigned : null;

    private static KnownBits LowZeros(int count) => new(count >= 64 ? ulong.MaxValue : (1UL << count) - 1, 0);

    private static KnownBits SignExtend(KnownBits bits, int from)
    {
        int shift = 64 - from;
        return new KnownBits((ulong)((long)(bits.Zeros << shift) >> shift), (ulong)((long)(bits.Ones << shift) >> shift));
    }

    /// <summary>As tnum_add in the kernel: the sums of the extremes agree in every bit no uncertain carry reaches.</summary>
    private static KnownBits Add(KnownBits a, KnownBits b)
    {
        ulong unknownA = ~(a.Zeros | a.Ones), unknownB = ~(b.Zeros | b.Ones);
        ulong least = unchecked(a.Ones + b.Ones);
        ulong greatest = unchecked(least + unknownA + unknownB);
        ulong unknown = (greatest ^ least) | unknownA | unknownB;
        return new KnownBits(~least & ~unknown, least & ~unknown);
    }
}
