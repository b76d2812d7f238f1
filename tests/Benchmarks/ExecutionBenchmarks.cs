// How long programs run and what calling one costs. What calling allocates is in the column that BenchmarkDotNet adds.
using BenchmarkDotNet.Attributes;
using Ebpfcc.Embedding;
using Ebpfcc.Runtime.Execution;

namespace Ebpfcc.Benchmarks;

/// <summary>A loop of some 6,000 instructions.</summary>
public class ExecutionBenchmarks
{
    private Subject _subject = null!;
    private IExecutable _executable = null!;
    private nint _context;

    [ParamsAllValues]
    public Engine Engine { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        _subject = new Subject(Sources.Hash);
        _executable = _subject.Prepare(Engine);
        _context = _subject.EnterContext();
    }

    [Benchmark]
    public ulong Loop() => _executable.Run(_context);

    [GlobalCleanup]
    public void Dispose() => _subject.Dispose();
}

/// <summary>An empty program.</summary>
public class CallBenchmarks
{
    private Subject _subject = null!;
    private IExecutable _executable = null!;
    private nint _context;

    [ParamsAllValues]
    public Engine Engine { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        _subject = new Subject(Sources.Empty);
        _executable = _subject.Prepare(Engine);
        _context = _subject.EnterContext();
    }

    [Benchmark]
    public ulong Executable() => _executable.Run(_context);

    [GlobalCleanup]
    public void Dispose() => _subject.Dispose();
}

/// <summary>The same through the library for hosts, with a context of its own for each run.</summary>
public class HostCallBenchmarks
{
    private Vm _vm = null!;
    private Program _program = null!;
    private readonly byte[] _context = new byte[64];

    [GlobalSetup]
    public void Prepare()
    {
        _vm = new Vm();
        _program = _vm.CompileAndLoad(Sources.Empty).Program("empty");
    }

    [Benchmark]
    public ulong RunContext() => _program.RunContext(_context);

    [GlobalCleanup]
    public void Dispose() => _vm.Dispose();
}

/// <summary>A program that looks one value up.</summary>
public class MapBenchmarks
{
    private Subject _subject = null!;
    private IExecutable _executable = null!;
    private nint _context;

    [ParamsAllValues]
    public Engine Engine { get; set; }

    [Params("BPF_MAP_TYPE_ARRAY", "BPF_MAP_TYPE_HASH", "BPF_MAP_TYPE_LRU_HASH", "BPF_MAP_TYPE_PERCPU_ARRAY")]
    public string Map { get; set; } = "";

    [GlobalSetup]
    public void Prepare()
    {
        _subject = new Subject(Sources.Lookup(Map));
        _executable = _subject.Prepare(Engine);
        _context = _subject.EnterContext();
    }

    [Benchmark]
    public ulong Lookup() => _executable.Run(_context);

    [GlobalCleanup]
    public void Dispose() => _subject.Dispose();
}
