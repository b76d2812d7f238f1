// Machine code as lines of text: bytes, and the instruction they are where an LLVM library is installed to decode them, with the
// target of a relative branch behind it.
using System.Globalization;
using System.Runtime.InteropServices;
using Ebpfcc.Jit.Llvm;

namespace Ebpfcc.Cli.Output;

/// <summary>Lists code of one architecture.</summary>
public sealed class MachineListing : IDisposable
{
    private const int BytesPerLine = 16, HexColumn = 24;

    private readonly LlvmDisassembler? _disassembler;
    private readonly Architecture _architecture;
    private readonly int _unit;

    /// <param name="library">The LLVM library that the user chose, or null.</param>
    public MachineListing(Architecture architecture, string? library)
    {
        _disassembler = LlvmDisassembler.TryCreate(architecture, library, out _);
        _architecture = architecture;
        _unit = architecture == Architecture.X64 ? 1 : 4;
    }

    /// <summary>The lines of a part of some code, each with its offset.</summary>
    public IEnumerable<string> Lines(byte[] code, int start, int end)
    {
        foreach ((int at, string hex, string text) in Instructions(code, start, end))
            yield return $"{at,5:x}: {(text.Length == 0 ? hex : hex.PadRight(HexColumn) + ' ' + text)}";
    }

    /// <summary>Offset, bytes and text of a part of some code; bytes that are no instruction stand alone, and all do without a disassembler.</summary>
    public IEnumerable<(int Offset, string Bytes, string Text)> Instructions(byte[] code, int start, int end)
    {
        for (int at = start; at < end;)
        {
            string text = "";
            int length = BytesPerLine;
            if (_disassembler is not null && (length = _disassembler.Decode(code.AsSpan(at, end - at), (ulong)at, out text)) == 0)
                length = _unit;
            length = Math.Min(length, end - at);
            string hex = Convert.ToHexStringLower(code.AsSpan(at, length));
            yield return (at, hex, text.Length == 0 ? "" : text + Target(text, at, length));
            at += length;
        }
    }

    /// <summary>" -> 1f0" behind a branch whose operand is a distance: from the next instruction on x86-64, from two words ahead on ARM.</summary>
    private string Target(string text, int at, int length)
    {
        int space = text.IndexOf(' ');
        if (space < 0 || !(_architecture == Architecture.X64 ? text[0] == 'j' || text.StartsWith("call ", StringComparison.Ordinal) : text[0] == 'b'))
            return "";
        ReadOnlySpan<char> operand = text.AsSpan(space + 1).TrimStart('#');
        bool isNegative = operand.StartsWith("-");
        operand = operand.TrimStart('-');
        bool isHex = operand.StartsWith("0x");
        if (!int.TryParse(isHex ? operand[2..] : operand, isHex ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out int distance))
            return "";
        int from = _architecture switch { Architecture.X64 => at + length, Architecture.Arm => at + 8, _ => at };
        return $" -> {from + (isNegative ? -distance : distance):x}";
    }

    public void Dispose() => _disassembler?.Dispose();
}
