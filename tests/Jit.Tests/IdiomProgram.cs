// Random programs made of the shapes that code generators look for: moves before operations, shifts as operands, rotations,
// indexed accesses, short branches, counted loops; with few registers, so that operands coincide, and with near misses.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Tests;

internal static class IdiomProgram
{
    public const int MemoryBytes = 64;

    private const int Memory = 6, Index = 8, Counter = 9;
    private static readonly int[] s_data = [0, 1, 2, 3, 7];
    private static readonly int[] s_counts = [1, 4, 8, 12, 16, 20, 24, 28, 31, 32, 33, 40, 63];
    private static readonly int[] s_constants = [0, 1, -1, 2, 3, 5, 7, 8, 15, 31, 33, 255, 256, 65535, 65536, 0x7fffffff, int.MinValue];
    private static readonly OpcodeRow[] s_alu = [.. OpcodeTable.Rows.ToArray().Where(row => row.Effect == Effect.Alu && row.Operation != Operation.AddrSpaceCast)];
    private static readonly OpcodeRow[] s_branches = [.. OpcodeTable.Rows.ToArray().Where(row => row.Effect == Effect.Branch && row.Operation != Operation.MayGoto)];
    private static readonly OpcodeRow[] s_accesses = [.. OpcodeTable.Rows.ToArray().Where(row => row.Operation is Operation.Load or Operation.LoadSx or Operation.Store)];
    private static readonly EbpfOpcode[] s_plain32 = [EbpfOpcode.Add32Reg, EbpfOpcode.Sub32Reg, EbpfOpcode.And32Reg, EbpfOpcode.Or32Reg, EbpfOpcode.Xor32Reg];
    private static readonly EbpfOpcode[] s_plain64 = [EbpfOpcode.Add64Reg, EbpfOpcode.Sub64Reg, EbpfOpcode.And64Reg, EbpfOpcode.Or64Reg, EbpfOpcode.Xor64Reg, EbpfOpcode.Mul64Reg];

    public static EbpfInstruction[] Create(Random random)
    {
        var body = new List<EbpfInstruction> { OpcodeTable.Encode(EbpfOpcode.Mov64Reg, Memory, 1) };
        foreach (int register in (int[])[.. s_data, Index])
        {
            long value = random.Next(3) switch { 0 => Pick(random, s_constants), 1 => (uint)random.NextInt64(), _ => random.NextInt64() };
            body.Add(OpcodeTable.Encode(EbpfOpcode.LoadImm64, register, 0, 0, (int)value));
            body.Add(new EbpfInstruction(0, 0, 0, 0, (int)(value >> 32)));
        }
        // Units that hold an address are not entered in the middle, loops only at their beginning.
        var closed = new List<(int Start, int End, int Entry)>();
        int units = random.Next(3, 30);
        for (int unit = 0; unit < units; unit++)
        {
            if (random.Next(8) != 0)
            {
                AddUnit(random, body, closed);
                continue;
            }
            int start = body.Count, step = random.Next(1, 3), bound = 2 * random.Next(1, 20);
            body.Add(OpcodeTable.Encode(random.Next(2) == 0 ? EbpfOpcode.Mov64Imm : EbpfOpcode.Mov32Imm, Counter));
            int loop = body.Count;
            for (int inside = random.Next(4); inside >= 0; inside--)
                AddUnit(random, body, closed);
            body.Add(OpcodeTable.Encode(Plain(random), Data(random), Counter));
            body.Add(OpcodeTable.Encode(random.Next(2) == 0 ? EbpfOpcode.Add64Imm : EbpfOpcode.Add32Imm, Counter, 0, 0, step));
            EbpfOpcode back = s_loops[random.Next(s_loops.Length)];
            body.Add(OpcodeTable.Encode(back, Counter, 0, loop - body.Count - 1, bound));
            closed.Add((body.Count - 2, body.Count, body.Count - 2));
            if (random.Next(2) == 0)
                body.Add(OpcodeTable.Encode(Mov(random), Data(random), Counter));
            closed.Add((start, body.Count, start));
        }
        int end = body.Count;
        for (int slot = 0; slot < end; slot++)
        {
            EbpfInstruction instruction = body[slot];
            OpcodeRow? row = slot > 0 && OpcodeTable.Find(body[slot - 1]) is { IsWide: true } ? null : OpcodeTable.Find(instruction);
            if (row is not { IsJump: true } || instruction.Offset < 0)
                continue;
            int target = Math.Min(slot + 1 + instruction.Offset, end);
            foreach ((int first, int last, int entry) in closed)
            {
                if (slot < first && target > first && target < last)
                    target = entry;
            }
            body[slot] = new EbpfInstruction(instruction.Code, instruction.Dst, instruction.Src, (short)(target - slot - 1), instruction.Immediate);
        }
        // Only some registers, and only some halves of them, matter in the end.
        foreach (int register in s_data)
        {
            if (register == 0 || random.Next(3) == 0)
                continue;
            body.Add(OpcodeTable.Encode(EbpfOpcode.Mul64Imm, 0, 0, 0, 31));
            body.Add(OpcodeTable.Encode(random.Next(2) == 0 ? EbpfOpcode.Add64Reg : EbpfOpcode.Add32Reg, 0, register));
        }
        body.Add(OpcodeTable.Encode(EbpfOpcode.Exit));
        return [.. body];
    }

