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
        EbpfLine? shown = null;
        for (int slot = 0; slot < function.Instructions.Length;)
        {
            if (types is not null && function.FindLine(slot) is { } line && line.Slot == slot && line != shown)
            {
                shown = line;
                text.Append(CultureInfo.InvariantCulture, $"; {types.GetString(line.FileName)}:{line.Line}: {types.GetString(line.LineText).Trim()}\n");
            }
            text.Append('\t');
            int start = text.Length;
            int slots = Disassembler.Append(text, function.Instructions, slot, DisassemblyOptions.Source);
            if (relocations.TryGetValue(slot, out CodeRelocation? relocation))
            {
                text.Append(' ', Math.Max(1, 40 - (text.Length - start))).Append("# ").Append(relocation.Symbol);
                if (relocation.Addend != 0)
                    text.Append(CultureInfo.InvariantCulture, $"+{relocation.Addend}");
            }
            text.Append('\n');
            slot += slots;
        }
    }
}
