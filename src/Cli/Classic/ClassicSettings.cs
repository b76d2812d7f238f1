// What the command line of 'cbpf' asks for.
using System.Globalization;
using Ebpfcc.Cli.Options;
using Ebpfcc.Runtime.Capture;

namespace Ebpfcc.Cli.Classic;

internal sealed class ClassicSettings
{
    /// <summary>The forms a filter can be written in.</summary>
    public static IReadOnlyList<string> Forms { get; } = ["ebpf", "c", "asm", "obj", "d", "dd", "ddd", "bytes"];

    /// <summary>Runs the classic program itself, in the reference interpreter.</summary>
    public const string ClassicEngine = "classic";

    public List<string> Words { get; } = [];
    public bool IsExpression { get; set; }
    public bool IsSeccomp { get; set; }
    public string? Form { get; set; }
    public string? Output { get; set; }
    public string Name { get; set; } = "filter";
    public string LinkType { get; set; } = "EN10MB";
    public int SnapLength { get; set; } = LibPcap.DefaultSnapLength;
    public bool Optimize { get; set; } = true;
    public string? Capture { get; set; }
    public string? CaptureOut { get; set; }
    public string? DataIn { get; set; }
    public string? DataHex { get; set; }
    public string Engine { get; set; } = "interp";
    public bool Bench { get; set; }
    public int Milliseconds { get; set; } = 50;
    public bool Json { get; set; }
    public bool Help { get; set; }

    public bool Runs => Capture is not null || DataIn is not null || DataHex is not null;

    private static OptionRow<ClassicSettings> Row(string group, string name, string argument, string help, Func<ClassicSettings, string, string?> apply)
        => new(group, [name], OptionForm.EqualsOrSeparate, argument, help, apply);

    private static OptionRow<ClassicSettings> Flag(string group, string[] names, string help, Action<ClassicSettings> apply) => new(group, names, OptionForm.Flag, null, help, (settings, _) =>
    {
        apply(settings);
        return null;
    });

    private static Func<ClassicSettings, string, string?> Text(Action<ClassicSettings, string> apply) => (settings, text) =>
    {
        apply(settings, text);
        return null;
    };

    private static Func<ClassicSettings, string, string?> Number(Action<ClassicSettings, int> apply, int lowest, int highest) => (settings, text) =>
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < lowest || number > highest)
            return $"'{text}' is no number from {lowest} to {highest}";
        apply(settings, number);
        return null;
    };

    public static OptionRow<ClassicSettings>[] Options { get; } =
    [
        Flag("Filter", ["--expression", "-e"], "the words are an expression, even where a file has that name", s => s.IsExpression = true),
        Flag("Filter", ["--seccomp"], "the filter is one of system calls: loads read struct seccomp_data", s => s.IsSeccomp = true),
        Row("Filter", "--link-type", "NAME", "what packets of the expression begin with, as tcpdump -y names it (EN10MB)", Text((s, text) => s.LinkType = text)),
        Row("Filter", "--snaplen", "N", "bytes that accepted packets return (262144)", Number((s, n) => s.SnapLength = n, 1, int.MaxValue)),
        Flag("Filter", ["--no-optimize", "-O"], "do not let libpcap optimise the expression", s => s.Optimize = false),
        Row("Output", "--to", "FORM", "ebpf (default): listing; c; asm; obj; or classic again: d, dd, ddd as of tcpdump, bytes", (s, text) =>
        {
            if (!Forms.Contains(text))
                return $"there is no form '{text}'; there are: {string.Join(", ", Forms)}";
            s.Form = text;
            return null;
        }),
        new("Output", ["-o"], OptionForm.JoinedOrSeparate, "FILE", "write to FILE; objects and bytes need it", Text((s, text) => s.Output = text)),
        Row("Output", "--name", "NAME", "the program's name (filter)", (s, text) =>
        {
            if (text.Length == 0 || char.IsAsciiDigit(text[0]) || !text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
                return $"'{text}' is no name of a C function";
            s.Name = text;
            return null;
        }),
        Row("Trying it", "--pcap", "FILE", "run the filter on each packet of a capture", Text((s, text) => s.Capture = text)),
        Row("Trying it", "--pcap-out", "FILE", "write the accepted packets", Text((s, text) => s.CaptureOut = text)),
        Row("Trying it", "--data-in", "FILE", "run on one packet, or one struct seccomp_data", Text((s, text) => s.DataIn = text)),
        Row("Trying it", "--data-hex", "HEX", "the same as hexadecimal text", Text((s, text) => s.DataHex = text)),
        Row("Trying it", "--engine", "ENGINE", "interp (default), x64, arm32, llvm; classic: the original; all: each of them, compared", Text((s, text) => s.Engine = text)),
        Flag("Trying it", ["--bench"], "measure engines and the original on the packets, or on one of zeros", s => s.Bench = true),
        Row("Trying it", "--time", "MS", "length of one measurement; the median of seven counts (50)", Number((s, n) => s.Milliseconds = n, 1, 60_000)),
        Flag("Trying it", ["--json"], "print one JSON document", s => s.Json = true),
        Flag("Trying it", ["--help", "-h"], "show this help", s => s.Help = true),
    ];
}
