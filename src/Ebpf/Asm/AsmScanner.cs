// Cuts assembly text into statements and statements into tokens. A statement ends at a line break or a semicolon; comments
// are "# ...", "// ..." and "/* ... */". Percent signs before registers (mnemonic syntax) are dropped.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ebpf.Asm;

internal enum AsmTokenKind : byte { End, Word, Register, Number, LocalLabel, String, Mark }

/// <summary>
/// A token of a statement. <see cref="Value"/> is a number's value, a register's number (plus 32 for a w register), a local
/// label's number, or a mark's character.
/// </summary>
internal readonly record struct AsmToken(AsmTokenKind Kind, int Start, int Length, long Value)
{
    public bool IsMark(char mark) => Kind == AsmTokenKind.Mark && Value == mark;
}

internal sealed class AsmScanner(string text, SourceLocation start, DiagnosticBag diagnostics)
{
    private int _position;

    /// <summary>Where the next statement begins; set back to read statements again.</summary>
    public int Position { get => _position; set => _position = value; }

    public List<AsmToken> Tokens { get; } = [];

    public string Text { get; } = text;

    public SourceSpan Span(int offset, int length) => start.IsNone ? SourceSpan.None : SourceSpan.At(start + offset, Math.Max(length, 1));

    public SourceSpan Span(AsmToken token) => Span(token.Start, token.Length);

    public ReadOnlySpan<char> TextOf(AsmToken token) => Text.AsSpan(token.Start, token.Length);

    /// <summary>Reads the next statement that has tokens, always closed by an End token; false at the end of the text.</summary>
    public bool NextStatement()
    {
        while (_position < Text.Length)
        {
            Tokens.Clear();
            bool valid = ReadStatement();
            if (Tokens.Count == 0)
                continue;
            // The end lies right behind the last token: what is missing is missing there.
            Tokens.Add(new AsmToken(AsmTokenKind.End, Tokens[^1].Start + Tokens[^1].Length, 0, 0));
            if (valid)
                return true;
        }
        return false;
    }

    private bool ReadStatement()
    {
        bool valid = true;
        while (_position < Text.Length)
        {
            char c = Text[_position];
            if (c is '\n' or ';')
            {
                _position++;
                return valid;
            }
            if (char.IsWhiteSpace(c) || c == '\0')
            {
                _position++;
            }
            else if (c == '#' || (c == '/' && Peek(1) == '/'))
            {
                int end = Text.IndexOf('\n', _position);
                _position = end < 0 ? Text.Length : end;
            }
            else if (c == '/' && Peek(1) == '*')
            {
                int end = Text.IndexOf("*/", _position + 2, StringComparison.Ordinal);
                if (end < 0)
                {
                    diagnostics.Report(AssemblerDiagnostics.Unterminated, Span(_position, 2), "the comment");
                    _position = Text.Length;
                    return false;
                }
                _position = end + 2;
            }
            else if (!ReadToken(c))
            {
                valid = false;
                SkipStatement();
            }
        }
        return valid;
    }

    private void SkipStatement()
    {
        while (_position < Text.Length && Text[_position] is not ('\n' or ';'))
            _position++;
    }

    private char Peek(int ahead) => _position + ahead < Text.Length ? Text[_position + ahead] : '\0';

    private static bool IsWordStart(char c) => char.IsAsciiLetter(c) || c is '_' or '.' or '$' || c > 127;

    private static bool IsWordPart(char c) => IsWordStart(c) || char.IsAsciiDigit(c);

    private bool ReadToken(char c)
    {
        int begin = _position;
        if (c == '%' && Peek(1) is 'r' or 'w' or 'R' or 'W')
        {
            int end = begin + 2;
            while (end < Text.Length && IsWordPart(Text[end]))
                end++;
            AsmToken register = Word(begin + 1, end);
            if (register.Kind == AsmTokenKind.Register)
            {
                _position = end;
                Tokens.Add(register);
                return true;
            }
        }
        if (IsWordStart(c))
        {
            int end = begin + 1;
            while (end < Text.Length && IsWordPart(Text[end]))
                end++;
            // the kernel writes helper calls as name#number; the number says nothing new
            int word = end;
            if (end + 1 < Text.Length && Text[end] == '#' && char.IsAsciiDigit(Text[end + 1]) && begin > 0)
            {
                end++;
                while (end < Text.Length && char.IsAsciiDigit(Text[end]))
                    end++;
            }
            _position = end;
            Tokens.Add(Word(begin, word));
            return true;
        }
        if (char.IsAsciiDigit(c))
            return ReadNumber(begin);
        if (c == '"')
            return ReadString(begin);
        if (c == '\'' && Peek(1) is not ('\0' or '\n' or '\\') && Peek(2) == '\'')
        {
            Tokens.Add(new AsmToken(AsmTokenKind.Number, begin, 3, Text[begin + 1]));
            _position += 3;
            return true;
        }
        if (c is '=' or '+' or '-' or '*' or '/' or '%' or '&' or '|' or '^' or '<' or '>' or '!' or '~' or '(' or ')' or '[' or ']' or ',' or ':' or '@' or '?')
        {
            Tokens.Add(new AsmToken(AsmTokenKind.Mark, begin, 1, c));
            _position++;
            return true;
        }
        diagnostics.Report(AssemblerDiagnostics.UnexpectedCharacter, Span(begin, 1), char.IsControl(c) ? $"0x{(int)c:x2}" : $"'{c}'");
        return false;
    }

