// ebpfcc fuzz: words, exit status, what it prints. What it compares is tested beside the engines.
using Xunit;

namespace Ebpfcc.Cli.Tests;

public class FuzzCommandTests
{
    [Theory]
    [InlineData("verified")]
    [InlineData("sandboxed")]
    [InlineData("soundness")]
    [InlineData("objects")]
    public void A_mode_without_failures_ends_well(string mode)
    {
        CliResult result = CliRun.Run("fuzz", "--mode", mode, "--count", "10", "--seed", "5", "--engine", "interp");
        Assert.Equal((ExitStatus.Done, ""), (result.ExitCode, result.Error));
        Assert.StartsWith($"{mode}: 10 programs from seed 5, 0 failures", result.Output);
    }

    [Theory]
    [InlineData("there is no mode 'wild'", "--mode", "wild")]
    [InlineData("there is no engine 'fast'", "--engine", "fast")]
    [InlineData("'x' is no number", "--count", "x")]
    [InlineData("'-1' is no number of seconds", "--time", "-1")]
    public void Wrong_words_are_refused(string message, params string[] words)
    {
        CliResult result = CliRun.Run(["fuzz", .. words]);
        Assert.Equal(ExitStatus.Usage, result.ExitCode);
        Assert.Contains(message, result.Error);
    }

    [Fact]
    public void Programs_in_files_are_judged()
    {
        using var folder = new TemporaryFolder();
        string good = folder.Write("good.s", "# type: Xdp\n\tr0 = 2\n\texit\n"), bad = folder.Write("bad.s", "# type: Xdp\n\tr0 = nothing ll\n\texit\n");
        Assert.StartsWith("verified: 1 programs", CliRun.Run("fuzz", good, "--mode", "verified", "--engine", "interp").Output);
        CliResult refused = CliRun.Run("fuzz", bad, "--mode", "verified", "--engine", "interp");
        Assert.Equal(ExitStatus.Refused, refused.ExitCode);
        Assert.Contains("nothing is called 'nothing'", refused.Error);
    }
}
