// What every translator needs to know of a program before it translates: decoded rows, block leaders, functions with the
// registers they touch, and liveness (backward data flow over instructions, Aho et al. section 9.2.5).
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit;

/// <summary>One function of a program.</summary>
/// <param name="Start">First slot.</param>
/// <param name="End">One past the last slot.</param>
public sealed record FunctionShape(int Start, int End)
{
    /// <summary>Registers read or written, one bit each.</summary>
    public int UsedRegisters { get; init; }

    /// <summary>Calls anything (helper, function, packet load).</summary>
    public bool MakesCalls { get; init; }

    /// <summary>Bytes of stack below R10 that are, or may be, touched: the exact extent unless R10 is copied or indexed.</summary>
    public int StackBytes { get; init; }

    /// <summary>
    /// Offset from R10 of the eight bytes below the program's own stack that count what is left of the may_goto budget; 0 when the
    /// function has no may_goto.
    /// </summary>
    public int MayGotoOffset { get; init; }
}

/// <summary>The analysed instructions of a program. Index everything by slot.</summary>
public sealed class ProgramShape
{
    /// <summary>All argument registers and R0: what a call destroys.</summary>
    public const int CallerSaved = 0b11_1111;

    private const int Arguments = 0b11_1110;

    private ProgramShape(EbpfInstruction[] instructions, OpcodeRow[] rows, bool[] leaders, FunctionShape[] functions, (ushort[] Out, int AtStart) live)
        => (Instructions, Rows, Leaders, Functions, LiveOut, LiveAtStart) = (instructions, rows, leaders, functions, live.Out, live.AtStart);

    public EbpfInstruction[] Instructions { get; }

    /// <summary>The row of each slot; the second slot of a wide immediate has the row of "invalid".</summary>
    public OpcodeRow[] Rows { get; }

    /// <summary>Slots that some jump or call leads to, and function starts.</summary>
    public bool[] Leaders { get; }

    /// <summary>Functions in order of their start.</summary>
    public FunctionShape[] Functions { get; }

    /// <summary>Registers whose values are still needed behind the instruction, one bit each.</summary>
    public ushort[] LiveOut { get; }

    /// <summary>Registers whose values at the program's first instruction are needed.</summary>
    public int LiveAtStart { get; }

    /// <summary>The slot a jump leads to.</summary>
    public static int JumpTarget(int slot, EbpfInstruction instruction, OpcodeRow row)
        => slot + 1 + (row.Immediate == ImmediateUse.Jump ? instruction.Immediate : instruction.Offset);

    /// <param name="starts">Slots at which functions begin, ascending; the first is 0.</param>
    public static ProgramShape Analyze(EbpfInstruction[] instructions, IReadOnlyList<int> starts)
    {
        (OpcodeRow[] rows, bool[] leaders) = Decode(instructions, starts);
        int count = instructions.Length;
        var functions = new FunctionShape[starts.Count];
        for (int i = 0; i < functions.Length; i++)
            functions[i] = Describe(instructions, rows, starts[i], i + 1 < starts.Count ? starts[i + 1] : count);
        return new ProgramShape(instructions, rows, leaders, functions, Liveness(instructions, rows, functions, isVerified: true));
    }

    /// <summary>
    /// The shape of a well-formed program that nobody verified: jumps may lead from any function into any other, so everything is one
    /// function. Whatever leaves the code may look at every register, and callees hand R0 to R5 back as they are.
    /// </summary>
    public static ProgramShape AnalyzeUnverified(EbpfInstruction[] instructions)
    {
        (OpcodeRow[] rows, bool[] leaders) = Decode(instructions, [0]);
        FunctionShape[] functions = [new FunctionShape(0, instructions.Length) { UsedRegisters = NamedRegisters(instructions, rows) }];
        return new ProgramShape(instructions, rows, leaders, functions, Liveness(instructions, rows, functions, isVerified: false));
    }

    /// <summary>Registers that the instructions name, or that hold a result or a condition by definition.</summary>
    private static int NamedRegisters(EbpfInstruction[] instructions, OpcodeRow[] rows)
    {
        int named = 0;
        for (int slot = 0; slot < instructions.Length; slot++)
        {
            OpcodeRow row = rows[slot];
            (int reads, int writes) = Effects(instructions[slot], row);
            named |= row.Effect switch
            {
                Effect.Call => reads & ~Arguments | 1 | (row.Opcode == EbpfOpcode.CallReg ? 1 << instructions[slot].Dst : 0),
                Effect.PacketLoad => 1 | (row.IsRegisterForm ? 1 << instructions[slot].Src : 0),
                Effect.None => 0,
                _ => reads | writes,
            };
            // A local call moves R10 for its callee and keeps R6 to R9, which need no place unless somebody names them.
            if (row.Opcode == EbpfOpcode.CallLocal)
                named |= 1 << EbpfRegisters.R10;
        }
        return named;
    }

    private static (OpcodeRow[] Rows, bool[] Leaders) Decode(EbpfInstruction[] instructions, IReadOnlyList<int> starts)
    {
        int count = instructions.Length;
        var rows = new OpcodeRow[count];
        var leaders = new bool[count];
        OpcodeRow invalid = OpcodeTable.Get(EbpfOpcode.Invalid);
        for (int slot = 0; slot < count; slot++)
        {
            rows[slot] = OpcodeTable.Find(instructions[slot])
                ?? throw new InternalCompilerException("jit analysis", null, $"slot {slot} holds no instruction ({instructions[slot]})");
            if (rows[slot].IsWide)
                rows[++slot] = invalid;
        }
        foreach (int start in starts)
            leaders[start] = true;
        for (int slot = 0; slot < count; slot++)
        {
            if (rows[slot].IsJump)
                leaders[JumpTarget(slot, instructions[slot], rows[slot])] = true;
            else if (rows[slot].Opcode == EbpfOpcode.CallLocal)
                leaders[slot + 1 + instructions[slot].Immediate] = true;
            else if (rows[slot].Opcode == EbpfOpcode.LoadFunction)
                leaders[slot + 1 + instructions[slot].Immediate] = true;
        }
        return (rows, leaders);
    }

