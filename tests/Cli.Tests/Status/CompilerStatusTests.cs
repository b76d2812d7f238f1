// No source of the kernel silently stops compiling or loading: a sample of the status file, another one every day, is compiled
// and loaded again. EBPFCC_STATUS_DAY=N repeats a day's sample, EBPFCC_STATUS_SAMPLE=N takes more sources.
using System.Globalization;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Status;

public sealed class CompilerStatusTests
{
    private static int Number(string variable, int otherwise)
        => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int number) ? number : otherwise;

    [Fact]
    public void The_status_file_reads_back()
    {
        string[] lines = [.. File.ReadLines(CompilerStatus.File).Where(line => line.Length > 0 && line[0] != '#')];
        Assert.Equal(555, lines.Length);
        Assert.Equal(lines, lines.Select(line => CompilerStatus.Parse(line).ToString()));
    }

    [CorpusFact]
    public void A_sample_of_the_kernels_sources_compiles_and_loads_as_recorded()
    {
        int day = Number("EBPFCC_STATUS_DAY", (int)(DateTime.UtcNow - DateTime.UnixEpoch).TotalDays), size = Number("EBPFCC_STATUS_SAMPLE", 24);
        CorpusSource[] sources = [.. Corpus.Linux61()];
        Dictionary<string, CompilerStatus> recorded = CompilerStatus.All().ToDictionary(status => status.Name);
        var random = new Random(day);
        random.Shuffle(sources);
        var wrong = new List<string>();
        foreach (CorpusSource source in sources.Take(size))
        {
            if (WhyWorse(source, recorded[source.Name]) is { } reason)
                wrong.Add($"{source.Name}: {reason}");
        }
        Assert.True(wrong.Count == 0, $"EBPFCC_STATUS_DAY={day}\n{string.Join('\n', wrong)}");
    }

    private static string? WhyWorse(CorpusSource source, CompilerStatus recorded)
    {
        if (!recorded.Compiles)
            return null;
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run([source.Path, .. source.Options, "-w", "-o", folder["out.o"]]);
        if (result.ExitCode != ExitStatus.Done)
        {
            string message = result.Error.Split('\n').FirstOrDefault(line => line.Contains("error:")) ?? result.Error;
            // Another kernel's vmlinux.h may lack what a source names; then clang fails as well.
            return Oracles.Has(Oracle.Clang) && ClangObject(source) is null ? null : message;
        }
        if (recorded.Loadable == 0 || !Oracles.Has(Oracle.Kernel) || KernelObject.WhyUnavailable is not null || !Oracles.Has(Oracle.Clang))
            return null;
        byte[] image = File.ReadAllBytes(folder["out.o"]);
        byte[]? clang = null;
        foreach (string program in source.Programs.Except(recorded.Lost).Where(program => !CompilerStatusReport.Loads(image, program)))
        {
            clang ??= ClangObject(source);
            if (clang is not null && CompilerStatusReport.Loads(clang, program))
                return $"the kernel does not load '{program}' any more";
        }
        return null;
    }

    private static byte[]? ClangObject(CorpusSource source)
    {
        using var folder = new TemporaryFolder();
        (int code, _, _) = Oracles.Run(Oracles.Program(Oracle.Clang), CompilerStatusReport.ClangCommand(source, folder["clang.o"]));
        return code == 0 ? File.ReadAllBytes(folder["clang.o"]) : null;
    }
}

/// <summary>A fact about the kernel's own programs, skipped where they cannot be had.</summary>
public sealed class CorpusFactAttribute : FactAttribute
{
    public CorpusFactAttribute() => Skip = Corpus.WhyMissing();
}
