// Measurements with BenchmarkDotNet, in this process, so that nothing but this project needs building. Ratios to native code are
// the business of `ebpfcc bench` and tests/bench.sh.
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Ebpfcc.Benchmarks;

internal static class EntryPoint
{
    private static void Main(string[] arguments)
    {
        Job job = Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance);
        BenchmarkSwitcher.FromAssembly(typeof(EntryPoint).Assembly).Run(arguments, DefaultConfig.Instance.AddJob(job).AddDiagnoser(MemoryDiagnoser.Default));
    }
}
