// Case files in Binding/Cases: C with "//~ EBC2003" behind each line that must be diagnosed. A first line "// -Wname ..." turns
// warning groups on, "// everything" binds what no root reaches as well.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Binding;

public sealed class DiagnosticCasesTests
{
    private static string Folder => Path.Combine(Repository.Root, "tests", "Frontend.Tests", "Binding", "Cases");

    public static TheoryData<string> Cases => [.. Directory.GetFiles(Folder, "*.c").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_annotated_line_and_no_other_is_diagnosed(string file)
    {
        string text = File.ReadAllText(Path.Combine(Folder, file));
        BinderRun run = Run(text);
        var expected = Annotations(text).ToList();
        var actual = run.Bag.Items.Select(item => (run.Map.GetFilePosition(item.Span.Start)!.Value.Line, item.Id)).Order().ToList();
        Assert.True(expected.SequenceEqual(actual),
            $"missing: {string.Join(", ", expected.Except(actual))}\nunexpected: {string.Join(", ", actual.Except(expected))}\n{run.Diagnostics}");
    }

    [Fact]
    public void Every_diagnostic_has_a_case()
    {
        var covered = Directory.GetFiles(Folder, "*.c").SelectMany(path => Annotations(File.ReadAllText(path))).Select(annotation => annotation.Id).ToHashSet();
        // Not writable as a short file: see Deep_chains_are_refused_and_long_ones_are_not.
        covered.Add(BindingDiagnostics.TypeTooDeep.Id);
        Assert.Equal("", string.Join(' ', BindingDiagnostics.All.Select(row => row.Id).Where(id => !covered.Contains(id))));
    }

    [Fact]
    public void Deep_chains_are_refused_and_long_ones_are_not()
    {
        var text = new System.Text.StringBuilder("struct s0 { int x; };\n");
        for (int i = 1; i < 3000; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"struct s{i} {{ struct s{i - 1} x; }};\n");
        text.Append("unsigned long size = sizeof(struct s2999);\n");
        Assert.Contains(Run(text.ToString()).Bag.Items, item => item.Id == BindingDiagnostics.TypeTooDeep.Id);

        text.Clear().Append("typedef int t0;\n");
        for (int i = 1; i < 500; i++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"typedef t{i - 1} t{i};\n");
        text.Append("t499 x;\n");
        BinderRun run = Run(text.ToString());
        Assert.Equal("", run.Diagnostics);
    }

    [Fact]
    public void Rows_are_unique_and_explained()
    {
        Assert.Equal(BindingDiagnostics.All.Count, BindingDiagnostics.All.Select(row => row.Id).Distinct().Count());
        Assert.All(BindingDiagnostics.All, row =>
        {
            Assert.Matches("^EBC2[0-9]{3}$", row.Id);
            Assert.Matches("[.?]$", row.Explanation);
            Assert.Equal(row.Severity == DiagnosticSeverity.Warning, row.WarningGroup is not null);
        });
    }

    private static BinderRun Run(string text)
    {
        var warnings = new WarningOptions();
        var options = BinderOptions.Default;
        string first = text[..text.IndexOf('\n')];
        if (first.StartsWith("//", StringComparison.Ordinal))
        {
            foreach (string word in first.Split(' '))
            {
                if (word == "everything")
                    options = options with { BindEverything = true };
                else if (word.StartsWith("-W", StringComparison.Ordinal))
                    warnings.Enable(word[2..], true);
            }
        }
        return BinderRun.Bind(text, warnings, options);
    }

    private static IEnumerable<(int Line, string Id)> Annotations(string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            int at = lines[i].IndexOf("//~", StringComparison.Ordinal);
            if (at < 0)
                continue;
            foreach (string id in lines[i][(at + 3)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal))
                yield return (i + 1, id);
        }
    }
}
