// Whole assembly files: what clang -S writes assembles to what clang -c writes.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Ebpf.Tests.Object;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Asm;

public class AssembleFileTests
{
    private static ElfFile Assemble(string text)
    {
        var map = new SourceMap();
        var diagnostics = new DiagnosticBag();
        ElfFile? elf = Assembler.AssembleFile(text, diagnostics, map.AddFile(new SourceText("t.s", text)));
        Assert.True(elf is not null, string.Join("; ", diagnostics.Items.Select(item => $"{map.GetFilePosition(item.Span.Start)} {item.Message}")));
        return elf;
    }

    private static string ClangAssembly(string source, params string[] options)
    {
        string folder = Directory.CreateTempSubdirectory("ebpfcc-test-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "t.c"), source);
            (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.Clang),
                ["-target", "bpf", "-O2", "-Wno-everything", "-S", .. options, Path.Combine(folder, "t.c"), "-o", Path.Combine(folder, "t.s")]);
            Assert.True(exit == 0, error);
            return File.ReadAllText(Path.Combine(folder, "t.s"));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    /// <summary>Sections and relocations, by names instead of indices.</summary>
    private static string Describe(ElfFile elf)
    {
        var diagnostics = new DiagnosticBag();
        var lines = new List<string>();
        foreach (ElfSection section in elf.Sections.Skip(1))
        {
            if (section.Type is ElfSectionType.SymTab or ElfSectionType.StrTab || section.Name is ".llvm_addrsig" || section.Name.StartsWith(".debug", StringComparison.Ordinal) || section.Name.StartsWith(".rel.debug", StringComparison.Ordinal)
                || (section.Name == ".text" && section.Size == 0))
                continue;
            if (section.Type == ElfSectionType.Rel)
                lines.Add($"{section.Name}: " + string.Join(", ", elf.ReadRelocations(section, "t", diagnostics)!.OrderBy(r => r.Offset).Select(r => $"{r.Offset} {r.Type} {(elf.Symbols[r.Symbol] is { Type: ElfSymbolType.Section } s ? elf.Sections[s.Section].Name : elf.Symbols[r.Symbol].Name)}")));
            else
                lines.Add($"{section.Name} {section.Type} {section.Flags} {section.Size} {Convert.ToHexString(section.Data.Span)}");
        }
        lines.AddRange(elf.Symbols.Where(s => s.Name.Length > 0 && s.Type != ElfSymbolType.File).Select(s => $"{s.Name} {s.Type} {s.Binding} {s.Visibility} {(s.Section < elf.Sections.Count ? elf.Sections[s.Section].Name : "abs")} {s.Value} {s.Size}"));
        lines.Sort(StringComparer.Ordinal);
        return string.Join("\n", lines);
    }

    [OracleTheory(Oracle.Clang)]
    [InlineData("-mcpu=v3")]
    [InlineData("-mcpu=v4")]
    public void What_clang_prints_assembles_to_what_clang_compiles(string option)
    {
        string assembly = ClangAssembly(Compiled.ManyThings, option);
        ElfFile expected = ElfFile.Read(Compiled.Clang(assembly, "-x", "assembler", option), "t.o", new DiagnosticBag())!;
        Assert.Equal(Describe(expected), Describe(Assemble(assembly)));
    }

    [OracleFact(Oracle.Clang)]
    public void With_type_information_too()
    {
        string assembly = ClangAssembly(Compiled.ManyThings, "-g");
        ElfFile expected = ElfFile.Read(Compiled.Clang(assembly, "-x", "assembler"), "t.o", new DiagnosticBag())!;
        ElfFile actual = Assemble(assembly);
        Assert.Equal(Describe(expected), Describe(actual));
        EbpfObject read = ObjectReader.Read(actual, "t.o", new DiagnosticBag())!;
        Assert.Equal(5, read.Maps.Count);
    }

    [Fact]
    public void Errors_between_sections_are_reported()
    {
        var diagnostics = new DiagnosticBag();
        Assert.Null(Assembler.AssembleFile(".section a,\"ax\"\ngoto there\n.section b,\"ax\"\nthere: exit\n", diagnostics));
        Assert.Equal("EBC8010", diagnostics.Items.Single().Id);
        diagnostics = new DiagnosticBag();
        Assert.Null(Assembler.AssembleFile("goto .Lnowhere\ncall .Lnothing\n", diagnostics));
        Assert.Equal(["EBC8006", "EBC8006"], diagnostics.Items.Select(item => item.Id));
    }
}
