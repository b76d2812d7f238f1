// Registers and conditions of 32-bit ARM, and the optional instructions of its versions.
//
//   r0 r1 | r2 r3     arguments and results (AAPCS); here two scratch pairs
//   r4:r5 r6:r7 r8:r9 r10:r11    homes of the hottest eBPF registers, low word first; callee-saved
//   r12 (ip), lr      scratch
//   sp                frame: outgoing arguments, slots of the other eBPF registers, eBPF stack
namespace Ebpfcc.Jit.Arm32;

public enum Arm32Register : byte { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, Sp, Lr, Pc }

public enum Arm32Condition : byte
{
    Equal = 0, NotEqual = 1, CarrySet = 2, CarryClear = 3, Minus = 4, Plus = 5,
    Higher = 8, LowerOrSame = 9, GreaterOrEqual = 10, Less = 11, Greater = 12, LessOrEqual = 13, Always = 14,
}

/// <summary>The sixteen data-processing operations, numbered as encoded (ARM ARM A5.2.1).</summary>
public enum Arm32Operation : byte { And = 0, Eor = 1, Sub = 2, Rsb = 3, Add = 4, Adc = 5, Sbc = 6, Rsc = 7, Tst = 8, Teq = 9, Cmp = 10, Cmn = 11, Orr = 12, Mov = 13, Bic = 14, Mvn = 15 }

public enum Arm32Shift : byte { Left = 0, RightLogical = 1, RightArithmetic = 2, Rotate = 3 }

/// <summary>What the processor has beyond ARMv6K.</summary>
/// <param name="HasThumb2Moves">movw and movt (ARMv6T2, ARMv7).</param>
/// <param name="HasDivide">udiv and sdiv in ARM state (ARMv7VE, ARMv8).</param>
/// <param name="HasBarriers">dmb (ARMv7); before, a coprocessor write does the same.</param>
public sealed record Arm32Features(bool HasThumb2Moves, bool HasDivide, bool HasBarriers)
{
    public static readonly Arm32Features V7 = new(true, false, true);
    public static readonly Arm32Features V7Divide = new(true, true, true);
    public static readonly Arm32Features V6 = new(false, false, false);

    /// <summary>
    /// What this machine has: .NET runs on ARMv7 and later only; the kernel tells of sdiv and udiv in its auxiliary vector (AT_HWCAP, bit
    /// IDIVA; getauxval(3)).
    /// </summary>
    public static Arm32Features Detect()
    {
        const uint HardwareCapabilities = 16, IdivA = 1 << 17;
        try
        {
            ReadOnlySpan<uint> vector = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(File.ReadAllBytes("/proc/self/auxv"));
            for (int i = 0; i + 1 < vector.Length; i += 2)
            {
                if (vector[i] == HardwareCapabilities)
                    return (vector[i + 1] & IdivA) != 0 ? V7Divide : V7;
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // Without /proc there is nothing to learn.
        }
        return V7;
    }
}

public static class Arm32Conditions
{
    public static Arm32Condition Negate(this Arm32Condition condition) => (Arm32Condition)((int)condition ^ 1);
}
