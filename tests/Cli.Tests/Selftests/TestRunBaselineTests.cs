// Programs of Linux 6.1 that the kernel test-ran for the baseline (compiled by clang, empty maps), compiled by our compiler: the
// results are the same under every engine and in the kernel. A selection that needs system headers only is a test; all
// programs are a report that runs when asked: EBPFCC_TEST_RUN_OUT names the file for the table of differences,
// EBPFCC_TEST_RUN_OPTIONS adds options of the compiler, EBPFCC_TEST_RUN_FOLDERS gives the baseline's {names} as name=folder
// pairs with semicolons between, EBPFCC_TEST_RUN_ENGINES names the engines, EBPFCC_TEST_RUN_COMPILER=clang takes clang's objects.
using System.Text;
using System.Text.Json;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Selftests;

public sealed class TestRunBaselineTests
{
    private static readonly string[] s_engines = Environment.GetEnvironmentVariable("EBPFCC_TEST_RUN_ENGINES") is { Length: > 0 } names ? names.Split(',') : ["kernel", "interp", "x64", "llvm", "arm32"];

    public static TheoryData<string> Files() => new("test_skb_ctx.c", "tailcall2.c", "tailcall_bpf2bpf4.c", "test_check_mtu.c", "test_xdp_adjust_tail_grow.c", "test_global_data.c", "bpf_flow.c");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders)]
    [MemberData(nameof(Files))]
    public void InTheInterpreter(string file) => ResultsAreTheKernels(file, "interp");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.X64Machine)]
    [MemberData(nameof(Files))]
    public void AsX64Code(string file) => ResultsAreTheKernels(file, "x64");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.Llvm)]
    [MemberData(nameof(Files))]
    public void AsLlvmsCode(string file) => ResultsAreTheKernels(file, "llvm");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.QemuArm)]
    [MemberData(nameof(Files))]
    public void AsArm32Code(string file) => ResultsAreTheKernels(file, "arm32");

    [OracleTheory(Oracle.Shared, Oracle.LinuxSource61, Oracle.LibbpfHeaders, Oracle.Kernel, Oracle.Libbpf)]
    [MemberData(nameof(Files))]
    public void InTheKernel(string file) => ResultsAreTheKernels(file, "kernel");

    private static void ResultsAreTheKernels(string file, string engine)
    {
        byte[] image = SelftestObjects.Image(Path.GetFileNameWithoutExtension(file), "ebpfcc", "6.1");
        List<RecordedRun> runs = [.. RecordedRun.All().Where(run => run.File == file)];
        Assert.NotEmpty(runs);
        foreach (RecordedRun run in runs)
            Assert.Equal((run.PacketName, ""), (run.PacketName, run.Difference(image, engine)));
    }
}
