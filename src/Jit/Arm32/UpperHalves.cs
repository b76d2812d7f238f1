// Which upper halves of 64-bit registers are known to be zero, and which are needed at all. On a 32-bit machine every half
// that nobody reads is an instruction saved: pointers are 32 bits wide, and C's int arithmetic never looks above.
// Forward must-analysis and backward may-analysis on the instructions (Aho et al. section 9.2).
//
// Verified programs' pointers into their own memory have no upper half, as long as that memory lies 1 GiB away from the ends of
// the address space: pointers move by less than 2^29 in constants and 2^29 in variables (the verifier's BPF_MAX_VAR_OFF), so that
// 32 bits neither overflow nor underflow. Which operands are such pointers is the verifier's fact.
//
// In sandboxed code the addresses of accesses are 64 bits wide, whatever they are; called functions see all registers of their
// callers and leave R0 to R5 behind; and whatever passes the gate may look at R1 to R5.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Jit.Arm32;

/// <summary>Facts by slot; masks have one bit for each eBPF register.</summary>
internal sealed class UpperHalves
{
    private const int All = (1 << EbpfRegisters.Count) - 1, R10Only = 1 << EbpfRegisters.R10, Arguments = 0b11_1110;

    /// <summary>Passes over a function before an analysis gives up; each loop inside a loop costs one.</summary>
    private const int MaxPasses = 40;

    private readonly ProgramShape _shape;

    /// <summary>What the wide immediate at a slot loads in a sandboxed program; null for verified ones.</summary>
    private readonly Func<int, ulong>? _constantAt;

    /// <summary>Operands without an upper half, found by other analyses; null in sandboxed programs.</summary>
    private readonly ushort[]? _facts;
    private readonly Arm32CompilerOptions? _options;
    private readonly bool _hasLocalCalls;

    private UpperHalves(ProgramShape shape, Func<int, ulong>? constantAt, Arm32CompilerOptions? options)
    {
        (_shape, _constantAt, _options) = (shape, constantAt, options);
        if (constantAt is null)
            _facts = CollectFacts(options?.PointersAt);
        ZeroBefore = new ushort[shape.Instructions.Length];
        NeededAfter = new ushort[shape.Instructions.Length];
        _hasLocalCalls = Array.Exists(shape.Rows, row => row.Opcode == EbpfOpcode.CallLocal);
        foreach (FunctionShape function in shape.Functions)
            FindZeros(function);
        foreach (FunctionShape function in shape.Functions)
            FindNeeds(function);
    }

    public bool IsSandboxed => _constantAt is not null;

    /// <summary>Registers whose upper half is zero whenever control reaches the slot.</summary>
    public ushort[] ZeroBefore { get; }

    /// <summary>Registers whose upper half some later instruction may read.</summary>
    public ushort[] NeededAfter { get; }

    /// <param name="options">Say which operands are pointers, which loads take addresses of 64 bits, and how helpers are called.</param>
    public static UpperHalves Analyze(ProgramShape shape, Arm32CompilerOptions options) => new(shape, null, options);

    /// <param name="constantAt">What the wide immediate at a slot loads.</param>
    public static UpperHalves AnalyzeSandboxed(ProgramShape shape, Func<int, ulong> constantAt) => new(shape, constantAt, null);

    private void FindZeros(FunctionShape function)
    {
        ushort[] before = ZeroBefore;
        Array.Fill(before, (ushort)All, function.Start, function.End - function.Start);
        before[function.Start] = R10Only;
        ConvergeZeros(function, before);
        for (int slot = function.Start; _facts is not null && slot < function.End; slot++)
            before[slot] |= _facts[slot];
    }

    private ushort[] CollectFacts(Func<int, ushort>? pointersAt)
    {
        var facts = new ushort[_shape.Instructions.Length];
        foreach (FunctionShape function in _shape.Functions)
            ValueRanges.FindWords(_shape, function, facts);
        for (int slot = 0; pointersAt is not null && slot < facts.Length; slot++)
            facts[slot] |= pointersAt(slot);
        return facts;
    }

