// Format strings of bpf_trace_printk and bpf_snprintf: the conversions that the kernel's bpf_bprintf_prepare allows.
using System.Globalization;
using System.Text;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Helpers;

internal static unsafe class GuestFormat
{
    private const int MaxString = 512;

    /// <summary>Formats; 0 or a negative errno. With <paramref name="isExact"/> every argument must be used.</summary>
    public static int Format(ReadOnlySpan<byte> format, ulong* arguments, int count, bool isExact, out string text)
    {
        text = "";
        int end = format.IndexOf((byte)0);
        if (end < 0)
            return -Errno.EINVAL;
        format = format[..end];
        var output = new StringBuilder(format.Length + 16);
        int used = 0;
        for (int i = 0; i < format.Length; i++)
        {
            char c = (char)format[i];
            if (c >= 0x80 || c < ' ' && c is not ('\n' or '\t' or '\r' or '\v' or '\f' or '\b' or '\a'))
                return -Errno.EINVAL;
            if (c != '%')
            {
                output.Append(c);
                continue;
            }
            if (++i == format.Length)
                return -Errno.EINVAL;
            if (format[i] == '%')
            {
                output.Append('%');
                continue;
            }
            if (used == count)
                return -Errno.EINVAL;
            ulong argument = arguments[used++];
            bool isZeroPadded = false, isLeft = false, isAlternate = false, hasPlus = false;
            for (; i < format.Length && format[i] is (byte)'0' or (byte)'+' or (byte)'-' or (byte)' ' or (byte)'#'; i++)
            {
                isZeroPadded |= format[i] == '0';
                isLeft |= format[i] == '-';
                isAlternate |= format[i] == '#';
                hasPlus |= format[i] == '+';
            }
            int width = 0;
            for (; i < format.Length && format[i] is >= (byte)'0' and <= (byte)'9'; i++)
                width = Math.Min(width * 10 + format[i] - '0', 1000);
            if (i == format.Length)
                return -Errno.EINVAL;
            string piece;
            if (format[i] == 'p')
            {
                int length = Pointer(format[(i + 1)..], argument, out piece);
                if (length < 0)
                    return length;
                i += length;
            }
            else if (format[i] == 's')
            {
                piece = String(argument);
            }
            else if (format[i] == 'c')
            {
                piece = ((char)(byte)argument).ToString();
            }
            else
            {
                int bytes = 4;
                for (; i < format.Length && format[i] is (byte)'l' or (byte)'h'; i++)
                    bytes = format[i] == 'l' ? 8 : bytes == 2 ? 1 : 2;
                if (i == format.Length)
                    return -Errno.EINVAL;
                ulong mask = bytes == 8 ? ulong.MaxValue : (1UL << bytes * 8) - 1;
                long signed = (long)(argument << 64 - bytes * 8) >> 64 - bytes * 8;
                switch ((char)format[i])
                {
                    case 'd' or 'i':
                        piece = (hasPlus && signed >= 0 ? "+" : "") + signed.ToString(CultureInfo.InvariantCulture);
                        break;
                    case 'u':
                        piece = (argument & mask).ToString(CultureInfo.InvariantCulture);
                        break;
                    case 'x':
                        piece = (isAlternate ? "0x" : "") + (argument & mask).ToString("x");
                        break;
                    case 'X':
                        piece = (isAlternate ? "0X" : "") + (argument & mask).ToString("X");
                        break;
                    default:
                        return -Errno.EINVAL;
                }
            }
            if (isLeft)
                piece = piece.PadRight(width);
            else if (isZeroPadded && piece.StartsWith('-'))
                piece = "-" + piece[1..].PadLeft(Math.Max(width - 1, 0), '0');
            else
                piece = piece.PadLeft(width, isZeroPadded ? '0' : ' ');
            output.Append(piece);
        }
        if (isExact && used != count)
            return -Errno.EINVAL;
        text = output.ToString();
        return 0;
    }

    /// <summary>What stands behind %p; returns the characters consumed.</summary>
    private static int Pointer(ReadOnlySpan<byte> rest, ulong argument, out string piece)
    {
        piece = "";
        bool Is(ReadOnlySpan<byte> rest, string name) => rest.Length >= name.Length && Encoding.ASCII.GetString(rest[..name.Length]) == name;
        if (Is(rest, "i4") || Is(rest, "I4"))
        {
            uint address = (uint)SafeMemory.LoadOrZero(argument, 4);
            string format = rest[0] == 'i' ? "000" : "0";
            piece = string.Join('.', Enumerable.Range(0, 4).Select(n => ((byte)(address >> n * 8)).ToString(format, CultureInfo.InvariantCulture)));
            return 2;
        }
        if (Is(rest, "i6") || Is(rest, "I6"))
        {
            byte[] bytes = new byte[16];
            fixed (byte* to = bytes)
                SafeMemory.TryRead(to, argument, 16);
            string separator = rest[0] == 'i' ? "" : ":";
            piece = string.Join(separator, Enumerable.Range(0, 8).Select(n => $"{bytes[2 * n]:x2}{bytes[2 * n + 1]:x2}"));
            return 2;
        }
        if (Is(rest, "ks") || Is(rest, "us"))
        {
            piece = String(argument);
            return 2;
        }
        piece = argument.ToString(rest.Length > 0 && (char)rest[0] is 'K' or 'x' or 's' or 'S' or 'B' ? "x" : "x16");
        if (rest.Length > 0 && (char)rest[0] is 'K' or 'x' or 's' or 'S' or 'B')
            return 1;
        return rest.Length > 0 && char.IsAsciiLetterOrDigit((char)rest[0]) ? -Errno.EINVAL : 0;
    }

    private static string String(ulong address)
    {
        Span<byte> bytes = stackalloc byte[MaxString];
        fixed (byte* to = bytes)
        {
            int length = 0;
            for (; length < MaxString; length++)
            {
                if (!SafeMemory.TryRead(to + length, address + (ulong)length, 1) || to[length] == 0)
                    break;
            }
            return Encoding.UTF8.GetString(bytes[..length]);
        }
    }
}
