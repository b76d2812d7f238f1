// What readers of captures refuse: codes 7000 to 7019.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Runtime.Capture;

public static class CaptureDiagnostics
{
    public static readonly DiagnosticDescriptor NotCapture = Error("EBC7000", "not a packet capture: {0}",
        "Captures are files in pcap or pcapng format, as tcpdump and Wireshark write them.");

    public static readonly DiagnosticDescriptor Corrupt = Error("EBC7001", "corrupt capture: {0}",
        "A length or a block of the file contradicts the file's size or format. It was cut off or damaged; the packets before the damage can be kept with 'editcap'.");

    public static readonly DiagnosticDescriptor WrongLink = Error("EBC7002", "the capture has link type {0}; programs take Ethernet frames (1)",
        "Packets are given to programs from their Ethernet header on. Captures of other links, such as raw IP or Linux cooked, cannot be used.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } = [NotCapture, Corrupt, WrongLink];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);

    internal static Diagnostic About(this DiagnosticDescriptor descriptor, string subject, params ReadOnlySpan<object?> arguments)
        => Diagnostic.Create(descriptor, SourceSpan.None, arguments) with { Subject = subject };
}
