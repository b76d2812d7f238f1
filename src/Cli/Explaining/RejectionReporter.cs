// What the commands say of rejected programs: one for each input, because C that was compiled on the way knows more than an object.
using Ebpfcc.Cli.Options;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Explaining;

public sealed class RejectionReporter
{
    private readonly string _subject;
    private readonly CompiledSource? _compiled;
    private readonly SourceText? _text;
    private readonly CompileSettings _settings;
    private readonly CommandContext _context;

    /// <param name="subject">The input's name.</param>
    /// <param name="text">The C text, when the input was C.</param>
    /// <param name="product">What it was compiled to.</param>
    public RejectionReporter(string subject, SourceText? text, Product? product, CompileSettings settings, CommandContext context)
    {
        (_subject, _text, _settings, _context) = (subject, text, settings, context);
        if (product is { Compilation: { } compilation, Emitted: { } emitted })
            _compiled = new CompiledSource(compilation, emitted);
    }

    /// <summary>
    /// The rejection of a program as a diagnostic with its notes and, when one was found that verifies, its repair.
    /// </summary>
    /// <param name="options">What the program was verified with.</param>
    /// <param name="rejected">The names of the object's rejected programs, when more than one was verified.</param>
    /// <returns>The diagnostic and the map that its places belong to.</returns>
    public (Diagnostic Diagnostic, SourceMap Map) Describe(LoadedProgram program, Rejection rejection, VerifierOptions options, IReadOnlyCollection<string>? rejected = null)
    {
        SourceView source = _compiled ?? (SourceView)new ObjectSource([program]);
        ExplainedRejection explained = Explainer.Explain(program, rejection, options, source, _subject);
        Diagnostic diagnostic = explained.Diagnostic;
        if (_compiled is not null && _text is not null && _settings.SuggestFixes)
            diagnostic = diagnostic with { FixIts = new FixSearch(_text, _settings, _context, options).Find(explained, _compiled, rejected ?? [program.Name]) };
        return (diagnostic, source.Map);
    }
}
