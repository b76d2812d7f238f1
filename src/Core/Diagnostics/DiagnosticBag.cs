// Collects the diagnostics of one compilation, applying the user's -W options.
using Ebpfcc.Core.Text;

namespace Ebpfcc.Core.Diagnostics;

/// <summary>Which warnings are on and which of them are errors (<c>-Wall -Wno-unused -Werror=...</c>).</summary>
public sealed class WarningOptions
{
    private readonly Dictionary<string, bool> _enabled = [];
    private readonly Dictionary<string, bool> _asError = [];

    /// <summary><c>-w</c>: no warnings at all.</summary>
    public bool SuppressAll { get; set; }

    /// <summary><c>-Werror</c>: every enabled warning is an error.</summary>
    public bool AllAsErrors { get; set; }

    public void Enable(string group, bool enabled) => _enabled[group] = enabled;

    public void TreatAsError(string group, bool asError) => _asError[group] = asError;

    /// <summary>The severity after options; null when the diagnostic is switched off.</summary>
    public DiagnosticSeverity? Apply(DiagnosticDescriptor descriptor)
    {
        if (descriptor.Severity != DiagnosticSeverity.Warning)
            return descriptor.Severity;
        if (SuppressAll)
            return null;
        string group = descriptor.WarningGroup ?? descriptor.Id;
        bool explicitError = _asError.TryGetValue(group, out bool asError);
        bool enabled = _enabled.TryGetValue(group, out bool on) ? on : descriptor.OnByDefault || (explicitError && asError);
        if (!enabled)
            return null;
        return (explicitError ? asError : AllAsErrors || descriptor.IsErrorByDefault) ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning;
    }
}

/// <summary>An append-only list of diagnostics. Stops collecting errors after <see cref="ErrorLimit"/> of them.</summary>
public sealed class DiagnosticBag(WarningOptions? options = null)
{
    private readonly List<Diagnostic> _items = [];
    private readonly WarningOptions _options = options ?? new WarningOptions();

    /// <summary>Errors kept before the rest is dropped, as gcc's <c>-fmax-errors</c>; 0 means no limit.</summary>
    public int ErrorLimit { get; set; } = 100;

    public int ErrorCount { get; private set; }

    public bool HasErrors => ErrorCount > 0;

    public IReadOnlyList<Diagnostic> Items => _items;

    public WarningOptions Options => _options;

    /// <summary>Called for each warning before it is kept; returning null drops it (<c>#pragma GCC diagnostic</c>).</summary>
    public Func<DiagnosticDescriptor, SourceLocation, DiagnosticSeverity?, DiagnosticSeverity?>? PragmaFilter { get; set; }

    public void Report(DiagnosticDescriptor descriptor, SourceSpan span, params ReadOnlySpan<object?> arguments)
        => Add(Diagnostic.Create(descriptor, span, arguments));

    public void Report(DiagnosticDescriptor descriptor, SourceLocation location, params ReadOnlySpan<object?> arguments)
        => Add(Diagnostic.Create(descriptor, SourceSpan.At(location), arguments));

    public void Add(Diagnostic diagnostic)
    {
        DiagnosticSeverity? severity = _options.Apply(diagnostic.Descriptor);
        if (PragmaFilter is not null && diagnostic.Descriptor.Severity == DiagnosticSeverity.Warning)
            severity = PragmaFilter(diagnostic.Descriptor, diagnostic.Span.Start, severity);
        if (severity is not { } kept)
            return;
        if (kept == DiagnosticSeverity.Error)
        {
            ErrorCount++;
            if (ErrorLimit > 0 && ErrorCount > ErrorLimit)
                return;
        }
        _items.Add(diagnostic with { Severity = kept });
    }
}
