// What running refuses besides captures: codes 7020 to 7099.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Cli.Running;

public static class RunDiagnostics
{
    public static readonly DiagnosticDescriptor NoProgram = Error("EBC7020", "there is no program '{0}'; there are: {1}",
        "Programs are named by their function or their section.");

    public static readonly DiagnosticDescriptor Fault = Error("EBC7022", "program '{0}' failed: {1}",
        "The sandbox stopped the program: it accessed memory that is not its own, ran out of fuel or called a helper wrongly.");

    public static readonly DiagnosticDescriptor EngineUnavailable = Error("EBC7023", "engine '{0}' cannot be used: {1}",
        "The engine needs something that this machine does not have.");

    public static readonly DiagnosticDescriptor EnginesDiffer = Error("EBC7024", "engines differ: {0}",
        "Two engines gave different results for the same program and input. One of them has a defect; please report it with the program and the input.");

    public static readonly DiagnosticDescriptor RunRefused = Error("EBC7025", "the test run was refused: {0}",
        "The kernel refuses such test runs with the same error: the packet is shorter than an Ethernet header or too long, or the context sets a field that cannot be set.");

    public static readonly DiagnosticDescriptor BadMapFile = Error("EBC7026", "map '{0}': {1}",
        "A map file is a JSON array of objects with 'key' and 'value': numbers, hexadecimal strings, IPv4 addresses, arrays of bytes, or objects with the members of the map's C types.");

    public static readonly DiagnosticDescriptor BadHex = Error("EBC7027", "not hexadecimal: {0}",
        "Bytes are written as pairs of hexadecimal digits; spaces between them are allowed.");

    public static IReadOnlyList<DiagnosticDescriptor> All { get; } = [NoProgram, Fault, EngineUnavailable, EnginesDiffer, RunRefused, BadMapFile, BadHex];

    private static DiagnosticDescriptor Error(string id, string format, string explanation) => new(id, DiagnosticSeverity.Error, format, explanation);
}
