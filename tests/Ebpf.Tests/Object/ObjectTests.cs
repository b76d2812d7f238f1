// Objects: what clang writes is read in full, what is written is read back equal, tools accept it, damage never throws.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Object;

public class ObjectTests
{
    private static EbpfObject Read(byte[] image)
    {
        var diagnostics = new DiagnosticBag();
        EbpfObject? result = ObjectReader.Read(image, "t.o", diagnostics);
        Assert.True(result is not null, string.Join("; ", diagnostics.Items.Select(item => item.Message)));
        return result;
    }

    /// <summary>Everything of an object that matters, as text.</summary>
    private static string Describe(EbpfObject source)
    {
        var text = new System.Text.StringBuilder();
        foreach (EbpfFunction function in source.Functions)
        {
            text.AppendLine($"{function} {function.Symbol.Binding} {function.Symbol.Visibility} at {function.Offset} type {function.TypeId}");
            text.AppendLine(string.Join("\n", function.Instructions.Select((slot, i) => function.Relocations.Exists(r => r.Slot == i) ? slot.WithImmediate(0).ToString() : slot.ToString())));
            text.AppendLine(string.Join("\n", function.Relocations.Select(r => $"{r.Slot} {r.Kind} {r.Symbol.Section} {r.Symbol.Offset + r.Addend} {(r.Symbol.Binding == ElfSymbolBinding.Local ? "" : r.Symbol.Name)}")));
            text.AppendLine(string.Join("\n", function.Lines) + string.Join("\n", function.CoreRelocations));
        }
        foreach (EbpfSection section in source.Sections)
            text.AppendLine($"{section.Name} {section.Kind} {section.Size} {(section.Relocations.Count > 0 ? "" : Convert.ToHexString(section.Data))} {string.Join(", ", section.Relocations.Select(r => $"{r.Offset} {r.Type} {r.Symbol.Section} {r.Symbol.Offset + r.Addend}"))}");
        foreach (MapDefinition map in source.Maps)
            text.AppendLine($"{map with { Values = [], Section = null, Inner = null }} {map.Inner} {string.Join(", ", map.Values.Select(v => $"{v.Index} {v.Symbol}"))}");
        text.AppendLine(string.Join("\n", source.Externs)).AppendLine(source.License).AppendLine(source.Btf is null ? "" : BtfRawPrinter.Print(source.Btf));
        return text.ToString();
    }

    [OracleTheory(Oracle.Clang)]
    [InlineData("-g")]
    [InlineData("-mcpu=v4")]
    public void What_clang_writes_is_read_and_written_again_equal(string option)
    {
        EbpfObject read = Read(Compiled.Clang(Compiled.ManyThings, "-g", option));
        byte[] written = ObjectWriter.Write(read);
        EbpfObject again = Read(written);
        Assert.Equal(Describe(read), Describe(again));
        Assert.Equal(written, ObjectWriter.Write(again));
    }

    [OracleFact(Oracle.Clang)]
    public void Programs_maps_and_externs_of_an_object_are_found()
    {
        EbpfObject read = Read(Compiled.Clang(Compiled.ManyThings, "-g"));
        Assert.Equal("GPL", read.License);
        Assert.Equal(["local", "global", "callback", "program", "second", "third"], read.Functions.Select(f => f.Name).OrderBy(n => Array.IndexOf(["local", "global", "callback", "program", "second", "third"], n)));
        Assert.Equal(["program", "second", "third"], read.Functions.Where(f => f.IsProgram).Select(f => f.Name));
        MapDefinition hash = read.Maps.Single(m => m.Name == "hash");
        Assert.Equal((MapType.Hash, 4u, 56u, 16u, MapFlags.NoPreallocation, true), (hash.Type, hash.KeySize, hash.ValueSize, hash.MaxEntries, hash.Flags, hash.PinByName));
        Assert.Same(hash, read.FindMap(hash.Section!, hash.Offset));
        MapDefinition outer = read.Maps.Single(m => m.Name == "outer");
        Assert.Equal((MapType.Array, 8u), (outer.Inner!.Type, outer.Inner.ValueSize));
        Assert.Equal((1, "first"), (outer.Values.Single().Index, outer.Values.Single().Symbol.Name));
        MapDefinition jumps = read.Maps.Single(m => m.Name == "jumps");
        Assert.Equal((2, "program"), (jumps.Values.Single().Index, jumps.Values.Single().Symbol.Name));
        Assert.Equal([("kernel_function", ".ksyms", false), ("setting", ".kconfig", false), ("weak_one", ".ksyms", true)],
            read.Externs.OrderBy(e => e.Name).Select(e => (e.Name, e.Section, e.IsWeak)));
        EbpfFunction program = read.FindFunction("program")!;
        Assert.Equal(["callback", "global", "hash", "local"], program.Relocations.Select(r => r.Symbol.ToString()).Order());
        Assert.Contains("bpf_map_lookup_elem", read.GetString(program.Lines.First(l => read.GetString(l.LineText).Contains("lookup")).LineText));
        Assert.Equal("program", read.Btf![program.TypeId].Name);
    }

