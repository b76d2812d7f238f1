// Programs of a file on engines: loads, verifies unless they run sandboxed, translates, and times them in turns with the same C
// natively and with the empty frame of each, which is what a run costs before its first instruction.
using System.Diagnostics;
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Explaining;
using Ebpfcc.Cli.Options;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Benchmarking;

internal sealed record BenchmarkSettings
{
    public required CompileSettings Compile { get; init; }
    public string? Program { get; init; }

    /// <summary>The packet, or a folder with one for each file.</summary>
    public string? Data { get; init; }
    public string? NativeFolder { get; init; }

    /// <summary>Skip the verifier; programs without a type always do.</summary>
    public bool Unverified { get; init; }
    public int Milliseconds { get; init; }

    /// <summary>Instructions the verifier may process.</summary>
    public int MaxInstructions { get; init; } = InstructionLimit.Default;
}

internal sealed class ProgramBenchmark(BenchmarkSettings settings, IReadOnlyList<IExecutionEngine> engines, CommandContext context) : IDisposable
{
    private const int Rounds = 7;

    /// <summary>Key of the native program beside the engines' names.</summary>
    private const string Native = "native";

    private readonly Dictionary<string, Sampler> _frames = [];

    /// <summary>A program with its samplers by engine.</summary>
    private sealed record Subject(string Title, bool IsSandboxed, long Instructions, double Verify)
    {
        public Dictionary<string, (Sampler Sampler, double Prepare)> Engines { get; } = [];
    }

    /// <summary>Times without what these programs cost, from now on.</summary>
    public bool UseFrame(string file)
    {
        if (ReadData(file) is not { } data || Prepare(file, data) is not { Count: > 0 } subjects)
            return false;
        foreach ((string engine, (Sampler sampler, _)) in subjects[0].Engines)
            _frames[engine] = sampler;
        if (NativeSampler(file, data) is { } native)
            _frames[Native] = native;
        foreach (Subject other in subjects.Skip(1))
            Release(other);
        return true;
    }

    /// <summary>The figures of a file's programs; null after errors, which have been rendered.</summary>
    public List<Figure>? Measure(string file)
    {
        if (ReadData(file) is not { } data || Prepare(file, data) is not { } subjects)
            return null;
        var figures = new List<Figure>();
        using Sampler? native = NativeSampler(file, data);
        foreach (Subject subject in subjects)
        {
            var samples = new Dictionary<string, double[]>();
            for (int round = 0; round < Rounds; round++)
            {
                if (native is not null)
                    Sample(samples, round, Native, native);
                foreach ((string engine, (Sampler sampler, _)) in subject.Engines)
                    Sample(samples, round, engine, sampler);
            }
            foreach (IExecutionEngine engine in engines)
            {
                double[] whole = samples[engine.Name], net = samples[engine.Name + Net];
                double[]? nativeNet = samples.GetValueOrDefault(Native + Net);
                double ratio = nativeNet is null ? double.NaN : Sampler.Median([.. net.Zip(nativeNet, (ours, theirs) => ours / theirs)]);
                figures.Add(new Figure(subject.Title, engine.Name, subject.IsSandboxed, subject.Instructions, Sampler.Median(whole), Sampler.Median(net),
                    nativeNet is null ? double.NaN : Sampler.Median(nativeNet), ratio, subject.Engines[engine.Name].Prepare, subject.Verify));
            }
            Release(subject);
        }
        return figures;
    }

    private const string Net = " net";

    private void Sample(Dictionary<string, double[]> samples, int round, string key, Sampler sampler)
    {
        double whole = sampler.Sample(settings.Milliseconds);
        Row(key)[round] = whole;
        Row(key + Net)[round] = whole - (_frames.TryGetValue(key, out Sampler? frame) ? frame.Sample(settings.Milliseconds) : 0);

        double[] Row(string name) => samples.TryGetValue(name, out double[]? row) ? row : samples[name] = new double[Rounds];
    }

    private byte[]? ReadData(string file)
    {
        if (settings.Data is not { } path)
            return new byte[64];
        var bag = new DiagnosticBag();
        byte[]? data = ProgramInput.ReadBytes(Directory.Exists(path) ? Path.Combine(path, Path.GetFileNameWithoutExtension(file) + ".bin") : path, bag);
        ProgramInput.Render(bag, settings.Compile, context);
        return data;
    }

