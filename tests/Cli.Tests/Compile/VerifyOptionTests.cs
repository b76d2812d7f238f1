// --verify: output that the kernel would reject is refused at the C expression, and nothing is written.
using Xunit;

namespace Ebpfcc.Cli.Tests.Compile;

public class VerifyOptionTests
{
    private const string Head = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        char license[] SEC("license") = "GPL";
        struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, int); __type(value, long); } counters SEC(".maps");
        SEC("xdp") int filter(struct xdp_md *ctx)
        {

        """;

    /// <summary>The body starts at line 7 of the file.</summary>
    [Theory]
    [InlineData("    char *data = (void *)(long)ctx->data;\n    return data[12];\n}\n", "8:16", "EBC5001", "invalid access to packet")]
    [InlineData("    int key = 1;\n    long *value = bpf_map_lookup_elem(&counters, &key);\n    return *value;\n}\n", "9:12", "EBC5002", "map_value_or_null")]
    public void A_rejection_points_at_the_expression(string body, string place, string code, string message)
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("bad.c", Head + body);
        string output = folder["bad.o"];
        CliResult run = CliRun.Run("--verify", "-o", output, source);
        Assert.Equal(ExitStatus.Refused, run.ExitCode);
        Assert.Contains($"bad.c:{place}: error: program 'filter' is rejected", run.Error);
        Assert.Contains(code, run.Error);
        Assert.Contains(message, run.Error);
        Assert.False(File.Exists(output));
    }

    [Fact]
    public void A_program_with_its_proof_is_written()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("good.c", Head + "    int key = 1;\n    long *value = bpf_map_lookup_elem(&counters, &key);\n    return value ? *value : 0;\n}\n");
        string output = folder["good.o"];
        Assert.Equal(ExitStatus.Done, CliRun.Run("--verify=6.12", "-o", output, source).ExitCode);
        Assert.True(File.Exists(output));
    }
}
