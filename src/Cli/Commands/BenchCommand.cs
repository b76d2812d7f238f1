// ebpfcc bench FILE...: ns per run and per executed instruction of every program on every engine, side by side, and, where the
// same C was also built natively, the ratio to that, measured in the same process in turns. Machines drift: ratios travel,
// absolute times do not.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Running;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;

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
        public bool Json;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Measurement", ["--engine"], OptionForm.EqualsOrSeparate, "LIST", "engines, separated by commas (x64,interp)", (settings, text) => Set(() => settings.Engines = text)),
        new("Measurement", ["--prog"], OptionForm.EqualsOrSeparate, "NAME", "measure only this program of each file", (settings, text) => Set(() => settings.Program = text)),
        new("Measurement", ["--data-in"], OptionForm.EqualsOrSeparate, "FILE|DIR", "packet for the programs; from a folder DIR/NAME.bin for NAME.o", (settings, text) => Set(() => settings.Data = text)),
        new("Measurement", ["--native"], OptionForm.EqualsOrSeparate, "DIR", "compare with prog(mem, len) in DIR/NAME.so", (settings, text) => Set(() => settings.NativeFolder = text)),
        new("Measurement", ["--frame"], OptionForm.EqualsOrSeparate, "FILE", "subtract the time of this (empty) program, natively too", (settings, text) => Set(() => settings.Frame = text)),
        new("Measurement", ["--time"], OptionForm.EqualsOrSeparate, "MS", "length of one measurement; the median of seven counts (50)", SetTime),
        new("Measurement", ["--json"], OptionForm.Flag, null, "print an array of figures", (settings, _) => Set(() => settings.Json = true)),
        new("Measurement", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
        .. ProgramInput.CompileRows<Settings>(settings => settings.Compile),
    ];

    /// <summary>Key of the native frame beside the engines' names.</summary>
    private const string Native = "native";

    /// <summary>The figures of one program on one engine; native and net times without those of the empty frame.</summary>
    private sealed record Figure(string Program, string Engine, double Nanoseconds, double NetNanoseconds, long Instructions, double PrepareMicroseconds, double VerifyMicroseconds,
        double NativeNanoseconds)
    {
        public double Ratio => NetNanoseconds / NativeNanoseconds;
    }

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = (chosen, word) => chosen.Files.Add(word) };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "bench", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc bench FILE.{o,c}... [--engine LIST] [--data-in FILE|DIR] [--native DIR] [--frame FILE] [--json]");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        if (settings.Files.Count == 0)
            return ProgramInput.Usage(context, "bench", "name the objects or C files to measure");
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
            return Measure(settings, engines, context);
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

    private static int Measure(Settings settings, List<IExecutionEngine> engines, CommandContext context)
    {
        var frames = new Dictionary<string, double>();
        if (settings.Frame is { } frame)
        {
            if (MeasureFile(frame, settings, engines, frames, context) is not { Count: > 0 } empty)
                return ExitStatus.Refused;
            foreach (Figure figure in empty)
            {
                frames[figure.Engine] = figure.Nanoseconds;
                frames[Native] = double.IsNaN(figure.NativeNanoseconds) ? 0 : figure.NativeNanoseconds;
            }
        }
        var figures = new List<Figure>();
        bool failed = false;
        foreach (string file in settings.Files)
        {
            if (MeasureFile(file, settings, engines, frames, context) is not { } measured)
            {
                failed = true;
                continue;
            }
            figures.AddRange(measured);
            if (!settings.Json)
                PrintRows(measured, engines, settings.NativeFolder is not null, figures.Count == measured.Count, context.Output);
        }
        if (settings.Json)
            PrintJson(figures, context.Output);
        else if (settings.NativeFolder is not null)
            PrintMeans(figures, engines, context.Output);
        return failed ? ExitStatus.Refused : ExitStatus.Done;
    }

    private static List<Figure>? MeasureFile(string file, Settings settings, List<IExecutionEngine> engines, Dictionary<string, double> frames, CommandContext context)
    {
        var bag = new DiagnosticBag();
        byte[] data = new byte[64];
        if (settings.Data is { } path && ProgramInput.ReadBytes(Directory.Exists(path) ? Path.Combine(path, Path.GetFileNameWithoutExtension(file) + ".bin") : path, bag) is { } given)
            data = given;
        ProgramInput.Render(bag, settings.Compile, context);
        if (bag.HasErrors)
            return null;
        double native = settings.NativeFolder is { } folder ? MeasureNative(Path.GetFullPath(Path.Combine(folder, Path.GetFileNameWithoutExtension(file) + ".so")), data, settings.Milliseconds) - frames.GetValueOrDefault(Native) : double.NaN;
        var figures = new List<Figure>();
        foreach (IExecutionEngine engine in engines)
        {
            var environment = new ExecutionEnvironment { Allocator = EngineTable.AllocatorOf(engine) };
            using LoadedObject? loaded = ProgramInput.Load(file, settings.Compile, context, new LoadOptions { Environment = environment });
            if (loaded is null || !ProgramInput.ReportFailures(loaded, settings.Program, settings.Compile, context))
                return null;
            if (settings.Program is { } name && loaded.Programs.All(program => program.Name != name))
            {
                ProgramInput.NoSuchProgram(file, name, loaded.Programs.Select(program => program.Name), settings.Compile, context);
                return null;
            }
            foreach (LoadedProgram program in loaded.Programs)
            {
                if (settings.Program is not null && program.Name != settings.Program)
                    continue;
                var options = new VerifierOptions { KernelTypes = KernelInformation.RunningKernelTypes };
                VerificationResult verified = Verifier.Verify(program, options);
                if (verified.Program is not { } proof)
                {
                    context.Error.WriteLine($"{file}: error: {program.Name}: rejected: {verified.Rejection!.Message} [{verified.Rejection.Code}]");
                    return null;
                }
                double verify = Median(7, () => Verifier.Verify(program, options).Statistics.Time.TotalMicroseconds);
                double prepare = Median(7, () =>
                {
                    long start = Stopwatch.GetTimestamp();
                    engine.Prepare(proof, environment).Dispose();
                    return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
                });
                double nanoseconds = MeasureProgram(program, proof, engine, environment, data, settings.Milliseconds);
                string title = loaded.Programs.Count > 1 ? $"{Path.GetFileNameWithoutExtension(file)}/{program.Name}" : Path.GetFileNameWithoutExtension(file);
                figures.Add(new Figure(title, engine.Name, nanoseconds, nanoseconds - frames.GetValueOrDefault(engine.Name), CountInstructions(program, proof, data), prepare, verify, native));
            }
        }
        return figures;
    }

    private static double MeasureProgram(LoadedProgram program, VerifiedProgram proof, IExecutionEngine engine, ExecutionEnvironment environment, byte[] data, int milliseconds)
    {
        using IExecutable executable = engine.Prepare(proof, environment);
        using var runner = new TestRunner(program, executable, environment);
        int repeat = 1;
        while (runner.Run(new TestRunInput { Data = data, Repeat = repeat }).DurationNs * (double)repeat < milliseconds * 1e6 && repeat < 1 << 28)
            repeat *= 2;
        return Median(7, () =>
        {
            // The average of the repeats is whole nanoseconds; measured around them it is not.
            long start = Stopwatch.GetTimestamp();
            runner.Run(new TestRunInput { Data = data, Repeat = repeat });
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / repeat;
        });
    }

    private static long CountInstructions(LoadedProgram program, VerifiedProgram proof, byte[] data)
    {
        var environment = new ExecutionEnvironment { CountsInstructions = true };
        using IExecutable executable = new Interpreter().Prepare(proof, environment);
        using var runner = new TestRunner(program, executable, environment);
        return runner.Run(new TestRunInput { Data = data }).ExecutedInstructions;
    }

    /// <summary>ns per call of <c>u64 prog(void *mem, u64 len)</c> in a shared library.</summary>
    private static double MeasureNative(string library, byte[] data, int milliseconds)
    {
        if (!NativeLibrary.TryLoad(library, out nint handle) || !NativeLibrary.TryGetExport(handle, "prog", out nint address))
            return double.NaN;
        var function = Marshal.GetDelegateForFunctionPointer<NativeProgram>(address);
        GCHandle pinned = GCHandle.Alloc(data, GCHandleType.Pinned);
        try
        {
            nint memory = pinned.AddrOfPinnedObject();
            int repeat = 1;
            double Time()
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < repeat; i++)
                    function(memory, (ulong)data.Length);
                return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            }
            while (Time() < milliseconds * 1e6 && repeat < 1 << 28)
                repeat *= 2;
            return Median(7, () => Time() / repeat);
        }
        finally
        {
            pinned.Free();
        }
    }

    private delegate ulong NativeProgram(nint memory, ulong length);

    private static double Median(int count, Func<double> measure)
    {
        var values = new double[count];
        for (int i = 0; i < count; i++)
            values[i] = measure();
        Array.Sort(values);
        return values[count / 2];
    }

    private static void PrintRows(List<Figure> figures, List<IExecutionEngine> engines, bool hasNative, bool isFirst, TextWriter output)
    {
        if (isFirst)
        {
            var head = new StringBuilder($"{"program",-24}{"insns",10}{"verify us",11}");
            if (hasNative)
                head.Append($"{"native ns",12}");
            foreach (IExecutionEngine engine in engines)
                head.Append($"{engine.Name + " ns",14}{"/insn",8}{(hasNative ? $"{"ratio",8}" : "")}{"prep us",10}");
            output.WriteLine(head);
        }
        foreach (IGrouping<string, Figure> program in figures.GroupBy(figure => figure.Program))
        {
            Figure first = program.First();
            var row = new StringBuilder();
            row.Append(CultureInfo.InvariantCulture, $"{first.Program,-24}{first.Instructions,10}{first.VerifyMicroseconds,11:F0}");
            if (hasNative)
                row.Append(CultureInfo.InvariantCulture, $"{first.NativeNanoseconds,12:F1}");
            foreach (Figure figure in program)
            {
                row.Append(CultureInfo.InvariantCulture, $"{figure.NetNanoseconds,14:F1}{figure.NetNanoseconds / Math.Max(figure.Instructions, 1),8:F2}");
                if (hasNative)
                    row.Append(CultureInfo.InvariantCulture, $"{figure.Ratio,8:F2}");
                row.Append(CultureInfo.InvariantCulture, $"{figure.PrepareMicroseconds,10:F0}");
            }
            output.WriteLine(row);
        }
        output.Flush();
    }

    private static void PrintMeans(List<Figure> figures, List<IExecutionEngine> engines, TextWriter output)
    {
        foreach (IExecutionEngine engine in engines)
        {
            double[] ratios = [.. figures.Where(figure => figure.Engine == engine.Name && figure.Ratio > 0).Select(figure => figure.Ratio)];
            if (ratios.Length > 0)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{engine.Name}: {Math.Exp(ratios.Average(Math.Log)):F2} times native (geometric mean of {ratios.Length})"));
        }
    }

    private static void PrintJson(List<Figure> figures, TextWriter output)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            foreach (Figure figure in figures)
            {
                json.WriteStartObject();
                json.WriteString("program", figure.Program);
                json.WriteString("engine", figure.Engine);
                json.WriteNumber("ns", Math.Round(figure.Nanoseconds, 3));
                json.WriteNumber("ns_net", Math.Round(figure.NetNanoseconds, 3));
                json.WriteNumber("insns_executed", figure.Instructions);
                json.WriteNumber("prepare_us", Math.Round(figure.PrepareMicroseconds, 1));
                json.WriteNumber("verify_us", Math.Round(figure.VerifyMicroseconds, 1));
                if (!double.IsNaN(figure.NativeNanoseconds))
                {
                    json.WriteNumber("native_ns", Math.Round(figure.NativeNanoseconds, 3));
                    json.WriteNumber("ratio", Math.Round(figure.Ratio, 3));
                }
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        output.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
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