    private Sampler? NativeSampler(string file, byte[] data)
    {
        if (settings.NativeFolder is not { } folder || NativeProgram.Open(Path.GetFullPath(Path.Combine(folder, Path.GetFileNameWithoutExtension(file) + ".so")), data) is not { } program)
            return null;
        return new Sampler(program.Run) { Owned = { program } };
    }

    /// <summary>Each engine gets maps and memory of its own, where it can address them.</summary>
    private List<Subject>? Prepare(string file, byte[] data)
    {
        var subjects = new List<Subject>();
        foreach (IExecutionEngine engine in engines)
        {
            var environment = new ExecutionEnvironment { Allocator = EngineTable.AllocatorOf(engine) };
            LoadedObject? loaded = ProgramInput.Load(file, settings.Compile, context, new LoadOptions { Environment = environment, TakesUntypedPrograms = true }, out RejectionReporter reporter);
            if (loaded is null || !ProgramInput.ReportFailures(loaded, settings.Program, settings.Compile, context))
                return null;
            List<LoadedProgram> chosen = [.. loaded.Programs.Where(program => settings.Program is null || program.Name == settings.Program)];
            if (chosen.Count == 0)
            {
                ProgramInput.NoSuchProgram(file, settings.Program!, loaded.Programs.Select(program => program.Name), settings.Compile, context);
                return null;
            }
            for (int i = 0; i < chosen.Count; i++)
            {
                if (!Prepare(subjects, i, chosen[i], loaded.Programs.Count > 1, file, engine, environment, data, i == 0 ? loaded : null, reporter))
                    return null;
            }
        }
        return subjects;
    }

    private bool Prepare(List<Subject> subjects, int index, LoadedProgram program, bool isOneOfSeveral, string file, IExecutionEngine engine, ExecutionEnvironment environment, byte[] data, LoadedObject? owned, RejectionReporter reporter)
    {
        bool isSandboxed = settings.Unverified || program.ProgramType == (int)ProgramType.Unspec;
        VerifiedProgram? proof = null;
        if (!isSandboxed)
        {
            VerificationResult verified = Verifier.Verify(program, VerifierOptions);
            if (verified.Rejection is { } rejection)
            {
                ProgramInput.RenderRejection(reporter, program, rejection, VerifierOptions, settings.Compile, context);
                return false;
            }
            proof = verified.Program!;
        }
        if (index == subjects.Count)
        {
            double verify = isSandboxed ? double.NaN : Sampler.Median(Rounds, () => Verifier.Verify(program, VerifierOptions).Statistics.Time.TotalMicroseconds);
            string name = Path.GetFileNameWithoutExtension(file);
            subjects.Add(new Subject(isOneOfSeveral ? $"{name}/{program.Name}" : name, isSandboxed, CountInstructions(program, proof, data), verify));
        }
        IExecutable Translate(IExecutionEngine by, ExecutionEnvironment world) => proof is null ? by.PrepareSandboxed(program, new SandboxOptions(), world) : by.Prepare(proof, world);
        double prepare = Sampler.Median(Rounds, () =>
        {
            long start = Stopwatch.GetTimestamp();
            using IExecutable once = Translate(engine, environment);
            return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        });
        IExecutable executable = Translate(engine, environment);
        var runner = new TestRunner(program, executable, environment);
        var sampler = new Sampler(repeat => runner.Run(new TestRunInput { Data = data, Repeat = repeat }));
        if (owned is not null)
            sampler.Owned.Add(owned);
        sampler.Owned.Add(executable);
        sampler.Owned.Add(runner);
        subjects[index].Engines[engine.Name] = (sampler, prepare);
        return true;
    }

    private VerifierOptions VerifierOptions => new() { InstructionLimit = settings.MaxInstructions, KernelTypes = KernelInformation.RunningKernelTypes };

    private static long CountInstructions(LoadedProgram program, VerifiedProgram? proof, byte[] data)
    {
        var environment = new ExecutionEnvironment { CountsInstructions = true };
        using IExecutable executable = proof is null ? new Interpreter().PrepareSandboxed(program, new SandboxOptions(), environment) : new Interpreter().Prepare(proof, environment);
        using var runner = new TestRunner(program, executable, environment);
        return runner.Run(new TestRunInput { Data = data }).ExecutedInstructions;
    }

    private static void Release(Subject subject)
    {
        foreach ((Sampler sampler, _) in subject.Engines.Values)
            sampler.Dispose();
    }

    public void Dispose()
    {
        foreach (Sampler frame in _frames.Values)
            frame.Dispose();
    }
}
