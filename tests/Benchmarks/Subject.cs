// A program for measurements: compiled from C in this process, loaded, and verified.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Embedding;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Benchmarks;

/// <summary>How a program is executed.</summary>
public enum Engine { Interpreter, X64, X64Sandboxed }

internal sealed unsafe class Subject : IDisposable
{
    private readonly LoadedObject _loaded;
    private readonly List<IDisposable> _owned = [];

    public Subject(string source)
    {
        var bag = new DiagnosticBag();
        EbpfObject image = ObjectReader.Read(CCompiler.Compile(source), "benchmark", bag) ?? throw new InvalidOperationException(bag.Items[0].Message);
        _loaded = ProgramLoader.Load(image, new LoadOptions { Subject = "benchmark", Environment = Environment, TakesUntypedPrograms = true }, bag)
            ?? throw new InvalidOperationException(bag.Items[0].Message);
        Program = _loaded.Programs[0];
    }

    public ExecutionEnvironment Environment { get; } = new();

    public LoadedProgram Program { get; }

    public VerifiedProgram Verify()
        => Verifier.Verify(Program) is { Program: { } proof } ? proof : throw new InvalidOperationException("the benchmark's program is rejected");

    public IExecutable Prepare(Engine engine)
    {
        IExecutable executable = Translate(engine, engine == Engine.X64Sandboxed ? null : Verify());
        _owned.Add(executable);
        return executable;
    }

    public IExecutable Translate(Engine engine, VerifiedProgram? proof) => engine switch
    {
        Engine.Interpreter => new Interpreter().Prepare(proof!, Environment),
        Engine.X64 => new X64Engine().Prepare(proof!, Environment),
        _ => new X64Engine().PrepareSandboxed(Program, new SandboxOptions(), Environment),
    };

    /// <summary>A context without a packet for the calling thread; returns its address for R1.</summary>
    public nint EnterContext()
    {
        const int Size = 4096;
        byte* memory = GuestHeap.Shared.Allocate(Size, 64);
        GuestContext.Current = new GuestContext(Environment) { Context = memory, ContextSize = Size };
        return (nint)memory;
    }

    public void Dispose()
    {
        foreach (IDisposable owned in _owned)
            owned.Dispose();
        _loaded.Dispose();
    }
}
