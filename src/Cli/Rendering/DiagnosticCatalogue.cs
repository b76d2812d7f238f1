// All diagnostics there are, for --explain, for the rules of SARIF and for the names behind -W. One line per area.
using Ebpfcc.Backend.Ebpf;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Lowering;
using Ebpfcc.Frontend.Parsing;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Rendering;

public static class DiagnosticCatalogue
{
    private static IReadOnlyList<IReadOnlyList<DiagnosticDescriptor>> Areas =>
    [
        CliDiagnostics.All,
        PreprocessorDiagnostics.All,
        ParsingDiagnostics.All,
        BindingDiagnostics.All,
        LoweringDiagnostics.All,
        IrDiagnostics.All,
        BackendDiagnostics.All,
        VerifierDiagnostics.All,
        ObjectDiagnostics.All,
        LoaderDiagnostics.All,
        Runtime.Capture.CaptureDiagnostics.All,
        Running.RunDiagnostics.All,
        AssemblerDiagnostics.All,
        ClassicDiagnostics.All,
        Classic.ClassicTrialDiagnostics.All,
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
