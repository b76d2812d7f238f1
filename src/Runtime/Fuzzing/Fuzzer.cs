// Long comparisons of machines on generated programs. A mode says what is compared; a failure is made as small as possible while
// it stays the same failure.
//
//   verified    engines, without checks, agree on results, packets and maps; with the kernel where that is asked for
//   sandboxed   engines, with every access checked, agree on results and faults for programs that respect nothing
//   soundness   accepted programs never fault in the sandbox, and every step lies inside the verifier's states
//   verdict     our verdict is the kernel's, on programs from both sides of the border
//   objects     damaged objects get an answer: loaded or refused, accepted or rejected, never an exception
using System.Diagnostics;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Runtime.Fuzzing;

public enum FuzzMode { Verified, Sandboxed, Soundness, Verdict, Objects }

public sealed record FuzzOptions
{
    public FuzzMode Mode { get; init; }

    /// <summary>The first program's; each further one has the next.</summary>
    public int Seed { get; init; } = 1;

    public int Count { get; init; } = 1000;

    /// <summary>Ends earlier; null for never.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>Compares with the running kernel (always in <see cref="FuzzMode.Verdict"/>).</summary>
    public bool UsesKernel { get; init; }

    /// <summary>In <see cref="FuzzMode.Verdict"/>: programs that call kernel functions, by these types.</summary>
    public BtfReader? KernelFunctions { get; init; }

    /// <summary>Failures after which to stop.</summary>
    public int MaxFailures { get; init; } = 5;

    /// <summary>In <see cref="FuzzMode.Objects"/>: what to damage.</summary>
    public IReadOnlyList<(string Name, byte[] Image)> Objects { get; init; } = [];
}

/// <summary>One thing that went wrong.</summary>
/// <param name="Kind">In few words; stays the same while the program is made smaller.</param>
/// <param name="Detail">What exactly differs, for the smallest program.</param>
/// <param name="Program">The smallest program that shows it; null for damaged objects.</param>
public sealed record FuzzFailure(int Seed, string Kind, string Detail, GeneratedProgram? Program);

public sealed class FuzzReport
{
    public List<FuzzFailure> Failures { get; } = [];

    public int Programs { get; internal set; }

    /// <summary>Programs by what became of them, for the summary.</summary>
    public SortedDictionary<string, long> Counts { get; } = new(StringComparer.Ordinal);

    internal void Count(string what, long by = 1) => Counts[what] = Counts.GetValueOrDefault(what) + by;
}

/// <summary>Runs one mode over many seeds.</summary>
public sealed partial class Fuzzer(FuzzOptions options, IReadOnlyList<FuzzTarget> targets)
{
    private readonly FuzzReport _report = new();

    /// <param name="progress">Called now and then with the programs done and the failures so far.</param>
    public FuzzReport Run(Action<FuzzReport>? progress = null)
    {
        long started = Stopwatch.GetTimestamp(), told = started;
        for (int i = 0; i < options.Count && _report.Failures.Count < options.MaxFailures; i++)
        {
            if (options.Time is { } limit && Stopwatch.GetElapsedTime(started) > limit)
                break;
            int seed = unchecked(options.Seed + i);
            if (options.Mode == FuzzMode.Objects)
                CheckObject(seed);
            else
                CheckProgram(Generate(seed), seed);
            _report.Programs++;
            if (progress is not null && Stopwatch.GetElapsedTime(told) > TimeSpan.FromSeconds(2))
            {
                told = Stopwatch.GetTimestamp();
                progress(_report);
            }
        }
        return _report;
    }

    /// <summary>The same for programs that exist.</summary>
    public FuzzReport Judge(IReadOnlyList<GeneratedProgram> programs)
    {
        foreach (GeneratedProgram program in programs)
        {
            CheckProgram(program, program.Seed);
            _report.Programs++;
        }
        return _report;
    }

