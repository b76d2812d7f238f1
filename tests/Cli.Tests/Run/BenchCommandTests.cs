// The measuring command: that it measures what it says, in both modes; never how fast.
using System.Text.Json;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Run;

public class BenchCommandTests
{
    private const string Typed = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("xdp") int count(struct xdp_md *ctx)
        {
            int sum = 0;
            for (int i = 0; i < 10; i++)
                sum += i ^ ctx->rx_queue_index;
            return sum;
        }
        """;

    private const string Untyped = """
        unsigned long long prog(unsigned char *memory, unsigned long long length)
        {
            unsigned long long sum = 0;
            for (unsigned long long i = 0; i < length; i++)
                sum += memory[i];
            return sum;
        }
        """;

    private static JsonElement[] Measure(string source, params string[] options)
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run(["bench", folder.Write("program.c", source), "--engine", "interp", "--time", "1", "--json", .. options]);
        Assert.True(result.ExitCode == ExitStatus.Done, result.Error);
        return [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
    }

    [Fact]
    public void Typed_programs_are_verified_unless_the_user_says_otherwise()
    {
        JsonElement verified = Assert.Single(Measure(Typed));
        Assert.Equal("verified", verified.GetProperty("mode").GetString());
        Assert.True(verified.GetProperty("insns_executed").GetInt64() > 10);
        Assert.True(verified.GetProperty("ns").GetDouble() > 0);
        JsonElement sandboxed = Assert.Single(Measure(Typed, "--unverified"));
        Assert.Equal("sandboxed", sandboxed.GetProperty("mode").GetString());
        Assert.Equal(verified.GetProperty("insns_executed").GetInt64(), sandboxed.GetProperty("insns_executed").GetInt64());
    }

    [Fact]
    public void Programs_without_a_type_are_sandboxed()
        => Assert.Equal("sandboxed", Assert.Single(Measure(Untyped)).GetProperty("mode").GetString());

    /// <summary>Without files: translation and calls, in both modes, without allocations.</summary>
    [Fact]
    public void Engines_are_measured_without_programs()
    {
        CliResult result = CliRun.Run("bench", "--engine", "interp", "--time", "1", "--json");
        Assert.True(result.ExitCode == ExitStatus.Done, result.Error);
        JsonElement[] figures = [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
        Assert.Equal(["verified", "sandboxed"], figures.Select(figure => figure.GetProperty("mode").GetString()!));
        Assert.All(figures, figure => Assert.Equal(0, figure.GetProperty("call_bytes").GetDouble()));
        Assert.All(figures, figure => Assert.True(figure.GetProperty("prepare_us").GetDouble() > 0));
    }

    /// <summary>Sandboxed code is longer, and each instruction has its place in the listing.</summary>
    [Fact]
    public void Sandboxed_code_is_listed()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("program.c", Untyped);
        CliResult listing = CliRun.Run("jit", file, "--dump");
        Assert.True(listing.ExitCode == ExitStatus.Done, listing.Error);
        Assert.Contains("exit", listing.Output);
        CliResult size = CliRun.Run("jit", file);
        Assert.Contains("bytes of x64 code", size.Output);
        Assert.Equal(ExitStatus.Usage, CliRun.Run("jit", folder.Write("typed.c", Typed), "--arch", "arm32", "--unverified").ExitCode);
    }
}