    /// <summary>Registers an instruction reads and writes, as bit masks.</summary>
    public static (int Reads, int Writes) Effects(EbpfInstruction instruction, OpcodeRow row)
    {
        int reads = 0, writes = 0;
        switch (row.Effect)
        {
            case Effect.Call:
                reads = Arguments | ((row.Dst & RegisterUse.Read) != 0 ? 1 << instruction.Dst : 0);
                return (reads, CallerSaved);
            case Effect.Exit:
                return (1, 0);
            case Effect.PacketLoad:
                return (1 << 6 | (row.IsRegisterForm ? 1 << instruction.Src : 0), CallerSaved);
            case Effect.Atomic when row.Operation == Operation.AtomicCmpXchg:
                reads = 1;
                writes = 1;
                break;
        }
        if ((row.Dst & RegisterUse.Read) != 0)
            reads |= 1 << instruction.Dst;
        if ((row.Dst & RegisterUse.Write) != 0)
            writes |= 1 << instruction.Dst;
        if ((row.Src & RegisterUse.Read) != 0)
            reads |= 1 << instruction.Src;
        if ((row.Src & RegisterUse.Write) != 0)
            writes |= 1 << instruction.Src;
        return (reads, writes);
    }

    private static FunctionShape Describe(EbpfInstruction[] instructions, OpcodeRow[] rows, int start, int end)
    {
        int used = 0, stack = 0;
        bool calls = false, mayGoto = false;
        for (int slot = start; slot < end; slot++)
        {
            OpcodeRow row = rows[slot];
            EbpfInstruction instruction = instructions[slot];
            if (row.Effect == Effect.None)
                continue;
            (int reads, int writes) = Effects(instruction, row);
            // A call only passes argument registers on; it does not by itself make the function touch them.
            used |= row.Effect is Effect.Call or Effect.PacketLoad ? reads & ~Arguments : reads | writes;
            calls |= row.Effect is Effect.Call or Effect.PacketLoad;
            mayGoto |= row.Operation == Operation.MayGoto;
            stack = Math.Max(stack, StackUse(instruction, row));
        }
        if (mayGoto)
        {
            stack += sizeof(long);
            used |= 1 << EbpfRegisters.R10;
        }
        return new FunctionShape(start, end) { UsedRegisters = used, MakesCalls = calls, StackBytes = stack, MayGotoOffset = mayGoto ? -stack : 0 };
    }

    /// <summary>A direct access below R10 uses its own extent; R10 as a plain operand may use all of the frame.</summary>
    private static int StackUse(EbpfInstruction instruction, OpcodeRow row)
    {
        const int FramePointer = EbpfRegisters.R10;
        bool baseIsDst = row.Effect == Effect.Atomic || row.Effect == Effect.Store;
        bool isMemory = baseIsDst || row.Effect == Effect.Load;
        bool direct = isMemory && (baseIsDst ? instruction.Dst : instruction.Src) == FramePointer;
        bool escapes = (row.Dst & RegisterUse.Read) != 0 && instruction.Dst == FramePointer && !(direct && baseIsDst)
            || (row.Src & RegisterUse.Read) != 0 && instruction.Src == FramePointer && !(direct && !baseIsDst);
        return escapes ? EbpfRegisters.StackSize : direct ? (-instruction.Offset + 7) & ~7 : 0;
    }

    private static (ushort[] Out, int AtStart) Liveness(EbpfInstruction[] instructions, OpcodeRow[] rows, FunctionShape[] functions, bool isVerified)
    {
        const int All = (1 << EbpfRegisters.Count) - 1;
        bool hasCallers = !isVerified && Array.Exists(rows, row => row.Opcode is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction);
        var liveIn = new ushort[instructions.Length + 1];
        var liveOut = new ushort[instructions.Length];
        foreach (FunctionShape function in functions)
        {
            bool changed;
            do
            {
                changed = false;
                for (int slot = function.End - 1; slot >= function.Start; slot--)
                {
                    OpcodeRow row = rows[slot];
                    if (row.Effect == Effect.None)
                        continue;
                    int next = slot + row.Slots;
                    int after = row.Effect switch
                    {
                        Effect.Exit => hasCallers ? CallerSaved : 0,
                        Effect.Jump => liveIn[JumpTarget(slot, instructions[slot], row)],
                        Effect.Branch => liveIn[JumpTarget(slot, instructions[slot], row)] | liveIn[next],
                        _ => next < function.End ? liveIn[next] : 0,
                    };
                    (int reads, int writes) = Effects(instructions[slot], row);
                    if (!isVerified && row.Effect is Effect.Call or Effect.PacketLoad)
                        (reads, writes) = (All, 0);
                    int before = (after & ~writes) | reads;
                    if (before != liveIn[slot] || after != liveOut[slot])
                    {
                        liveIn[slot] = (ushort)before;
                        liveOut[slot] = (ushort)after;
                        changed = true;
                    }
                }
            }
            while (changed);
        }
        return (liveOut, liveIn[0]);
    }
}
