// A virtual machine: engine, helpers, program types and CPUs that its modules share.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Verification;
using MapDefinition = Ebpfcc.Runtime.Maps.MapDefinition;

namespace Ebpfcc.Embedding;

/// <summary>
/// Loads, verifies and runs eBPF programs inside this process. Thread-safe: programs run, maps are used and modules come and go from
/// any number of threads.
/// </summary>
/// <example>
/// <code>
/// using var vm = new Vm();
/// using EbpfModule module = vm.CompileAndLoad(File.ReadAllText("filter.c"));
/// ulong verdict = module.Program("filter").Run(packet);
/// foreach ((uint source, ulong drops) in module.Map&lt;uint, ulong&gt;("drops"))
///     log.Add($"{source}: {drops}");
/// </code>
/// </example>
public sealed class Vm : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<EbpfModule> _modules = [];
    private readonly Dictionary<IMap, int> _users = [];
    private readonly Dictionary<string, IMap> _pinned = [];
    private readonly Interpreter _interpreter = new();
    private readonly X64Engine _native = new();
    private readonly Dictionary<int, HelperRow> _helperRows;
    private bool _disposed;

    /// <exception cref="EbpfException">The engine that the options name does not work on this machine.</exception>
    public Vm(VmOptions? options = null)
    {
        Options = options ?? new VmOptions();
        if (Options.Engine == EngineKind.X64 && _native.WhyUnavailable is { } reason)
            throw new EbpfException(reason);
        int cpus = Options.CpuCount > 0 ? Options.CpuCount : GuestCpu.Count;
        Gate = new CpuGate(cpus);
        _helperRows = Options.Helpers.ToDictionary(helper => helper.Row.Id, helper => helper.Row);
        Environment = new ExecutionEnvironment
        {
            Helpers = HelperRegistry.Default.With(Options.Helpers), TraceSink = Options.TraceSink, Clock = Options.Clock, RandomSeed = Options.RandomSeed,
            Task = Options.Task, CpuCount = cpus,
        };
    }

    /// <summary>What it was made with.</summary>
    public VmOptions Options { get; }

    internal ExecutionEnvironment Environment { get; }

    internal CpuGate Gate { get; }

    /// <summary>Compiles C and loads what comes of it.</summary>
    /// <exception cref="EbpfException">The compiler, the loader or the verifier refuses it; nothing stays loaded.</exception>
    public EbpfModule CompileAndLoad(string source, CompileOptions? compile = null, ModuleOptions? options = null)
        => Load(CCompiler.Compile(source, compile), options ?? new ModuleOptions { Name = compile?.FileName ?? "program.c" });

    /// <summary>Loads an object, or compiles and loads a file whose name ends in <c>.c</c>.</summary>
    /// <exception cref="EbpfException">The compiler, the loader or the verifier refuses it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public EbpfModule LoadFile(string path, CompileOptions? compile = null, ModuleOptions? options = null)
    {
        options ??= new ModuleOptions { Name = path };
        return Path.GetExtension(path) == ".c"
            ? Load(CCompiler.Compile(File.ReadAllText(path), (compile ?? new CompileOptions()) with { FileName = path }), options)
            : Load(File.ReadAllBytes(path), options);
    }

    /// <summary>Loads an ELF object of any compiler: makes its maps, verifies its programs, prepares them for the engine.</summary>
    /// <exception cref="EbpfException">The object is malformed, a map cannot be made, or a program is rejected.</exception>
    public EbpfModule Load(byte[] image, ModuleOptions? options = null)
    {
        options ??= new ModuleOptions();
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var bag = new DiagnosticBag();
            Dictionary<string, IMap> existing = new(_pinned);
            foreach ((string name, Map map) in options.Maps)
                existing[name] = map.Target;
            LoadedObject loaded = (ObjectReader.Read(image, options.Name, bag) is { } source
                ? ProgramLoader.Load(source, new LoadOptions
                {
                    Subject = options.Name, Environment = Environment, ExistingMaps = existing, HostTypes = Options.ProgramTypes, TakesUntypedPrograms = true,
                }, bag)
                : null) ?? throw EbpfException.Of(options.Name, bag.Items);
            EbpfModule? module = null;
            try
            {
                if (loaded.Failures.Count > 0 || bag.HasErrors)
                    throw EbpfException.Of(options.Name, [.. bag.Items, .. loaded.Failures.Select(failure => failure.Reason)]);
                module = new EbpfModule(this, options.Name, loaded);
            }
            finally
            {
                if (module is null)
                    loaded.Dispose();
            }
            _modules.Add(module);
            foreach (IMap map in loaded.Maps)
            {
                Use(map);
                if (map.Definition.IsPinned && _pinned.TryAdd(map.Definition.Name, map))
                    Use(map);
            }
            return module;
        }
    }

    /// <summary>Makes a map that belongs to no module; modules get it through <see cref="ModuleOptions.Maps"/>.</summary>
    /// <exception cref="EbpfException">The definition breaks a rule of its type.</exception>
    public Map CreateMap(MapDefinition definition)
    {
        if (MapFactory.WhyRefused(definition) is { } refusal)
            throw new EbpfException(refusal.Errno, $"map '{definition.Name}' cannot be made: {refusal.Reason}");
        return new Map(MapFactory.Create(definition, Environment.Allocator, Environment.CpuCount));
    }

    /// <summary>Verifies and prepares one program.</summary>
    internal IExecutable Prepare(LoadedProgram program)
    {
        if (Options.Sandbox is { } sandbox || program.ProgramType == (int)ProgramType.Unspec)
            return Try(program, engine => engine.PrepareSandboxed(program, Options.Sandbox ?? new SandboxOptions(), Environment));
        VerificationResult result = Verifier.Verify(program, new VerifierOptions { Kernel = Options.Kernel, ExtraHelpers = _helperRows });
        if (result.Program is not { } verified)
            throw Rejected(program, result);
        return Try(program, engine => engine.Prepare(verified, Environment));
    }

    private EbpfException Rejected(LoadedProgram program, VerificationResult result)
    {
        Rejection rejection = result.Rejection!;
        LineRecord? line = program.FindLine(rejection.Slot);
        string place = line is { } known ? $"{known.File}:{known.Line}:{known.Column}" : $"insn {rejection.Slot}";
        VerificationResult logged = Verifier.Verify(program, new VerifierOptions { Kernel = Options.Kernel, ExtraHelpers = _helperRows, LogLevel = 1 });
        return new EbpfException($"{place}: program '{program.Name}' is rejected: {rejection.Message.Replace("\n", "; ")}") { VerifierLog = logged.Log };
    }

    private IExecutable Try(LoadedProgram program, Func<IExecutionEngine, IExecutable> prepare)
    {
        try
        {
            if (Options.Engine != EngineKind.Interpreter && _native.WhyUnavailable is null)
            {
                try
                {
                    return prepare(_native);
                }
                catch (GuestFaultException) when (Options.Engine == EngineKind.Auto)
                {
                    // What native code cannot run the interpreter may; if not, its reason counts.
                }
            }
            return prepare(_interpreter);
        }
        catch (GuestFaultException fault)
        {
            throw new EbpfException($"program '{program.Name}' cannot run: {fault.Message}");
        }
    }

    private void Use(IMap map) => _users[map] = _users.GetValueOrDefault(map) + 1;

    internal void Forget(EbpfModule module)
    {
        lock (_lock)
            _modules.Remove(module);
    }

    /// <summary>Code is gone: maps without users are retired.</summary>
    internal void Release(IReadOnlyList<IMap> maps)
    {
        lock (_lock)
        {
            foreach (IMap map in maps)
                ReleaseMap(map);
        }
    }

    private void ReleaseMap(IMap map)
    {
        if (!_users.TryGetValue(map, out int users))
            return;
        if (users > 1)
        {
            _users[map] = users - 1;
            return;
        }
        _users.Remove(map);
        (map as Runtime.Maps.Map)?.Retire();
    }

    /// <summary>Disposes of all modules, then of the host's helpers. Waits for runs that are going on.</summary>
    public void Dispose()
    {
        EbpfModule[] modules;
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            modules = [.. _modules];
        }
        foreach (EbpfModule module in modules)
            module.Dispose();
        lock (_lock)
        {
            foreach (IMap map in _pinned.Values)
                ReleaseMap(map);
            _pinned.Clear();
        }
        Gate.WaitForRuns();
        foreach (HostHelper helper in Options.Helpers)
            helper.Dispose();
    }
}
