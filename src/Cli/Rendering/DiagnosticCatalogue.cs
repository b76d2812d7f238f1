// All diagnostics there are, for --explain, for the rules of SARIF and for the names behind -W. One line per area.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Frontend.Lowering;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Rendering;

public static class DiagnosticCatalogue
{
    private static IReadOnlyList<IReadOnlyList<DiagnosticDescriptor>> Areas =>
    [
        CliDiagnostics.All,
        LoweringDiagnostics.All,
        VerifierDiagnostics.All,
    ];

    public static IEnumerable<DiagnosticDescriptor> All
    {
        get
        {
            foreach (IReadOnlyList<DiagnosticDescriptor> area in Areas)
            {
                foreach (DiagnosticDescriptor row in area)
                    yield return row;
            }
        }
    }

    public static DiagnosticDescriptor? Find(string id)
    {
        foreach (DiagnosticDescriptor row in All)
        {
            if (row.Id.Equals(id, StringComparison.OrdinalIgnoreCase))
                return row;
        }
        return null;
    }
}
