// The assembler on its own: round trips with the disassembler, syntax variants, references, errors.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Tests.Isa;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Asm;

public class AssemblerTests
{
    private static AssembledCode Assemble(string text, AssemblerOptions? options = null)
    {
        var diagnostics = new DiagnosticBag();
        AssembledCode? code = Assembler.Assemble(text, diagnostics, default, options);
        Assert.True(code is not null, text + ": " + string.Join("; ", diagnostics.Items.Select(item => item.Message)));
        return code;
    }

    private static Diagnostic Refuse(string text, AssemblerOptions? options = null)
    {
        var map = new SourceMap();
        SourceLocation start = map.AddFile(new SourceText("t.s", text));
        var diagnostics = new DiagnosticBag();
        Assert.Null(Assembler.Assemble(text, diagnostics, start, options));
        return diagnostics.Items[0];
    }

    private static string Hex(AssembledCode code) => string.Join(" | ", code.Instructions.Select(instruction => instruction.ToString()));

    [Theory]
    [InlineData(".rept 3; r0 += 1; .endr; exit", "r0 += 1; r0 += 1; r0 += 1; exit")]
    [InlineData(".rept 0; r0 += 1; .endr; exit", "exit")]
    [InlineData(".rept 2; .rept 2; r0 += 1; .endr; r1 = 2; .endr; exit", "r0 += 1; r0 += 1; r1 = 2; r0 += 1; r0 += 1; r1 = 2; exit")]
    [InlineData("r0 = 1; .rept 2; 1: r0 += 1; if r0 == 2 goto 1b; .endr; exit", "r0 = 1; 1: r0 += 1; if r0 == 2 goto 1b; 1: r0 += 1; if r0 == 2 goto 1b; exit")]
    [InlineData(".ifc r1, r1; r0 = 1; .else; r0 = 2; .endif; exit", "r0 = 1; exit")]
    [InlineData(".ifc r1, r2; r0 = 1; .else; r0 = 2; .endif; exit", "r0 = 2; exit")]
    [InlineData(".ifnc r1 , r2; .if 0; r0 = 1; .elseif 3 - 2; r0 = 5; .else; r0 = 6; .endif; .endif; exit", "r0 = 5; exit")]
    [InlineData(".set n, 4; .ifdef n; r0 = n; .endif; .ifndef m; r1 = n; .endif; exit", "r0 = 4; r1 = 4; exit")]
    [InlineData("r1 = 9223372036854775808ULL ll; r2 = 0xffffffff00000000LL ll; r3 = 5ll; r4 = 7UL; exit", "r1 = 0x8000000000000000 ll; r2 = 0xffffffff00000000 ll; r3 = 5 ll; r4 = 7; exit")]
    public void Repetitions_conditions_and_suffixes_are_a_shorter_spelling(string text, string same) => Assert.Equal(Hex(Assemble(same)), Hex(Assemble(text)));

    [Theory]
    [InlineData(".rept 2; r0 = 1", "'.endr'")]
    [InlineData(".if 1; r0 = 1; .endr", "'.endif'")]
    [InlineData(".rept x; r0 = 1; .endr", "must be a constant")]
    [InlineData(".rept 4000000000; r0 = 1; .endr", "would grow beyond")]
    [InlineData(".rept 4000000000; .rept 4000000000; .endr; .endr", "")]
    [InlineData(".endr", "unknown directive")]
    [InlineData(".ifc r1; .endif", "two texts")]
    public void Broken_blocks_are_refused(string text, string message) => Assert.Contains(message, Refuse(text).Message);

    public static TheoryData<string> Styles => ["llvm", "source", "kernel", "alu32"];

    [Theory]
    [MemberData(nameof(Styles))]
    public void Assembling_the_disassembly_of_every_row_gives_the_same_bytes(string style)
    {
        DisassemblyOptions options = style switch
        {
            "llvm" => DisassemblyOptions.Default,
            "source" => DisassemblyOptions.Source with { HelperNames = true },
            "alu32" => DisassemblyOptions.Default with { Alu32 = true },
            _ => DisassemblyOptions.Kernel,
        };
        foreach (EbpfInstruction[] sample in RowSamples.All())
        {
            OpcodeRow row = OpcodeTable.Find(sample[0])!;
            // a number alone is a helper's in LLVM's syntax, and the kernel prints a wide immediate without saying what it is
            if (row.Operation == Operation.Call && row.Opcode != EbpfOpcode.CallHelper && row.Opcode != EbpfOpcode.CallReg && !(style == "kernel" && row.Opcode == EbpfOpcode.CallLocal))
                continue;
            string text = Disassembler.Format(sample, 0, options);
            if (style == "kernel")
            {
                if ((row.Opcode == EbpfOpcode.CallHelper && text.Contains("unknown")) || (row.IsWide && row.Opcode != EbpfOpcode.LoadImm64))
                    continue;
                text = text[5..] + (row.IsWide ? " ll" : "");
                if (row.Operation is Operation.LoadAcquire or Operation.StoreRelease && row.Width < 64)
                    text = text.Replace('w', 'r');
            }
            AssembledCode code = Assemble(text);
            Assert.True(code.Instructions.AsSpan().SequenceEqual(sample), $"{text}: {Hex(code)} instead of {string.Join(" | ", sample)}");
        }
    }

