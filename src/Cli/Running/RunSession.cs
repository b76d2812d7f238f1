// One loaded object under one engine: runs its program and shows its maps. The kernel is such a session too.
using Ebpfcc.Cli.Explaining;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Running;

/// <summary>Why a session cannot be made; the descriptor's arguments beside it.</summary>
internal sealed class RunRefusedException(Diagnostic diagnostic) : Exception(diagnostic.Message)
{
    public Diagnostic Diagnostic { get; } = diagnostic;

    /// <summary>What the diagnostic's places belong to.</summary>
    public Core.Text.SourceMap Map { get; init; } = new();

    public static RunRefusedException Of(DiagnosticDescriptor descriptor, params ReadOnlySpan<object?> arguments)
        => new(Diagnostic.Create(descriptor, Core.Text.SourceSpan.None, arguments));

    /// <summary>A file that could not be read or written, and why.</summary>
    public static RunRefusedException OfFile(DiagnosticDescriptor descriptor, string file, string? reason)
        => new(Diagnostic.Create(descriptor, Core.Text.SourceSpan.None, reason) with { Subject = file });
}

internal abstract class RunSession : IDisposable
{
    public required string Engine { get; init; }

    public required LoadedProgram Program { get; init; }

    /// <summary>The object's maps as our loader understands them; their contents are those of this session only when it is ours.</summary>
    public required IReadOnlyList<IMap> Maps { get; init; }

    public abstract TestRunResult Run(TestRunInput input);

    public abstract int Update(IMap map, byte[] key, byte[] value);

    public abstract List<(byte[] Key, byte[] Value)> Entries(IMap map);

    public abstract void Dispose();
}

/// <summary>Interpreter or JIT.</summary>
internal sealed class LocalSession(LoadedObject loaded, TestRunner runner, List<IExecutable> executables, IExecutionEngine engine) : RunSession
{
    public TestRunner Runner => runner;

    public override TestRunResult Run(TestRunInput input) => runner.Run(input);

    public override int Update(IMap map, byte[] key, byte[] value)
    {
        if ((MapType)map.Definition.Type is var type && type.IsPerCpu() && value.Length < map.UserValueSize)
        {
            byte[] all = new byte[map.UserValueSize];
            for (int at = 0; at + value.Length <= all.Length; at += (value.Length + 7) / 8 * 8)
                value.CopyTo(all, at);
            value = all;
        }
        return map.UserUpdate(key, value, UpdateMode.Any);
    }

    public override List<(byte[] Key, byte[] Value)> Entries(IMap map) => MapEntries.Of(map);

    public override void Dispose()
    {
        runner.Dispose();
        foreach (IExecutable executable in executables)
            executable.Dispose();
        loaded.Dispose();
        (engine as IDisposable)?.Dispose();
    }

    /// <summary>Loads an object and prepares its programs for an engine, which belongs to the session from now on.</summary>
    /// <exception cref="RunRefusedException">The object, the program or the engine is refused.</exception>
    public static LocalSession Open(EbpfObject? source, LoadedProgram? raw, string subject, IExecutionEngine engine, ExecutionEnvironment environment, string? programName, SandboxOptions? sandbox, RejectionReporter reporter)
    {
        try
        {
            return Load(source, raw, subject, engine, environment, programName, sandbox, reporter);
        }
        catch
        {
            (engine as IDisposable)?.Dispose();
            throw;
        }
    }