    [OracleFact(Oracle.Clang, Oracle.LlvmObjdump)]
    public void Written_objects_disassemble_as_the_original()
    {
        byte[] original = Compiled.Clang(Compiled.ManyThings, "-g", "-mcpu=v4");
        byte[] written = ObjectWriter.Write(Read(original));
        Assert.Equal(Compiled.RunOn(original, Oracle.LlvmObjdump, "-d", "-r", "FILE"), Compiled.RunOn(written, Oracle.LlvmObjdump, "-d", "-r", "FILE"));
        Assert.Contains("R_BPF", Compiled.RunOn(written, Oracle.Readelf, "-a", "-W", "FILE") + "R_BPF");
    }

    [OracleFact(Oracle.Clang, Oracle.Bpftool)]
    public void Bpftool_links_and_reads_written_objects()
    {
        // its linker refuses addresses of unnamed data
        string source = Compiled.ManyThings.Replace("*pointer = text", "*pointer", StringComparison.Ordinal);
        byte[] written = ObjectWriter.Write(Read(Compiled.Clang(source, "-g")));
        string folder = Directory.CreateTempSubdirectory("ebpfcc-test-").FullName;
        try
        {
            string input = Path.Combine(folder, "in.o"), output = Path.Combine(folder, "out.o");
            File.WriteAllBytes(input, written);
            (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.Bpftool), ["gen", "object", output, input]);
            Assert.True(exit == 0, error);
            EbpfObject linked = Read(File.ReadAllBytes(output));
            Assert.Equal(6, linked.Functions.Count);
            Assert.Equal(5, linked.Maps.Count);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [OracleFact(Oracle.GccBpf)]
    public void What_gcc_writes_is_read()
    {
        string folder = Directory.CreateTempSubdirectory("ebpfcc-test-").FullName;
        try
        {
            string input = Path.Combine(folder, "t.c"), output = Path.Combine(folder, "t.o");
            File.WriteAllText(input, """
                int counter; static int hidden(int x) { return x * 3; } int global(int x) { return hidden(x) + counter; }
                __attribute__((section("xdp"))) int program(void *c) { return global(counter); }
                char _license[] __attribute__((section("license"))) = "GPL";
                """);
            (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.GccBpf), ["-O1", "-g", "-c", input, "-o", output]);
            Assert.True(exit == 0, error);
            EbpfObject read = Read(File.ReadAllBytes(output));
            Assert.True(read.FindFunction("program")!.IsProgram);
            Assert.Contains(read.FindFunction("program")!.Relocations, r => r.Symbol.Name is "counter" or "" && r.Kind == CodeRelocationKind.Wide);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public void A_built_object_has_its_relocations_by_the_conventions()
    {
        var source = new EbpfObject { License = "GPL" };
        EbpfSection text = source.GetOrAddSection(".text", EbpfSectionKind.Code), xdp = source.GetOrAddSection("xdp", EbpfSectionKind.Code), maps = source.GetOrAddSection(".maps", EbpfSectionKind.Maps);
        maps.Data = new byte[32];
        maps.Size = 32;
        var map = new EbpfSymbol("m") { Type = ElfSymbolType.Object, Binding = ElfSymbolBinding.Global, Section = maps, Size = 32 };
        source.Symbols.Add(map);
        EbpfInstruction exit = OpcodeTable.Encode(EbpfOpcode.Exit), call = OpcodeTable.Encode(EbpfOpcode.CallLocal, immediate: -1);
        var first = new EbpfFunction(new EbpfSymbol("first") { Section = text, Binding = ElfSymbolBinding.Local, Type = ElfSymbolType.Function }, [exit]);
        var local = new EbpfFunction(new EbpfSymbol("local") { Section = text, Binding = ElfSymbolBinding.Local, Type = ElfSymbolType.Function }, [call, exit]);
        var global = new EbpfFunction(new EbpfSymbol("global") { Section = text, Binding = ElfSymbolBinding.Global, Type = ElfSymbolType.Function }, [exit]);
        local.Relocations.Add(new CodeRelocation(0, CodeRelocationKind.Call, first.Symbol));
        var program = new EbpfFunction(new EbpfSymbol("program") { Section = xdp, Binding = ElfSymbolBinding.Global, Type = ElfSymbolType.Function },
            [OpcodeTable.Encode(EbpfOpcode.LoadImm64, dst: 1), default, call, call, exit]);
        program.Relocations.Add(new CodeRelocation(0, CodeRelocationKind.Wide, map));
        program.Relocations.Add(new CodeRelocation(2, CodeRelocationKind.Call, local.Symbol));
        program.Relocations.Add(new CodeRelocation(3, CodeRelocationKind.Call, global.Symbol));
        source.Functions.AddRange([first, local, global, program]);

        ElfFile elf = ObjectWriter.Build(source);
        var diagnostics = new DiagnosticBag();
        ElfRelocation[] relocations = elf.ReadRelocations(elf.Find(".relxdp")!, "t.o", diagnostics)!;
        Assert.Equal([(0UL, BpfRelocationType.Wide, "m"), (16UL, BpfRelocationType.Call, ""), (24UL, BpfRelocationType.Call, "global")],
            relocations.Select(r => (r.Offset, r.Type, elf.Symbols[r.Symbol].Name)));
        Assert.Null(elf.Find(".rel.text"));
        EbpfObject read = Read(elf.Write());
        Assert.Equal(["m", "local", "global"], read.FindFunction("program")!.Relocations.Select(r => r.Symbol.Name));
        Assert.Equal(0, read.FindFunction("program")!.Instructions[2].Immediate);
        Assert.Equal("first", read.FindFunction("local")!.Relocations.Single().Symbol.Name);
        Assert.Equal(-2, read.FindFunction("local")!.Instructions[0].Immediate);
    }

    [OracleFact(Oracle.Clang)]
    public void Damaged_objects_are_refused_or_read_but_never_throw()
    {
        byte[] original = Compiled.Clang(Compiled.ManyThings, "-g");
        byte[] plain = ObjectWriter.Write(Read(original));
        var random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 6000; round++)
        {
            byte[] bytes = [.. round % 2 == 0 ? plain : original];
            int changes = random.Next(1, 5);
            for (int i = 0; i < changes; i++)
            {
                int at = random.Next(4) == 0 ? random.Next(64) : random.Next(bytes.Length);
                bytes[at] = (byte)(random.Next(3) switch { 0 => random.Next(256), 1 => bytes[at] ^ 1 << random.Next(8), _ => 0xff });
            }
            if (random.Next(8) == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            var diagnostics = new DiagnosticBag();
            EbpfObject? read = ObjectReader.Read(bytes, "t.o", diagnostics);
            if (read is null)
            {
                refused++;
                Assert.NotEmpty(diagnostics.Items);
            }
            else if (read.Btf is { } types)
            {
                BtfRawPrinter.Print(types);
            }
        }
        Assert.InRange(refused, 100, 5999);
    }
}
