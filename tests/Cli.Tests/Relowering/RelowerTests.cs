// Programs whose proof ordinary lowering (clang's, or ours) loses: with --verify they are lowered again, accepted, and load in the
// kernel. Expectations in comments:
//
//     //~ options WORD...   further words on the command line
//     //~ remark TEXT       what is said of the second lowering; without it the first is accepted
//     //~ clang TEXT        what the kernel says of clang's object ("accepts" when it loads it)
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Relowering;

public class RelowerTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "tests", "Cli.Tests", "Relowering", "Programs");

    public static TheoryData<string> All => [.. Directory.EnumerateFiles(s_folder, "*.c").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)];

    private static string? Expectation(string name, string word)
        => File.ReadLines(Path.Combine(s_folder, name + ".c")).FirstOrDefault(line => line.StartsWith($"//~ {word} "))?[(word.Length + 5)..];

    [OracleTheory(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [MemberData(nameof(All))]
    public void Loads(string name)
    {
        using var folder = new TemporaryFolder();
        string source = Path.Combine(s_folder, name + ".c"), output = folder[name + ".o"];
        string[] options = ["--verify", "-o", output, .. Expectation(name, "options")?.Split(' ') ?? []];
        string? remark = Expectation(name, "remark");
        // Without the second lowering.
        CliResult first = CliRun.Run([.. options, "--no-relowering", "--no-fixits", source]);
        Assert.Equal(remark is null ? ExitStatus.Done : ExitStatus.Refused, first.ExitCode);
        CliResult run = CliRun.Run([.. options, "-Rverify", source]);
        Assert.True(run.ExitCode == ExitStatus.Done, run.Error);
        if (remark is not null)
            Assert.Contains(remark, run.Error);
        else
            Assert.Equal("", run.Error);
        // Nothing is said unless asked.
        Assert.Equal("", CliRun.Run([.. options, source]).Error);
        if (Oracles.Has(Oracle.Kernel) && Oracles.Has(Oracle.Libbpf))
        {
            KernelVerdict verdict = KernelVerdict.Of(File.ReadAllBytes(output));
            Assert.True(verdict.IsAccepted, verdict.Log);
        }
    }

    /// <summary>Users' pain: what clang makes of the same text.</summary>
    [OracleTheory(Oracle.Kernel, Oracle.Libbpf, Oracle.Clang, Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [MemberData(nameof(All))]
    public void Clang_fares_as_said(string name)
    {
        KernelVerdict verdict = KernelVerdict.Of(ClangCompiler.CompileFile(Path.Combine(s_folder, name + ".c"), Expectation(name, "options")?.Split(' ') ?? []));
        string expected = Expectation(name, "clang")!;
        if (expected == "accepts")
            Assert.True(verdict.IsAccepted, verdict.Log);
        else
            Assert.True(!verdict.IsAccepted && verdict.Log.Contains(expected), verdict.Log);
    }

    /// <summary>Conservative code computes what ordinary code computes: both run unverified in the sandbox on the same packets.</summary>
    [OracleTheory(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [MemberData(nameof(All))]
    public void Computes_the_same(string name)
    {
        using var folder = new TemporaryFolder();
        string source = Path.Combine(s_folder, name + ".c"), ordinary = folder["a.o"], conservative = folder["b.o"];
        Assert.Equal(ExitStatus.Done, CliRun.Run("-o", ordinary, source).ExitCode);
        Assert.Equal(ExitStatus.Done, CliRun.Run("--verify", "-o", conservative, source).ExitCode);
        for (int seed = 1; seed <= 4; seed++)
        {
            byte[] packet = new byte[64], context = new byte[192];
            var random = new Random(seed);
            random.NextBytes(packet);
            // mark, priority, cb and the like may be set for a test run.
            random.NextBytes(context.AsSpan(8, 4));
            random.NextBytes(context.AsSpan(48, 20));
            File.WriteAllBytes(folder["ctx"], context);
            string Run(string file)
            {
                CliResult result = CliRun.Run("run", file, "--unverified", "--json", "--dump-maps", "--data-out", "-", "--data-hex", Convert.ToHexString(packet), "--ctx-in", folder["ctx"]);
                string[] kept = [.. result.Output.Split('\n').Where(line => !line.Contains("duration") && !line.Contains("insns"))];
                return $"{result.ExitCode} {string.Join('\n', kept)} {result.Error.Replace(file, "")}";
            }
            Assert.Equal(Run(ordinary), Run(conservative));
        }
    }
}