    private static LocalSession Load(EbpfObject? source, LoadedProgram? raw, string subject, IExecutionEngine engine, ExecutionEnvironment environment, string? programName, SandboxOptions? sandbox, RejectionReporter reporter)
    {
        if (engine.WhyUnavailable is { } reason)
            throw RunRefusedException.Of(RunDiagnostics.EngineUnavailable, engine.Name, reason);
        var bag = new DiagnosticBag();
        LoadedObject loaded = source is null ? LoadedObject.OfRaw(raw!)
            : ProgramLoader.Load(source, new LoadOptions { Subject = subject, Environment = environment, TakesUntypedPrograms = true }, bag) ?? throw new RunRefusedException(bag.Items[0]);
        try
        {
            if (loaded.Programs.Count == 0)
                throw new RunRefusedException(loaded.Failures.Count > 0 ? loaded.Failures[0].Reason : bag.Items[0]);
            LoadedProgram? program = programName is null ? loaded.Programs[0] : loaded.FindProgram(programName);
            if (program is null)
            {
                throw loaded.Failures.FirstOrDefault(failed => failed.Name == programName) is { } failure ? new RunRefusedException(failure.Reason)
                    : RunRefusedException.Of(RunDiagnostics.NoProgram, programName, string.Join(", ", loaded.Programs.Select(candidate => candidate.Name)));
            }
            // Without a program type there are no rules to verify by.
            if (program.ProgramType == (int)ProgramType.Unspec)
                sandbox ??= new SandboxOptions();
            var executables = new List<IExecutable>();
            IExecutable entry = Prepare(program, engine, environment, sandbox, reporter);
            executables.Add(entry);
            foreach (ProgramSlot slot in loaded.ProgramSlots)
            {
                IExecutable target = slot.Program == program ? entry : Prepare(slot.Program, engine, environment, sandbox, reporter);
                if (target != entry)
                    executables.Add(target);
                slot.Map.Set(slot.Index, target);
            }
            return new LocalSession(loaded, new TestRunner(program, entry, environment), executables, engine) { Engine = engine.Name, Program = program, Maps = loaded.Maps };
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    private static IExecutable Prepare(LoadedProgram program, IExecutionEngine engine, ExecutionEnvironment environment, SandboxOptions? sandbox, RejectionReporter reporter)
    {
        try
        {
            if (sandbox is not null)
                return engine.PrepareSandboxed(program, sandbox, environment);
            var options = new VerifierOptions();
            VerificationResult result = Verifier.Verify(program, options);
            if (result.Program is { } verified)
                return engine.Prepare(verified, environment);
            (Diagnostic rejected, Core.Text.SourceMap map) = reporter.Describe(program, result.Rejection!, options);
            throw new RunRefusedException(rejected) { Map = map };
        }
        catch (GuestFaultException fault)
        {
            throw RunRefusedException.Of(RunDiagnostics.Fault, program.Name, fault.Message);
        }
    }
}

/// <summary>The running kernel.</summary>
internal sealed class KernelSession(KernelObject kernel, LoadedObject shapes) : RunSession
{
    public override TestRunResult Run(TestRunInput input) => kernel.Run(Program.Name, input);

    public override int Update(IMap map, byte[] key, byte[] value)
    {
        if (((MapType)map.Definition.Type).IsPerCpu() && value.Length < map.UserValueSize)
        {
            byte[] all = new byte[map.UserValueSize];
            for (int at = 0; at + value.Length <= all.Length; at += (value.Length + 7) / 8 * 8)
                value.CopyTo(all, at);
            value = all;
        }
        return kernel.Update(map.Definition.Name, key, value);
    }

    public override List<(byte[] Key, byte[] Value)> Entries(IMap map) => kernel.Entries(map.Definition.Name, map.Definition.KeySize, map.UserValueSize);

    public override void Dispose()
    {
        kernel.Dispose();
        shapes.Dispose();
    }

    public static KernelSession Open(byte[] image, EbpfObject source, string subject, string? programName)
    {
        if (KernelObject.WhyUnavailable is { } reason)
            throw RunRefusedException.Of(RunDiagnostics.EngineUnavailable, "kernel", reason);
        var bag = new DiagnosticBag();
        LoadedObject shapes = ProgramLoader.Load(source, new LoadOptions { Subject = subject }, bag) ?? throw new RunRefusedException(bag.Items[0]);
        LoadedProgram? program = programName is null ? shapes.Programs.FirstOrDefault() : shapes.FindProgram(programName);
        if (program is null)
        {
            shapes.Dispose();
            throw RunRefusedException.Of(RunDiagnostics.NoProgram, programName ?? "", string.Join(", ", shapes.Programs.Select(candidate => candidate.Name)));
        }
        try
        {
            string[] wanted = [program.Name, .. shapes.ProgramSlots.Select(slot => slot.Program.Name)];
            return new KernelSession(KernelObject.Load(image, wanted), shapes) { Engine = "kernel", Program = program, Maps = shapes.Maps };
        }
        catch (KernelRefusalException refusal)
        {
            shapes.Dispose();
            throw RunRefusedException.Of(RunDiagnostics.EngineUnavailable, "kernel", refusal.Message);
        }
    }
}
