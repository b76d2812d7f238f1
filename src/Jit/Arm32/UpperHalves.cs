// Which upper halves of 64-bit registers are known to be zero, and which are needed at all. On a 32-bit machine every half
// that nobody reads is an instruction saved: pointers are 32 bits wide, and C's int arithmetic never looks above.
// Forward must-analysis and backward may-analysis on the instructions (Aho et al. section 9.2).
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Arm32;

/// <summary>Facts by slot; masks have one bit for each eBPF register.</summary>
internal sealed class UpperHalves
{
    private const int All = (1 << EbpfRegisters.Count) - 1;

    private readonly ProgramShape _shape;

    private UpperHalves(ProgramShape shape, ushort[] zeroBefore, ushort[] neededAfter)
        => (_shape, ZeroBefore, NeededAfter) = (shape, zeroBefore, neededAfter);

    /// <summary>Registers whose upper half is zero whenever control reaches the slot.</summary>
    public ushort[] ZeroBefore { get; }

    /// <summary>Registers whose upper half some later instruction may read.</summary>
    public ushort[] NeededAfter { get; }

    public static UpperHalves Analyze(ProgramShape shape)
    {
        var zero = new ushort[shape.Instructions.Length];
        var needed = new ushort[shape.Instructions.Length];
        foreach (FunctionShape function in shape.Functions)
            FindZeros(shape, function, zero);
        foreach (FunctionShape function in shape.Functions)
            FindNeeds(shape, function, zero, needed);
        return new UpperHalves(shape, zero, needed);
    }

    private static void FindZeros(ProgramShape shape, FunctionShape function, ushort[] before)
    {
        for (int slot = function.Start; slot < function.End; slot++)
            before[slot] = All;
        // The entry function gets two 32-bit numbers: a pointer and a pointer or length.
        before[function.Start] = (ushort)(1 << EbpfRegisters.R10 | (function.Start == 0 ? 1 << EbpfRegisters.R1 | 1 << EbpfRegisters.R2 : 0));
        bool changed;
        do
        {
            changed = false;
            for (int slot = function.Start; slot < function.End; slot += shape.Rows[slot].Slots)
            {
                OpcodeRow row = shape.Rows[slot];
                EbpfInstruction instruction = shape.Instructions[slot];
                int after = ZeroAfter(shape, slot, instruction, row, before[slot]);
                if (row.IsJump)
                    Meet(ProgramShape.JumpTarget(slot, instruction, row));
                if (row.Effect is not (Effect.Exit or Effect.Jump) && slot + row.Slots < function.End)
                    Meet(slot + row.Slots);

                void Meet(int target)
                {
                    int met = before[target] & after;
                    if (met != before[target])
                    {
                        before[target] = (ushort)met;
                        changed = true;
                    }
                }
            }
        }
        while (changed);
    }

    private static int ZeroAfter(ProgramShape shape, int slot, EbpfInstruction instruction, OpcodeRow row, int zero)
    {
        int dst = 1 << instruction.Dst, src = 1 << instruction.Src;
        bool dstZero = (zero & dst) != 0;
        bool srcZero = row.IsRegisterForm ? (zero & src) != 0 : instruction.Immediate >= 0;
        switch (row.Effect)
        {
            case Effect.Alu:
                bool isZero = row.Operation switch
                {
                    Operation.ToLe or Operation.ToBe or Operation.Bswap => row.Width < 64 || (row.Operation == Operation.ToLe && dstZero),
                    _ when row.Width == 32 => true,
                    Operation.Mov => srcZero,
                    Operation.And => dstZero || srcZero,
                    Operation.Or or Operation.Xor => dstZero && srcZero,
                    Operation.Rsh => dstZero || (!row.IsRegisterForm && (instruction.Immediate & 63) >= 32),
                    Operation.Arsh => dstZero,
                    Operation.Div => dstZero,
                    Operation.Mod => dstZero,
                    _ => false,
                };
                return isZero ? zero | dst : zero & ~dst;
            case Effect.LoadImmediate:
                bool isPointer = row.Opcode != EbpfOpcode.LoadImm64;
                return isPointer || shape.Instructions[slot + 1].Immediate == 0 ? zero | dst : zero & ~dst;
            case Effect.Load:
                return row.Operation != Operation.LoadSx && row.Width < 64 ? zero | dst : zero & ~dst;
            case Effect.Atomic:
                int written = row.Operation == Operation.AtomicCmpXchg ? 1 : (row.Src & RegisterUse.Write) != 0 ? src : 0;
                return row.Width == 32 ? zero | written : zero & ~written;
            case Effect.PacketLoad:
                return zero | 1;
            case Effect.Call:
                return zero & ~1;
            default:
                return zero;
        }
    }

