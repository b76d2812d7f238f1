// The table of how far ebpfcc gets on the kernel's own programs beside clang-19, everything measured in one run; run by
// tests/status-compiler.sh, which says in EBPFCC_STATUS_OUT where the table goes and in EBPFCC_STATUS_COMPILER what is timed. Rewrites
// the status file unless options (EBPFCC_STATUS_OPTIONS) or a filter (EBPFCC_STATUS_ONLY) make it another measurement.
using System.Globalization;
using System.Text;
using Ebpfcc.Cli.Tests.Selftests;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Status;

public sealed class CompilerStatusReport
{
    private static readonly string[] s_options = (Environment.GetEnvironmentVariable("EBPFCC_STATUS_OPTIONS") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static readonly string s_filter = Environment.GetEnvironmentVariable("EBPFCC_STATUS_ONLY") ?? "";

    private readonly StringBuilder _text = new();
    private readonly Dictionary<string, ProcessCost> _ours = [], _clangs = [];

    public static string[] ClangCommand(CorpusSource source, string output)
        => ["-target", "bpf", "-O2", "-g", "-mcpu=v3", "-w", .. source.Options, "-c", source.Path, "-o", output];

    /// <summary>Whether the kernel takes one program of an object through libbpf.</summary>
    public static bool Loads(byte[] image, string program)
    {
        try
        {
            KernelObject.Load(image, [program]).Dispose();
            return true;
        }
        catch (KernelRefusalException)
        {
            return false;
        }
    }

    [Fact]
    public void Write()
    {
        if (Environment.GetEnvironmentVariable("EBPFCC_STATUS_OUT") is not { Length: > 0 } table)
            return;
        Assert.Null(Corpus.WhyMissing());
        Assert.Null(Oracles.WhyMissing(Oracle.Clang));
        Assert.Null(Oracles.WhyMissing(Oracle.Kernel));
        string compiler = Environment.GetEnvironmentVariable("EBPFCC_STATUS_COMPILER") ?? Path.Combine(Repository.Root, "artifacts", "launcher", "current", "ebpfcc");
        ILookup<string, RecordedRun> runs = RecordedRun.All().ToLookup(run => run.File);
        using var folder = new TemporaryFolder();
        var statuses = new List<CompilerStatus>();
        int clangCompiles = 0;
        foreach (CorpusSource source in Corpus.Linux61().Where(source => source.Name.Contains(s_filter)))
        {
            byte[]? ours = Compile(compiler, [.. s_options, "-w", .. source.Options, "-c", source.Path, "-o", folder["ours.o"]], folder["ours.o"], _ours, source.Name);
            byte[]? clangs = Compile(Oracles.Program(Oracle.Clang), ClangCommand(source, folder["clang.o"]), folder["clang.o"], _clangs, source.Name);
            clangCompiles += clangs is null ? 0 : 1;
            statuses.Add(Examine(source, ours, clangs, runs));
        }
        Summarize(statuses, clangCompiles);
        SummarizeLater(compiler, folder);
        File.WriteAllText(table, _text.ToString());
        if (s_options.Length > 0 || s_filter.Length > 0)
            return;
        string[] heading = File.ReadLines(CompilerStatus.File).TakeWhile(line => line.StartsWith('#')).ToArray();
        File.WriteAllLines(CompilerStatus.File, [.. heading, .. statuses.Select(status => status.ToString())]);
    }

    private static byte[]? Compile(string program, string[] arguments, string output, Dictionary<string, ProcessCost> costs, string name)
    {
        File.Delete(output);
        ProcessCost cost = MeasuredProcess.Run(program, arguments);
        costs[name] = cost;
        return cost.ExitCode == 0 ? File.ReadAllBytes(output) : null;
    }

    private CompilerStatus Examine(CorpusSource source, byte[]? ours, byte[]? clangs, ILookup<string, RecordedRun> runs)
    {
        string[] loadable = clangs is null ? [] : [.. source.Programs.Where(program => Loads(clangs, program))];
        string[] lost = [.. loadable.Where(program => ours is null || !Loads(ours, program))];
        RecordedRun[] recorded = [.. runs[Path.GetFileName(source.Path)]];
        var equal = new int[CompilerStatus.Engines.Length];
        for (int i = 0; i < equal.Length && ours is not null; i++)
        {
            string last = "";
            foreach (RecordedRun run in recorded)
            {
                string wrong = run.Difference(ours, CompilerStatus.Engines[i]);
                equal[i] += wrong.Length == 0 ? 1 : 0;
                string line = $"{CompilerStatus.Engines[i]} {source.Name} {run.Program}: {wrong}";
                if (wrong.Length > 0 && line != last)
                    _text.AppendLine($"differs: {line} [{run.PacketName}]");
                last = line;
            }
        }
        if (ours is null)
            _text.AppendLine($"does not compile: {source.Name}");
        foreach (string program in lost)
            _text.AppendLine($"does not load: {source.Name} {program}");
        foreach (string program in source.Programs.Except(loadable).Where(program => ours is not null && Loads(ours, program)))
            _text.AppendLine($"loads, clang's does not: {source.Name} {program}");
        return new CompilerStatus(source.Name, ours is not null) { Loadable = loadable.Length, Lost = lost, Runs = recorded.Length, Equal = equal };
    }

    private void Summarize(List<CompilerStatus> statuses, int clangCompiles)
    {
        int compiles = statuses.Count(status => status.Compiles), loadable = statuses.Sum(status => status.Loadable), lost = statuses.Sum(status => status.Lost.Count), recorded = statuses.Sum(status => status.Runs);
        _text.AppendLine();
        Row("Linux 6.1, sets A and B", "clang-19", "ebpfcc", "ratio");
        Row("sources that compile", clangCompiles, compiles, Ratio(compiles, clangCompiles));
        Row("programs that the kernel loads", loadable, loadable - lost, Ratio(loadable - lost, loadable));
        for (int i = 0; i < CompilerStatus.Engines.Length; i++)
            Row($"recorded runs, same result ({CompilerStatus.Engines[i]})", recorded, statuses.Sum(status => status.Equal[i]), Ratio(statuses.Sum(status => status.Equal[i]), recorded));
        string[] both = [.. _ours.Keys.Where(name => _ours[name].ExitCode == 0 && _clangs[name].ExitCode == 0)];
        double wall = both.Sum(name => _ours[name].Wall), clangWall = both.Sum(name => _clangs[name].Wall);
        double time = both.Sum(name => _ours[name].Processor), clangTime = both.Sum(name => _clangs[name].Processor);
        Row("whole processes, wall time, ms", Whole(clangWall), Whole(wall), Ratio(wall, clangWall));
        Row("whole processes, processor time, ms", Whole(clangTime), Whole(time), Ratio(time, clangTime));
        long peak = both.Max(name => _ours[name].PeakKilobytes), clangPeak = both.Max(name => _clangs[name].PeakKilobytes);
        Row($"largest memory, KB ({both.MaxBy(name => _ours[name].PeakKilobytes)})", clangPeak, peak, Ratio(peak, clangPeak));
        Row("slowest source, ms", Whole(both.Max(name => _clangs[name].Wall)), Whole(both.Max(name => _ours[name].Wall)), both.MaxBy(name => _ours[name].Wall)!);
    }

    /// <summary>The selftests of 6.12: which of the sources that clang compiles do we compile.</summary>
    private void SummarizeLater(string compiler, TemporaryFolder folder)
    {
        if (Oracles.WhyMissing(Oracle.LinuxSource612) is not null)
            return;
        int compiles = 0, clangCompiles = 0;
        var failed = new List<string>();
        foreach (CorpusSource source in Corpus.Linux612().Where(source => source.Name.Contains(s_filter)))
        {
            if (MeasuredProcess.Run(Oracles.Program(Oracle.Clang), ClangCommand(source, folder["clang.o"])).ExitCode != 0)
                continue;
            clangCompiles++;
            if (MeasuredProcess.Run(compiler, [.. s_options, "-w", .. source.Options, "-c", source.Path, "-o", folder["ours.o"]]).ExitCode == 0)
                compiles++;
            else
                failed.Add(source.Name);
        }
        Row("selftests of 6.12 that compile", clangCompiles, compiles, Ratio(compiles, clangCompiles));
        foreach (string name in failed)
            _text.AppendLine($"does not compile: {name}");
    }

    private void Row(string what, object clang, object ours, string ratio)
        => _text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"{what,-58}{clang,12}{ours,12}  {ratio}"));

    private static string Whole(double number) => number.ToString("F0", CultureInfo.InvariantCulture);

    private static string Ratio(double part, double whole) => whole == 0 ? "" : (part / whole).ToString("F3", CultureInfo.InvariantCulture);
}
