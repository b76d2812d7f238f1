// An object file as text: what readelf would say of sections, symbols and relocations, and the records of .BTF.ext. String
// and symbol tables are left out: they follow from the rest.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Cli.Tests.CodeGeneration;

internal static class ObjectText
{
    public static ElfFile Read(byte[] image)
    {
        var defects = new DiagnosticBag();
        return ElfFile.Read(image, "case.o", defects) ?? throw new InvalidDataException(defects.Items[0].Message);
    }

    public static string Print(byte[] image)
    {
        ElfFile elf = Read(image);
        var text = new StringBuilder("sections: type flags name size align\n");
        foreach (ElfSection section in elf.Sections.Where(section => section.Index != 0 && section.Type is ElfSectionType.ProgBits or ElfSectionType.NoBits))
            text.Append(Line($"  {section.Type.ToString().ToUpperInvariant()} {Flags(section.Flags)}{section.Name} size {section.Size} align {section.Alignment}"));
        text.Append("symbols: type binding name place size\n");
        foreach (ElfSymbol symbol in elf.Symbols.Skip(1))
            text.Append(Line($"  {TypeName(symbol.Type)} {symbol.Binding.ToString().ToUpperInvariant()} {Name(elf, symbol)} {Place(elf, symbol)} size {symbol.Size}{Visibility(symbol)}"));
        text.Append("relocations: place type symbol\n");
        foreach (ElfSection table in elf.Sections.Where(section => section.Type is ElfSectionType.Rel or ElfSectionType.Rela))
        {
            foreach (ElfRelocation relocation in elf.ReadRelocations(table, "case.o", new DiagnosticBag())!)
                text.Append(Line($"  {elf.Sections[(int)table.Info].Name}+{relocation.Offset} {TypeName(relocation.Type)} {Name(elf, elf.Symbols[relocation.Symbol])}"));
        }
        AppendData(text, elf);
        AppendRecords(text, image);
        return text.ToString();
    }

    /// <summary>What is in the sections of data, in hexadecimal.</summary>
    private static void AppendData(StringBuilder text, ElfFile elf)
    {
        text.Append("data:\n");
        foreach (ElfSection section in elf.Sections)
        {
            if (section.Type == ElfSectionType.ProgBits && (section.Flags & (ElfSectionFlags.Allocate | ElfSectionFlags.Execute)) == ElfSectionFlags.Allocate && section.Name != ".maps")
                text.Append(Line($"  {section.Name} {Convert.ToHexString(section.Data.Span)}"));
        }
    }

    private static void AppendRecords(StringBuilder text, byte[] image)
    {
        var defects = new DiagnosticBag();
        EbpfObject read = ObjectReader.Read(image, "case.o", defects) ?? throw new InvalidDataException(defects.Items[0].Message);
        BtfReader types = read.Btf!;
        text.Append("functions: slots, type, lines and CO-RE relocations\n");
        foreach (EbpfFunction function in read.Functions)
        {
            text.Append(Line($"  {function.Name} {function.Instructions.Length} slots, type [{function.TypeId}], {function.Lines.Count} lines"));
            foreach (EbpfLine line in function.Lines)
                text.Append(Line($"    {line.Slot}: {types.GetString(line.FileName)}:{line.Line}:{line.Column}"));
            foreach (CoreRelocation core in function.CoreRelocations)
                text.Append(Line($"    {core.Slot}: core {core.Kind} [{core.TypeId}] {types.GetString(core.AccessString)}"));
        }
    }

    private static string Flags(ElfSectionFlags flags)
        => string.Concat(
            (flags & ElfSectionFlags.Write) != 0 ? "W" : "", (flags & ElfSectionFlags.Allocate) != 0 ? "A" : "", (flags & ElfSectionFlags.Execute) != 0 ? "X" : "",
            flags == ElfSectionFlags.None ? "" : " ");

    private static string TypeName(ElfSymbolType type) => type switch { ElfSymbolType.Function => "FUNC", ElfSymbolType.None => "NOTYPE", _ => type.ToString().ToUpperInvariant() };

    private static string TypeName(BpfRelocationType type) => type switch
    {
        BpfRelocationType.Wide => "R_BPF_64_64",
        BpfRelocationType.Call => "R_BPF_64_32",
        BpfRelocationType.Abs64 => "R_BPF_64_ABS64",
        BpfRelocationType.Abs32 => "R_BPF_64_ABS32",
        _ => type.ToString(),
    };

    private static string Name(ElfFile elf, ElfSymbol symbol)
        => symbol.Type == ElfSymbolType.Section ? elf.Sections[symbol.Section].Name : symbol.Name;

    private static string Place(ElfFile elf, ElfSymbol symbol)
        => symbol.IsUndefined ? "undefined" : symbol.Section < elf.Sections.Count ? Line($"{elf.Sections[symbol.Section].Name}+{symbol.Value}").TrimEnd('\n') : "absolute";

    private static string Visibility(ElfSymbol symbol) => symbol.Visibility == ElfSymbolVisibility.Default ? "" : " " + symbol.Visibility.ToString().ToUpperInvariant();

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture) + "\n";
}