    private static readonly EbpfOpcode[] s_loops =
        [EbpfOpcode.Jne64Imm, EbpfOpcode.Jne32Imm, EbpfOpcode.Jlt64Imm, EbpfOpcode.Jle64Imm, EbpfOpcode.Jlt32Imm, EbpfOpcode.Jslt64Imm, EbpfOpcode.Jsle32Imm];

    private static void AddUnit(Random random, List<EbpfInstruction> body, List<(int Start, int End, int Entry)> closed)
    {
        int start = body.Count;
        if (Add(random, body))
            closed.Add((start, body.Count, body.Count));
        else if (random.Next(6) == 0)
            body.Insert(random.Next(start, body.Count), Alu(random)); // a near miss: something in between
    }

    private static int Pick(Random random, int[] values) => values[random.Next(values.Length)];

    private static int Data(Random random) => Pick(random, s_data);

    private static EbpfOpcode Mov(Random random) => random.Next(2) == 0 ? EbpfOpcode.Mov64Reg : EbpfOpcode.Mov32Reg;

    private static EbpfOpcode Plain(Random random) => random.Next(2) == 0 ? s_plain32[random.Next(s_plain32.Length)] : s_plain64[random.Next(s_plain64.Length)];

    private static EbpfInstruction Alu(Random random) => Alu(random, Data(random), Data(random));

    private static EbpfInstruction Alu(Random random, int dst, int src)
    {
        OpcodeRow row = s_alu[random.Next(s_alu.Length)];
        int immediate = row.Operation is Operation.Lsh or Operation.Rsh or Operation.Arsh ? Pick(random, s_counts) : Pick(random, s_constants);
        return OpcodeTable.Encode(row.Opcode, dst, row.IsRegisterForm ? src : 0, 0, row.Immediate == ImmediateUse.Value ? immediate : 0);
    }

    private static EbpfInstruction Shift(int register, bool left, bool wide, int count)
        => OpcodeTable.Encode(left ? wide ? EbpfOpcode.Lsh64Imm : EbpfOpcode.Lsh32Imm : wide ? EbpfOpcode.Rsh64Imm : EbpfOpcode.Rsh32Imm, register, 0, 0, count);

