// Encoded instructions for every row of the opcode table with every field at its extremes.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Tests.Isa;

internal static class RowSamples
{
    /// <summary>Programs of one instruction (two slots for wide ones).</summary>
    public static IEnumerable<EbpfInstruction[]> All()
    {
        foreach (OpcodeRow row in OpcodeTable.Rows[1..].ToArray())
        {
            foreach (EbpfInstruction[] sample in Of(row))
                yield return sample;
        }
    }

    public static IEnumerable<EbpfInstruction[]> Of(OpcodeRow row)
    {
        int[] dsts = row.Dst == RegisterUse.None ? [0] : [0, 3, 9];
        int[] srcs = row.Src == RegisterUse.None ? [0] : [0, 7, 10];
        int[] offsets = row.Offset is OffsetUse.Memory or OffsetUse.Jump ? [0, 1, -1, 8, -8, short.MaxValue, short.MinValue] : [0];
        int[] immediates = row.Immediate switch
        {
            ImmediateUse.Zero or ImmediateUse.Discriminator => [0],
            ImmediateUse.AddressSpaces => [1, 0x10000],
            ImmediateUse.HelperId => [0, 1, 12, -1, 100000],
            _ => [0, 1, -1, 16, -16, int.MaxValue, int.MinValue],
        };
        foreach (int dst in dsts)
        {
            foreach (int src in srcs)
            {
                foreach (int offset in offsets)
                {
                    foreach (int immediate in immediates)
                    {
                        EbpfInstruction first = OpcodeTable.Encode(row.Opcode, dst, src, offset, immediate);
                        if (!row.IsWide)
                        {
                            yield return [first];
                            continue;
                        }
                        yield return [first, new EbpfInstruction(0, 0, 0, 0, 0)];
                        yield return [first, new EbpfInstruction(0, 0, 0, 0, -1)];
                        yield return [first, new EbpfInstruction(0, 0, 0, 0, 0x12345678)];
                    }
                }
            }
        }
    }
}
