// Disassembly listings of whole objects, as "ebpfcc disasm" prints them: functions with labels, relocations, helper names and,
// where the object has line information, the C lines between the instructions.
using System.Globalization;
using System.Text;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Object;

public sealed record ListingOptions
{
    public DisassemblyStyle Style { get; init; }

    /// <summary>Print the C line before the first instruction that comes from it.</summary>
    public bool SourceLines { get; init; }

    /// <summary>Print the bytes of each slot.</summary>
    public bool RawBytes { get; init; }

    /// <summary>Only the function of this name.</summary>
    public string? Function { get; init; }
}

/// <summary>Prints the code of objects.</summary>
public static class ObjectListing
{
    public static string Print(EbpfObject source, ListingOptions? options = null)
    {
        options ??= new ListingOptions();
        var text = new StringBuilder();
        EbpfSection? section = null;
        foreach (EbpfFunction function in source.Functions)
        {
            if (options.Function is { } wanted && wanted != function.Name)
                continue;
            if (function.Section != section)
            {
                section = function.Section;
                text.Append(text.Length > 0 ? "\n" : "").Append("Disassembly of section ").Append(section.Name).Append(":\n");
            }
            text.Append('\n').Append(function.Name).Append(":\n");
            AppendFunction(text, source, function, options);
        }
        return text.ToString();
    }

    /// <summary>Appends the lines of one function, slots counted from its beginning.</summary>
    public static void AppendFunction(StringBuilder text, EbpfObject source, EbpfFunction function, ListingOptions options)
    {
        var references = new Dictionary<int, CodeRelocation>(function.Relocations.Count);
        foreach (CodeRelocation relocation in function.Relocations)
            references[relocation.Slot] = relocation;
        DisassemblyOptions disassembly = new()
        {
            Style = options.Style,
            HelperNames = true,
            Reference = slot => references.TryGetValue(slot, out CodeRelocation? relocation) ? relocation.Symbol.ToString() : null,
            TargetSymbol = target => target < function.Instructions.Length
                ? string.Create(CultureInfo.InvariantCulture, $"{function.Name}+0x{target * EbpfInstruction.Size:x}") : null,
        };
        int line = 0;
        EbpfLine? printed = null;
        for (int slot = 0; slot < function.Instructions.Length;)
        {
            if (options.SourceLines)
            {
                for (; line < function.Lines.Count && function.Lines[line].Slot <= slot; line++)
                {
                    EbpfLine at = function.Lines[line];
                    bool isRepeated = printed is { } last && (last.FileName, last.Line) == (at.FileName, at.Line);
                    if (isRepeated || (line + 1 < function.Lines.Count && function.Lines[line + 1].Slot <= slot))
                        continue;
                    printed = at;
                    text.Append(CultureInfo.InvariantCulture, $"; {source.GetString(at.LineText).Trim()} @ {source.GetString(at.FileName)}:{at.Line}\n");
                }
            }
            text.Append(CultureInfo.InvariantCulture, $"{slot,8}:\t");
            EbpfInstruction instruction = function.Instructions[slot];
            if (options.RawBytes)
                text.Append(instruction.ToString()).Append('\t');
            slot += Disassembler.Append(text, function.Instructions, slot, disassembly);
            text.Append('\n');
        }
    }
}
