// One way for all tests of the front end's syntax half to run it on text.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Parsing;
using Ebpfcc.Frontend.Preprocessing;

namespace Ebpfcc.Frontend.Tests;

internal sealed record FrontendRun(PreprocessedSource Source, SourceMap Map, DiagnosticBag Bag)
{
    public static FrontendRun Preprocess(string text, PreprocessorOptions? options = null, IFileSystem? files = null, DiagnosticBag? bag = null, string path = "main.c")
    {
        var map = new SourceMap();
        bag ??= new DiagnosticBag();
        PreprocessedSource source = Preprocessor.Process(new SourceText(path, text), options ?? new PreprocessorOptions(), files ?? new MemoryFileSystem(), map, bag);
        return new FrontendRun(source, map, bag);
    }

    public SyntaxTree Parse()
    {
        SyntaxTree tree = SyntaxTree.Create(Source, Bag);
        tree.ParseAll();
        return tree;
    }

    /// <summary>The expanded tokens, one blank between each two.</summary>
    public string TokenText
    {
        get
        {
            var words = new List<string>();
            foreach (PpToken token in Source.Tokens)
            {
                if (token.Kind is not (PpTokenKind.EndOfFile or PpTokenKind.Pragma))
                    words.Add(Source.Names.GetText(token));
            }
            return string.Join(' ', words);
        }
    }

    /// <summary>Diagnostics as the command line would print their first lines.</summary>
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
