// A rejection as a diagnostic: the kernel's words at the C expression, and the notes that the row of its family adds.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Runtime.Explanation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Explaining;

/// <summary>An explained rejection; <paramref name="Row"/> is null when no family recognised it.</summary>
internal sealed record ExplainedRejection(Diagnostic Diagnostic, Finding Finding, ExplanationRow? Row);

internal static class Explainer
{
    /// <param name="options">What the program was verified with.</param>
    /// <param name="subject">Printed in place of file and line where the source is not known.</param>
    public static ExplainedRejection Explain(LoadedProgram program, Rejection rejection, VerifierOptions options, SourceView source, string subject)
    {
        var finding = new Finding(program, rejection, RejectionTrace.Record(program, options), source);
        ExplanationRow? row = ExplanationTable.Find(finding);
        row?.Explain(finding);
        DiagnosticDescriptor family = row?.Family ?? VerifierDiagnostics.All.First(candidate => candidate.Id == rejection.Code);
        SourceSpan span = finding.Span;
        Diagnostic diagnostic = Diagnostic.Create(family, span, $"program '{program.Name}' is rejected: {rejection.Message.Replace("\n", "; ")}") with
        {
            Notes = finding.Notes,
            Subject = span.IsNone ? subject : null,
        };
        return new ExplainedRejection(diagnostic, finding, row);
    }
}