    private void ConvergeZeros(FunctionShape function, ushort[] before)
    {
        if (IsSandboxed)
        {
            for (int slot = function.Start; slot < function.End; slot++)
            {
                if (_shape.Rows[slot].Opcode is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction)
                    before[slot + 1 + _shape.Instructions[slot].Immediate] = R10Only;
            }
        }
        else if (function.Start == 0)
        {
            // The entry function gets two 32-bit numbers: a pointer and a pointer or length.
            before[0] |= 1 << EbpfRegisters.R1 | 1 << EbpfRegisters.R2;
        }
        for (int pass = 0; pass < MaxPasses; pass++)
        {
            bool changed = false;
            for (int slot = function.Start; slot < function.End; slot += _shape.Rows[slot].Slots)
            {
                OpcodeRow row = _shape.Rows[slot];
                EbpfInstruction instruction = _shape.Instructions[slot];
                int after = ZeroAfter(slot, instruction, row, before[slot] | (_facts?[slot] ?? 0));
                if (row.IsJump)
                    changed |= Meet(ProgramShape.JumpTarget(slot, instruction, row), after);
                if (row.Effect is not (Effect.Exit or Effect.Jump) && slot + row.Slots < function.End)
                    changed |= Meet(slot + row.Slots, after);
            }
            if (!changed)
                return;
        }
        Array.Fill(before, (ushort)R10Only, function.Start, function.End - function.Start);
    }

    private bool Meet(int target, int after)
    {
        int met = ZeroBefore[target] & after;
        if (met == ZeroBefore[target])
            return false;
        ZeroBefore[target] = (ushort)met;
        return true;
    }

