// Disassembler and assembler against LLVM 19, over every row with every field at its extremes.
using System.Runtime.InteropServices;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Tests.Object;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Isa;

public class LlvmDifferentialTests
{
    /// <summary>Rows that LLVM 19 does not know, and operands it cannot print.</summary>
    private static bool IsKnownToLlvm(EbpfInstruction[] sample)
    {
        OpcodeRow row = OpcodeTable.Find(sample[0])!;
        return row.Operation is not (Operation.LoadAcquire or Operation.StoreRelease)
            && !(row.Operation == Operation.LoadPacketIndirect && sample[0].Immediate != 0)
            && !(row.IsWide && row.DiscriminatorValue != 0 && sample[1].Immediate != 0);
    }

    private static byte[] Program() => [.. RowSamples.All().Where(IsKnownToLlvm).SelectMany(s => MemoryMarshal.AsBytes(s.AsSpan()).ToArray())];

    [OracleTheory(Oracle.LlvmObjdump)]
    [InlineData(false)]
    [InlineData(true)]
    public void Disassembly_is_llvm_objdumps(bool alu32)
    {
        byte[] code = Program();
        var elf = new ElfBuilder();
        ElfSectionBuilder section = elf.AddSection(".text", ElfSectionType.ProgBits, ElfSectionFlags.Allocate | ElfSectionFlags.Execute, code, 8);
        elf.AddSymbol("f", ElfSymbolType.Function, ElfSymbolBinding.Global, section, 0, (ulong)code.Length);
        string dump = Compiled.RunOn(elf.Build().Write(), Oracle.LlvmObjdump, ["-d", .. alu32 ? (string[])["--mcpu=v4"] : [], "FILE"]);
        string[] expected = [.. dump.Split('\n').Where(line => line.Contains(":\t", StringComparison.Ordinal) && !line.StartsWith("FILE", StringComparison.Ordinal)).Select(line => line.Split('\t', 3)[2])];
        EbpfInstruction[] program = MemoryMarshal.Cast<byte, EbpfInstruction>(code).ToArray();
        DisassemblyOptions options = DisassemblyOptions.Default with { Alu32 = alu32 };
        int at = 0;
        for (int slot = 0; slot < program.Length; at++)
        {
            var text = new StringBuilder();
            int slots = Disassembler.Append(text, program, slot, options);
            // the target's address is printed only where LLVM finds a symbol for it
            string wanted = expected[at];
            int symbol = wanted.EndsWith('>') ? wanted.LastIndexOf(" <", StringComparison.Ordinal) : -1;
            // without w registers LLVM knows no 32-bit atomic but the addition, and takes some others for it
            OpcodeRow row = OpcodeTable.Find(program[slot])!;
            slot += slots;
            if (!alu32 && row is { Effect: Effect.Atomic, Width: 32 } && row.Opcode != EbpfOpcode.AtomicAdd32)
                continue;
            Assert.Equal(symbol < 0 ? wanted : wanted[..symbol], text.ToString());
        }
        Assert.Equal(expected.Length, at);
    }

    [OracleFact(Oracle.Clang)]
    public void Assembled_bytes_are_clangs()
    {
        var source = new StringBuilder();
        foreach (EbpfInstruction[] sample in RowSamples.All().Where(IsKnownToLlvm))
        {
            OpcodeRow row = OpcodeTable.Find(sample[0])!;
            if (row.Operation is Operation.Call && row.Opcode is not (EbpfOpcode.CallHelper or EbpfOpcode.CallReg))
                continue;
            // LLVM takes no displacement of -32768 and no long jump beyond 16 bits from text
            if (sample[0].Offset == short.MinValue && row.Offset is OffsetUse.Memory)
                continue;
            if (row.Opcode == EbpfOpcode.JaLong && sample[0].Immediate is (< short.MinValue or > short.MaxValue))
                continue;
            source.AppendLine(Disassembler.Format(sample, 0, DisassemblyOptions.Source));
        }
        byte[] image = Compiled.Clang(source.ToString(), "-x", "assembler", "-mcpu=v4");
        byte[] expected = ElfFile.Read(image, "t.o", new DiagnosticBag())!.Find(".text")!.Data.ToArray();
        var diagnostics = new DiagnosticBag();
        AssembledCode? code = Assembler.Assemble(source.ToString(), diagnostics);
        Assert.True(code is not null, string.Join("; ", diagnostics.Items.Select(item => item.Message)));
        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(MemoryMarshal.AsBytes(code.Instructions.AsSpan())));
    }
}
