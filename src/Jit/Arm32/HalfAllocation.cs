// Where the halves of eBPF's registers live in one ARM function: the eight most used halves in r4 to r11, the others in
// slots of the frame. Uses inside loops count eightfold for each level, as far as backward jumps show loops. In sandboxed code
// r11 is the state, whose copy of the registers holds the slots, and R10 is a register like any other.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Sandboxing;

namespace Ebpfcc.Jit.Arm32;

/// <summary>A half's home: a register, or an offset from sp (in sandboxed code from the state).</summary>
internal readonly record struct HalfHome(Arm32Register? Register, int Slot);

internal sealed class HalfAllocation
{
    private const int Halves = 2 * EbpfRegisters.Count, HomeRegisters = 8;

    private readonly HalfHome[] _homes = new HalfHome[Halves];

    private HalfAllocation() { }

    /// <summary>ARM registers that are homes, one bit each: what the prologue saves.</summary>
    public int UsedRegisters { get; private set; }

    /// <summary>Bytes of slots, a multiple of 8.</summary>
    public int SlotBytes { get; private set; }

    /// <summary>Home of the low (0) or high (1) half of R0 to R9; in sandboxed code also of R10.</summary>
    public HalfHome this[int register, int half] => _homes[2 * register + half];

    /// <param name="slotBase">Offset from sp of the first slot.</param>
    public static HalfAllocation For(ProgramShape shape, FunctionShape function, UpperHalves halves, int slotBase)
    {
        var allocation = new HalfAllocation();
        foreach (int half in allocation.TakeRegisters(Weights(shape, function, halves), HomeRegisters))
        {
            if (half / 2 == EbpfRegisters.R10)
                continue;
            allocation._homes[half] = new HalfHome(null, slotBase + allocation.SlotBytes);
            allocation.SlotBytes += 4;
        }
        allocation.SlotBytes = (allocation.SlotBytes + 7) & ~7;
        return allocation;
    }

    public static HalfAllocation ForSandboxed(ProgramShape shape, FunctionShape function, UpperHalves halves)
    {
        var allocation = new HalfAllocation();
        foreach (int half in allocation.TakeRegisters(Weights(shape, function, halves), HomeRegisters - 1))
            allocation._homes[half] = new HalfHome(null, SandboxState.RegistersOffset + 4 * half);
        return allocation;
    }

    /// <summary>Gives registers to the heaviest halves; returns the others.</summary>
    private List<int> TakeRegisters(long[] weights, int registers)
    {
        var rest = new List<int>(Halves);
        int[] order = [.. Enumerable.Range(0, Halves).OrderByDescending(half => weights[half]).ThenBy(half => half)];
        int next = 0;
        foreach (int half in order)
        {
            if (next == registers || weights[half] == 0)
            {
                rest.Add(half);
                continue;
            }
            var register = (Arm32Register)((int)Arm32Register.R4 + next++);
            _homes[half] = new HalfHome(register, 0);
            UsedRegisters |= 1 << (int)register;
        }
        return rest;
    }

    private static long[] Weights(ProgramShape shape, FunctionShape function, UpperHalves halves)
    {
        int registers = halves.IsSandboxed ? EbpfRegisters.Count : EbpfRegisters.WritableCount;
        var weights = new long[Halves];
        int[] depth = LoopDepths(shape, function);
        for (int slot = function.Start; slot < function.End; slot++)
        {
            if (shape.Rows[slot].Effect == Effect.None)
                continue;
            (int reads, int writes) = ProgramShape.Effects(shape.Instructions[slot], shape.Rows[slot]);
            long weight = 1L << 3 * Math.Min(depth[slot - function.Start], 6);
            for (int register = 0; register < registers; register++)
            {
                if (((reads | writes) >> register & 1) == 0)
                    continue;
                weights[2 * register] += weight;
                if (register != EbpfRegisters.R10 && halves.IsNeededAfter(slot, register))
                    weights[2 * register + 1] += weight;
            }
        }
        return weights;
    }

    /// <summary>How many backward jumps lead over each slot.</summary>
    private static int[] LoopDepths(ProgramShape shape, FunctionShape function)
    {
        var depth = new int[function.End - function.Start + 1];
        for (int slot = function.Start; slot < function.End; slot++)
        {
            if (!shape.Rows[slot].IsJump || ProgramShape.JumpTarget(slot, shape.Instructions[slot], shape.Rows[slot]) is var target && target > slot)
                continue;
            depth[target - function.Start]++;
            depth[slot + 1 - function.Start]--;
        }
        for (int slot = 1; slot < depth.Length; slot++)
            depth[slot] += depth[slot - 1];
        return depth;
    }
}
