// Format strings of bpf_snprintf and its like: checked when they are constants of the program.
namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    /// <summary>bpf_snprintf: the format is a constant string, the data an array of 64-bit words, one for each conversion.</summary>
    private unsafe void CheckFormat(CallContext call)
    {
        _ = call;
        ref RegisterState format = ref _registers[3];
        ulong size = _registers[5].Value.Bits.Value;
        if (size % 8 != 0)
            throw Reject("Invalid format string");
        int offset = format.Offset + (int)format.Value.Bits.Value;
        byte* text = _program.Maps[format.Target].DirectValue((uint)offset);
        if (text is null)
            throw Reject("Invalid format string");
        var bytes = new ReadOnlySpan<byte>(text, MapOf(in format).ValueSize - offset);
        if (CountConversions(bytes[..bytes.IndexOf((byte)0)]) is not { } conversions || conversions > (int)(size / 8))
            throw Reject("Invalid format string");
    }

    /// <summary>The number of arguments a format consumes; null when it is malformed.</summary>
    private static int? CountConversions(ReadOnlySpan<byte> format)
    {
        int count = 0;
        for (int i = 0; i < format.Length; i++)
        {
            byte c = format[i];
            if (c >= 0x80 || (c < 0x20 && c is not ((byte)'\t' or (byte)'\n' or (byte)'\v' or (byte)'\f' or (byte)'\r')))
                return null;
            if (c != '%')
                continue;
            if (++i >= format.Length)
                return null;
            if (format[i] == '%')
                continue;
            while (i < format.Length && format[i] is (byte)'0' or (byte)'+' or (byte)'-' or (byte)' ')
                i++;
            while (i < format.Length && format[i] is >= (byte)'0' and <= (byte)'9')
                i++;
            if (i >= format.Length)
                return null;
            count++;
            if (format[i] == 'p')
            {
                if (i + 1 < format.Length && format[i + 1] is (byte)'k' or (byte)'u' && i + 2 < format.Length && format[i + 2] == 's')
                    i += 2;
                else if (i + 1 < format.Length && format[i + 1] is (byte)'K' or (byte)'x' or (byte)'s' or (byte)'S' or (byte)'B')
                    i++;
                else if (i + 2 < format.Length && format[i + 1] is (byte)'i' or (byte)'I' && format[i + 2] is (byte)'4' or (byte)'6')
                    i += 2;
                else if (i + 1 < format.Length && !(format[i + 1] is (byte)' ' or (byte)'%' or (byte)'\n' or (byte)'\t' || char.IsPunctuation((char)format[i + 1])))
                    return null;
                continue;
            }
            if (format[i] is (byte)'s' or (byte)'c')
                continue;
            int longs = 0;
            while (i < format.Length && format[i] == 'l' && longs < 2)
            {
                i++;
                longs++;
            }
            if (i >= format.Length || format[i] is not ((byte)'i' or (byte)'d' or (byte)'u' or (byte)'x' or (byte)'X'))
                return null;
        }
        return count;
    }
}