    [Theory]
    [InlineData("r1=*(u64*)(r10-8)", "r1 = *(u64 *)(r10 - 8)")]
    [InlineData("r1 = *( u64 * ) ( r10 + -8 )", "r1 = *(u64 *)(r10 - 8)")]
    [InlineData("r1 = 0x10ULL", "r1 = 16")]
    [InlineData("r1 = 7u", "r1 = 7")]
    [InlineData("r1 = 5LL ll", "r1 = 5 ll")]
    [InlineData("r1 = 5ll", "r1 = 5 ll")]
    [InlineData("r1 = *(u64 *)(r10)", "r1 = *(u64 *)(r10 + 0)")]
    [InlineData("w1 = *(u8 *)(r2+0x10)", "r1 = *(u8 *)(r2 + 16)")]
    [InlineData("*(u32 *)(r1 + 4) = w2", "*(u32 *)(r1 + 4) = r2")]
    [InlineData("if r1 s>r2 goto +5", "if r1 s> r2 goto +5")]
    [InlineData("if w1!=-3 goto +0x5", "if w1 != -3 goto +5")]
    [InlineData("r1 = 5+3*2", "r1 = 11")]
    [InlineData("r1 = (1 << 3) | 1", "r1 = 9")]
    [InlineData("r1 = -(4)", "r1 = -4")]
    [InlineData("r1 = 'A'", "r1 = 65")]
    [InlineData("r1 = 0b101", "r1 = 5")]
    [InlineData("r1 = 010", "r1 = 8")]
    [InlineData("R1 = R2", "r1 = r2")]
    [InlineData("r1 += 0xffffffff", "r1 += -1")]
    [InlineData("r1=5ll", "r1 = 5 ll")]
    [InlineData("r1 = 0xffffffffffffffff ll", "r1 = -1 ll")]
    [InlineData("lock *(u64 *)(r1+0) += r2", "lock *(u64 *)(r1 + 0) += r2")]
    [InlineData("lock *(u32 *)(r1+0) += r2", "lock *(u32 *)(r1 + 0) += r2")]
    [InlineData("r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r1)", "r0 = cmpxchg_64(r10 - 8, r0, r1)")]
    [InlineData("call bpf_map_lookup_elem", "call 1")]
    [InlineData("call bpf_map_lookup_elem#1", "call 1")]
    [InlineData("goto pc+3", "goto +3")]
    [InlineData("goto 3", "goto +3")]
    [InlineData("gotol +70000", "gotol +70000")]
    [InlineData("r0 = *(u8 *)skb[r3+4]", "r0 = *(u8 *)skb[r3 + 4]")]
    [InlineData("r0 = *(u8 *)skb[12]", "r0 = *(u8 *)skb[12]")]
    [InlineData("exit # done", "exit")]
    [InlineData("/* first */ exit // done", "exit")]
    public void Spelling_variants_mean_the_same(string variant, string canonical)
    {
        AssembledCode code = Assemble(variant);
        Assert.Equal(canonical, Disassembler.Format(code.Instructions, 0, DisassemblyOptions.Source));
    }

    [Fact]
    public void Statements_share_a_line_and_labels_resolve_both_ways()
    {
        AssembledCode code = Assemble("1: r1 = 1; if r1 == 2 goto 1f; goto 1b; 1: r2 = 5 ll; goto out\n goto 1b; out: exit");
        string[] text = [.. Enumerable.Range(0, code.Instructions.Length).Where(i => i != 4).Select(i => Disassembler.Format(code.Instructions, i, DisassemblyOptions.Source))];
        Assert.Equal(["r1 = 1", "if r1 == 2 goto +1", "goto -3", "r2 = 5 ll", "goto +1", "goto -4", "exit"], text);
        Assert.Equal(7, code.Labels["out"]);
        Assert.Single(code.Labels);
    }

