// Looks for a repair that works: each candidate is applied to the text in memory, compiled with the same options and verified.
// When it only moves the rejection elsewhere, the search goes on from there, so that a program with three missing checks gets
// one repair of three parts. Bounded by a number of compilations; nothing is offered that was not accepted.
using System.Text;
using Ebpfcc.Cli.Options;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Explaining;

internal sealed class FixSearch(SourceText main, CompileSettings settings, CommandContext context, VerifierOptions options)
{
    private const int MaximumAttempts = 48;
    private const int MaximumDepth = 6;

    /// <summary>Instructions the verifier may process for all attempts together.</summary>
    private const long MaximumProcessed = 6_000_000;

    private readonly HashSet<string> _broken = new(StringComparer.Ordinal);
    private int _attempts;
    private long _processed;

    /// <summary>The texts that differ from the files, by path.</summary>
    private sealed record Texts(string Main, IReadOnlyDictionary<string, string> Others, IReadOnlyList<string> Descriptions);

    /// <summary>What became of an attempt: accepted, or the rejection that is left of the program in question.</summary>
    private sealed record Outcome(bool IsAccepted, ExplainedRejection? Left, CompiledSource? Source);

    /// <summary>Edits of the main file and user's headers that make the rejected program acceptable; empty when none were found.</summary>
    /// <param name="alsoRejected">Programs of the object that are rejected as it is; others must stay accepted.</param>
    public IReadOnlyList<FixIt> Find(ExplainedRejection rejection, CompiledSource source, IEnumerable<string> alsoRejected)
    {
        _broken.UnionWith(alsoRejected);
        var start = new Texts(main.Content, new Dictionary<string, string>(), []);
        return Search(rejection, source, start, 0) is { } found ? Describe(found, source) : [];
    }

    private Texts? Search(ExplainedRejection rejection, CompiledSource source, Texts texts, int depth)
    {
        if (depth >= MaximumDepth || rejection.Row?.Repair is not { } repair || SiteOf(rejection.Finding, source) is not { } site)
            return null;
        var progress = new List<(Texts Texts, Outcome Outcome)>();
        var tried = new HashSet<string>(StringComparer.Ordinal);
        foreach (FixCandidate candidate in repair(rejection.Finding, site))
        {
            if (_attempts >= MaximumAttempts || _processed >= MaximumProcessed)
                break;
            if (Apply(candidate, texts, source) is not { } changed || !tried.Add(changed.Main + string.Concat(changed.Others.Values)))
                continue;
            Outcome? outcome = Attempt(changed, rejection.Finding.Program.Name);
            if (outcome is null)
                continue;
            if (outcome.IsAccepted)
                return changed;
            if (outcome.Left is { } left && IsElsewhere(rejection, left))
                progress.Add((changed, outcome));
        }
        foreach ((Texts next, Outcome outcome) in progress.Take(2))
        {
            if (Search(outcome.Left!, outcome.Source!, next, depth + 1) is { } found)
                return found;
        }
        return null;
    }

    /// <summary>The rejected expression, or the program's function when the rejection is about the whole of it.</summary>
    private static FixSite? SiteOf(Finding finding, CompiledSource source)
    {
        if (finding.Node is { } node && FixSite.Of(source, node) is { } site)
            return site;
        return source.FindFunction(finding.Program.Name) is { Body: { } body } ? FixSite.Of(source, body) : null;
    }

    /// <summary>Another mistake than the one before, not the same one in new clothes.</summary>
    private static bool IsElsewhere(ExplainedRejection before, ExplainedRejection after)
        => before.Finding.Rejection.Code != after.Finding.Rejection.Code
            || before.Finding.Source.TextOf(before.Finding.Program, before.Finding.Rejection.Slot) != after.Finding.Source.TextOf(after.Finding.Program, after.Finding.Rejection.Slot);

