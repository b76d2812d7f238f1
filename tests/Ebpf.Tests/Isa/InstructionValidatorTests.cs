// Structural validation: every row's samples pass, every unused field is refused when set, jumps are checked, and the
// conformance suite's malformed programs are refused.
using System.Globalization;
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Isa;

public class InstructionValidatorTests
{
    private static readonly ValidationOptions Fragment = ValidationOptions.Rfc with { IsFragment = true };

    private static string? Check(string assembly, ValidationOptions? options = null)
    {
        var diagnostics = new DiagnosticBag();
        AssembledCode? code = Assembler.Assemble(assembly, diagnostics);
        Assert.True(code is not null, string.Join("; ", diagnostics.Items.Select(item => item.Message)));
        return InstructionValidator.Validate(code.Instructions, options) is { } error ? $"{error.Slot}: {error.Message}" : null;
    }

    [Fact]
    public void Samples_of_every_row_are_valid_and_set_unused_fields_are_not()
    {
        foreach (OpcodeRow row in OpcodeTable.Rows[1..].ToArray())
        {
            EbpfInstruction[] sample = RowSamples.Of(row).First(s => s[0].Dst != 10);
            Assert.True(InstructionValidator.Validate(sample, Fragment) is null, row.Opcode + ": " + InstructionValidator.Validate(sample, Fragment)?.Message);
            if (row.Dst == RegisterUse.None)
                Refused(sample[0].WithDst(1));
            if (row.Src == RegisterUse.None && row.Discriminator != Discriminator.Source)
                Refused(sample[0].WithSrc(1));
            if (row.Offset == OffsetUse.Zero)
                Refused(sample[0].WithOffset(1));
            if (row.Immediate == ImmediateUse.Zero)
                Refused(sample[0].WithImmediate(1));
            if (row.Dst != RegisterUse.None)
                Refused(sample[0].WithDst(11));
            if (row.Src != RegisterUse.None)
                Refused(sample[0].WithSrc(15));
            if ((row.Dst & RegisterUse.Write) != 0)
                Refused(sample[0].WithDst(10));

            void Refused(EbpfInstruction changed)
            {
                EbpfInstruction[] program = [.. sample];
                program[0] = changed;
                Assert.True(InstructionValidator.Validate(program, Fragment) is not null, $"{row.Opcode}: {changed}");
            }
        }
    }

    [Theory]
    [InlineData("r0 = 0; exit", null)]
    [InlineData("goto +1; exit", "0: jump out of range from insn 0 to 2")]
    [InlineData("goto -2; exit", "0: jump out of range from insn 0 to -1")]
    [InlineData("goto +1; r1 = 1 ll; exit", "0: jump into the middle of ldimm64 insn 2")]
    [InlineData("r0 = 0", "0: last insn is not an exit or jmp")]
    [InlineData("r0 = 0x95 ll", "1: last insn is not an exit or jmp")]
    [InlineData("r10 = 0; exit", "0: frame pointer is read only")]
    [InlineData("r1 /= 0; exit", "0: div by zero")]
    [InlineData("r1 <<= 64; exit", "0: invalid shift 64")]
    [InlineData("w1 >>= 32; exit", "0: invalid shift 32")]
    [InlineData(".quad 0x1d4; exit", "0: BPF_END uses reserved fields")]
    [InlineData(".quad 0x0000000300000085; exit", null)]
    [InlineData(".quad 0x0000000300003085; exit", "0: BPF_CALL uses reserved fields")]
    [InlineData(".quad 0xff; exit", "0: unknown opcode ff")]
    [InlineData(".quad 0x18; exit", "0: invalid bpf_ld_imm64 insn")]
    [InlineData(".quad 0x0000000200000000db; exit", "0: BPF_ATOMIC uses invalid atomic opcode 02")]
    public void Programs_are_judged_in_the_kernels_words(string assembly, string? expected)
        => Assert.Equal(expected, assembly.Contains("0x0000000200000000db") ? Check(".long 0xdb, 2; exit") : Check(assembly));

    [Fact]
    public void Versions_and_groups_gate_instructions()
    {
        Assert.Equal("0: unknown opcode ee", Check(".quad 0xee; exit"));
        Assert.Equal("0: unknown opcode 3f", Check("r1 s/= r2; exit", ValidationOptions.Kernel with { Cpu = CpuVersion.V3 }));
        Assert.Equal("0: unknown opcode db", Check("lock *(u64 *)(r1 + 0) += r2; exit", ValidationOptions.Kernel with { Groups = ~(1u << (int)ConformanceGroup.Atomic64) }));
        Assert.Null(Check("r1 /= 0; exit", ValidationOptions.Rfc));
    }

    [OracleFact(Oracle.Shared)]
    public void Malformed_programs_of_the_suite_are_refused()
    {
        int count = 0;
        foreach (string path in Directory.GetFiles(Path.Combine(Repository.Shared!, "bpf_conformance", "negative"), "unused-*.data"))
        {
            string raw = File.ReadAllText(path);
            raw = raw[(raw.IndexOf("-- raw", StringComparison.Ordinal) + 6)..];
            raw = raw[..raw.IndexOf("-- ", StringComparison.Ordinal)];
            byte[] bytes = [.. raw.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(b => byte.Parse(b, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
            Assert.True(InstructionValidator.Validate(MemoryMarshal.Cast<byte, EbpfInstruction>(bytes)) is not null, path);
            count++;
        }
        Assert.InRange(count, 40, 100);
    }

    [Fact]
    public void Random_slots_never_throw()
    {
        var random = new Random(5);
        var bytes = new byte[64];
        for (int i = 0; i < 50000; i++)
        {
            random.NextBytes(bytes);
            InstructionValidator.Validate(MemoryMarshal.Cast<byte, EbpfInstruction>(bytes));
        }
    }
}
