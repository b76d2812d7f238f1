// A converted filter as a listing (eBPF beside the classic instructions), as assembly that 'ebpfcc asm' takes, and as an object.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Ebpf.Classic;

public static class ClassicOutput
{
    private const string License = "GPL";

    /// <summary>Numbered instructions under the classic ones they stand for.</summary>
    public static string Listing(ClassicFilter filter, ClassicConversion conversion)
    {
        var text = new StringBuilder();
        Write(filter, conversion,
            comment => text.Append("; ").Append(comment).Append('\n'),
            _ => { },
            (slot, instruction) => text.Append(CultureInfo.InvariantCulture, $"{slot,5}: ").Append(instruction).Append('\n'),
            DisassemblyOptions.Default with { HelperNames = true, Label = target => string.Create(CultureInfo.InvariantCulture, $"{target}"), Reference = InternalHelper });
        return text.ToString();

        string? InternalHelper(int slot) => OpcodeTable.Classify(conversion.Instructions[slot]) == EbpfOpcode.CallHelper
            && ClassicExtensions.InternalHelpers.TryGetValue(conversion.Instructions[slot].Immediate, out Abi.HelperRow? row) ? row.FullName : null;
    }

    /// <summary>A source file for the assembler.</summary>
    /// <param name="name">The program's name.</param>
    public static string Assembly(ClassicFilter filter, ClassicConversion conversion, string name)
    {
        var text = new StringBuilder();
        text.Append("\t.section\t\"license\",\"aw\",@progbits\n\t.globl\t_license\n_license:\n\t.asciz\t\"").Append(License).Append("\"\n");
        text.Append("\t.section\t\"").Append(conversion.Section).Append("\",\"ax\",@progbits\n");
        text.Append("\t.globl\t").Append(name).Append("\n\t.type\t").Append(name).Append(",@function\n").Append(name).Append(":\n");
        Write(filter, conversion,
            comment => text.Append("\t# ").Append(comment).Append('\n'),
            label => text.Append(label).Append(":\n"),
            (_, instruction) => text.Append('\t').Append(instruction).Append('\n'),
            DisassemblyOptions.Source with { Label = target => string.Create(CultureInfo.InvariantCulture, $".L{target}") });
        return text.ToString();
    }

    /// <summary>An object that Linux and this runtime load; null, with the reason, when Linux cannot.</summary>
    public static byte[]? ObjectFile(ClassicConversion conversion, string name, DiagnosticBag diagnostics)
    {
        if (conversion.Internal.Count > 0)
        {
            diagnostics.Report(ClassicDiagnostics.NotForLinux, SourceSpan.None, string.Join(", ", conversion.Internal.Select(extension => "SKF_AD_" + extension.Name)));
            return null;
        }
        return ObjectWriter.Write(ToObject(conversion, name));
    }

    /// <summary>The object as data, for a loader in the same process; whatever helpers it calls.</summary>
    public static EbpfObject ToObject(ClassicConversion conversion, string name)
    {
        var result = new EbpfObject { License = License };
        EbpfSection license = result.GetOrAddSection("license", EbpfSectionKind.License);
        license.Data = Encoding.ASCII.GetBytes(License + "\0");
        license.Alignment = 1;
        result.Symbols.Add(new EbpfSymbol("_license") { Type = ElfSymbolType.Object, Binding = ElfSymbolBinding.Global, Section = license, Size = license.Data.Length });
        EbpfSection code = result.GetOrAddSection(conversion.Section, EbpfSectionKind.Code);
        var symbol = new EbpfSymbol(name) { Type = ElfSymbolType.Function, Binding = ElfSymbolBinding.Global, Section = code, Size = conversion.Instructions.Length * EbpfInstruction.Size };
        result.Functions.Add(new EbpfFunction(symbol, conversion.Instructions));
        return result;
    }

    private static void Write(
        ClassicFilter filter, ClassicConversion conversion, Action<string> comment, Action<string> label, Action<int, string> instruction, DisassemblyOptions options)
    {
        var targets = new HashSet<int>();
        Func<int, string?> name = options.Label!;
        DisassemblyOptions noting = options with
        {
            Label = target =>
            {
                targets.Add(target);
                return name(target);
            },
        };
        var lines = new string[conversion.Instructions.Length];
        for (int slot = 0; slot < lines.Length; slot++)
            lines[slot] = Disassembler.Format(conversion.Instructions, slot, noting);
        int classic = 0;
        for (int slot = 0; slot < lines.Length; slot++)
        {
            for (; classic < conversion.Starts.Length && conversion.Starts[classic] <= slot; classic++)
            {
                string text = ClassicPrinter.Format(filter.Instructions[classic], classic).Replace('\t', ' ').TrimEnd();
                comment(string.Create(CultureInfo.InvariantCulture, $"({classic:000}) {text}{(conversion.Starts[classic] < 0 ? "   (never reached)" : "")}"));
            }
            if (targets.Contains(slot))
                label(name(slot)!);
            instruction(slot, lines[slot]);
        }
    }
}