    private Texts? Apply(FixCandidate candidate, Texts texts, CompiledSource source)
    {
        string changedMain = texts.Main;
        var others = new Dictionary<string, string>(texts.Others, StringComparer.Ordinal);
        foreach (IGrouping<string, TextEdit> file in candidate.Edits.GroupBy(static edit => edit.File.Path))
        {
            bool isMain = file.Key == main.Path;
            if (!isMain && (source.Compilation.Tokens is not { } tokens || tokens.SystemDependencies.Contains(file.Key) || !tokens.Dependencies.Contains(file.Key)))
                return null;
            var text = new StringBuilder(file.First().File.Content);
            int last = int.MaxValue;
            foreach (TextEdit edit in file.Select(static (edit, order) => (Edit: edit, Order: order)).OrderByDescending(static entry => entry.Edit.Start).ThenByDescending(static entry => entry.Order).Select(static entry => entry.Edit))
            {
                if (edit.Start + edit.Length > last)
                    return null;
                last = edit.Start;
                text.Remove(edit.Start, edit.Length).Insert(edit.Start, edit.Text);
            }
            if (isMain)
                changedMain = text.ToString();
            else
                others[file.Key] = text.ToString();
        }
        return new Texts(changedMain, others, [.. texts.Descriptions, candidate.Description]);
    }

    /// <summary>Compiles and verifies; null when the text does not compile or another program is rejected now.</summary>
    private Outcome? Attempt(Texts texts, string program)
    {
        _attempts++;
        var files = new OverlaidFiles(texts.Others);
        Product product = CompilePipeline.Run(new SourceText(main.Path, texts.Main), settings, files, context, isQuiet: true);
        if (!product.Succeeded || product.Object is not { } image || product.Emitted is not { } emitted)
            return null;
        var bag = new DiagnosticBag();
        using LoadedObject? loaded = ObjectReader.Read(image, main.Path, bag) is { } read ? ProgramLoader.Load(read, new LoadOptions { Subject = main.Path, DescribeUnimplementedMaps = true }, bag) : null;
        if (loaded is null || bag.HasErrors || loaded.Failures.Any(failure => !_broken.Contains(failure.Name)))
            return null;
        LoadedProgram? subject = null;
        Rejection? rejection = null;
        foreach (LoadedProgram each in loaded.Programs)
        {
            if (each.Name != program && _broken.Contains(each.Name))
                continue;
            VerificationResult result = Verifier.Verify(each, options);
            _processed += result.Statistics.ProcessedInstructions;
            if (each.Name == program)
                (subject, rejection) = (each, result.Rejection);
            else if (!result.IsAccepted)
                return null;
        }
        if (subject is null)
            return null;
        if (rejection is null)
            return new Outcome(true, null, null);
        var source = new CompiledSource(product.Compilation!, emitted);
        return new Outcome(false, Explainer.Explain(subject, rejection, options, source, main.Path), source);
    }

    /// <summary>The differences between the files and the accepted texts, stretch by stretch of lines.</summary>
    private List<FixIt> Describe(Texts found, CompiledSource source)
    {
        string description = string.Join(", then ", found.Descriptions.Distinct());
        var fixes = new List<FixIt>();
        Add(main.Path, main.Content, found.Main);
        foreach ((string path, string text) in found.Others)
        {
            if (new RealFileSystem().ReadFile(path, out _) is { } original)
                Add(path, original, text);
        }
        return fixes;

        void Add(string path, string before, string after)
        {
            foreach ((int start, int length, string text) in LineDifference.Of(before, after))
            {
                if (source.Map.StartOf(path) is { IsNone: false } file)
                    fixes.Add(new FixIt(description, new SourceSpan(file + start, file + (start + length)), text) { IsVerified = true });
            }
        }
    }

    /// <summary>The machine's files with some of them replaced.</summary>
    private sealed class OverlaidFiles(IReadOnlyDictionary<string, string> texts) : IFileSystem
    {
        private readonly RealFileSystem _files = new();

        public string? ReadFile(string path, out string? error)
        {
            if (!texts.TryGetValue(path, out string? text))
                return _files.ReadFile(path, out error);
            error = null;
            return text;
        }

        public bool FileExists(string path) => texts.ContainsKey(path) || _files.FileExists(path);

        public string GetIdentity(string path) => _files.GetIdentity(path);
    }
}
