// Cuts the text form into tokens. Comments run from ';' to the end of the line. Tokens know whether they begin a line, because
// optional trailing words of an instruction must stand on its line.
using System.Globalization;
using System.Text;

namespace Ebpfcc.Ir.Text;

/// <summary>The text form is malformed; the message names the line.</summary>
public sealed class IrParseException(string message, int line) : Exception($"line {line}: {message}")
{
    public int Line { get; } = line;
}

internal enum IrTokenKind : byte { Word, Number, String, Local, Global, Type, Punctuation, End }

internal readonly record struct IrToken(IrTokenKind Kind, string Text, int Line, bool StartsLine);

internal static class IrLexer
{
    public static List<IrToken> Tokenize(string text)
    {
        var tokens = new List<IrToken>();
        int line = 1, i = 0;
        bool startsLine = true;
        while (i < text.Length)
        {
            char c = text[i];
            if (c == '\n')
            {
                line++;
                startsLine = true;
                i++;
                continue;
            }
            if (c is ' ' or '\t' or '\r')
            {
                i++;
                continue;
            }
            if (c == ';')
            {
                while (i < text.Length && text[i] != '\n')
                    i++;
                continue;
            }
            IrTokenKind kind;
            string value;
            if (c == '"')
            {
                kind = IrTokenKind.String;
                value = ReadString(text, ref i, line);
            }
            else if (c is '%' or '@' or '!')
            {
                kind = c == '%' ? IrTokenKind.Local : c == '@' ? IrTokenKind.Global : IrTokenKind.Type;
                i++;
                value = i < text.Length && text[i] == '"' ? ReadString(text, ref i, line) : ReadWord(text, ref i);
                if (value.Length == 0)
                    throw new IrParseException($"a name must follow '{c}'", line);
            }
            else if (char.IsAsciiDigit(c) || (c == '-' && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1])))
            {
                kind = IrTokenKind.Number;
                int start = i++;
                while (i < text.Length && char.IsAsciiDigit(text[i]))
                    i++;
                value = text[start..i];
            }
            else if (IsWordCharacter(c))
            {
                value = ReadWord(text, ref i);
                kind = value == "..." ? IrTokenKind.Punctuation : IrTokenKind.Word;
            }
            else
            {
                kind = IrTokenKind.Punctuation;
                value = c.ToString();
                i++;
            }
            tokens.Add(new IrToken(kind, value, line, startsLine));
            startsLine = false;
        }
        tokens.Add(new IrToken(IrTokenKind.End, "end of text", line, true));
        return tokens;
    }

    private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '$';

    private static string ReadWord(string text, ref int i)
    {
        int start = i;
        while (i < text.Length && IsWordCharacter(text[i]))
            i++;
        return text[start..i];
    }

    private static string ReadString(string text, ref int i, int line)
    {
        var value = new StringBuilder();
        for (i++; i < text.Length && text[i] != '"'; i++)
        {
            if (text[i] == '\n')
                break;
            if (text[i] != '\\')
            {
                value.Append(text[i]);
                continue;
            }
            if (i + 4 >= text.Length || !int.TryParse(text.AsSpan(i + 1, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int code))
                throw new IrParseException("four hexadecimal digits must follow '\\'", line);
            value.Append((char)code);
            i += 4;
        }
        if (i >= text.Length || text[i] != '"')
            throw new IrParseException("a string is not closed", line);
        i++;
        return value.ToString();
    }
}
