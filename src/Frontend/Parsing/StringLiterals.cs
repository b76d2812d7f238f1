// Escape sequences of string literals (C11 6.4.4.4) where the parser itself needs the value: asm templates, labels, messages.
using System.Text;

namespace Ebpfcc.Frontend.Parsing;

/// <summary>Reads the value of a string literal as text.</summary>
public static class StringLiterals
{
    /// <summary>The characters of a literal spelled with quotes (and perhaps a prefix); numeric escapes become the character of that code.</summary>
    public static string Unescape(string literal)
    {
        int first = literal.IndexOf('"') + 1;
        int last = literal.LastIndexOf('"');
        ReadOnlySpan<char> body = last >= first ? literal.AsSpan(first, last - first) : literal.AsSpan(first);
        if (!body.Contains('\\'))
            return body.ToString();
        var text = new StringBuilder(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\' || i + 1 == body.Length)
            {
                text.Append(body[i]);
                continue;
            }
            char escape = body[++i];
            switch (escape)
            {
                case 'n': text.Append('\n'); break;
                case 't': text.Append('\t'); break;
                case 'r': text.Append('\r'); break;
                case 'a': text.Append('\a'); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                case 'v': text.Append('\v'); break;
                case 'e' or 'E': text.Append('\x1b'); break;
                case >= '0' and <= '7':
                    int octal = escape - '0';
                    for (int k = 0; k < 2 && i + 1 < body.Length && body[i + 1] is >= '0' and <= '7'; k++)
                        octal = octal * 8 + body[++i] - '0';
                    text.Append((char)octal);
                    break;
                case 'x':
                    int code = 0;
                    while (i + 1 < body.Length && char.IsAsciiHexDigit(body[i + 1]))
                        code = (code << 4) | HexValue(body[++i]);
                    text.Append((char)code);
                    break;
                default: text.Append(escape); break;
            }
        }
        return text.ToString();
    }

    private static int HexValue(char c) => c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
