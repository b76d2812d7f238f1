// Small random changes to instructions, for programs just beyond the border of what is accepted.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Fuzzing;

public static class ProgramDamage
{
    /// <summary>A copy in which a few instructions are others.</summary>
    public static EbpfInstruction[] Apply(EbpfInstruction[] code, Random random)
    {
        code = (EbpfInstruction[])code.Clone();
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int slot = random.Next(code.Length);
            EbpfInstruction old = code[slot];
            code[slot] = random.Next(9) switch
            {
                0 => old.WithDst(random.Next(12)),
                1 => old.WithSrc(random.Next(12)),
                2 => old.WithOffset((short)random.Next(-20, 20)),
                3 => old.WithImmediate(random.Next(-20, 220)),
                4 => old.WithCode((byte)random.Next(256)),
                5 => code[random.Next(code.Length)],
                6 => OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: random.Next(1, 212)),
                7 => new EbpfInstruction(OpcodeTable.Rows[random.Next(1, OpcodeTable.Rows.Length)].Code, random.Next(11), random.Next(11), (short)random.Next(-8, 8), random.Next(-8, 64)),
                _ => OpcodeTable.Encode(EbpfOpcode.Add64Imm, random.Next(11), 0, 0, random.Next(-16, 16)),
            };
        }
        return code;
    }
}
