// ebpfcc bench [FILE...]: ns per run and per executed instruction of every program on every engine, side by side, and, where
// the same C was also built natively, the ratio to that, measured in the same process in turns. Machines drift: ratios travel,
// absolute times do not. Without files: what translating and calling cost by themselves.
using System.Globalization;
using Ebpfcc.Cli.Benchmarking;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Running;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Runtime.Execution;

namespace Ebpfcc.Cli.Commands;

public static class BenchCommand
{
    private sealed class Settings
    {
        public CompileSettings Compile { get; } = new();
        public List<string> Files { get; } = [];
        public string? Program;
        public string Engines = "x64,interp";
        public string? Data;
        public string? NativeFolder;
        public string? Frame;
        public int Milliseconds = 50;
        public int MaxInstructions = InstructionLimit.Default;
        public bool Unverified;
        public bool Json;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Measurement", ["--engine"], OptionForm.EqualsOrSeparate, "LIST", "engines, separated by commas (x64,interp)", (settings, text) => Set(() => settings.Engines = text)),
        new("Measurement", ["--prog"], OptionForm.EqualsOrSeparate, "NAME", "measure only this program of each file", (settings, text) => Set(() => settings.Program = text)),
        new("Measurement", ["--unverified"], OptionForm.Flag, null, "sandboxed: no verifier, every access checked, fuel counted; as programs without a type always are", (settings, _) => Set(() => settings.Unverified = true)),
        new("Measurement", ["--max-insns"], OptionForm.EqualsOrSeparate, "N", InstructionLimit.Help, (settings, text) => InstructionLimit.Parse(text, ref settings.MaxInstructions)),
        new("Measurement", ["--data-in"], OptionForm.EqualsOrSeparate, "FILE|DIR", "packet for the programs; from a folder DIR/NAME.bin for NAME.o", (settings, text) => Set(() => settings.Data = text)),
        new("Measurement", ["--native"], OptionForm.EqualsOrSeparate, "DIR", "compare with prog(mem, len) in DIR/NAME.so", (settings, text) => Set(() => settings.NativeFolder = text)),
        new("Measurement", ["--frame"], OptionForm.EqualsOrSeparate, "FILE", "subtract the time of this (empty) program, natively too", (settings, text) => Set(() => settings.Frame = text)),
        new("Measurement", ["--time"], OptionForm.EqualsOrSeparate, "MS", "length of one measurement; the median of seven counts (50)", SetTime),
        new("Measurement", ["--json"], OptionForm.Flag, null, "print an array of figures", (settings, _) => Set(() => settings.Json = true)),
        new("Measurement", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
        .. ProgramInput.CompileRows<Settings>(settings => settings.Compile),
    ];

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = (chosen, word) => chosen.Files.Add(word) };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "bench", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc bench [FILE.{o,c}...] [--engine LIST] [--unverified] [--data-in FILE|DIR] [--native DIR] [--frame FILE] [--json]");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        var engines = new List<IExecutionEngine>();
        try
        {
            foreach (string name in settings.Engines.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                if (EngineTable.Find(name) is not { } row)
                    return ProgramInput.Usage(context, "bench", $"there is no engine '{name}'; there are: {string.Join(", ", EngineTable.Rows.Select(engine => engine.Name))}");
                IExecutionEngine engine = row.Create(context);
                engines.Add(engine);
                if (engine.WhyUnavailable is { } reason)
                {
                    context.Error.WriteLine($"ebpfcc bench: error: the engine {name} cannot run here: {reason}");
                    return ExitStatus.Refused;
                }
            }
            return settings.Files.Count == 0 ? MeasureBuiltin(settings, engines, context) : Measure(settings, engines, context);
        }
        catch (GuestFaultException missing)
        {
            RunCommand.Report(context, Diagnostic.Create(RunDiagnostics.Fault, SourceSpan.None, "measured", missing.Message));
            return ExitStatus.Refused;
        }
        finally
        {
            foreach (IExecutionEngine engine in engines)
                (engine as IDisposable)?.Dispose();
        }
    }

    private static int MeasureBuiltin(Settings settings, List<IExecutionEngine> engines, CommandContext context)
    {
        List<BuiltinFigure> figures = BuiltinFigures.Measure(engines, settings.Milliseconds);
        if (settings.Json)
            BuiltinFigures.PrintJson(figures, context.Output);
        else
            BuiltinFigures.Print(figures, context.Output);
        return ExitStatus.Done;
    }

    private static int Measure(Settings settings, List<IExecutionEngine> engines, CommandContext context)
    {
        using var benchmark = new ProgramBenchmark(
            new BenchmarkSettings
            {
                Compile = settings.Compile, Program = settings.Program, Data = settings.Data, NativeFolder = settings.NativeFolder,
                Unverified = settings.Unverified, Milliseconds = settings.Milliseconds, MaxInstructions = settings.MaxInstructions,
            },
            engines, context);
        if (settings.Frame is { } frame && !benchmark.UseFrame(frame))
            return ExitStatus.Refused;
        var figures = new List<Figure>();
        bool failed = false;
        foreach (string file in settings.Files)
        {
            if (benchmark.Measure(file) is not { } measured)
            {
                failed = true;
                continue;
            }
            if (!settings.Json)
                FigureTable.PrintRows(measured, withHead: figures.Count == 0, context.Output);
            figures.AddRange(measured);
        }
        if (settings.Json)
            FigureTable.PrintJson(figures, context.Output);
        else
            FigureTable.PrintMeans(figures, context.Output);
        return failed ? ExitStatus.Refused : ExitStatus.Done;
    }

    private static string? Set(Action apply)
    {
        apply();
        return null;
    }

    private static string? SetTime(Settings settings, string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out settings.Milliseconds) && settings.Milliseconds is > 0 and <= 60_000
            ? null : $"'{text}' is no number of milliseconds from 1 to 60000";
}
