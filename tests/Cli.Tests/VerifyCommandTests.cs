// ebpfcc verify: verdicts, places, JSON, and what it says to wrong use.
using System.Text.Json;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests;

public class VerifyCommandTests
{
    private const string Source = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC("xdp") int good(struct xdp_md *ctx) { return XDP_PASS; }
        SEC("xdp") int bad(struct xdp_md *ctx) {
            unsigned char *data = (void *)(long)ctx->data;
            return data[12];
        }
        char LICENSE[] SEC("license") = "GPL";
        """;

    private static string Compile(TemporaryFolder folder)
    {
        string file = folder.Write("prog.c", Source), output = Path.Combine(folder.Path, "prog.o");
        (int code, _, string error) = Oracles.Run(Oracles.Program(Oracle.Clang), ["-target", "bpf", "-O2", "-g", "-w", "-I/usr/include/x86_64-linux-gnu", "-c", file, "-o", output]);
        Assert.True(code == 0, error);
        return output;
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void A_rejection_is_shown_at_the_source()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("verify", Compile(folder));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("good: accepted (2 insns processed, 0 states)", result.Output);
        Assert.Contains("bad: rejected: invalid access to packet", result.Output);
        Assert.Contains("prog.c:6:", result.Output);
        Assert.Contains("[EBC5001]", result.Output);
        Assert.Contains("return data[12];", result.Output);
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void Json_holds_every_program()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("verify", "--json", Compile(folder));
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(2, json.RootElement.GetArrayLength());
        JsonElement bad = json.RootElement.EnumerateArray().Single(program => program.GetProperty("program").GetString() == "bad");
        Assert.Equal("rejected", bad.GetProperty("verdict").GetString());
        Assert.Equal(6, bad.GetProperty("location").GetProperty("line").GetInt32());
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void One_program_can_be_chosen_and_its_log_printed()
    {
        using var folder = new TemporaryFolder();
        string file = Compile(folder);
        CliResult result = CliRun.Run("verify", file, "--prog", "good", "--log-level=2");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("R1=ctx() R10=fp0", result.Output);
        Assert.DoesNotContain("bad", result.Output);
        Assert.Contains("there is no program 'none'", CliRun.Run("verify", file, "--prog", "none").Error);
    }

    [Theory]
    [InlineData(2, "verify")]
    [InlineData(2, "verify", "x.o", "--kernel", "2.4")]
    [InlineData(2, "verify", "x.o", "--log-level", "7")]
    [InlineData(2, "verify", "x.o", "--flags", "nonsense")]
    [InlineData(2, "verify", "--unknown")]
    [InlineData(1, "verify", "/nowhere/at/all.o")]
    [InlineData(0, "verify", "--help")]
    public void Wrong_use_is_answered_with_a_status(int status, params string[] arguments) => Assert.Equal(status, CliRun.Run(arguments).ExitCode);

    [Fact]
    public void A_file_that_is_no_object_is_refused()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("verify", folder.Write("text.o", "this is no object"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("EBC6", result.Error);
    }
}
