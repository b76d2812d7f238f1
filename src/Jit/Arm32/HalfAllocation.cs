// Where the halves of eBPF's registers live in one ARM function: the eight most used halves in r4 to r11, the others in
// slots of the frame. Uses inside loops count eightfold for each level, as far as backward jumps show loops.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Arm32;

/// <summary>A half's home: a register, or an offset from sp.</summary>
internal readonly record struct HalfHome(Arm32Register? Register, int Slot);

internal sealed class HalfAllocation
{
    private const int Halves = 2 * EbpfRegisters.WritableCount;

    private readonly HalfHome[] _homes = new HalfHome[Halves];

    private HalfAllocation() { }

    /// <summary>ARM registers that are homes, one bit each: what the prologue saves.</summary>
    public int UsedRegisters { get; private set; }

    /// <summary>Bytes of slots, a multiple of 8.</summary>
    public int SlotBytes { get; private set; }

    /// <summary>Home of the low (0) or high (1) half of R0 to R9.</summary>
    public HalfHome this[int register, int half] => _homes[2 * register + half];

    /// <param name="slotBase">Offset from sp of the first slot.</param>
    public static HalfAllocation For(ProgramShape shape, FunctionShape function, UpperHalves halves, int slotBase)
    {
        var weights = new long[Halves];
        int[] depth = LoopDepths(shape, function);
        for (int slot = function.Start; slot < function.End; slot++)
        {
            if (shape.Rows[slot].Effect == Effect.None)
                continue;
            (int reads, int writes) = ProgramShape.Effects(shape.Instructions[slot], shape.Rows[slot]);
            long weight = 1L << 3 * Math.Min(depth[slot - function.Start], 6);
            for (int register = 0; register < EbpfRegisters.WritableCount; register++)
            {
                if (((reads | writes) >> register & 1) == 0)
                    continue;
                weights[2 * register] += weight;
                if (halves.IsNeededAfter(slot, register))
                    weights[2 * register + 1] += weight;
            }
        }
        int[] order = [.. Enumerable.Range(0, Halves).OrderByDescending(half => weights[half]).ThenBy(half => half)];
        var allocation = new HalfAllocation();
        int next = 0;
        foreach (int half in order)
        {
            if (next < 8 && weights[half] > 0)
            {
                var register = (Arm32Register)((int)Arm32Register.R4 + next++);
                allocation._homes[half] = new HalfHome(register, 0);
                allocation.UsedRegisters |= 1 << (int)register;
            }
            else
            {
                allocation._homes[half] = new HalfHome(null, slotBase + allocation.SlotBytes);
                allocation.SlotBytes += 4;
            }
        }
        allocation.SlotBytes = (allocation.SlotBytes + 7) & ~7;
        return allocation;
    }

    private static int[] LoopDepths(ProgramShape shape, FunctionShape function)
    {
        var depth = new int[function.End - function.Start];
        for (int slot = function.Start; slot < function.End; slot++)
        {
            if (!shape.Rows[slot].IsJump)
                continue;
            int target = ProgramShape.JumpTarget(slot, shape.Instructions[slot], shape.Rows[slot]);
            for (int inside = target; inside <= slot; inside++)
                depth[inside - function.Start]++;
        }
        return depth;
    }
}
