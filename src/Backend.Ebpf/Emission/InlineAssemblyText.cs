// Writes the operands of inline assembly into its template and assembles the text. Template syntax is gcc's: %0, %[name],
// a letter between for a modifier (w: the 32-bit name, l: a C label), %= a number unique to the statement, %% a percent sign.
// Every instruction is known whatever -mcpu says, as with LLVM: who writes one by hand means it.
using System.Globalization;
using System.Text;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Emission;

internal static class InlineAssemblyText
{
    /// <returns>Null when the text was refused (reported).</returns>
    public static AssembledCode? Assemble(InlineAssembly assembly, DiagnosticBag diagnostics)
    {
        InlineAsmInstruction source = assembly.Source;
        if (Expand(assembly) is not { } text)
        {
            diagnostics.Report(BackendDiagnostics.AsmText, source.Location, $"the template \"{source.Template}\" names an operand that does not exist");
            return null;
        }
        var inner = new DiagnosticBag();
        AssembledCode? code = Assembler.Assemble(text, inner, SourceLocation.None, new AssemblerOptions { Cpu = Ebpfcc.Ebpf.Isa.CpuVersion.V4, HelpersByName = false, AllowOpenJumps = assembly.Labels.Length > 0 });
        foreach (Diagnostic problem in inner.Items)
            diagnostics.Report(BackendDiagnostics.AsmText, source.Location, $"{problem.Message} in \"{Shorten(text)}\"");
        if (code is null && inner.Items.Count == 0)
            diagnostics.Report(BackendDiagnostics.AsmText, source.Location, Shorten(text));
        return code;
    }

    private static string Shorten(string text) => (text.Length > 120 ? text[..120] + "..." : text).Replace("\n", "; ", StringComparison.Ordinal);

    private static string? Expand(InlineAssembly assembly)
    {
        string template = assembly.Source.Template;
        var text = new StringBuilder(template.Length + 32);
        for (int i = 0; i < template.Length; i++)
        {
            if (template[i] != '%' || i + 1 == template.Length)
            {
                text.Append(template[i]);
                continue;
            }
            i++;
            if (template[i] == '%')
            {
                text.Append('%');
                continue;
            }
            if (template[i] == '=')
            {
                // One piece of text is assembled at a time: any number is unique.
                text.Append('0');
                continue;
            }
            char modifier = '\0';
            if (char.IsAsciiLetter(template[i]) && i + 1 < template.Length && (template[i + 1] == '[' || char.IsAsciiDigit(template[i + 1])))
                modifier = template[i++];
            int operand = -1;
            if (template[i] == '[')
            {
                int close = template.IndexOf(']', i);
                if (close < 0)
                    return null;
                operand = Named(assembly.Source, template.AsSpan(i + 1, close - i - 1));
                i = close;
            }
            else if (char.IsAsciiDigit(template[i]))
            {
                int end = i;
                while (end < template.Length && char.IsAsciiDigit(template[end]))
                    end++;
                if (!int.TryParse(template.AsSpan(i, end - i), NumberStyles.None, CultureInfo.InvariantCulture, out operand))
                    return null;
                i = end - 1;
            }
            if (modifier == 'l' && LabelOf(assembly, template.AsSpan(..(i + 1)), operand) is { } label)
            {
                text.Append(LabelName(label));
                continue;
            }
            if (operand < 0 || operand >= assembly.Operands.Length)
                return null;
            Append(text, assembly, operand, modifier);
        }
        return text.ToString();
    }

    /// <summary>How the assembled text names a C label.</summary>
    public static string LabelName(string label) => ".Lgoto." + label;

    /// <summary>The label that <c>%l[name]</c> or <c>%lN</c> names; labels are numbered behind the operands.</summary>
    private static string? LabelOf(InlineAssembly assembly, ReadOnlySpan<char> upToHere, int operand)
    {
        int number = operand - assembly.Operands.Length;
        if (operand >= 0)
            return number >= 0 && number < assembly.Labels.Length ? assembly.Labels[number].Name : null;
        ReadOnlySpan<char> name = upToHere[(upToHere.LastIndexOf('[') + 1)..^1];
        foreach ((string label, _) in assembly.Labels)
        {
            if (name.SequenceEqual(label))
                return label;
        }
        return null;
    }

    private static int Named(InlineAsmInstruction source, ReadOnlySpan<char> name)
    {
        for (int i = 0; i < source.Outputs.Count; i++)
        {
            if (source.Outputs[i].SymbolicName is { } known && name.SequenceEqual(known))
                return i;
        }
        for (int i = 0; i < source.Inputs.Count; i++)
        {
            if (source.Inputs[i].SymbolicName is { } known && name.SequenceEqual(known))
                return source.Outputs.Count + i;
        }
        return -1;
    }

    private static void Append(StringBuilder text, InlineAssembly assembly, int index, char modifier)
    {
        AssemblyOperand operand = assembly.Operands[index];
        if (operand.IsMemory)
        {
            string place = operand.Object is null ? assembly.Registers[operand.RegisterIndex].ToString() : MachineRegister.R10.ToString();
            long offset = operand.Immediate + (operand.Object?.FrameOffset ?? 0);
            text.Append(CultureInfo.InvariantCulture, $"({place} {(offset < 0 ? '-' : '+')} {Math.Abs(offset)})");
        }
        else if (operand.Symbol is { } symbol)
        {
            text.Append(symbol.Symbol);
            if (operand.Immediate != 0)
                text.Append(CultureInfo.InvariantCulture, $"{(operand.Immediate < 0 ? '-' : '+')}{Math.Abs(operand.Immediate)}");
        }
        else if (operand.RegisterIndex < 0)
        {
            text.Append(operand.Immediate.ToString(CultureInfo.InvariantCulture));
        }
        else
        {
            IReadOnlyList<AsmOperand> outputs = assembly.Source.Outputs;
            string constraint = index < outputs.Count ? outputs[index].Constraint : assembly.Source.Inputs[index - outputs.Count].Constraint;
            bool word = modifier == 'w' || (modifier == '\0' && constraint.Contains('w', StringComparison.Ordinal));
            text.Append(assembly.Registers[operand.RegisterIndex].Format(wide: !word));
        }
    }
}
