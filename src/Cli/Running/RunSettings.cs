// What the command line of 'run' asks for.
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Options;

namespace Ebpfcc.Cli.Running;

internal sealed class RunSettings
{
    public string? File { get; set; }
    public string? Program { get; set; }
    public string Engine { get; set; } = "interp";
    public string? DataIn { get; set; }
    public string? DataOut { get; set; }
    public int? DataSizeOut { get; set; }
    public string? DataHex { get; set; }
    public string? ContextIn { get; set; }
    public string? ContextOut { get; set; }
    public int Repeat { get; set; } = 1;
    public string? Capture { get; set; }
    public bool IsFromPacketSocket { get; set; }
    public int? Packets { get; set; }
    public string? CaptureOut { get; set; }
    public string? FilterVerdict { get; set; }
    public List<(string Map, string File)> Maps { get; } = [];
    public bool DumpMaps { get; set; }
    public long Fuel { get; set; } = 100_000_000;
    public bool Unverified { get; set; }
    public bool Trace { get; set; }
    public bool Json { get; set; }
    public bool Help { get; set; }

    /// <summary>The compiler's options, for input in C.</summary>
    public CompileSettings Compile { get; } = new();

    private static OptionRow<RunSettings> Row(string group, string name, string argument, string help, Func<RunSettings, string, string?> apply)
        => new(group, [name], OptionForm.EqualsOrSeparate, argument, help, apply);

    private static OptionRow<RunSettings> Flag(string group, string name, string help, Action<RunSettings> apply) => new(group, [name], OptionForm.Flag, null, help, (settings, _) =>
    {
        apply(settings);
        return null;
    });

    private static Func<RunSettings, string, string?> Text(Action<RunSettings, string> apply) => (settings, text) =>
    {
        apply(settings, text);
        return null;
    };

    private static Func<RunSettings, string, string?> Number(Action<RunSettings, long> apply, long minimum) => (settings, text) =>
    {
        if (!long.TryParse(text, out long number) || number < minimum)
            return $"'{text}' is no number of at least {minimum}";
        apply(settings, number);
        return null;
    };

    public static OptionRow<RunSettings>[] Options { get; } =
    [
        Row("Program", "--prog", "NAME", "run this program (function or section name); the first one without it", Text((s, text) => s.Program = text)),
        Row("Program", "--engine", "ENGINE", "interp (default), x64, arm32, kernel, or all: run every engine and compare", Text((s, text) => s.Engine = text)),
        Flag("Program", "--unverified", "run without the verifier, in a sandbox that checks every access", s => s.Unverified = true),
        Row("Program", "--fuel", "N", "instructions before a sandboxed program is stopped (100000000)", Number((s, n) => s.Fuel = n, 1)),
        Row("Input", "--data-in", "FILE", "the packet, or the memory of a raw program ('-': standard input)", Text((s, text) => s.DataIn = text)),
        Row("Input", "--data-hex", "HEX", "the same as hexadecimal text", Text((s, text) => s.DataHex = text)),
        Row("Input", "--ctx-in", "FILE", "the UAPI context to start from", Text((s, text) => s.ContextIn = text)),
        Row("Input", "--pcap", "FILE", "run once for each packet of a pcap or pcapng capture", Text((s, text) => s.Capture = text)),
        Flag("Input", "--packet-socket", "socket filters see packets from the link-layer header on, as tcpdump's do; otherwise as in the kernel's test runs", s => s.IsFromPacketSocket = true),
        Row("Input", "--packets", "N", "with --pcap: replay the capture until N packets have run, and report packets a second", Number((s, n) => s.Packets = (int)Math.Min(n, 100_000_000), 1)),
        Row("Input", "--repeat", "N", "run N times on the same buffer and report the average time", Number((s, n) => s.Repeat = (int)Math.Min(n, int.MaxValue), 1)),
        Row("Input", "--map", "NAME=FILE.json", "fill a map before running (FILE.maps.json beside the input is read without being asked)", (s, text) =>
        {
            int equals = text.IndexOf('=');
            if (equals <= 0)
                return $"'{text}' is not NAME=FILE";
            s.Maps.Add((text[..equals], text[(equals + 1)..]));
            return null;
        }),
        Row("Output", "--data-out", "FILE", "write the packet as it is afterwards ('-': standard output, as hexadecimal text)", Text((s, text) => s.DataOut = text)),
        Row("Output", "--data-size-out", "N", "write at most N bytes of it", Number((s, n) => s.DataSizeOut = (int)Math.Min(n, int.MaxValue), 0)),
        Row("Output", "--ctx-out", "FILE", "write the context as it is afterwards", Text((s, text) => s.ContextOut = text)),
        Row("Output", "--pcap-out", "FILE", "write the packets as they are afterwards", Text((s, text) => s.CaptureOut = text)),
        Row("Output", "--filter-verdict", "V", "write only packets with this verdict (pass, XDP_PASS, 2)", Text((s, text) => s.FilterVerdict = text)),
        Flag("Output", "--dump-maps", "print the maps afterwards", s => s.DumpMaps = true),
        Flag("Output", "--trace", "print what bpf_printk writes", s => s.Trace = true),
        Flag("Output", "--json", "print one JSON document", s => s.Json = true),
        new("Output", ["--help", "-h"], OptionForm.Flag, null, "show this help", (s, _) =>
        {
            s.Help = true;
            return null;
        }),
        .. ProgramInput.CompileRows<RunSettings>(settings => settings.Compile),
    ];
}
