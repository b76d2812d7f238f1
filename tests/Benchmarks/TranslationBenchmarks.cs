// What it takes to get a program of about a hundred instructions ready.
using BenchmarkDotNet.Attributes;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Benchmarks;

public class TranslationBenchmarks
{
    private Subject _subject = null!;
    private VerifiedProgram _proof = null!;

    [ParamsAllValues]
    public Engine Engine { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        _subject = new Subject(Sources.Parse);
        _proof = _subject.Verify();
        Console.WriteLine($"// {_proof.Instructions.Length} instructions");
    }

    [Benchmark]
    public void Translate()
    {
        using IExecutable executable = _subject.Translate(Engine, _proof);
    }

    [Benchmark]
    public int Verify() => _subject.Verify().Instructions.Length;

    [GlobalCleanup]
    public void Dispose() => _subject.Dispose();
}
