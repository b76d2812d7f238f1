// The text form of machine functions (--emit=mir): the opcode table's assembly formats with virtual registers, symbolic
// targets and stack objects.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Machine;

public static class MachinePrinter
{
    /// <param name="map">When given, each instruction with a location shows its line and column.</param>
    public static string Print(MachineFunction function, SourceMap? map = null)
    {
        var text = new StringBuilder();
        text.Append("function ").Append(function.Name).Append('\n');
        foreach (StackObject item in function.StackObjects)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {item}: size {item.Size} align {item.Alignment}");
            if (item.FrameOffset != 0)
                text.Append(CultureInfo.InvariantCulture, $" at r10{item.FrameOffset}");
            if (item.Variable?.Name is { } name)
                text.Append(" ; ").Append(name);
            text.Append('\n');
        }
        foreach (MachineBlock block in function.Blocks)
        {
            text.Append(block).Append(':');
            if (block.Name is not null)
                text.Append(" ; ").Append(block.Name);
            text.Append('\n');
            foreach (MachineInstruction instruction in block.Instructions)
            {
                int start = text.Length;
                text.Append("  ").Append(Print(instruction));
                if (map?.GetFilePosition(instruction.Location) is { } place)
                {
                    text.Append(' ', Math.Max(1, 48 - (text.Length - start)));
                    text.Append(CultureInfo.InvariantCulture, $"; {place.Line}:{place.Column}");
                }
                text.Append('\n');
            }
        }
        return text.ToString();
    }

    public static string Print(MachineInstruction instruction)
    {
        var text = new StringBuilder();
        switch (instruction.Pseudo)
        {
            case PseudoOpcode.FrameAddress:
                text.Append(CultureInfo.InvariantCulture, $"{instruction.Dst} = &{instruction.Object}{Signed(instruction.Immediate)}");
                break;
            case PseudoOpcode.InlineAssembly:
                PrintAssembly(text, instruction.Assembly!);
                break;
            case PseudoOpcode.AssemblyBranch:
                text.Append(CultureInfo.InvariantCulture, $"asm may go to {instruction.Target}");
                break;
            default:
                PrintFormat(text, instruction);
                break;
        }
        if (instruction.Core is { } core)
            text.Append(CultureInfo.InvariantCulture, $" ; core {core.Kind} {core.AccessPath}");
        if (instruction.Clobbers != 0 && !instruction.IsCall)
            text.Append(" ; clobbers ").Append(Mask(instruction.Clobbers));
        return text.ToString();
    }

    private static void PrintAssembly(StringBuilder text, InlineAssembly assembly)
    {
        text.Append("asm \"").Append(assembly.Source.Template.Replace("\n", "\\n", StringComparison.Ordinal)).Append('"');
        for (int i = 0; i < assembly.Registers.Length; i++)
            text.Append(i == 0 ? " " : ", ").Append(assembly.Uses[i]).Append(' ').Append(assembly.Registers[i]);
    }

    private static void PrintFormat(StringBuilder text, MachineInstruction instruction)
    {
        string format = instruction.Row.Format;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            switch (format[++i])
            {
                case 'd': text.Append(instruction.Dst.Format(wide: true)); break;
                case 's': text.Append(instruction.Src.Format(wide: true)); break;
                case 'D': text.Append(instruction.Dst.Format(wide: false)); break;
                case 'S': text.Append(instruction.Src.Format(wide: false)); break;
                case 'm':
                    text.Append(CultureInfo.InvariantCulture, $"{(instruction.Offset < 0 ? '-' : '+')} {Math.Abs(instruction.Offset)}");
                    if (instruction.Object is { } item)
                        text.Append(CultureInfo.InvariantCulture, $" [{item}]");
                    break;
                case 'o':
                    text.Append(CultureInfo.InvariantCulture, $"{(instruction.Immediate < 0 ? '-' : '+')} {Math.Abs(instruction.Immediate)}");
                    break;
                case 'j': text.Append(instruction.Target?.ToString() ?? instruction.Offset.ToString(CultureInfo.InvariantCulture)); break;
                case '%': text.Append('%'); break;
                case 'i' or 'w' or 'v' or 'c' or 'f' or 'k':
                    if (instruction.Symbol is { } symbol)
                        text.Append(symbol.Symbol).Append(instruction.Immediate == 0 ? "" : Signed(instruction.Immediate));
                    else
                        text.Append(instruction.Immediate.ToString(CultureInfo.InvariantCulture));
                    break;
                default:
                    text.Append('%').Append(format[i]);
                    break;
            }
        }
    }

    private static string Signed(long value) => value == 0 ? "" : value.ToString("+0;-0", CultureInfo.InvariantCulture);

    private static string Mask(int mask)
    {
        var text = new StringBuilder();
        for (int i = 0; i < EbpfRegisters.Count; i++)
        {
            if ((mask >> i & 1) != 0)
                text.Append(text.Length == 0 ? "" : ",").Append('r').Append(i.ToString(CultureInfo.InvariantCulture));
        }
        return text.ToString();
    }
}
