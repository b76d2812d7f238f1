// A short run of the fuzzer over all engines that work here: verified programs with maps, packets, helpers and callbacks, and wild
// ones in the sandbox. Long runs are 'ebpfcc fuzz'.
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.Llvm;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public class FuzzTests
{
    private static FuzzReport Run(FuzzOptions options, IExecutionEngine engine, IGuestAllocator allocator)
    {
        FuzzReport report = new Fuzzer(options, [new("interp", new Interpreter(), GuestHeap.Shared), new(engine.Name, engine, allocator)]).Run();
        Assert.True(report.Failures.Count == 0, string.Join('\n', report.Failures.Select(failure =>
            $"{failure.Kind}: {failure.Detail}\n{ProgramText.Write(failure.Program!)}reproduce: ebpfcc fuzz --mode {options.Mode.ToString().ToLowerInvariant()} --seed {failure.Seed} --count 1")));
        return report;
    }

    [OracleTheory(Oracle.X64Machine)]
    [InlineData(FuzzMode.Verified, 600)]
    [InlineData(FuzzMode.Sandboxed, 600)]
    public void Native_code_on_x86_64_agrees(FuzzMode mode, int count)
        => Assert.Equal(count, Run(new FuzzOptions { Mode = mode, Seed = 110_000, Count = count }, new X64Engine(), GuestHeap.Shared).Programs);

    [OracleTheory(Oracle.QemuArm)]
    [InlineData(FuzzMode.Verified, 100)]
    [InlineData(FuzzMode.Sandboxed, 100)]
    public void Native_code_on_ARM_agrees(FuzzMode mode, int count)
    {
        using var engine = new Arm32Engine(Oracles.Program(Oracle.QemuArm));
        Assert.Equal(count, Run(new FuzzOptions { Mode = mode, Seed = 120_000, Count = count }, engine, engine.Allocator).Programs);
    }

    [OracleFact(Oracle.Llvm)]
    public void Code_by_LLVM_agrees()
        => Assert.Equal(100, Run(new FuzzOptions { Mode = FuzzMode.Verified, Seed = 130_000, Count = 100 }, LlvmExecutionTests.Engine, GuestHeap.Shared).Programs);
}
