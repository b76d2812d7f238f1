// The instruction set, one row per operation and form: RFC 9669 sections 4 and 5 and its appendix, plus what only Linux
// defines (kfunc calls, may_goto, load-acquire and store-release, address space casts). Everything else derives from these
// rows: codec, assembler, disassembler, structural validation, verifier, interpreter, JITs, instruction selection, inline
// assembly and the documentation.
//
// Placeholders of the format column:
//   %d %s   64-bit destination and source register (r0..r10)      %i   immediate (signed)
//   %D %S   their 32-bit halves (w0..w10)                          %m   memory operand's offset, with its sign: "+ 4"
//   %j      jump target relative to the next instruction           %w   wide immediate (of both slots)
//   %c      helper id or name   %f   local function   %k   kfunc   %v   wide immediate's two halves: "5 + 8"
//   %a %b   address spaces: upper and lower half of the immediate   %o   packet offset with its sign: "+ 4", nothing for 0
namespace Ebpfcc.Ebpf.Isa;

/// <summary>The rows of the instruction set and the search from an encoded instruction to its row.</summary>
public static class OpcodeTable
{
    private static readonly OpcodeRow[] s_rows = Build();
    private static readonly OpcodeRow?[] s_single = new OpcodeRow?[256];
    private static readonly OpcodeRow[]?[] s_several = new OpcodeRow[]?[256];

    static OpcodeTable()
    {
        foreach (IGrouping<byte, OpcodeRow> group in s_rows.Skip(1).GroupBy(row => row.Code))
        {
            OpcodeRow[] rows = [.. group];
            if (rows is [{ Discriminator: Discriminator.None }])
                s_single[group.Key] = rows[0];
            else
                s_several[group.Key] = rows;
        }
    }

    /// <summary>All rows; index 0 is the row of <see cref="EbpfOpcode.Invalid"/>, every other index is its opcode's number.</summary>
    public static ReadOnlySpan<OpcodeRow> Rows => s_rows;

    public static OpcodeRow Get(EbpfOpcode opcode) => s_rows[(int)opcode];

    /// <summary>The row of an encoded instruction, or null when the code, or its discriminating field, names none.</summary>
    public static OpcodeRow? Find(EbpfInstruction instruction)
    {
        if (s_single[instruction.Code] is { } row)
            return row;
        if (s_several[instruction.Code] is { } rows)
        {
            foreach (OpcodeRow candidate in rows)
            {
                int field = candidate.Discriminator switch
                {
                    Discriminator.Offset => instruction.Offset,
                    Discriminator.Immediate => instruction.Immediate,
                    Discriminator.Source => instruction.Src,
                    _ => candidate.DiscriminatorValue,
                };
                if (field == candidate.DiscriminatorValue)
                    return candidate;
            }
        }
        return null;
    }

    /// <summary>The opcode of an encoded instruction; <see cref="EbpfOpcode.Invalid"/> when there is none.</summary>
    public static EbpfOpcode Classify(EbpfInstruction instruction) => Find(instruction)?.Opcode ?? EbpfOpcode.Invalid;

    /// <summary>Encodes one slot; the row's discriminator overrides the field it lives in.</summary>
    public static EbpfInstruction Encode(EbpfOpcode opcode, int dst = 0, int src = 0, int offset = 0, int immediate = 0)
    {
        OpcodeRow row = Get(opcode);
        switch (row.Discriminator)
        {
            case Discriminator.Offset: offset = row.DiscriminatorValue; break;
            case Discriminator.Immediate: immediate = row.DiscriminatorValue; break;
            case Discriminator.Source: src = row.DiscriminatorValue; break;
        }
        return new EbpfInstruction(row.Code, dst, src, checked((short)offset), immediate);
    }

    private static OpcodeRow[] Build()
    {
        var rows = new OpcodeRow[Enum.GetValues<EbpfOpcode>().Length];
        rows[0] = new OpcodeRow(EbpfOpcode.Invalid, 0, Operation.None, Effect.None, 0, Discriminator.None, 0, 0, 0, 0, 0,
            ConformanceGroup.Base64, CpuVersion.V1, "invalid");
        var builder = new OpcodeTableBuilder(rows);
        builder.Arithmetic();
        builder.Memory();
        builder.Atomics();
        builder.Jumps();
        int hole = Array.IndexOf(rows, null);
        if (hole >= 0)
            throw new InvalidOperationException($"OpcodeTable has no row for {(EbpfOpcode)hole}.");
        return rows;
    }
}
