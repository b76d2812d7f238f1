// Turns diagnostics into text for people or machines.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Cli.Rendering;

public interface IDiagnosticRenderer
{
    /// <summary>Takes the diagnostics of one compilation.</summary>
    void Render(IReadOnlyList<Diagnostic> diagnostics, SourceMap map);

    /// <summary>Everything has been rendered.</summary>
    void Finish();
}
