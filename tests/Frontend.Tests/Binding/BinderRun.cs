// One way for all binder tests to get from C text to a bound unit.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Parsing;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Frontend.Tests.Binding;

internal sealed record BinderRun(BoundUnit Unit, SourceMap Map, DiagnosticBag Bag)
{
    public static BinderRun Bind(string text, WarningOptions? warnings = null, BinderOptions? options = null, PreprocessorOptions? preprocessing = null, IFileSystem? files = null, string path = "main.c")
    {
        FrontendRun run = FrontendRun.Preprocess(text, preprocessing, files, new DiagnosticBag(warnings) { ErrorLimit = 0 }, path);
        BoundUnit unit = Binder.Bind(SyntaxTree.Create(run.Source, run.Bag), run.Map, run.Bag, options);
        return new BinderRun(unit, run.Map, run.Bag);
    }

    public string Diagnostics
    {
        get
        {
            var lines = new List<string>();
            foreach (Diagnostic diagnostic in Bag.Items)
            {
                lines.Add($"{Map.GetFilePosition(diagnostic.Span.Start)}: {diagnostic.Severity.ToString().ToLowerInvariant()}: {diagnostic.Message} [{diagnostic.Id}]");
                foreach (DiagnosticNote note in diagnostic.Notes)
                    lines.Add($"{Map.GetFilePosition(note.Span.Start)}: note: {note.Message}");
            }
            return string.Join('\n', lines);
        }
    }
}
