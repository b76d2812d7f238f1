// One program of an object where it runs: verified under one of our engines, or in the running kernel.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Selftests;

/// <summary>Loaded, accepted by our verifier, prepared by an engine; all that programs see comes from the engine's memory.</summary>
internal sealed class EngineTarget : ISelftestTarget, IDisposable
{
    private readonly IExecutionEngine _engine;
    private readonly LoadedObject _loaded = null!;
    private readonly List<IExecutable> _executables = [];
    private readonly TestRunner _runner = null!;

    public EngineTarget(byte[] image, string engine, string? program = null, Func<ulong>? clock = null, ulong? randomSeed = null)
    {
        _engine = EngineTable.Find(engine)!.Create(new CommandContext
        {
            Output = TextWriter.Null, Error = TextWriter.Null, OpenInput = () => Stream.Null, OpenOutput = () => Stream.Null, Environment = Environment.GetEnvironmentVariable,
        });
        Assert.True(_engine.WhyUnavailable is null, _engine.WhyUnavailable);
        Surroundings = new ExecutionEnvironment { Allocator = EngineTable.AllocatorOf(_engine), Clock = clock, RandomSeed = randomSeed };
        try
        {
            var diagnostics = new DiagnosticBag();
            LoadedObject? loaded = ProgramLoader.Load(SelftestObjects.Read(image), new LoadOptions { Environment = Surroundings }, diagnostics);
            Assert.True(loaded is not null, string.Join("; ", diagnostics.Items.Select(item => item.Message)));
            _loaded = loaded;
            LoadedProgram entry = program is null ? Assert.Single(loaded.Programs) : loaded.FindProgram(program)!;
            _runner = new TestRunner(entry, Prepare(entry), Surroundings);
            foreach (ProgramSlot slot in loaded.ProgramSlots)
                slot.Map.Set(slot.Index, Prepare(slot.Program));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private IExecutable Prepare(LoadedProgram program)
    {
        VerificationResult result = Verifier.Verify(program);
        Assert.True(result.IsAccepted, $"{program.Name}: {result.Rejection?.Message}");
        _executables.Add(_engine.Prepare(result.Program!, Surroundings));
        return _executables[^1];
    }

    public ExecutionEnvironment Surroundings { get; }

    public TestRunResult Run(TestRunInput input) => _runner.Run(input);

    public (int Errno, uint ReturnValue, byte[] Data) Run(byte[] packet, int repeat)
    {
        TestRunResult result = _runner.Run(new TestRunInput { Data = packet, Repeat = repeat });
        return (result.Errno, (uint)result.ReturnValue, result.Data);
    }

    public int Update(string map, byte[] key, byte[] value) => _loaded.FindMap(map)!.UserUpdate(key, value, UpdateMode.Any);

    public IEnumerable<(byte[] Key, byte[] Value)> Entries(string map) => MapEntries.Of(_loaded.FindMap(map)!);

    public void Dispose()
    {
        _runner?.Dispose();
        foreach (IExecutable executable in _executables)
            executable.Dispose();
        _loaded?.Dispose();
        (_engine as IDisposable)?.Dispose();
    }
}

/// <summary>Loaded by libbpf and accepted by the kernel's verifier; run by BPF_PROG_TEST_RUN.</summary>
/// <param name="others">Programs that this one calls through tables.</param>
internal sealed class KernelTarget(byte[] image, string program, params string[] others) : ISelftestTarget, IDisposable
{
    private readonly KernelObject _kernel = KernelObject.Load(image, [program, .. others]);
    private readonly EbpfObject _object = SelftestObjects.Read(image);

    public (int Errno, uint ReturnValue, byte[] Data) Run(byte[] packet, int repeat)
    {
        TestRunResult result = _kernel.Run(program, new TestRunInput { Data = packet, Repeat = repeat });
        return (result.Errno, (uint)result.ReturnValue, result.Data);
    }

    public int Update(string map, byte[] key, byte[] value) => _kernel.Update(map, key, value);

    public IEnumerable<(byte[] Key, byte[] Value)> Entries(string map)
    {
        // The sizes as user space sees them are those of our loader's map.
        using LoadedObject shapes = ProgramLoader.Load(_object, new LoadOptions(), new DiagnosticBag())!;
        IMap shape = shapes.FindMap(map)!;
        return _kernel.Entries(map, shape.Definition.KeySize, shape.UserValueSize);
    }

    public void Dispose() => _kernel.Dispose();
}
