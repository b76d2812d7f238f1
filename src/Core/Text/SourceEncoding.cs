// Source files are UTF-8. Bytes that are not (Latin-1 in an old string literal) must reach the object file unchanged, so each
// becomes a lone surrogate U+DC80..U+DCFF, which no valid UTF-8 decodes to, and literals turn it back into its byte.
using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Ebpfcc.Core.Text;

/// <summary>Decodes source text without losing a byte.</summary>
public static class SourceEncoding
{
    /// <summary>The text of a file; a byte order mark in front is left out.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith("\uFEFF"u8))
            bytes = bytes[3..];
        if (Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder(bytes.Length);
        Span<char> units = stackalloc char[2];
        while (bytes.Length > 0)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int consumed) == OperationStatus.Done)
            {
                text.Append(units[..rune.EncodeToUtf16(units)]);
            }
            else
            {
                consumed = 1;
                text.Append((char)(0xDC00 + bytes[0]));
            }
            bytes = bytes[consumed..];
        }
        return text.ToString();
    }

    /// <summary>True when the character stands for a byte that was no UTF-8.</summary>
    public static bool IsRawByte(char c, out byte value)
    {
        value = (byte)c;
        return c is >= '\uDC80' and <= '\uDCFF';
    }
}
