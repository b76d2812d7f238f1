// ebpfcc explore and --dump-html: one page whose columns are joined by the C line, for C and objects, accepted and rejected.
using System.Text.RegularExpressions;
using Xunit;

namespace Ebpfcc.Cli.Tests;

public class ExploreCommandTests
{
    private const string Source = """
        struct xdp_md { unsigned data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
        __attribute__((section("xdp"), used)) int first(struct xdp_md *ctx)
        {
        	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
        	if (data + 14 > end)
        		return 1;
        	return data[12] & 1 ? 2 : 1; /* <odd> & even */
        }
        __attribute__((section("xdp"), used)) int second(struct xdp_md *ctx)
        {
        	unsigned char *data = (void *)(long)ctx->data;
        	return data[12];
        }
        """;

    private static string Page(TemporaryFolder folder, int expected, params string[] arguments)
    {
        CliResult result = CliRun.Run([.. arguments, "-o", folder["page.html"]]);
        Assert.True(result.ExitCode == expected, result.Error);
        return File.ReadAllText(folder["page.html"]);
    }

    /// <summary>The numbers of the C lines that have lines in a column.</summary>
    private static HashSet<int> LinesOf(string page, string column)
    {
        string body = Regex.Match(page, $"<section><h2>{column}</h2>.*?</section>", RegexOptions.Singleline).Value;
        Assert.NotEqual("", body);
        return [.. Regex.Matches(body, "data-k=\"0:(\\d+)\"").Select(match => int.Parse(match.Groups[1].Value))];
    }

    [Fact]
    public void Every_column_leads_back_to_the_C_lines()
    {
        using var folder = new TemporaryFolder();
        string page = Page(folder, 0, "explore", folder.Write("prog.c", Source));
        Assert.Equal(Enumerable.Range(1, Source.Split('\n').Length), LinesOf(page, "C").Order());
        foreach (string column in new[] { "IR", "eBPF", "Verifier", "Native" })
            Assert.Superset(new HashSet<int> { 4, 5, 7 }, LinesOf(page, column));
        Assert.Contains("<option selected>after ", page, StringComparison.Ordinal);
        Assert.Contains("/* &lt;odd&gt; &amp; even */", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rejection_stands_under_its_line()
    {
        using var folder = new TemporaryFolder();
        string page = Page(folder, 0, "explore", folder.Write("prog.c", Source));
        Assert.Matches("<b>first</b> <code>xdp</code> accepted: ", page);
        Assert.Matches("<b>second</b> <code>xdp</code> rejected: invalid access to packet", page);
        Assert.Matches("return data\\[12\\];\n</div><div class=\"note error\">", page);
        Assert.Matches("R1=pkt\\(.*r=14", page.Replace("R2=", "R1=", StringComparison.Ordinal).Replace("R3=", "R1=", StringComparison.Ordinal));
    }

    [Fact]
    public void An_object_shows_the_lines_it_knows()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(0, CliRun.Run(folder.Write("prog.c", Source), "-o", folder["prog.o"]).ExitCode);
        string page = Page(folder, 0, "explore", folder["prog.o"], "--prog", "first");
        Assert.Superset(new HashSet<int> { 4, 5, 7 }, LinesOf(page, "C"));
        Assert.DoesNotContain("<h2>IR</h2>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>second</b>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Compiling_writes_the_same_page()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("prog.c", Source);
        string page = Page(folder, 0, "explore", file);
        CliResult result = CliRun.Run(file, "-o", folder["prog.o"], $"--dump-html={folder["same.html"]}");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(page, File.ReadAllText(folder["same.html"]));
        Assert.True(File.Exists(folder["prog.o"]));
    }

    [Theory]
    [InlineData(2, "explore")]
    [InlineData(0, "explore", "--help")]
    [InlineData(1, "explore", "no-such-file.c")]
    [InlineData(2, "explore", "a.c", "--kernel", "2.4")]
    public void Wrong_use_is_told(int status, params string[] arguments) => Assert.Equal(status, CliRun.Run(arguments).ExitCode);

    [Fact]
    public void Errors_in_the_source_leave_no_page()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("explore", folder.Write("bad.c", "int f( {"), "-o", folder["page.html"]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("bad.c:1:", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["page.html"]));
        Assert.Equal(1, CliRun.Run("explore", folder.Write("prog.c", Source), "--prog", "third", "-o", folder["page.html"]).ExitCode);
    }
}
