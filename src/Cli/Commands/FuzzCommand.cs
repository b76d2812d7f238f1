// ebpfcc fuzz: compares engines, the verifier and the running kernel on generated programs. A failure is printed as the smallest
// assembly that shows it, with the command that generates it again. Files name programs to judge instead of generating any (assembly
// as it is printed, or the programs of objects and C files), or, in the mode 'objects', objects to damage.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ebpfcc.Cli.Options;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Asm;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;

namespace Ebpfcc.Cli.Commands;

public static class FuzzCommand
{
    private sealed class Settings
    {
        public CompileSettings Compile { get; } = new();
        public List<string> Files { get; } = [];
        public FuzzMode? Mode;
        public int Seed = 1;
        public int? Count;
        public double? Seconds;
        public string Engines = "all";
        public bool UsesKernel;
        public bool CallsKernelFunctions;
        public string? Folder;
        public int MaxFailures = 5;
        public int LogLevel;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Fuzzing", ["--mode"], OptionForm.EqualsOrSeparate, "MODE", "verified: engines agree on verified programs; sandboxed: on wild ones; soundness: accepted programs stay inside the verifier's states; "
            + "verdict: our verdict is the kernel's; objects: damaged objects get an answer (default: all but verdict)", SetMode),
        new("Fuzzing", ["--seed"], OptionForm.EqualsOrSeparate, "N", "seed of the first program (1); each further one has the next", (settings, text) => Number(text, number => settings.Seed = number)),
        new("Fuzzing", ["--count"], OptionForm.EqualsOrSeparate, "N", "programs of each mode (1000)", (settings, text) => Number(text, number => settings.Count = number)),
        new("Fuzzing", ["--time"], OptionForm.EqualsOrSeparate, "SECONDS", "end each mode after so long", SetTime),
        new("Fuzzing", ["--engine"], OptionForm.EqualsOrSeparate, "LIST", "engines, separated by commas, or 'all' that work here; the first is what the others are compared with", (settings, text) => Set(() => settings.Engines = text)),
        new("Fuzzing", ["--kernel-run"], OptionForm.Flag, null, "compare verified programs with the running kernel's test runs too", (settings, _) => Set(() => settings.UsesKernel = true)),
        new("Fuzzing", ["--kfuncs"], OptionForm.Flag, null, "verdict: generate programs that call kernel functions", (settings, _) => Set(() => settings.CallsKernelFunctions = true)),
        new("Fuzzing", ["--failures"], OptionForm.EqualsOrSeparate, "N", "stop a mode after so many failures (5)", (settings, text) => Number(text, number => settings.MaxFailures = number)),
        new("Fuzzing", ["--save"], OptionForm.EqualsOrSeparate, "DIR", "write each failing program to DIR/MODE-SEED.s", (settings, text) => Set(() => settings.Folder = text)),
        new("Fuzzing", ["--log-level"], OptionForm.EqualsOrSeparate, "0|1|2", "print the verifiers' logs, ours and the kernel's, of failing programs", (settings, text) => Number(text, number => settings.LogLevel = number)),
        new("Fuzzing", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
    ];

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = static (chosen, word) => chosen.Files.Add(word) };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "fuzz", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc fuzz [FILE...] [--mode MODE] [--seed N] [--count N] [--time SECONDS] [--engine LIST] [--kernel-run] [--save DIR]");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        if ((settings.UsesKernel || settings.Mode == FuzzMode.Verdict) && KernelProgram.WhyUnavailable() is { } reason)
        {
            context.Error.WriteLine($"ebpfcc fuzz: error: {reason} [{Running.RunDiagnostics.EngineUnavailable.Id}]");
            return ExitStatus.Refused;
        }
        var engines = new List<IExecutionEngine>();
        try
        {
            if (MakeTargets(settings, context, engines, out string? unknown) is not { } targets)
                return ProgramInput.Usage(context, "fuzz", unknown!);
            FuzzMode[] modes = settings.Mode is { } one ? [one]
                : settings.Files.Count > 0 ? [FuzzMode.Verified, FuzzMode.Sandboxed, FuzzMode.Soundness] : [FuzzMode.Verified, FuzzMode.Sandboxed, FuzzMode.Soundness, FuzzMode.Objects];
            bool isClean = true;
            foreach (FuzzMode mode in modes)
            {
                if (RunMode(mode, settings, targets, context) is not { } clean)
                    return ExitStatus.Refused;
                isClean &= clean;
            }
            return isClean ? ExitStatus.Done : ExitStatus.Refused;
        }
        finally
        {
            foreach (IExecutionEngine engine in engines)
                (engine as IDisposable)?.Dispose();
        }
    }

    private static List<FuzzTarget>? MakeTargets(Settings settings, CommandContext context, List<IExecutionEngine> engines, out string? unknown)
    {
        unknown = null;
        bool all = settings.Engines == "all";
        var targets = new List<FuzzTarget>();
        foreach (string name in all ? EngineTable.Rows.Select(row => row.Name) : settings.Engines.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (EngineTable.Find(name) is not { } row)
            {
                unknown = $"there is no engine '{name}'; there are: {string.Join(", ", EngineTable.Rows.Select(engine => engine.Name))}";
                return null;
            }
            IExecutionEngine engine = row.Create(context);
            engines.Add(engine);
            if (engine.WhyUnavailable is { } reason)
            {
                if (!all)
                {
                    unknown = $"{name}: {reason}";
                    return null;
                }
                context.Error.WriteLine($"ebpfcc fuzz: note: without {name}: {reason}");
                continue;
            }
            targets.Add(new FuzzTarget(name, engine, EngineTable.AllocatorOf(engine)));
        }
        if (targets.Count == 0)
            unknown = "name at least one engine";
        return targets.Count == 0 ? null : targets;
    }

    /// <summary>Runs one mode: true without failures, null when there was nothing to run on.</summary>
    private static bool? RunMode(FuzzMode mode, Settings settings, List<FuzzTarget> targets, CommandContext context)
    {
        string name = mode.ToString().ToLowerInvariant();
        var options = new FuzzOptions
        {
            Mode = mode, Seed = settings.Seed, Count = settings.Count ?? (settings.Seconds is null ? 1000 : int.MaxValue), UsesKernel = settings.UsesKernel, MaxFailures = settings.MaxFailures,
            Time = settings.Seconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            KernelFunctions = settings.CallsKernelFunctions ? KernelInformation.RunningKernelTypes() : null,
        };
        long started = Stopwatch.GetTimestamp();
        FuzzReport report;
        if (mode == FuzzMode.Objects)
        {
            if (ReadObjects(settings, context) is not { } objects)
                return null;
            report = new Fuzzer(options with { Objects = objects }, targets).Run(Progress);
        }
        else if (settings.Files.Count > 0)
        {
            if (ReadPrograms(settings, context) is not { } programs)
                return null;
            report = new Fuzzer(options, targets).Judge(programs);
        }
        else
        {
            report = new Fuzzer(options, targets).Run(Progress);
        }
        foreach (FuzzFailure failure in report.Failures)
            Print(failure, name, settings, context);
        var line = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{name}: {report.Programs} programs from seed {settings.Seed}, {report.Failures.Count} failures, {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s"));
        foreach ((string what, long count) in report.Counts)
            line.Append(CultureInfo.InvariantCulture, $"; {what} {count}");
        context.Output.WriteLine(line.ToString());
        return report.Failures.Count == 0;

        void Progress(FuzzReport sofar)
        {
            context.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {sofar.Programs} programs, {sofar.Failures.Count} failures, {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s"));
            context.Error.Flush();
        }
    }

    private static void Print(FuzzFailure failure, string mode, Settings settings, CommandContext context)
    {
        context.Output.WriteLine($"==== {mode}, seed {failure.Seed}: {failure.Kind}");
        context.Output.WriteLine(failure.Detail);
        if (failure.Program is { } program)
        {
            string text = ProgramText.Write(program);
            context.Output.Write(text);
            if (settings.LogLevel > 0)
                context.Output.Write(Fuzzer.Logs(program, settings.LogLevel));
            if (settings.Folder is { } folder)
            {
                Directory.CreateDirectory(folder);
                File.WriteAllText(Path.Combine(folder, $"{mode}-{failure.Seed}.s"), $"# {failure.Kind}: {failure.Detail.ReplaceLineEndings("; ")}\n{text}");
            }
        }
        string more = (settings.UsesKernel ? " --kernel-run" : "") + (settings.CallsKernelFunctions ? " --kfuncs" : "") + (settings.Engines == "all" ? "" : $" --engine {settings.Engines}");
        context.Output.WriteLine($"reproduce: ebpfcc fuzz --mode {mode} --seed {failure.Seed} --count 1{more}");
    }

    private static List<GeneratedProgram>? ReadPrograms(Settings settings, CommandContext context)
    {
        var programs = new List<GeneratedProgram>();
        foreach (string file in settings.Files)
        {
            var bag = new DiagnosticBag();
            if (Path.GetExtension(file) is ".o" or ".c")
            {
                // The programs of an object, with what it takes to make them small: instructions and the shapes of the maps.
                if (ProgramInput.Load(file, settings.Compile, context, new LoadOptions { DescribeUnimplementedMaps = true }, out _) is not { } loaded)
                    return null;
                using (loaded)
                    programs.AddRange(loaded.Programs.Select(program => new GeneratedProgram((Ebpf.Abi.ProgramType)program.ProgramType, program.Instructions, [.. program.Maps.Select(map => map.Definition)]) { Seed = settings.Seed }));
                continue;
            }
            try
            {
                if (ProgramInput.ReadSource(file, context, bag) is { } source)
                {
                    programs.Add(ProgramText.Read(source.Content) with { Seed = settings.Seed });
                    continue;
                }
            }
            catch (FormatException wrong)
            {
                context.Error.WriteLine($"{file}: error: {wrong.Message}");
                return null;
            }
            ProgramInput.Render(bag, settings.Compile, context);
            return null;
        }
        return programs;
    }

    private static List<(string, byte[])>? ReadObjects(Settings settings, CommandContext context)
    {
        var objects = new List<(string, byte[])>();
        foreach (string file in settings.Files)
        {
            var bag = new DiagnosticBag();
            byte[]? image = ProgramInput.ReadImage(file, settings.Compile, context, bag, out _);
            ProgramInput.Render(bag, settings.Compile, context);
            if (image is null)
                return null;
            objects.Add((file, image));
        }
        // Without files: small programs with a license and a map in sections of their own.
        for (int i = 0; i < 16 && settings.Files.Count == 0; i++)
        {
            GeneratedProgram program = ProgramGenerator.Generate(settings.Seed + i, new GeneratorOptions { Type = Ebpf.Abi.ProgramType.Xdp, Parts = ProgramParts.All & ~(ProgramParts.Maps | ProgramParts.Records | ProgramParts.TailCalls | ProgramParts.Callbacks | ProgramParts.Functions) });
            string text = $"\t.section xdp,\"ax\",@progbits\n\t.globl fuzz\n\t.type fuzz,@function\nfuzz:\n{ProgramText.Write(program)}.Lend:\n\t.size fuzz, .Lend-fuzz\n\t.section license,\"aw\",@progbits\n\t.globl LICENSE\nLICENSE:\n\t.asciz \"GPL\"\n";
            var bag = new DiagnosticBag();
            if (Assembler.AssembleFile(text, bag) is not { } elf)
                throw new InternalCompilerException("FuzzCommand", null, string.Join("; ", bag.Items.Select(item => item.Message)));
            objects.Add(($"seed {settings.Seed + i}", elf.Write()));
        }
        return objects;
    }

    private static string? Set(Action apply)
    {
        apply();
        return null;
    }

    private static string? Number(string text, Action<int> apply)
    {
        if (!int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) || number < 0)
            return $"'{text}' is no number";
        apply(number);
        return null;
    }

    private static string? SetTime(Settings settings, string text)
    {
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) || !(seconds is > 0 and < 1e6))
            return $"'{text}' is no number of seconds";
        settings.Seconds = seconds;
        return null;
    }

    private static string? SetMode(Settings settings, string text)
    {
        if (!Enum.TryParse(text, ignoreCase: true, out FuzzMode mode) || !Enum.IsDefined(mode) || char.IsAsciiDigit(text[0]))
            return $"there is no mode '{text}'; there are: {string.Join(", ", Enum.GetNames<FuzzMode>().Select(each => each.ToLowerInvariant()))}";
        settings.Mode = mode;
        return null;
    }
}
