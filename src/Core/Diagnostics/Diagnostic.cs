// Diagnostics as values: produced by every stage, rendered only by the command line or the embedder.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Core.Diagnostics;

/// <summary>A secondary remark attached to a diagnostic ("previous declaration is here").</summary>
public sealed record DiagnosticNote(string Message, SourceSpan Span);

/// <summary>A suggested edit: replace the characters of <paramref name="Span"/> (possibly empty) by <paramref name="Replacement"/>.</summary>
public sealed record FixIt(string Description, SourceSpan Span, string Replacement)
{
    /// <summary>With all edits of its diagnostic made, the program was compiled and accepted by the verifier.</summary>
    public bool IsVerified { get; init; }
}

/// <summary>One reported condition with its place, its notes and its suggested edits.</summary>
public sealed record Diagnostic(
    DiagnosticDescriptor Descriptor,
    DiagnosticSeverity Severity,
    SourceSpan Span,
    string Message)
{
    public IReadOnlyList<DiagnosticNote> Notes { get; init; } = [];

    public IReadOnlyList<FixIt> FixIts { get; init; } = [];

    /// <summary>A file without text positions (a corrupt object, a missing input), printed in place of file:line:col.</summary>
    public string? Subject { get; init; }

    public string Id => Descriptor.Id;

    public static Diagnostic Create(DiagnosticDescriptor descriptor, SourceSpan span, params ReadOnlySpan<object?> arguments)
        => new(descriptor, descriptor.Severity, span, string.Format(System.Globalization.CultureInfo.InvariantCulture, descriptor.Format, arguments));
}
