// --fix: writes verified repairs into the C files, one after the other, until every program is accepted or none is left.
using System.Text;
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Explaining;

public static class FixApplication
{
    private const int MaximumRounds = 16;

    /// <summary>
    /// Repairs a C file on disk. What was changed is rendered as remarks; what is left to say about the file is left to the caller,
    /// who compiles it again.
    /// </summary>
    /// <returns>False when files could not be changed (rendered).</returns>
    public static bool Run(string input, CompileSettings settings, CommandContext context, IDiagnosticRenderer renderer)
    {
        if (input == "-")
        {
            renderer.Render([Diagnostic.Create(CliDiagnostics.CannotFix, SourceSpan.None, "standard input cannot be changed; name a file")], new SourceMap());
            return false;
        }
        for (int round = 0; round < MaximumRounds; round++)
        {
            var bag = new DiagnosticBag();
            if (ProgramInput.ReadSource(input, context, bag) is not { } text)
                return true;
            Product product = CompilePipeline.Run(text, settings, new RealFileSystem(), context, isQuiet: true);
            if (!product.Succeeded || product.Object is null)
                return true;
            product = Relowering.Apply(product, text, settings, context, settings.Verify ?? KernelVersion.V6_18);
            IReadOnlyList<Diagnostic> findings = ProductVerification.Check(product, text, settings, context, settings.Verify ?? KernelVersion.V6_18);
            if (findings.FirstOrDefault(static finding => finding.FixIts.Count > 0) is not { } repairable)
            {
                if (product.Compilation?.Tokens is { } tokens && findings.FirstOrDefault(finding => product.SourceMap.GetFile(finding.Span.Start) is { } file && tokens.SystemDependencies.Contains(file.Path)) is { } foreign)
                    renderer.Render([Diagnostic.Create(CliDiagnostics.CannotFix, foreign.Span, "the rejected expression stands in a header of the system")], product.SourceMap);
                else if (round == 0 && findings.Count > 0)
                    renderer.Render([Diagnostic.Create(CliDiagnostics.NothingFixed, SourceSpan.None, "no repair was found that verifies") with { Subject = input }], new SourceMap());
                return true;
            }
            if (!Write(repairable, product.SourceMap, renderer))
                return false;
        }
        return true;
    }

    private static bool Write(Diagnostic diagnostic, SourceMap map, IDiagnosticRenderer renderer)
    {
        foreach (IGrouping<SourceText, FixIt> file in diagnostic.FixIts.GroupBy(fix => map.GetFile(fix.Span.Start)!))
        {
            var text = new StringBuilder(file.Key.Content);
            foreach (FixIt fix in file.OrderByDescending(fix => fix.Span.Start.Position))
            {
                int start = map.GetFilePosition(fix.Span.Start)!.Value.Offset, length = fix.Span.End.Position - fix.Span.Start.Position;
                text.Remove(start, length).Insert(start, fix.Replacement);
            }
            // The file still is what was compiled, byte for byte, so that nothing but the repair changes in it.
            byte[]? now = InputFile.Read(file.Key.Path, out string? unreadable);
            if (now is null || !now.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(file.Key.Content)))
            {
                renderer.Render([Diagnostic.Create(CliDiagnostics.CannotFix, SourceSpan.None, unreadable ?? "it has changed meanwhile, or is not UTF-8") with { Subject = file.Key.Path }], map);
                return false;
            }
            if (AtomicFile.Write(file.Key.Path, Encoding.UTF8.GetBytes(text.ToString())) is { } error)
            {
                renderer.Render([Diagnostic.Create(CliDiagnostics.CannotWrite, SourceSpan.None, error) with { Subject = file.Key.Path }], map);
                return false;
            }
        }
        renderer.Render([Diagnostic.Create(CliDiagnostics.Fixed, diagnostic.FixIts[0].Span, diagnostic.FixIts[0].Description)], map);
        return true;
    }
}
