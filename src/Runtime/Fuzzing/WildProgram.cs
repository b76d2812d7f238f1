// Random programs that respect nothing but structure: jumps in all directions, several functions, recursion, wild pointers.
// What is safe about them is only what the sandbox makes safe.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Fuzzing;

/// <summary>
/// Random programs that respect nothing but structure: jumps in all directions, several functions, recursion, wild pointers. Only
/// values that differ between engines, addresses of the stack, stay in registers of their own (R2, R3), used as bases alone.
/// </summary>
public static class WildProgram
{
    private static readonly int[] s_data = [0, 4, 5, 7, 8, 9];
    private static readonly OpcodeRow[] s_rows = [.. OpcodeTable.Rows.ToArray().Where(row =>
        row.Effect is Effect.Alu or Effect.Branch or Effect.Load or Effect.Store or Effect.Atomic && row.Operation != Operation.AddrSpaceCast)];

    private static int Data(Random random) => s_data[random.Next(s_data.Length)];

    public static EbpfInstruction[] Create(Random random)
    {
        int functions = random.Next(1, 4);
        int[] starts = new int[functions + 1];
        for (int i = 0; i < functions; i++)
            starts[i + 1] = starts[i] + random.Next(8, 40);
        var program = new EbpfInstruction[starts[functions]];
        for (int i = 0; i < program.Length; i++)
            program[i] = Array.IndexOf(starts, i + 1) >= 0 ? OpcodeTable.Encode(EbpfOpcode.Exit) : One(random, i, starts);
        program[0] = OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 6, 1);
        program[1] = OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 3, 10);
        program[2] = OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 2, 6);
        return program;
    }

    private static EbpfInstruction One(Random random, int slot, int[] starts)
    {
        int length = starts[^1];
        switch (random.Next(24))
        {
            case 0:
                return OpcodeTable.Encode(EbpfOpcode.CallLocal, 0, 0, 0, starts[random.Next(starts.Length - 1)] - slot - 1);
            case 1:
                return OpcodeTable.Encode(EbpfOpcode.Mov64Reg, random.Next(2, 4), random.Next(3) switch { 0 => 10, 1 => 6, _ => Data(random) });
            case 2:
                return OpcodeTable.Encode(EbpfOpcode.Add64Imm, random.Next(2, 4), 0, 0, random.Next(4) == 0 ? random.Next(-600, 600) : random.Next(-16, 16));
            case 3:
                return random.Next(12) switch
                {
                    0 => OpcodeTable.Encode(EbpfOpcode.CallHelper, 0, 0, 0, 5),
                    1 => OpcodeTable.Encode(EbpfOpcode.CallReg, Data(random)),
                    2 => OpcodeTable.Encode(EbpfOpcode.LoadAbs16, 0, 0, 0, random.Next(-4, 20)),
                    3 => OpcodeTable.Encode(EbpfOpcode.LoadInd32, 0, Data(random), 0, random.Next(-4, 20)),
                    4 => OpcodeTable.Encode(EbpfOpcode.Exit),
                    5 => OpcodeTable.Encode(EbpfOpcode.CallHelper, 0, 0, 0, 4711),
                    _ => OpcodeTable.Encode(EbpfOpcode.Mov64Imm, Data(random), 0, 0, random.Next(-3, 12)),
                };
        }
        OpcodeRow row = s_rows[random.Next(s_rows.Length)];
        int dst = Data(random), src = Data(random), immediate = random.Next(3) == 0 ? (int)random.NextInt64() : random.Next(-4, 66);
        switch (row.Effect)
        {
            case Effect.Alu:
                return OpcodeTable.Encode(row.Opcode, dst, row.IsRegisterForm ? src : 0, 0, row.Immediate == ImmediateUse.Value ? immediate : 0);
            case Effect.Branch:
                int target = random.Next(3) == 0 ? random.Next(length) : Math.Min(slot + random.Next(1, 6), length - 1);
                return OpcodeTable.Encode(row.Opcode, row.Operation == Operation.MayGoto ? 0 : dst, row.IsRegisterForm ? src : 0, target - slot - 1, row.Immediate == ImmediateUse.Value ? immediate : 0);
            default:
                bool baseIsDst = row.Effect is Effect.Store or Effect.Atomic;
                int @base = random.Next(8) switch { 0 => dst, 1 or 2 => 10, 3 => 2, 4 => 3, _ => 6 };
                int offset = @base == 10 ? -random.Next(0, random.Next(6) == 0 ? 600 : 72) : random.Next(random.Next(6) == 0 ? -20 : 0, 64);
                if (random.Next(2) == 0)
                    offset &= ~7;
                return OpcodeTable.Encode(row.Opcode, baseIsDst ? @base : dst, baseIsDst ? (row.IsRegisterForm ? src : 0) : @base, offset, row.Immediate == ImmediateUse.Value ? immediate : 0);
        }
    }
}
