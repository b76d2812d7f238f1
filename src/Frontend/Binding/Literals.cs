// Reads numbers, characters and strings as spelled (C11 6.4.4, 6.4.5, with GNU's binary constants and \e).
using System.Text;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Symbols;

namespace Ebpfcc.Frontend.Binding;

public enum NumberProblem : byte { None, Floating, InvalidDigit, InvalidSuffix, TooLarge, NoDigits, ImplicitlyUnsigned }

public static class Literals
{
    /// <summary>The value and type of an integer constant, or what is wrong with it.</summary>
    public static NumberProblem ParseNumber(ReadOnlySpan<char> text, out ulong value, out TypeSymbol type)
    {
        value = 0;
        type = IntegerType.Int;
        int radix = 10, at = 0;
        if (text.Length > 1 && text[0] == '0')
        {
            char mark = (char)(text[1] | 0x20);
            radix = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
            at = radix == 8 ? 1 : 2;
        }
        if (IsFloating(text, radix))
        {
            type = (text[^1] | 0x20) switch { 'f' when radix != 16 || text.IndexOfAny('p', 'P') >= 0 => FloatType.Float, 'l' => FloatType.LongDouble, _ => FloatType.Double };
            return NumberProblem.Floating;
        }
        int first = at;
        bool overflow = false;
        for (; at < text.Length; at++)
        {
            int digit = Digit(text[at]);
            if (digit < 0 || digit >= (radix == 16 ? 16 : 10))
                break;
            if (digit >= radix)
                return NumberProblem.InvalidDigit;
            UInt128 next = ((UInt128)value * (uint)radix) + (uint)digit;
            overflow |= next > ulong.MaxValue;
            value = (ulong)next;
        }
        if (at == first && (radix is 16 or 2))
            return NumberProblem.NoDigits;
        bool isUnsigned = false;
        int longs = 0;
        ReadOnlySpan<char> suffix = text[at..];
        while (suffix.Length > 0)
        {
            if ((suffix[0] | 0x20) == 'u' && !isUnsigned)
            {
                isUnsigned = true;
                suffix = suffix[1..];
            }
            else if ((suffix[0] | 0x20) == 'l' && longs == 0)
            {
                longs = suffix.Length > 1 && suffix[1] == suffix[0] ? 2 : 1;
                suffix = suffix[longs..];
            }
            else
            {
                return NumberProblem.InvalidSuffix;
            }
        }
        if (overflow)
            return NumberProblem.TooLarge;
        // C11 6.4.4.1: the first type of the list that holds the value; decimal constants do not become unsigned by themselves.
        bool mayBeUnsigned = isUnsigned || radix != 10;
        if (longs == 0 && !isUnsigned && value <= int.MaxValue)
            type = IntegerType.Int;
        else if (longs == 0 && mayBeUnsigned && value <= uint.MaxValue)
            type = IntegerType.UnsignedInt;
        else if (longs < 2 && !isUnsigned && value <= long.MaxValue)
            type = IntegerType.Long;
        else if (longs < 2 && mayBeUnsigned)
            type = IntegerType.UnsignedLong;
        else if (longs == 2 && !isUnsigned && value <= long.MaxValue)
            type = IntegerType.LongLong;
        else if (longs == 2)
            type = IntegerType.UnsignedLongLong;
        else
            type = IntegerType.UnsignedLong;
        return !mayBeUnsigned && value > long.MaxValue ? NumberProblem.ImplicitlyUnsigned : NumberProblem.None;
    }

    /// <summary>The value of a floating constant; hexadecimal ones have a binary exponent.</summary>
    public static double ParseFloating(ReadOnlySpan<char> text)
    {
        bool isHexadecimal = text.Length > 1 && text[0] == '0' && text[1] is 'x' or 'X';
        text = text.TrimEnd(isHexadecimal ? "lL" : "fFlL");
        if (!isHexadecimal)
            return double.TryParse(text, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out double value) ? value : 0;
        double mantissa = 0;
        int exponent = 0, at = 2;
        bool isFraction = false;
        for (; at < text.Length && text[at] is not ('p' or 'P'); at++)
        {
            if (text[at] == '.')
            {
                isFraction = true;
                continue;
            }
            mantissa = (mantissa * 16) + Math.Max(Digit(text[at]), 0);
            exponent -= isFraction ? 4 : 0;
        }
        if (at + 1 < text.Length && int.TryParse(text[(at + 1)..].TrimEnd("fF"), out int written))
            exponent += Math.Clamp(written, -5000, 5000);
        return Math.ScaleB(mantissa, exponent);
    }

    private static bool IsFloating(ReadOnlySpan<char> text, int radix)
        => text.Contains('.') || (radix == 16 ? text.IndexOfAny('p', 'P') >= 0 : radix != 2 && text.IndexOfAny('e', 'E') >= 0);

