// The cases that a C file holds in comments, one a line:
//
//   //= prog NAME                        the cases that follow run this program (the file's first one without)
//   //= packet HEX -> VERDICT            a packet and what the program returns: a name (XDP_DROP, drop) or a number
//   //= packet HEX -> VERDICT HEX        and what it makes of the packet
//   //= pcap FILE -> VERDICT=N ...       a capture beside the C file and how often each verdict comes
//   //= reject TEXT                      the verifier refuses the program, with TEXT in its message
//
// Hexadecimal text may hold blanks; "*N" behind it repeats the last byte until the packet has N bytes.
namespace Ebpfcc.Cli.Testing;

internal enum TestKind { Packet, Capture, Reject }

/// <summary>One case.</summary>
/// <param name="File">The C file.</param>
/// <param name="Line">Where the case stands in it.</param>
/// <param name="Program">Which program, or null for the first.</param>
/// <param name="Input">Hexadecimal text or a file name.</param>
/// <param name="Expected">Verdict and output, verdict counts, or a piece of a message.</param>
internal sealed record TestCase(string File, int Line, string? Program, TestKind Kind, string Input, string Expected)
{
    private const string Mark = "//=";

    public string Name => $"{Program ?? "first program"}: {Kind.ToString().ToLowerInvariant()} {(Input.Length > 40 ? Input[..40] + "..." : Input)}".TrimEnd();

    /// <summary>The cases of a text; a line that cannot be read becomes an error.</summary>
    public static List<TestCase> Read(string file, string text, List<string> errors)
    {
        var cases = new List<TestCase>();
        string? program = null;
        int number = 0;
        foreach (string raw in text.Split('\n'))
        {
            number++;
            string line = raw.Trim();
            if (!line.StartsWith(Mark, StringComparison.Ordinal))
                continue;
            line = line[Mark.Length..].Trim();
            int blank = line.IndexOf(' ');
            string word = blank < 0 ? line : line[..blank], rest = blank < 0 ? "" : line[blank..].Trim();
            int arrow = rest.IndexOf("->", StringComparison.Ordinal);
            switch (word)
            {
                case "prog" when rest.Length > 0:
                    program = rest;
                    break;
                case "packet" when arrow > 0:
                    cases.Add(new TestCase(file, number, program, TestKind.Packet, rest[..arrow].Trim(), rest[(arrow + 2)..].Trim()));
                    break;
                case "pcap" when arrow > 0:
                    cases.Add(new TestCase(file, number, program, TestKind.Capture, rest[..arrow].Trim(), rest[(arrow + 2)..].Trim()));
                    break;
                case "reject" when rest.Length > 0:
                    cases.Add(new TestCase(file, number, program, TestKind.Reject, "", rest));
                    break;
                default:
                    errors.Add($"{file}:{number}: '{line}' is no case: there are prog NAME, packet HEX -> VERDICT [HEX], pcap FILE -> VERDICT=N ..., reject TEXT");
                    break;
            }
        }
        return cases;
    }

    /// <summary>The bytes of hexadecimal text with an optional length; null when it is none.</summary>
    public static byte[]? Bytes(string text)
    {
        int star = text.IndexOf('*'), length = -1;
        if (star >= 0 && (!int.TryParse(text.AsSpan(star + 1), out length) || length is < 0 or > 65536))
            return null;
        string digits = string.Concat((star < 0 ? text : text[..star]).Where(c => !char.IsWhiteSpace(c)));
        if (digits.Length % 2 != 0 || !digits.All(char.IsAsciiHexDigit))
            return null;
        byte[] bytes = Convert.FromHexString(digits);
        if (length <= bytes.Length)
            return length < 0 || length == bytes.Length ? bytes : null;
        byte fill = bytes.Length > 0 ? bytes[^1] : (byte)0;
        return [.. bytes, .. Enumerable.Repeat(fill, length - bytes.Length)];
    }
}

/// <summary>How a case came out; <see cref="Failure"/> is null when it is fine.</summary>
internal sealed record TestOutcome(TestCase Case, string Engine, string? Failure, TimeSpan Time);
