// ebpfcc test PATH...: runs the cases that C files hold in comments (TestCase describes them), each on fresh maps.
using System.Diagnostics;
using System.Globalization;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Running;
using Ebpfcc.Cli.Testing;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Runtime.Capture;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;

namespace Ebpfcc.Cli.Commands;

internal sealed class TestSettings
{
    public List<string> Paths { get; } = [];
    public string Engine { get; set; } = "interp";
    public string? JUnit { get; set; }
    public string? Trx { get; set; }
    public bool Help { get; set; }
    public CompileSettings Compile { get; } = new();

    private static OptionRow<TestSettings> Row(string name, string argument, string help, Action<TestSettings, string> apply)
        => new("Tests", [name], OptionForm.EqualsOrSeparate, argument, help, (settings, text) =>
        {
            apply(settings, text);
            return null;
        });

    public static OptionRow<TestSettings>[] Options { get; } =
    [
        Row("--engine", "ENGINE", "interp (default), x64, arm32, llvm, or all that this machine has", (s, text) => s.Engine = text),
        Row("--junit", "FILE", "write the results as JUnit XML", (s, text) => s.JUnit = text),
        Row("--trx", "FILE", "write the results as TRX", (s, text) => s.Trx = text),
        new("Tests", ["--help", "-h"], OptionForm.Flag, null, "show this help", (s, _) =>
        {
            s.Help = true;
            return null;
        }),
        .. ProgramInput.CompileRows<TestSettings>(settings => settings.Compile),
    ];
}

