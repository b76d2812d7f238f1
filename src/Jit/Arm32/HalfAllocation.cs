// Where the halves of eBPF's registers live in one ARM function: the eight most used halves in r4 to r11, the others in
// slots of the frame; uses count as often as they are likely to run. Where nothing needs lr as scratch it is a ninth home. In
// sandboxed code r11 is the state, whose copy of the registers holds the slots, and R10 is a register like any other.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Sandboxing;

namespace Ebpfcc.Jit.Arm32;

/// <summary>A half's home: a register, or an offset from sp (in sandboxed code from the state).</summary>
internal readonly record struct HalfHome(Arm32Register? Register, int Slot);

internal sealed class HalfAllocation
{
    private const int Halves = 2 * EbpfRegisters.Count, SandboxHomes = 7;

    private readonly HalfHome[] _homes = new HalfHome[Halves];

    private HalfAllocation() { }

    /// <summary>ARM registers that are homes, one bit each: what the prologue saves.</summary>
    public int UsedRegisters { get; private set; }

    /// <summary>Bytes of slots, a multiple of 8.</summary>
    public int SlotBytes { get; private set; }

    /// <summary>Home of the low (0) or high (1) half of R0 to R9; in sandboxed code also of R10.</summary>
    public HalfHome this[int register, int half] => _homes[2 * register + half];

    private static readonly Arm32Register[] s_homes =
    [
        Arm32Register.R4, Arm32Register.R5, Arm32Register.R6, Arm32Register.R7, Arm32Register.R8, Arm32Register.R9, Arm32Register.R10, Arm32Register.R11, Arm32Register.Lr,
    ];

    /// <param name="slotBase">Offset from sp of the first slot.</param>
    /// <param name="isLinkFree">No instruction of the function changes lr or uses it as scratch.</param>
    public static HalfAllocation For(ProgramShape shape, FunctionShape function, UpperHalves halves, int slotBase, bool isLinkFree)
    {
        var allocation = new HalfAllocation();
        foreach (int half in allocation.TakeRegisters(Weights(shape, function, halves), s_homes.Length - (isLinkFree ? 0 : 1)))
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
        foreach (int half in allocation.TakeRegisters(Weights(shape, function, halves), SandboxHomes))
            allocation._homes[half] = new HalfHome(null, SandboxState.RegistersOffset + 4 * half);
        return allocation;
    }

    /// <summary>Gives registers to the heaviest halves; returns the others.</summary>
    private List<int> TakeRegisters(double[] weights, int registers)
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
            Arm32Register register = s_homes[next++];
            _homes[half] = new HalfHome(register, 0);
            UsedRegisters |= 1 << (int)register;
        }
        return rest;
    }

    private static double[] Weights(ProgramShape shape, FunctionShape function, UpperHalves halves)
    {
        int registers = halves.IsSandboxed ? EbpfRegisters.Count : EbpfRegisters.WritableCount;
        var weights = new double[Halves];
        double[] frequencies = SlotFrequencies.Estimate(shape, function);
        for (int slot = function.Start; slot < function.End; slot++)
        {
            if (shape.Rows[slot].Effect == Effect.None)
                continue;
            (int reads, int writes) = ProgramShape.Effects(shape.Instructions[slot], shape.Rows[slot]);
            // What seems never to run still prefers registers to nothing.
            double weight = frequencies[slot - function.Start] + 1e-6;
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
}
