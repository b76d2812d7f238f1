// Cases in comments: what passes, what fails and why, and the reports.
using System.Xml.Linq;
using Xunit;

namespace Ebpfcc.Cli.Tests.Run;

public sealed class TestCommandTests
{
    private const string Source = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        //= prog filter
        //= packet 01*64 -> drop
        //= packet 02*64 -> XDP_PASS 02*64
        //= packet 03 00*64 -> 3 ff 00*64
        SEC("xdp") int filter(struct xdp_md *ctx)
        {
            unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
            if (data + 1 > end)
                return XDP_ABORTED;
            int verdict = data[0];
            if (verdict == 3)
                data[0] = 0xff;
            return verdict;
        }
        //= prog leak
        //= reject invalid access to packet
        SEC("xdp") int leak(struct xdp_md *ctx) { return *(char *)(long)ctx->data; }

        """;

    [Fact]
    public void CasesRunAndReportsAreWritten()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("filter.c", Source);
        CliResult result = CliRun.Run("test", folder.Path, "--junit", folder["junit.xml"], "--trx", folder["results.trx"]);
        Assert.True(result.ExitCode == ExitStatus.Done, result.Output + result.Error);
        Assert.EndsWith("4 cases, 0 failed\n", result.Output);
        XElement suite = XDocument.Load(folder["junit.xml"]).Root!.Element("testsuite")!;
        Assert.Equal(("4", "0"), (suite.Attribute("tests")!.Value, suite.Attribute("failures")!.Value));
        XNamespace trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";
        Assert.Equal(4, XDocument.Load(folder["results.trx"]).Descendants(trx + "UnitTestResult").Count(item => item.Attribute("outcome")!.Value == "Passed"));

        folder.Write("filter.c", Source + "//= packet 01*64 -> pass\n//= prog filter\n//= reject whatever\n//= pcap missing.pcap -> pass=1\n");
        CliResult failing = CliRun.Run("test", file, "--junit", folder["junit.xml"]);
        Assert.Equal(ExitStatus.Refused, failing.ExitCode);
        Assert.Contains("the program is accepted", failing.Output);
        Assert.Contains("7 cases, 3 failed", failing.Output);
        Assert.Equal(3, XDocument.Load(folder["junit.xml"]).Descendants("failure").Count());
    }

    [Theory]
    [InlineData("//= packet 00*64\n", "is no case")]
    [InlineData("//= packet zz -> pass\nint x;\n", "no packet in hexadecimal")]
    public void MistakesInCasesAreTold(string text, string expected)
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("bad.c", "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC(\"xdp\") int f(struct xdp_md *c) { return 2; }\n" + text);
        CliResult result = CliRun.Run("test", file);
        Assert.Equal(ExitStatus.Refused, result.ExitCode);
        Assert.Contains(expected, result.Output + result.Error);
    }

    [Fact]
    public void NothingToRunIsARefusal() => Assert.Equal(ExitStatus.Refused, CliRun.Run("test", "no-such-folder").ExitCode);
}