public static class TestCommand
{
    private const string Usage = """
        usage: ebpfcc test PATH... [--engine interp|x64|arm32|llvm|all] [--junit FILE] [--trx FILE]
        Runs the cases in comments of C files (folders are searched for them), each on fresh maps; FILE.maps.json fills maps:
          //= prog NAME                     the cases that follow run this program
          //= packet HEX -> VERDICT [HEX]   a packet, what the program returns, and what it makes of the packet ("00*64": 64 zeros)
          //= pcap FILE -> VERDICT=N ...    a capture beside the C file and how often each verdict comes
          //= reject TEXT                   the verifier refuses the program, with TEXT in its message
        """;

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new TestSettings();
        var parser = new OptionParser<TestSettings>(TestSettings.Options) { Positional = (chosen, word) => chosen.Paths.Add(word) };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "test", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine(Usage);
            OptionHelp.Print(context.Output, TestSettings.Options);
            return ExitStatus.Done;
        }
        if (settings.Paths.Count == 0)
            return ProgramInput.Usage(context, "test", "name files or folders");
        if (settings.Engine != EngineRegistry.All && !EngineRegistry.Names.Contains(settings.Engine))
            return ProgramInput.Usage(context, "test", $"there is no engine '{settings.Engine}'; there are: {string.Join(", ", EngineRegistry.Names)}, all");
        try
        {
            return RunAll(settings, context);
        }
        catch (RunRefusedException refusal)
        {
            RunCommand.Report(context, refusal.Diagnostic);
            return ExitStatus.Refused;
        }
    }

    private static int RunAll(TestSettings settings, CommandContext context)
    {
        var errors = new List<string>();
        var outcomes = new List<TestOutcome>();
        foreach (string file in Files(settings.Paths, errors))
        {
            string text = System.Text.Encoding.UTF8.GetString(RunSource.ReadFile(file));
            List<TestCase> cases = TestCase.Read(file, text, errors);
            if (cases.Count > 0)
                RunFile(file, cases, settings, context, outcomes);
        }
        foreach (string error in errors)
            context.Error.WriteLine($"ebpfcc: error: {error}");
        foreach (TestOutcome outcome in outcomes)
            context.Output.WriteLine($"{(outcome.Failure is null ? "ok    " : "FAILED")} {outcome.Case.File}:{outcome.Case.Line}: {outcome.Engine}: {outcome.Case.Name}{(outcome.Failure is null ? "" : $": {outcome.Failure}")}");
        int failed = outcomes.Count(outcome => outcome.Failure is not null);
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcomes.Count} cases, {failed} failed"));
        if (settings.JUnit is { } junit)
            Write(junit, TestReports.JUnit(outcomes));
        if (settings.Trx is { } trx)
            Write(trx, TestReports.Trx(outcomes));
        return failed > 0 || errors.Count > 0 || outcomes.Count == 0 ? ExitStatus.Refused : ExitStatus.Done;
    }

    private static void Write(string path, byte[] bytes)
    {
        if (AtomicFile.Write(path, bytes) is { } error)
            throw RunRefusedException.OfFile(CliDiagnostics.CannotWrite, path, error);
    }

    private static List<string> Files(List<string> paths, List<string> errors)
    {
        var files = new List<string>();
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
                files.AddRange(Directory.EnumerateFiles(path, "*.c", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
            else if (File.Exists(path))
                files.Add(path);
            else
                errors.Add($"{path}: there is no such file");
        }
        return files;
    }

    private static void RunFile(string file, List<TestCase> cases, TestSettings settings, CommandContext context, List<TestOutcome> outcomes)
    {
        bool isAll = settings.Engine == EngineRegistry.All;
        // The cases decide about rejections: nothing is verified while compiling.
        var run = new RunSettings { File = file, Unverified = true };
        Copy(settings.Compile, run.Compile);
        string? broken = null;
        RunSource? source = null;
        try
        {
            source = RunSource.Open(run, context);
            broken = source is null ? "the file does not compile" : null;
        }
        catch (RunRefusedException refusal)
        {
            broken = refusal.Message;
        }
        foreach (string name in isAll ? EngineRegistry.Names : [settings.Engine])
        {
            if (isAll && !IsAvailable(name, context))
                continue;
            foreach (TestCase test in cases)
            {
                long start = Stopwatch.GetTimestamp();
                string? failure = broken ?? Check(test, source!, name, run, context);
                outcomes.Add(new TestOutcome(test, name, failure, Stopwatch.GetElapsedTime(start)));
            }
        }
    }

    private static bool IsAvailable(string name, CommandContext context)
    {
        IExecutionEngine engine = EngineRegistry.Create(name, context)!;
        bool works = engine.WhyUnavailable is null;
        (engine as IDisposable)?.Dispose();
        return works;
    }

    /// <summary>The options of the compiler that a test's program is compiled with.</summary>
    private static void Copy(CompileSettings from, CompileSettings to)
    {
        to.Macros.AddRange(from.Macros);
        to.IncludeDirectories.AddRange(from.IncludeDirectories);
        to.SystemDirectories.AddRange(from.SystemDirectories);
        to.QuoteDirectories.AddRange(from.QuoteDirectories);
        to.ForcedIncludes.AddRange(from.ForcedIncludes);
        (to.Standard, to.OptimizationLevel, to.OptimizeForSize, to.Cpu, to.NoInline) = (from.Standard, from.OptimizationLevel, from.OptimizeForSize, from.Cpu, from.NoInline);
    }

    /// <summary>Runs a case; what is wrong, or null.</summary>
    private static string? Check(TestCase test, RunSource source, string engineName, RunSettings run, CommandContext context)
    {
        try
        {
            IExecutionEngine engine = EngineRegistry.Create(engineName, context)!;
            using LocalSession session = LocalSession.Open(source.Object, source.Raw, test.File, engine, EngineRegistry.EnvironmentFor(engine, null), test.Program, null, source.Reporter);
            if (test.Kind == TestKind.Reject)
                return "the program is accepted";
            MapFiles.Fill(session, run, source.SideFile);
            return test.Kind == TestKind.Packet ? CheckPacket(test, session) : CheckCapture(test, session);
        }
        catch (RunRefusedException refusal)
        {
            return test.Kind == TestKind.Reject && refusal.Message.Contains(test.Expected, StringComparison.Ordinal) ? null : refusal.Message;
        }
        catch (GuestFaultException fault)
        {
            return fault.Message;
        }
    }

    private static string? CheckPacket(TestCase test, RunSession session)
    {
        if (TestCase.Bytes(test.Input) is not { } packet)
            return $"'{test.Input}' is no packet in hexadecimal";
        int blank = test.Expected.IndexOf(' ');
        string wanted = blank < 0 ? test.Expected : test.Expected[..blank];
        TestRunResult result = session.Run(new TestRunInput { Data = packet });
        if (result.Errno != 0)
            return $"the packet is refused: {Errno.Name(result.Errno)}";
        string verdict = Verdict.Name(session.Program.ProgramType, result.ReturnValue);
        if (!Verdict.Matches(verdict, result.ReturnValue, wanted))
            return $"returned {verdict}, expected {wanted}";
        if (blank < 0)
            return null;
        if (TestCase.Bytes(test.Expected[blank..]) is not { } output)
            return $"'{test.Expected[blank..].Trim()}' is no packet in hexadecimal";
        return output.AsSpan().SequenceEqual(result.Data) ? null : $"the packet is {Convert.ToHexStringLower(result.Data)}";
    }

    private static string? CheckCapture(TestCase test, RunSession session)
    {
        string path = Path.Combine(Path.GetDirectoryName(test.File) ?? "", test.Input);
        var bag = new DiagnosticBag();
        if (CaptureReader.Read(RunSource.ReadFile(path), path, bag) is not { } packets)
            return bag.Items[0].Message;
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var values = new Dictionary<string, ulong>();
        foreach (CapturedPacket packet in packets)
        {
            TestRunResult result = session.Run(new TestRunInput { Data = packet.Data });
            if (result.Errno != 0)
                return $"a packet is refused: {Errno.Name(result.Errno)}";
            string verdict = Verdict.Name(session.Program.ProgramType, result.ReturnValue);
            counts[verdict] = counts.GetValueOrDefault(verdict) + 1;
            values[verdict] = result.ReturnValue;
        }
        string told = string.Join(' ', counts.Select(pair => $"{pair.Key}={pair.Value}"));
        int named = 0;
        foreach (string word in test.Expected.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = word.IndexOf('=');
            if (equals <= 0 || !int.TryParse(word.AsSpan(equals + 1), out int wanted))
                return $"'{word}' is not VERDICT=N";
            string? verdict = counts.Keys.FirstOrDefault(name => Verdict.Matches(name, values[name], word[..equals]));
            if ((verdict is null ? 0 : counts[verdict]) != wanted)
                return $"the verdicts are {told}";
            named += verdict is null ? 0 : 1;
        }
        return named == counts.Count ? null : $"the verdicts are {told}";
    }
}
