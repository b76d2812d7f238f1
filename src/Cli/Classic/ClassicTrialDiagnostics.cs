// What the command for classic BPF refuses besides what its parts refuse.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Cli.Classic;

public static class ClassicTrialDiagnostics
{
    public static readonly DiagnosticDescriptor NoPcap = new("EBC8530", DiagnosticSeverity.Error, "expressions cannot be compiled: {0}",
        "Expressions such as 'tcp port 80' are compiled by libpcap, which tcpdump uses too (Debian: libpcap0.8). Without it, give the program itself: 'tcpdump -d' prints it on a machine that has it.");

    public static readonly DiagnosticDescriptor BadExpression = new("EBC8531", DiagnosticSeverity.Error, "libpcap refuses the expression: {0}",
        "The language is that of tcpdump, described in pcap-filter(7). The message is libpcap's.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } = [NoPcap, BadExpression];
}