    private static void FindNeeds(ProgramShape shape, FunctionShape function, ushort[] zero, ushort[] after)
    {
        var before = new ushort[shape.Instructions.Length + 1];
        bool changed;
        do
        {
            changed = false;
            for (int slot = function.End - 1; slot >= function.Start; slot--)
            {
                OpcodeRow row = shape.Rows[slot];
                if (row.Effect == Effect.None)
                    continue;
                EbpfInstruction instruction = shape.Instructions[slot];
                int next = slot + row.Slots;
                int needed = row.Effect switch
                {
                    Effect.Exit => 0,
                    Effect.Jump => before[ProgramShape.JumpTarget(slot, instruction, row)],
                    Effect.Branch => before[ProgramShape.JumpTarget(slot, instruction, row)] | before[next],
                    _ => next < function.End ? before[next] : 0,
                };
                int use = NeededBefore(instruction, row, needed, zero[slot]);
                if (needed != after[slot] || use != before[slot])
                {
                    after[slot] = (ushort)needed;
                    before[slot] = (ushort)use;
                    changed = true;
                }
            }
        }
        while (changed);
    }

    private static int NeededBefore(EbpfInstruction instruction, OpcodeRow row, int needed, int zero)
    {
        int dst = 1 << instruction.Dst;
        int src = row.IsRegisterForm ? 1 << instruction.Src : 0;
        bool dstNeeded = (needed & dst) != 0;
        switch (row.Effect)
        {
            case Effect.Alu when row.Width == 32 && row.Operation is not (Operation.ToLe or Operation.ToBe or Operation.Bswap):
                return needed & ~dst;
            case Effect.Alu:
                switch (row.Operation)
                {
                    case Operation.Mov:
                        return needed & ~dst | (dstNeeded ? src : 0);
                    case Operation.MovSx:
                        return needed & ~dst;
                    case Operation.AddrSpaceCast:
                        return needed & ~dst | (dstNeeded ? src : 0);
                    case Operation.ToLe or Operation.ToBe or Operation.Bswap:
                        return row.Width < 64 ? needed & ~dst : row.Operation == Operation.ToLe ? needed : needed | dst;
                    case Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod:
                        return needed | dst | src;
                    case Operation.Rsh or Operation.Arsh:
                        return needed | dst;
                    case Operation.Lsh:
                        return !row.IsRegisterForm && (instruction.Immediate & 63) >= 32 ? needed & ~dst : needed;
                    default:
                        return needed | (dstNeeded ? src : 0);
                }
            case Effect.LoadImmediate or Effect.Load:
                return needed & ~dst;
            case Effect.Store:
                return needed | (row.Width == 64 ? src : 0);
            case Effect.Atomic:
                if (row.Operation == Operation.AtomicCmpXchg)
                    return row.Width == 64 ? needed | src | 1 : needed & ~1;
                if ((row.Src & RegisterUse.Write) != 0)
                    needed &= ~src;
                return row.Width == 64 ? needed | src : needed;
            case Effect.Branch:
                bool narrow = row.Width == 32 || row.Operation == Operation.MayGoto
                    || ((zero & dst) != 0 && (row.IsRegisterForm ? (zero & src) != 0 : instruction.Immediate >= 0));
                return narrow ? needed : needed | dst | src;
            case Effect.Call:
                int arguments = row.Opcode == EbpfOpcode.CallHelper ? HelperArguments(instruction.Immediate) : EbpfRegisters.MaxArguments;
                return needed & ~ProgramShape.CallerSaved | ((1 << arguments) - 1) << 1;
            case Effect.PacketLoad:
                return needed & ~ProgramShape.CallerSaved;
            case Effect.Exit:
                return 1;
            default:
                return needed;
        }
    }

    /// <summary>How many of R1 to R5 a helper can look at; all where its row does not tell.</summary>
    public static int HelperArguments(int id)
    {
        if (HelperTable.Find(id) is not { } row || row.Parameters.EndsWith("...", StringComparison.Ordinal))
            return EbpfRegisters.MaxArguments;
        int count = row.Arguments.Length;
        foreach (HelperVariant variant in row.Variants)
            count = Math.Max(count, variant.Arguments.Length);
        return count;
    }

    public bool IsNeededAfter(int slot, int register) => (NeededAfter[slot] >> register & 1) != 0;

    public bool IsZeroBefore(int slot, int register) => (ZeroBefore[slot] >> register & 1) != 0;
}