    private AsmToken Word(int begin, int end)
    {
        ReadOnlySpan<char> word = Text.AsSpan(begin, end - begin);
        if (word.Length is 2 or 3 or 4 && word[0] is 'r' or 'R' or 'w' or 'W' && word[1..].IndexOfAnyExceptInRange('0', '9') < 0)
        {
            int number = int.Parse(word[1..], System.Globalization.CultureInfo.InvariantCulture);
            return new AsmToken(AsmTokenKind.Register, begin, end - begin, word[0] is 'w' or 'W' ? number + RegisterHalf : number);
        }
        return new AsmToken(AsmTokenKind.Word, begin, end - begin, 0);
    }

    /// <summary>Added to the number of a w register. Larger than any three-digit number the text can name.</summary>
    public const int RegisterHalf = 1024;

    private bool ReadNumber(int begin)
    {
        int end = begin;
        while (end < Text.Length && char.IsAsciiLetterOrDigit(Text[end]))
            end++;
        ReadOnlySpan<char> digits = Text.AsSpan(begin, end - begin);
        // 1f and 1b name local labels; 0b101 is a binary number
        if (digits.Length is > 1 and < 8 && digits[^1] is 'f' or 'b' && digits[..^1].IndexOfAnyExceptInRange('0', '9') < 0)
        {
            _position = end;
            Tokens.Add(new AsmToken(AsmTokenKind.LocalLabel, begin, end - begin, int.Parse(digits[..^1], System.Globalization.CultureInfo.InvariantCulture)));
            return true;
        }
        // C's suffixes say nothing here, except that "5ll" may be the number and the word "ll" written together
        int length = digits.TrimEnd("uUlL").Length, suffix = digits.Length - length;
        bool isWordLl = suffix == 2 && digits.EndsWith("ll", StringComparison.Ordinal);
        if (length == 0 || suffix > 3)
            length = digits.Length;
        // checksums of files are longer than any number, and nobody asks for their value
        bool isChecksum = Tokens.Count > 0 && TextOf(Tokens[0]) is ".file";
        if (!TryParse(digits[..length], out ulong value) && !isChecksum)
        {
            diagnostics.Report(AssemblerDiagnostics.Expected, Span(begin, end - begin), "a number of at most 64 bits", $"'{digits}'");
            return false;
        }
        _position = isWordLl ? begin + length : end;
        Tokens.Add(new AsmToken(AsmTokenKind.Number, begin, length, (long)value));
        return true;
    }

    private static bool TryParse(ReadOnlySpan<char> digits, out ulong value)
    {
        value = 0;
        uint radix = 10;
        if (digits.Length > 2 && digits[0] == '0' && digits[1] is 'x' or 'X')
            radix = 16;
        else if (digits.Length > 2 && digits[0] == '0' && digits[1] is 'b' or 'B')
            radix = 2;
        else if (digits.Length > 1 && digits[0] == '0')
            radix = 8;
        foreach (char c in digits[(radix is 16 or 2 ? 2 : 0)..])
        {
            uint digit = char.IsAsciiHexDigit(c) ? (uint)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10) : 99;
            if (digit >= radix || value > (ulong.MaxValue - digit) / radix)
                return false;
            value = value * radix + digit;
        }
        return true;
    }

    private bool ReadString(int begin)
    {
        int end = begin + 1;
        while (end < Text.Length && Text[end] is not ('"' or '\n'))
            end += Text[end] == '\\' ? 2 : 1;
        if (end >= Text.Length || Text[end] != '"')
        {
            diagnostics.Report(AssemblerDiagnostics.Unterminated, Span(begin, 1), "the string");
            return false;
        }
        Tokens.Add(new AsmToken(AsmTokenKind.String, begin, end + 1 - begin, 0));
        _position = end + 1;
        return true;
    }
}
