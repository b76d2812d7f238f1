// -S: the object's code as text, in the syntax of LLVM's BPF assembler, with sections, labels of functions and branch targets,
// source lines, and the symbols that relocations name.
using System.Globalization;
using System.Text;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;

namespace Ebpfcc.Cli.Output;

public static class AssemblyPrinter
{
    public static string Print(EbpfObject source)
    {
        var text = new StringBuilder();
        EbpfSection? section = null;
        foreach (EbpfFunction function in source.Functions)
        {
            if (function.Section != section)
            {
                section = function.Section;
                text.Append("\t.section\t\"").Append(section.Name).Append("\",\"ax\",@progbits\n");
            }
            if (function.Symbol.Binding != ElfSymbolBinding.Local)
                text.Append(function.Symbol.Binding == ElfSymbolBinding.Weak ? "\t.weak\t" : "\t.globl\t").Append(function.Name).Append('\n');
            text.Append(function.Name).Append(":\n");
            PrintBody(text, function, source.Btf);
        }
        return text.ToString();
    }

    private static void PrintBody(StringBuilder text, EbpfFunction function, BtfReader? types)
    {
        Dictionary<int, CodeRelocation> relocations = function.Relocations.ToDictionary(relocation => relocation.Slot);
        var targets = new SortedSet<int>();
        DisassemblyOptions options = DisassemblyOptions.Source with
        {
            Label = target =>
            {
                targets.Add(target);
                return Label(function, target);
            },
            Reference = slot => relocations.TryGetValue(slot, out CodeRelocation? relocation) ? Reference(relocation) : null,
        };
        // Targets may lie behind their jumps: the labels are known after the first round.
        var lines = new List<(int Slot, string Text)>();
        var line = new StringBuilder();
        for (int slot = 0; slot < function.Instructions.Length;)
        {
            int slots = Disassembler.Append(line, function.Instructions, slot, options);
            lines.Add((slot, line.ToString()));
            line.Clear();
            slot += slots;
        }
        EbpfLine printed = default;
        foreach ((int slot, string instruction) in lines)
        {
            if (targets.Contains(slot))
                text.Append(Label(function, slot)).Append(":\n");
            if (types is not null && function.FindLine(slot) is { } source
                && source.Slot == slot && (source.Line != printed.Line || source.FileName != printed.FileName))
            {
                printed = source;
                text.Append(CultureInfo.InvariantCulture, $"\t# {types.GetString(source.FileName)}:{source.Line}: {types.GetString(source.LineText).Trim()}\n");
            }
            text.Append('\t').Append(instruction).Append('\n');
        }
    }

    private static string Label(EbpfFunction function, int slot) => string.Create(CultureInfo.InvariantCulture, $".L{function.Name}_{slot}");

    private static string Reference(CodeRelocation relocation)
        => relocation.Addend == 0 ? relocation.Symbol.ToString() : string.Create(CultureInfo.InvariantCulture, $"{relocation.Symbol}+{relocation.Addend}");
}