    /// <summary>Adds a unit; true when it must not be entered in the middle.</summary>
    private static bool Add(Random random, List<EbpfInstruction> body)
    {
        int a = Data(random), b = Data(random), c = Data(random), k = Pick(random, s_counts);
        switch (random.Next(9))
        {
            case 0:
                body.Add(OpcodeTable.Encode(Mov(random), a, b));
                body.Add(Alu(random, a, c));
                return false;
            case 1:
                if (random.Next(2) == 0)
                    body.Add(OpcodeTable.Encode(Mov(random), a, b));
                body.Add(Shift(a, random.Next(2) == 0, random.Next(2) == 0, k & 31));
                body.Add(OpcodeTable.Encode(Plain(random), random.Next(2) == 0 ? a : c, random.Next(2) == 0 ? a : c));
                return false;
            case 2:
                bool wide = random.Next(4) == 0;
                int right = random.Next(8) == 0 ? k & 31 : 32 - (k & 31);
                body.Add(OpcodeTable.Encode(EbpfOpcode.Mov32Reg, a, c));
                body.Add(Shift(a, false, wide, right & 31));
                if (random.Next(3) != 0)
                    body.Add(OpcodeTable.Encode(EbpfOpcode.Mov32Reg, b, c));
                body.Add(Shift(b, true, wide, k & 31));
                body.Add(OpcodeTable.Encode(random.Next(2) == 0 ? EbpfOpcode.Or32Reg : EbpfOpcode.Xor64Reg, b, a));
                if (random.Next(2) == 0)
                    body.Add(OpcodeTable.Encode(Plain(random), Data(random), b));
                return false;
            case 3:
                body.Add(Shift(a, true, true, random.Next(4) == 0 ? k : 32));
                if (random.Next(2) == 0)
                    body.Add(OpcodeTable.Encode(EbpfOpcode.Mov32Reg, b, b));
                body.Add(OpcodeTable.Encode(EbpfOpcode.Or64Reg, a, b));
                return false;
            case 4:
                AddAccess(random, body);
                return true;
            case 5 or 6:
                OpcodeRow branch = s_branches[random.Next(s_branches.Length)];
                body.Add(OpcodeTable.Encode(branch.Opcode, a, branch.IsRegisterForm ? b : 0, random.Next(1, 4), branch.IsRegisterForm ? 0 : Pick(random, s_constants)));
                if (random.Next(3) == 0)
                    body.Add(OpcodeTable.Encode(EbpfOpcode.Ja, 0, 0, random.Next(1, 5)));
                else
                    body.Add(random.Next(2) == 0 ? OpcodeTable.Encode(Mov(random), c, b) : OpcodeTable.Encode(EbpfOpcode.Mov64Imm, c, 0, 0, Pick(random, s_constants)));
                return false;
            default:
                body.Add(Alu(random));
                return false;
        }
    }

    /// <summary>An access at memory + index &lt;&lt; scale, the address dead or alive behind it.</summary>
    private static void AddAccess(Random random, List<EbpfInstruction> body)
    {
        OpcodeRow row = s_accesses[random.Next(s_accesses.Length)];
        int index = Data(random), value = Data(random), scale = random.Next(3), address = random.Next(3) == 0 ? Index : Data(random);
        body.Add(OpcodeTable.Encode(EbpfOpcode.And64Imm, index, 0, 0, (MemoryBytes - 8) >> scale & 15));
        if (scale != 0 || random.Next(2) == 0)
        {
            if (address != index || random.Next(2) == 0)
                body.Add(OpcodeTable.Encode(EbpfOpcode.Mov64Reg, address, index));
            if (scale != 0)
                body.Add(Shift(address, true, true, scale));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, address, Memory));
        }
        else
        {
            if (address == index)
                address = Index;
            body.Add(OpcodeTable.Encode(EbpfOpcode.Mov64Reg, address, Memory));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, address, index));
        }
        bool isStore = row.Effect == Effect.Store;
        while (isStore && value == address)
            value = Data(random);
        body.Add(OpcodeTable.Encode(row.Opcode, isStore ? address : value, isStore ? (row.IsRegisterForm ? value : 0) : address, 0, row.Immediate == ImmediateUse.Value ? random.Next() : 0));
        // Addresses differ between engines: nobody may see one.
        if (isStore || address != value)
            body.Add(OpcodeTable.Encode(EbpfOpcode.Mov64Imm, address, 0, 0, random.Next(100)));
    }
}