    /// <summary>The program of a seed in a mode.</summary>
    private GeneratedProgram Generate(int seed)
    {
        switch (options.Mode)
        {
            case FuzzMode.Sandboxed when seed % 2 == 0:
                return new GeneratedProgram(ProgramType.Unspec, WildProgram.Create(new Random(seed)), []) { Seed = seed };
            case FuzzMode.Sandboxed:
                return ProgramGenerator.Generate(seed, new GeneratorOptions { Type = ProgramType.Unspec });
            case FuzzMode.Soundness:
                // Loops whose rounds only pruning bounds have no end of states.
                return ProgramGenerator.Generate(seed, new GeneratorOptions
                {
                    Length = 10, Parts = seed % 3 > 0 ? ProgramParts.All & ~(ProgramParts.Callbacks | ProgramParts.MayGoto) : ProgramParts.All, Slips = seed % 5 == 0 ? 60 : 0,
                });
            case FuzzMode.Verdict:
                var random = new Random(seed);
                if (options.KernelFunctions is { } types)
                    return Damaged(new GeneratedProgram(ProgramType.Unspec, KfuncProgram.Generate(random, types, out ProgramType type), []) { Seed = seed } with { Type = type }, random, 6);
                return Damaged(ProgramGenerator.Generate(seed, new GeneratorOptions { Slips = seed % 4 == 0 ? 0 : 25, Length = 12 }), random, 4);
            default:
                return ProgramGenerator.Generate(seed);
        }
    }

    private static GeneratedProgram Damaged(GeneratedProgram program, Random random, int oneIn)
        => random.Next(oneIn) == 0 ? program.With(ProgramDamage.Apply(program.Code, random)) : program;

    private void CheckProgram(GeneratedProgram program, int seed)
    {
        if (Judge(program, seed, _report) is not { } failure)
            return;
        // Reduced programs must not differ for new reasons: addresses as numbers, memory that nobody wrote.
        bool isClean = AcceptsWithoutLeaks(program);
        var reducer = new ProgramReducer(code =>
        {
            GeneratedProgram smaller = program.With(code);
            return Judge(smaller, seed, null)?.Kind == failure.Kind && (!isClean || AcceptsWithoutLeaks(smaller));
        });
        GeneratedProgram least = program.With(reducer.Reduce(program.Code));
        (string Kind, string Detail) last = Judge(least, seed, null) ?? failure;
        _report.Failures.Add(new FuzzFailure(seed, last.Kind, last.Detail, least));
        _report.Count("failures");
    }

    private static readonly VerifierOptions s_verifier = new() { KernelTypes = KernelInformation.RunningKernelTypes, InstructionLimit = 300_000 };

    private bool AcceptsWithoutLeaks(GeneratedProgram program)
    {
        if (options.Mode is FuzzMode.Verdict or FuzzMode.Sandboxed)
            return false;
        try
        {
            return Verdict(program, s_verifier with { RefusesLeaks = true }).IsAccepted;
        }
        catch (Exception)
        {
            return false;
        }
    }

    private static VerificationResult Verdict(GeneratedProgram program, VerifierOptions verifier)
    {
        IReadOnlyList<IMap> maps = program.MakeMaps(new Execution.ExecutionEnvironment());
        try
        {
            return Verifier.Verify(program.Load(maps), verifier);
        }
        finally
        {
            foreach (IMap map in maps)
                map.Dispose();
        }
    }

    /// <summary>What both verifiers say about a program at a log level: ours, then the running kernel's.</summary>
    public static string Logs(GeneratedProgram program, int level)
    {
        IReadOnlyList<IMap> maps = program.MakeMaps(new Execution.ExecutionEnvironment());
        try
        {
            LoadedProgram loaded = program.Load(maps);
            using KernelProgram kernel = KernelProgram.Load(loaded, level);
            return $"---- ours\n{Verifier.Verify(loaded, s_verifier with { LogLevel = level }).Log}---- the kernel's\n{kernel.Log}";
        }
        finally
        {
            foreach (IMap map in maps)
                map.Dispose();
        }
    }

