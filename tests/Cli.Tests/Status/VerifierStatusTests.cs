// Holds the committed status of the verifier: sources whose verdicts or messages get worse fail. A sample of the sources, compiled
// by us, is a test; everything is written by tests/status-verifier.sh, which runs Write with EBPFCC_STATUS set to the file.
using System.Text.RegularExpressions;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Status;

public class VerifierStatusTests
{
    private static readonly string s_file = Path.Combine(Repository.Root, "tests", "status", "verifier.txt");

    /// <summary>Sources of every kind, none of which takes long.</summary>
    public static TheoryData<string> Sample =>
    [
        "verifier_array_access.c", "verifier_bounds.c", "verifier_cfg.c", "verifier_direct_packet_access.c", "verifier_helper_access_var_len.c", "verifier_map_ptr.c", "verifier_ref_tracking.c",
        "verifier_scalar_ids.c", "verifier_spill_fill.c", "verifier_stack_ptr.c", "verifier_subprog_precision.c", "verifier_value_ptr_arith.c",
    ];

    [StatusTheory, MemberData(nameof(Sample))]
    public void A_source_is_no_worse_than_its_line(string source)
    {
        string line = File.ReadLines(s_file).Single(each => each.StartsWith(source + ":", StringComparison.Ordinal));
        Match committed = Regex.Match(line, @"clang (\d+)/(\d+) verdicts, (\d+)/(\d+) messages; ebpfcc (\d+)/(\d+) verdicts, (\d+)/(\d+) messages$");
        Assert.True(committed.Success, line);
        foreach ((bool isClang, int group) in new[] { (true, 1), (false, 5) })
        {
            SourceStatus now = VerifierStatus.OfSource(source, isClang);
            Assert.True(now.AsAnnotated >= int.Parse(committed.Groups[group].Value) && now.MessagesFound >= int.Parse(committed.Groups[group + 2].Value),
                $"{line}\nnow, by {(isClang ? "clang" : "ebpfcc")}: {now.Line}\n{string.Join('\n', now.Exceptions)}\nall of it: tests/status-verifier.sh");
        }
    }

    [Fact]
    public void The_status_says_what_must_be_reached()
    {
        string[] lines = File.ReadAllLines(s_file);
        Assert.True(lines.Count(line => Regex.IsMatch(line, @"^verifier_\w+\.c: clang \d+/\d+ verdicts")) == 95, "one line for each of the kernel's 95 sources");
    }

    [Fact]
    public void Write()
    {
        if (Environment.GetEnvironmentVariable("EBPFCC_STATUS") is { Length: > 0 } file)
            File.WriteAllText(file, VerifierStatus.Write(what => Console.Error.WriteLine(what)));
    }
}

/// <summary>Skipped, with the reason, where the kernel's programs cannot be built.</summary>
public sealed class StatusTheoryAttribute : TheoryAttribute
{
    public StatusTheoryAttribute() => Skip = SelftestBuild.WhyMissing();
}