    private static int Digit(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'f' => c - 'a' + 10,
        >= 'A' and <= 'F' => c - 'A' + 10,
        _ => -1,
    };

    /// <summary>The element type that a prefix (<c>L u U u8</c>) asks for, and where the quote is.</summary>
    public static IntegerType ElementType(ReadOnlySpan<char> text, out int quote)
    {
        quote = text.IndexOfAny('"', '\'');
        return quote <= 0 ? IntegerType.Char : text[0] switch
        {
            'L' => IntegerType.Int,
            'U' => IntegerType.UnsignedInt,
            'u' when quote == 1 => IntegerType.UnsignedShort,
            _ => IntegerType.Char,
        };
    }

    /// <summary>Appends the elements of one literal; false when an escape is malformed or too large.</summary>
    public static bool Decode(ReadOnlySpan<char> text, IntegerType element, List<byte> bytes)
    {
        int at = text.IndexOfAny('"', '\'') + 1;
        int end = text.Length - 1;
        bool valid = true;
        while (at < end)
        {
            if (text[at] == '\\' && at + 1 < end)
            {
                valid &= TryEscape(text[..end], ref at, out uint value, out bool isCodePoint);
                if (isCodePoint)
                    valid &= AppendCodePoint(value, element, bytes);
                else
                    valid &= AppendElement(value, element, bytes);
                continue;
            }
            // The text is UTF-16; a byte that was no UTF-8 is kept, any other lone surrogate becomes the replacement character.
            bool isPair = at > 0 && char.IsHighSurrogate(text[at - 1]);
            if (!isPair && SourceEncoding.IsRawByte(text[at], out byte raw))
            {
                valid &= AppendElement(raw, element, bytes);
                at++;
                continue;
            }
            Rune.DecodeFromUtf16(text[at..end], out Rune rune, out int consumed);
            at += Math.Max(consumed, 1);
            valid &= AppendCodePoint((uint)rune.Value, element, bytes);
        }
        return valid;
    }

    private static bool AppendElement(uint value, IntegerType element, List<byte> bytes)
    {
        for (int i = 0; i < element.Size; i++)
            bytes.Add((byte)(value >> (8 * i)));
        return element.Size >= 4 || value >> (int)(element.Size * 8) == 0;
    }

    private static bool AppendCodePoint(uint value, IntegerType element, List<byte> bytes)
    {
        if (value > 0x10FFFF || value is >= 0xD800 and <= 0xDFFF)
            return false;
        var rune = new Rune(value);
        if (element.Size == 1)
        {
            Span<byte> utf8 = stackalloc byte[4];
            int count = rune.EncodeToUtf8(utf8);
            for (int i = 0; i < count; i++)
                bytes.Add(utf8[i]);
            return true;
        }
        if (element.Size == 2)
        {
            Span<char> utf16 = stackalloc char[2];
            int count = rune.EncodeToUtf16(utf16);
            for (int i = 0; i < count; i++)
                AppendElement(utf16[i], element, bytes);
            return true;
        }
        return AppendElement(value, element, bytes);
    }

    private static bool TryEscape(ReadOnlySpan<char> text, ref int at, out uint value, out bool isCodePoint)
    {
        isCodePoint = false;
        char mark = text[at + 1];
        at += 2;
        switch (mark)
        {
            case 'n': value = 10; return true;
            case 't': value = 9; return true;
            case 'r': value = 13; return true;
            case 'a': value = 7; return true;
            case 'b': value = 8; return true;
            case 'f': value = 12; return true;
            case 'v': value = 11; return true;
            case 'e' or 'E': value = 27; return true;
            case '\\' or '\'' or '"' or '?': value = mark; return true;
            case 'x':
            {
                ulong number = 0;
                int first = at;
                while (at < text.Length && Digit(text[at]) >= 0)
                    number = Math.Min((number << 4) + (uint)Digit(text[at++]), uint.MaxValue + 1UL);
                value = (uint)number;
                return at > first && number <= uint.MaxValue;
            }
            case 'u' or 'U':
            {
                int length = mark == 'u' ? 4 : 8;
                ulong number = 0;
                int first = at;
                while (at < text.Length && at - first < length && Digit(text[at]) >= 0)
                    number = (number << 4) + (uint)Digit(text[at++]);
                value = (uint)number;
                isCodePoint = true;
                return at - first == length;
            }
            case >= '0' and <= '7':
            {
                value = (uint)(mark - '0');
                for (int count = 1; count < 3 && at < text.Length && text[at] is >= '0' and <= '7'; count++)
                    value = (value * 8) + (uint)(text[at++] - '0');
                return true;
            }
            default:
                value = mark;
                return false;
        }
    }
}