    /// <summary>What is wrong with a program in this mode; null for nothing.</summary>
    private (string Kind, string Detail)? Judge(GeneratedProgram program, int seed, FuzzReport? report)
    {
        try
        {
            return options.Mode switch
            {
                FuzzMode.Verified => JudgeVerified(program, seed, report),
                FuzzMode.Sandboxed => JudgeSandboxed(program, seed, report),
                FuzzMode.Soundness => JudgeSoundness(program, seed, report),
                _ => JudgeVerdict(program, report),
            };
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return ($"{exception.GetType().Name}", exception.ToString());
        }
    }

    private (string, string)? JudgeVerified(GeneratedProgram program, int seed, FuzzReport? report)
    {
        var inputs = new ProgramInputs(seed, program.Type);
        if (ProgramRuns.Verified(program, targets[0], inputs, s_verifier) is not { } expected)
        {
            report?.Count("rejected");
            return null;
        }
        report?.Count("accepted");
        for (int i = 1; i < targets.Count; i++)
        {
            ProgramRun? actual = ProgramRuns.Verified(program, targets[i], inputs, s_verifier);
            if (actual is null)
                return ($"{targets[i].Name} refuses", "the verifier rejects the program in this engine's memory");
            if (actual.Fault is { } fault && actual.Results.Count == 0)
            {
                report?.Count($"beyond {targets[i].Name}: {fault}");
                continue;
            }
            if (expected.Difference(actual, targets[0].Name, targets[i].Name) is { } difference)
                return ($"{targets[0].Name} and {targets[i].Name} differ", difference);
        }
        if (!options.UsesKernel)
            return null;
        IReadOnlyList<IMap> maps = program.MakeMaps(new Execution.ExecutionEnvironment());
        try
        {
            using KernelProgram kernel = KernelProgram.Load(program.Load(maps));
            if (!kernel.IsAccepted)
                return kernel.WhyUnknown is not null ? null : ("only the kernel rejects", kernel.Message);
            report?.Count("run by the kernel");
            ProgramRun theirs = ProgramRuns.Kernel(program, kernel, inputs);
            return ProgramRuns.LowHalf(expected).Difference(theirs, targets[0].Name, "kernel") is { } difference ? ($"{targets[0].Name} and kernel differ", difference) : null;
        }
        finally
        {
            foreach (IMap map in maps)
                map.Dispose();
        }
    }

    private (string, string)? JudgeSandboxed(GeneratedProgram program, int seed, FuzzReport? report)
    {
        var inputs = new ProgramInputs(seed, program.Type);
        ProgramRun expected = ProgramRuns.Sandboxed(program, targets[0], inputs)!;
        report?.Count(expected.Fault is null ? "ran to the end" : "stopped by the sandbox");
        for (int i = 1; i < targets.Count; i++)
        {
            ProgramRun actual = ProgramRuns.Sandboxed(program, targets[i], inputs)!;
            if (actual.Fault is not null && actual.Fault.Contains("verified programs only", StringComparison.Ordinal))
                continue;
            if (expected.ForgiveFuel(actual).Difference(actual, targets[0].Name, targets[i].Name) is { } difference)
                return ($"{targets[0].Name} and {targets[i].Name} differ in the sandbox", difference);
        }
        return null;
    }

    private (string, string)? JudgeSoundness(GeneratedProgram program, int seed, FuzzReport? report)
    {
        var inputs = new ProgramInputs(seed, program.Type);
        if (ProgramRuns.VerifiedInSandbox(program, targets[0], inputs, s_verifier) is not { } guarded)
        {
            report?.Count("rejected");
            return null;
        }
        report?.Count("accepted");
        if (guarded.Fault is { } fault)
            return ("an accepted program faults in the sandbox", fault);
        Execution.ExecutionEnvironment environment = ProgramRuns.EnvironmentFor(targets[0]);
        IReadOnlyList<IMap> maps = program.MakeMaps(environment);
        try
        {
            LoadedProgram loaded = program.Load(maps);
            var containment = new StateContainment(program.Code.Length);
            VerificationResult result = Verifier.Verify(loaded, s_verifier with { InstructionLimit = 20_000, IsPruningOff = true, Observer = containment.Collect });
            if (result.Program is not { } verified)
            {
                report?.Count("too long without pruning");
                return null;
            }
            ProgramRun run = ProgramRuns.Observed(program, targets[0], inputs, verified, loaded, environment, _ => containment.Watch(maps))!;
            report?.Count("steps inside the verifier's states", containment.Steps);
            if (containment.Violation is { } violation)
                return ("a step is outside the verifier's states", violation);
            // Where memory that nobody wrote, or addresses, reach results, these may differ.
            return AcceptsWithoutLeaks(program) && guarded.Difference(run, "sandbox", "unchecked") is { } difference ? ("sandboxed and unchecked runs differ", difference) : null;
        }
        finally
        {
            foreach (IMap map in maps)
                map.Dispose();
        }
    }