    [Fact]
    public void Local_calls_and_open_symbols()
    {
        AssembledCode code = Assemble("call f; r1 = m ll; r2 = v+16 ll; call g; exit; f: exit");
        Assert.Equal(EbpfOpcode.CallLocal, OpcodeTable.Classify(code.Instructions[0]));
        Assert.Equal(6, code.Instructions[0].Immediate);
        Assert.Equal(
            [(1, SymbolReferenceKind.Wide, "m", 0L), (3, SymbolReferenceKind.Wide, "v", 16L), (5, SymbolReferenceKind.Call, "g", 0L)],
            code.References.Select(r => (r.Slot, r.Kind, r.Symbol, r.Addend)));
        Assert.Equal(SymbolReferenceKind.Jump, Assemble("goto there", new AssemblerOptions { AllowOpenJumps = true }).References[0].Kind);
    }

    [Fact]
    public void Raw_data_makes_instructions()
        => Assert.Equal("95 00 0000 00000000 | b7 01 0000 00000005", Hex(Assemble(".8byte 0x95; .byte 0xb7, 1; .short 0; .long 5")));

    [Theory]
    [InlineData("r1 = = 5", "EBC8001")]
    [InlineData("frobnicate", "EBC8001")]
    [InlineData("r11 = 4", "EBC8002")]
    [InlineData("mov %r50, 4", "EBC8002")]
    [InlineData("r1 = 0x1ffffffff", "EBC8003")]
    [InlineData("r1 = *(u64 *)(r2 + 0x10000)", "EBC8003")]
    [InlineData("goto 0x10000", "EBC8003")]
    [InlineData("mov32 %r0, 2147483648", "EBC8003")]
    [InlineData("r1 = 5 +", "EBC8004")]
    [InlineData("r1 = *(u64 *)(r2 +", "EBC8004")]
    [InlineData("lddw %r0", "EBC8005")]
    [InlineData("lock", "EBC8005")]
    [InlineData("goto nowhere", "EBC8006")]
    [InlineData("goto 1f", "EBC8006")]
    [InlineData("call 1b", "EBC8006")]
    [InlineData("a: exit; a: exit", "EBC8007")]
    [InlineData(".frob 1", "EBC8008")]
    [InlineData("r1 = -r2", "EBC8009")]
    [InlineData("r1 = be16 r2", "EBC8009")]
    [InlineData("/* r1 = 5", "EBC8011")]
    [InlineData(".ascii \"abc", "EBC8011")]
    [InlineData("r1 = `", "EBC8012")]
    [InlineData("r1 = symbol", "EBC8013")]
    [InlineData(".byte 1", "EBC8015")]
    [InlineData(".zero 0x7fffffffffff", "EBC8016")]
    [InlineData("r1 = 99999999999999999999", "EBC8004")]
    public void Mistakes_are_refused_with_a_code_and_a_place(string text, string id)
    {
        Diagnostic diagnostic = Refuse(text);
        Assert.Equal(id, diagnostic.Id);
        Assert.True(id == "EBC8015" || !diagnostic.Span.IsNone);
    }

    [Fact]
    public void Later_instructions_need_a_later_cpu()
    {
        Assert.Equal("EBC8014", Refuse("r1 s/= r2", new AssemblerOptions { Cpu = CpuVersion.V3 }).Id);
        Assert.Equal("EBC8014", Refuse("if w1 == 2 goto +1", new AssemblerOptions { Cpu = CpuVersion.V2 }).Id);
    }

    [Fact]
    public void Diagnostics_point_at_the_operand()
    {
        var map = new SourceMap();
        var file = new SourceText("t.s", "r1 = 1\nr2 = *(u64 *)(r3 + 70000)\n");
        var diagnostics = new DiagnosticBag();
        Assert.Null(Assembler.Assemble(file.Content, diagnostics, map.AddFile(file)));
        Assert.Equal("t.s:2:18", map.GetFilePosition(diagnostics.Items[0].Span.Start).ToString());
    }

    [Fact]
    public void Random_text_never_throws()
    {
        string[] pieces = ["r1", "w2", "=", "+", "-", "*", "(", ")", "[", "]", "u8", "ll", "goto", "if", "call", "lock", "1f", "5", "0x", ";", "\n", ",", ":", "x", ".", ".byte", ".section", "\"a\"", "~", "<<", "s", "skb", "%r1", "mov", "ldxdw", "'", "atomic_fetch_add", "@", "#", "/*"];
        var random = new Random(1);
        for (int i = 0; i < 20000; i++)
        {
            string text = string.Join(random.Next(2) == 0 ? " " : "", Enumerable.Range(0, random.Next(1, 14)).Select(_ => pieces[random.Next(pieces.Length)]));
            Assembler.Assemble(text, new DiagnosticBag());
        }
    }
}
