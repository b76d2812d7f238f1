// Reads classic programs in every form in which they are passed around; the first character tells which:
//
//   (000) ldh [12]          a listing of tcpdump -d; numbers in parentheses are not looked at
//   { 0x28, 0, 0, 12 },     C initialisers (tcpdump -dd); comments and the declaration around them are skipped
//   4 / 40 0 0 12           decimal numbers (tcpdump -ddd), on lines or separated by commas as iptables and bpfc want them
//   ldh [12] / jne #0x806, drop / ... / drop: ret #0           the kernel's bpf_asm language, mixed with the listing's at will
//
// Bytes that are no text are an array of struct sock_filter.
using System.Globalization;
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ebpf.Classic;

/// <summary>A program as it was read, with the place of each instruction; nothing is checked yet.</summary>
public sealed record ClassicSource(ClassicInstruction[] Instructions, SourceSpan[] Spans)
{
    /// <summary>Applies the checker, whose refusal becomes a diagnostic at the instruction.</summary>
    public ClassicFilter? Check(ClassicDialect dialect, DiagnosticBag diagnostics)
    {
        ClassicFilter? filter = ClassicChecker.Check(Instructions, dialect, out (int Index, string Reason) problem);
        if (filter is null)
            diagnostics.Report(ClassicDiagnostics.Rejected, problem.Index < Spans.Length ? Spans[problem.Index] : SourceSpan.None, problem.Index, problem.Reason);
        return filter;
    }
}

public sealed partial class ClassicParser
{
    private const int MostInstructions = 1 << 16;

    private readonly string _text;
    private readonly SourceLocation _start;
    private readonly DiagnosticBag _diagnostics;
    private readonly List<ClassicInstruction> _code = [];
    private readonly List<SourceSpan> _spans = [];
    private int _at;

    private ClassicParser(string text, SourceLocation start, DiagnosticBag diagnostics) => (_text, _start, _diagnostics) = (text, start, diagnostics);

    /// <summary>An array of struct sock_filter; null after a reported error.</summary>
    public static ClassicSource? FromBytes(ReadOnlySpan<byte> bytes, DiagnosticBag diagnostics)
    {
        if (bytes.Length == 0 || bytes.Length % ClassicInstruction.Size != 0)
        {
            diagnostics.Report(ClassicDiagnostics.NotWhole, SourceSpan.None, bytes.Length);
            return null;
        }
        ClassicInstruction[] code = MemoryMarshal.Cast<byte, ClassicInstruction>(bytes).ToArray();
        return new ClassicSource(code, new SourceSpan[code.Length]);
    }

    /// <summary>A program in any text form; null after a reported error.</summary>
    /// <param name="start">Where the text's first character lies, for positions.</param>
    public static ClassicSource? Parse(string text, SourceLocation start, DiagnosticBag diagnostics)
    {
        var parser = new ClassicParser(text, start, diagnostics);
        bool isDone = parser.Run();
        return isDone ? new ClassicSource([.. parser._code], [.. parser._spans]) : null;
    }

    private bool Run()
    {
        SkipBlank();
        if (_at == _text.Length)
            return Fail(ClassicDiagnostics.Malformed, _at, 1, "a program", "nothing");
        if (_text.Contains('{'))
            return ReadInitializers();
        return char.IsAsciiDigit(_text[_at]) ? ReadNumbers() : ReadAssembly();
    }

    private bool Fail(DiagnosticDescriptor descriptor, int at, int length, params ReadOnlySpan<object?> arguments)
    {
        _diagnostics.Report(descriptor, _start.IsNone ? SourceSpan.None : SourceSpan.At(_start + at, Math.Max(1, length)), arguments);
        return false;
    }

    private bool FailAt(string expected)
    {
        int end = _at;
        while (end < _text.Length && end - _at < 20 && _text[end] is not (' ' or '\t' or '\r' or '\n' or ','))
            end++;
        string found = _at >= _text.Length ? "the end" : _text[_at] is '\n' or '\r' ? "the end of the line" : $"'{_text[_at..Math.Max(end, _at + 1)]}'";
        return Fail(ClassicDiagnostics.Malformed, Math.Min(_at, Math.Max(0, _text.Length - 1)), end - _at, expected, found);
    }

    private bool Add(ClassicInstruction instruction, int from)
    {
        _code.Add(instruction);
        _spans.Add(_start.IsNone ? SourceSpan.None : SourceSpan.At(_start + from, Math.Max(1, _at - from)));
        // Far beyond what the checker takes: no need to read the rest.
        return _code.Count <= MostInstructions || Fail(ClassicDiagnostics.OutOfRange, from, 1, "the number of instructions", _code.Count, 1, MostInstructions);
    }