    private int ZeroAfter(int slot, EbpfInstruction instruction, OpcodeRow row, int zero)
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
                bool isShort = _constantAt is { } constantAt ? constantAt(slot) <= uint.MaxValue
                    : row.Opcode != EbpfOpcode.LoadImm64 || _shape.Instructions[slot + 1].Immediate == 0;
                return isShort ? zero | dst : zero & ~dst;
            case Effect.Load:
                return row.Operation != Operation.LoadSx && row.Width < 64 ? zero | dst : zero & ~dst;
            case Effect.Atomic:
                int written = row.Operation == Operation.AtomicCmpXchg ? 1 : (row.Src & RegisterUse.Write) != 0 ? src : 0;
                return row.Width == 32 ? zero | written : zero & ~written;
            case Effect.PacketLoad:
                return zero | 1;
            case Effect.Call when IsSandboxed && row.Opcode == EbpfOpcode.CallLocal:
                return zero & ~ProgramShape.CallerSaved;
            case Effect.Call:
                return zero & ~1;
            default:
                return zero;
        }
    }

    private void FindNeeds(FunctionShape function)
    {
        ushort[] after = NeededAfter;
        var before = new ushort[_shape.Instructions.Length + 1];
        for (int pass = 0; pass < MaxPasses; pass++)
        {
            bool changed = false;
            for (int slot = function.End - 1; slot >= function.Start; slot--)
            {
                OpcodeRow row = _shape.Rows[slot];
                if (row.Effect == Effect.None)
                    continue;
                EbpfInstruction instruction = _shape.Instructions[slot];
                int next = slot + row.Slots;
                int needed = row.Effect switch
                {
                    Effect.Exit => 0,
                    Effect.Jump => before[ProgramShape.JumpTarget(slot, instruction, row)],
                    Effect.Branch => before[ProgramShape.JumpTarget(slot, instruction, row)] | before[next],
                    _ => next < function.End ? before[next] : 0,
                };
                int use = NeededBefore(slot, instruction, row, needed, ZeroBefore[slot]);
                if (needed != after[slot] || use != before[slot])
                {
                    after[slot] = (ushort)needed;
                    before[slot] = (ushort)use;
                    changed = true;
                }
            }
            if (!changed)
                return;
        }
        Array.Fill(after, (ushort)All, function.Start, function.End - function.Start);
    }

    /// <summary>What is needed before an instruction: what is needed behind it and not written, and what it reads without knowing that it is zero.</summary>
    private int NeededBefore(int slot, EbpfInstruction instruction, OpcodeRow row, int needed, int zero)
    {
        (int read, int written) = HighUses(slot, instruction, row, needed);
        return needed & ~written | read & ~zero | HandedOn(instruction, row);
    }

    /// <summary>Registers whose upper half an instruction reads, and those whose upper half it writes.</summary>
    private (int Read, int Written) HighUses(int slot, EbpfInstruction instruction, OpcodeRow row, int needed)
    {
        int dst = 1 << instruction.Dst;
        int src = row.IsRegisterForm ? 1 << instruction.Src : 0;
        bool dstNeeded = (needed & dst) != 0;
        switch (row.Effect)
        {
            case Effect.Alu when row.Width == 32 && row.Operation is not (Operation.ToLe or Operation.ToBe or Operation.Bswap):
                return (0, dst);
            case Effect.Alu:
                return row.Operation switch
                {
                    Operation.Mov or Operation.AddrSpaceCast => (dstNeeded ? src : 0, dst),
                    Operation.MovSx => (0, dst),
                    Operation.ToLe when row.Width == 64 => (0, 0),
                    Operation.ToLe or Operation.ToBe or Operation.Bswap => (row.Width == 64 ? dst : 0, dst),
                    Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod => (dst | src, dst),
                    // Of a register count only the lowest bits matter.
                    Operation.Rsh or Operation.Arsh => (dst, dst),
                    Operation.Lsh => (dstNeeded && (row.IsRegisterForm || (instruction.Immediate & 63) < 32) ? dst : 0, dst),
                    _ => (dstNeeded ? dst | src : 0, dst),
                };
            case Effect.LoadImmediate:
                return (0, dst);
            case Effect.Load:
                return (IsSandboxed || _options?.ProbesAt(slot) == true ? 1 << instruction.Src : 0, dst);
            case Effect.Store:
                return ((row.Width == 64 ? src : 0) | (IsSandboxed ? dst : 0), 0);
            case Effect.Atomic:
                int address = IsSandboxed ? dst : 0, operand = row.Width == 64 ? src : 0;
                return row.Operation == Operation.AtomicCmpXchg ? (address | operand | (row.Width == 64 ? 1 : 0), 1)
                    : (address | operand, (row.Src & RegisterUse.Write) != 0 ? src : 0);
            case Effect.Branch:
                return (row.Width == 32 || row.Operation == Operation.MayGoto ? 0 : dst | src, 0);
            case Effect.Call when IsSandboxed:
                // A tail call hands all registers on, and so does a local call; those must be as they are, known to be zero or not.
                return (row.Opcode == EbpfOpcode.CallReg ? dst : 0, 1);
            case Effect.Call when row.Opcode == EbpfOpcode.CallHelper && _options!.IsShortCall(instruction.Immediate):
                return (0, ProgramShape.CallerSaved);
            case Effect.Call:
                int arguments = row.Opcode == EbpfOpcode.CallHelper ? _options!.HelperArguments(instruction.Immediate) : EbpfRegisters.MaxArguments;
                return (((1 << arguments) - 1) << 1, ProgramShape.CallerSaved);
            case Effect.PacketLoad:
                return (0, IsSandboxed ? 1 : ProgramShape.CallerSaved);
            case Effect.Exit:
                return (1, 0);
            default:
                return (0, 0);
        }
    }

    /// <summary>Registers that must be in their homes in full, because code that does not know what is zero here looks at them.</summary>
    private int HandedOn(EbpfInstruction instruction, OpcodeRow row)
    {
        if (!IsSandboxed)
            return 0;
        return row.Effect switch
        {
            Effect.Call when row.Opcode == EbpfOpcode.CallLocal || (row.Opcode == EbpfOpcode.CallHelper && instruction.Immediate == HelperRegistry.TailCallId) => All,
            Effect.Call or Effect.PacketLoad => Arguments,
            Effect.Exit => _hasLocalCalls ? ProgramShape.CallerSaved : 1,
            _ => 0,
        };
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