    /// <summary>What kernels accept though it is unsafe, by the words with which we refuse it.</summary>
    private static readonly (string OurWords, string What)[] s_kernelDefects =
    [
        // (-0 - 1) / 8 is 0 in C: the slot number of fp-8. The kernel function then works above the frame.
        ("at an offset=0", "a stack object at fp0 counts as the one at fp-8"),
    ];

    private static (string, string)? JudgeVerdict(GeneratedProgram program, FuzzReport? report)
    {
        IReadOnlyList<IMap> maps = program.MakeMaps(new Execution.ExecutionEnvironment());
        try
        {
            LoadedProgram loaded = program.Load(maps);
            VerificationResult ours = Verifier.Verify(loaded, s_verifier with { InstructionLimit = 1_000_000 });
            using KernelProgram kernel = KernelProgram.Load(loaded);
            if (kernel.WhyUnknown is not null)
            {
                report?.Count("beyond this kernel");
                return null;
            }
            string reason = ours.Rejection?.Message.Replace("\n", "; ") ?? "";
            if (ours.IsAccepted && kernel.IsAccepted)
            {
                report?.Count("both accept");
                report?.Count(ours.Statistics.ProcessedInstructions == kernel.Processed ? "same instructions processed" : "other instructions processed");
                return null;
            }
            if (kernel.IsAccepted && Array.Find(s_kernelDefects, defect => reason.Contains(defect.OurWords, StringComparison.Ordinal)) is { OurWords: not null } known)
            {
                report?.Count($"defect of the kernel ({known.What})");
                return null;
            }
            if (ours.IsAccepted != kernel.IsAccepted)
                return ours.IsAccepted ? ("only we accept", $"kernel: {kernel.Message}") : ("only the kernel accepts", $"we: {reason}");
            report?.Count("both reject");
            report?.Count(kernel.Message.EndsWith(reason.Split("; ")[^1], StringComparison.Ordinal) ? "same message" : "other message");
            return null;
        }
        finally
        {
            foreach (IMap map in maps)
                map.Dispose();
        }
    }

    private void CheckObject(int seed)
    {
        var random = new Random(seed);
        (string name, byte[] image) = options.Objects[random.Next(options.Objects.Count)];
        byte[] damaged = (byte[])image.Clone();
        for (int i = random.Next(1, 8); i > 0; i--)
        {
            int at = random.Next(damaged.Length);
            damaged[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(damaged[at] ^ 1 << random.Next(8)), _ => (byte)(random.Next(2) == 0 ? 0 : 0xff) };
        }
        if (random.Next(8) == 0)
            damaged = damaged[..random.Next(damaged.Length)];
        try
        {
            var bag = new DiagnosticBag();
            if (ObjectReader.Read(damaged, name, bag) is not { } read)
            {
                _report.Count("not read");
                return;
            }
            using LoadedObject? loaded = ProgramLoader.Load(read, new LoadOptions { Subject = name, DescribeUnimplementedMaps = true }, bag);
            _report.Count(loaded is null ? "not loaded" : "loaded");
            foreach (LoadedProgram program in loaded?.Programs ?? [])
                _report.Count(Verifier.Verify(program, s_verifier with { InstructionLimit = 50_000 }).IsAccepted ? "accepted" : "rejected");
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            _report.Failures.Add(new FuzzFailure(seed, exception.GetType().Name, $"{name}: {exception}", null));
        }
    }
}