    /// <summary>White space, and comments of C (<c>/* */</c>, <c>//</c>) and of bpf_asm (<c>;</c>).</summary>
    private void SkipBlank(bool acrossLines = true)
    {
        while (_at < _text.Length)
        {
            char c = _text[_at];
            if (c is ' ' or '\t' or '\r' or '\v' or '\f' || (c == '\n' && acrossLines))
                _at++;
            else if (c == ';' || (c == '/' && Peek(1) == '/'))
                SkipTo(_text.IndexOf('\n', _at));
            else if (c == '/' && Peek(1) == '*')
                SkipTo(_text.IndexOf("*/", _at + 2, StringComparison.Ordinal) is >= 0 and var end ? end + 2 : -1);
            else
                return;
        }

        void SkipTo(int place) => _at = place < 0 ? _text.Length : place;
    }

    private char Peek(int ahead = 0) => _at + ahead < _text.Length ? _text[_at + ahead] : '\0';

    private bool Take(char c)
    {
        if (Peek() != c)
            return false;
        _at++;
        return true;
    }

    /// <summary>A number in C's notation (decimal, 0x, 0b, 0 for octal) with an optional sign.</summary>
    private bool TakeNumber(string what, long lowest, long highest, out uint value)
    {
        value = 0;
        int from = _at;
        bool isNegative = Peek() == '-';
        if (isNegative || Peek() == '+')
            _at++;
        int radix = 10;
        if (Peek() == '0' && Peek(1) is 'x' or 'X' or 'b' or 'B')
        {
            radix = Peek(1) is 'x' or 'X' ? 16 : 2;
            _at += 2;
        }
        else if (Peek() == '0' && char.IsAsciiDigit(Peek(1)))
        {
            radix = 8;
        }
        int digits = _at;
        long number = 0;
        while (char.IsAsciiHexDigit(Peek()) && System.Convert.ToInt32(Peek().ToString(), 16) is var digit && digit < radix)
        {
            number = Math.Min(number * radix + digit, 1L << 40);
            _at++;
        }
        if (_at == digits)
        {
            _at = from;
            return FailAt(what);
        }
        while (Peek() is 'u' or 'U' or 'l' or 'L')
            _at++;
        if (isNegative)
            number = -number;
        if (number < lowest || number > highest)
            return Fail(ClassicDiagnostics.OutOfRange, from, _at - from, what, _text[from..Math.Min(_at, from + 20)], lowest, highest);
        value = unchecked((uint)number);
        return true;
    }

    private bool TakeConstant(out uint value) => TakeNumber("a constant", int.MinValue, uint.MaxValue, out value);

    private bool ReadInitializers()
    {
        // Whatever stands before the first inner brace, as "struct sock_filter code[] = {", is the declaration.
        int first = _text.IndexOf('{', _at);
        while (first >= 0 && NextVisible(first + 1) == '{')
            first = _text.IndexOf('{', first + 1);
        if (first < 0)
            return FailAt("'{'");
        _at = first;
        while (true)
        {
            SkipBlank();
            int from = _at;
            if (!Take('{'))
                break;
            if (!ReadFields(',', out ClassicInstruction instruction))
                return false;
            SkipBlank();
            Take(',');
            SkipBlank();
            if (!Take('}'))
                return FailAt("'}'");
            if (!Add(instruction, from))
                return false;
            SkipBlank();
            Take(',');
        }
        if (Take('}'))
        {
            SkipBlank();
            Take(';');
            SkipBlank();
        }
        return _at == _text.Length || FailAt("'{'");
    }

    private char NextVisible(int from)
    {
        (int saved, _at) = (_at, from);
        SkipBlank();
        char c = Peek();
        _at = saved;
        return c;
    }

    private bool ReadNumbers()
    {
        int from = _at;
        if (!TakeNumber("the number of instructions", 0, MostInstructions, out uint count))
            return false;
        int countEnd = _at;
        while (true)
        {
            SkipBlank();
            if (Take(','))
                SkipBlank();
            if (_at == _text.Length)
                break;
            int start = _at;
            if (!ReadFields('\0', out ClassicInstruction instruction) || !Add(instruction, start))
                return false;
        }
        return _code.Count == count || Fail(ClassicDiagnostics.WrongCount, from, countEnd - from, count, _code.Count);
    }

    /// <summary>Code, two distances and the constant, with a separator between them or none.</summary>
    private bool ReadFields(char separator, out ClassicInstruction instruction)
    {
        instruction = default;
        if (!ReadField("a code", 0, ushort.MaxValue, separator, out uint code) || !ReadField("a distance", 0, byte.MaxValue, separator, out uint whenTrue)
            || !ReadField("a distance", 0, byte.MaxValue, separator, out uint whenFalse) || !ReadField("a constant", int.MinValue, uint.MaxValue, '\0', out uint k))
            return false;
        instruction = new ClassicInstruction((ushort)code, (byte)whenTrue, (byte)whenFalse, k);
        return true;
    }

    private bool ReadField(string what, long lowest, long highest, char separator, out uint value)
    {
        SkipBlank();
        if (!TakeNumber(what, lowest, highest, out value))
            return false;
        SkipBlank();
        return separator == '\0' || Take(separator) || FailAt($"'{separator}'");
    }
}
