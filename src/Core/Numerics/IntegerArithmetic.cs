// The one definition of every integer operation that C, the IR and eBPF share. Constant folding, the IR evaluator, the
// interpreter, the sandbox and the verifier's constants all call these, so that they cannot disagree.
// Source: RFC 9669 section 4.1 (division by zero yields zero, modulo by zero leaves the dividend, shift amounts are masked,
// the most negative number divided by minus one wraps).
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Ebpfcc.Core.Numerics;

/// <summary>Total functions on 32- and 64-bit integers with eBPF's results for every operand.</summary>
public static class IntegerArithmetic
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong DivideUnsigned(ulong dividend, ulong divisor) => divisor == 0 ? 0 : dividend / divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint DivideUnsigned(uint dividend, uint divisor) => divisor == 0 ? 0 : dividend / divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong RemainderUnsigned(ulong dividend, ulong divisor) => divisor == 0 ? dividend : dividend % divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint RemainderUnsigned(uint dividend, uint divisor) => divisor == 0 ? dividend : dividend % divisor;

    /// <summary>Signed division truncating toward zero; x / 0 = 0, MIN / -1 = MIN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long DivideSigned(long dividend, long divisor) => divisor switch
    {
        0 => 0,
        -1 => unchecked(-dividend),
        _ => dividend / divisor,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DivideSigned(int dividend, int divisor) => divisor switch
    {
        0 => 0,
        -1 => unchecked(-dividend),
        _ => dividend / divisor,
    };

    /// <summary>Signed remainder with the dividend's sign; x % 0 = x, MIN % -1 = 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long RemainderSigned(long dividend, long divisor) => divisor switch
    {
        0 => dividend,
        -1 => 0,
        _ => dividend % divisor,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RemainderSigned(int dividend, int divisor) => divisor switch
    {
        0 => dividend,
        -1 => 0,
        _ => dividend % divisor,
    };

    // C# masks shift counts by 63 (64-bit) and 31 (32-bit), which is exactly eBPF's rule.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ShiftLeft(ulong value, ulong count) => value << (int)(count & 63);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ShiftLeft(uint value, uint count) => value << (int)(count & 31);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ShiftRightLogical(ulong value, ulong count) => value >> (int)(count & 63);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ShiftRightLogical(uint value, uint count) => value >> (int)(count & 31);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ShiftRightArithmetic(ulong value, ulong count) => (ulong)((long)value >> (int)(count & 63));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ShiftRightArithmetic(uint value, uint count) => (uint)((int)value >> (int)(count & 31));

    /// <summary>Reverses the low <paramref name="bits"/> (16, 32, 64) of the value byte by byte and clears the rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ByteSwap(ulong value, int bits) => bits switch
    {
        16 => BinaryPrimitives.ReverseEndianness((ushort)value),
        32 => BinaryPrimitives.ReverseEndianness((uint)value),
        64 => BinaryPrimitives.ReverseEndianness(value),
        _ => throw new ArgumentOutOfRangeException(nameof(bits), bits, "ByteSwap takes 16, 32 or 64 bits."),
    };

    /// <summary>Keeps the low <paramref name="bits"/> (1 to 64) and clears the rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ZeroExtend(ulong value, int bits) => bits >= 64 ? value : value & ((1UL << bits) - 1);

    /// <summary>Copies bit <paramref name="bits"/>-1 into all higher bits (1 to 64).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SignExtend(ulong value, int bits) => (ulong)((long)(value << (64 - bits)) >> (64 - bits));

    /// <summary>The next multiple of a power of two at or above the value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long AlignUp(long value, long alignment) => (value + alignment - 1) & -alignment;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPowerOfTwo(ulong value) => BitOperations.IsPow2(value);

    /// <summary>True when the 64-bit value is the sign extension of its low 32 bits: what an eBPF immediate can hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool FitsInt32(long value) => value == (int)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool FitsInt16(long value) => value == (short)value;
}
