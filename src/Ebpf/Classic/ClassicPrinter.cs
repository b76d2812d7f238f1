// Classic programs to text, as tcpdump prints them: -d (libpcap's bpf_image), -dd (C initialisers) and -ddd (decimal numbers);
// and to the bytes of an array of struct sock_filter.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Ebpfcc.Ebpf.Classic;

/// <summary>The forms in which classic programs are written.</summary>
public enum ClassicForm { Listing, Initializers, Numbers, Bytes }

public static class ClassicPrinter
{
    /// <summary>The program in one of the text forms, a line for each instruction.</summary>
    public static string Print(IReadOnlyList<ClassicInstruction> program, ClassicForm form = ClassicForm.Listing)
    {
        var text = new StringBuilder(program.Count * 32);
        if (form == ClassicForm.Numbers)
            text.Append(program.Count).Append('\n');
        for (int i = 0; i < program.Count; i++)
        {
            ClassicInstruction instruction = program[i];
            switch (form)
            {
                case ClassicForm.Initializers:
                    text.Append(CultureInfo.InvariantCulture, $"{{ 0x{instruction.Code:x}, {instruction.JumpTrue}, {instruction.JumpFalse}, 0x{instruction.K:x8} }},");
                    break;
                case ClassicForm.Numbers:
                    text.Append(CultureInfo.InvariantCulture, $"{instruction.Code} {instruction.JumpTrue} {instruction.JumpFalse} {instruction.K}");
                    break;
                default:
                    text.Append(CultureInfo.InvariantCulture, $"({i:000}) ");
                    Append(text, instruction, i);
                    break;
            }
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>The array of struct sock_filter.</summary>
    public static byte[] ToBytes(IReadOnlyList<ClassicInstruction> program)
    {
        ClassicInstruction[] array = [.. program];
        return MemoryMarshal.AsBytes<ClassicInstruction>(array).ToArray();
    }

    /// <summary>One instruction as <c>tcpdump -d</c> writes it behind its number.</summary>
    public static string Format(ClassicInstruction instruction, int index)
    {
        var text = new StringBuilder(40);
        Append(text, instruction, index);
        return text.ToString();
    }

    private static void Append(StringBuilder text, ClassicInstruction instruction, int index)
    {
        if (instruction.Row is not { } row)
        {
            text.Append(CultureInfo.InvariantCulture, $"{"unimp",-8} 0x{instruction.Code:x}");
            return;
        }
        string operand = Operand(row, instruction.K, index);
        if (row.Operation == ClassicOperation.Branch)
            text.Append(CultureInfo.InvariantCulture, $"{row.Mnemonic,-8} {operand,-16} jt {index + 1 + instruction.JumpTrue}\tjf {index + 1 + instruction.JumpFalse}");
        else
            text.Append(CultureInfo.InvariantCulture, $"{row.Mnemonic,-8} {operand}");
    }

    private static string Operand(ClassicRow row, uint k, int index) => row.Operand switch
    {
        ClassicOperand.Decimal => string.Create(CultureInfo.InvariantCulture, $"#{(int)k}"),
        ClassicOperand.Hexadecimal => $"#0x{k:x}",
        ClassicOperand.Index => "x",
        ClassicOperand.Offset => ClassicExtensions.Find(k) is { } extension ? $"[{extension.Word}]" : string.Create(CultureInfo.InvariantCulture, $"[{(int)k}]"),
        ClassicOperand.IndexedOffset => string.Create(CultureInfo.InvariantCulture, $"[x + {(int)k}]"),
        ClassicOperand.Cell => string.Create(CultureInfo.InvariantCulture, $"M[{(int)k}]"),
        ClassicOperand.HeaderLength => string.Create(CultureInfo.InvariantCulture, $"4*([{(int)k}]&0xf)"),
        ClassicOperand.PacketLength => "#pktlen",
        ClassicOperand.Target => string.Create(CultureInfo.InvariantCulture, $"{unchecked(index + 1 + (int)k)}"),
        _ => "",
    };
}
