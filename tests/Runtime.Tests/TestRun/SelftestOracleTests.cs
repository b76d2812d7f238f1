// The kernel's test_pkt_access, test_xdp and test_l4lb as clang compiles them, with their maps filled as the kernel's own tests fill
// them: every run that was recorded gives the kernel's return value and packet, and the statistics add up. Sandboxed and
// verified, and in the running kernel, which proves the bridge to it.
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.TestRun;

public sealed class SelftestOracleTests
{
    public static TheoryData<string> Sources() => [.. SelftestRow.Names];

    private static byte[] Image(string source)
    {
        string folder = LinuxSource.Selftests("6.12");
        return ClangObjects.CompileFile(Path.Combine(folder, "progs", source + ".c"), "-I" + folder);
    }

    [OracleTheory(Oracle.Shared, Oracle.Clang, Oracle.LinuxSource612, Oracle.LibbpfHeaders)]
    [MemberData(nameof(Sources))]
    public void SandboxedRunsAreTheKernels(string source) => RunsAreTheKernels(source, isVerified: false);

    [OracleTheory(Oracle.Shared, Oracle.Clang, Oracle.LinuxSource612, Oracle.LibbpfHeaders)]
    [MemberData(nameof(Sources))]
    public void VerifiedRunsAreTheKernels(string source) => RunsAreTheKernels(source, isVerified: true);

    [OracleTheory(Oracle.Shared, Oracle.Clang, Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.Kernel, Oracle.Libbpf)]
    [MemberData(nameof(Sources))]
    public void TheKernelStillAnswersSo(string source)
    {
        SelftestRow row = SelftestRow.Of(source);
        byte[] image = Image(source);
        using KernelObject kernel = KernelObject.Load(image, [row.Program]);
        using LoadedObject shapes = ClangObjects.Load(image);
        row.Replay(new Target
        {
            Runs = input => kernel.Run(row.Program, input),
            Updates = (map, key, value) => kernel.Update(map, key, value),
            Reads = map => kernel.Entries(map, shapes.FindMap(map)!.Definition.KeySize, shapes.FindMap(map)!.UserValueSize),
        });
    }

    private static void RunsAreTheKernels(string source, bool isVerified)
    {
        SelftestRow row = SelftestRow.Of(source);
        var environment = new ExecutionEnvironment();
        using LoadedObject loaded = ClangObjects.Load(Image(source), new LoadOptions { Environment = environment });
        LoadedProgram program = loaded.FindProgram(row.Program)!;
        using IExecutable executable = isVerified
            ? new Interpreter().Prepare(Verify(program), environment)
            : new Interpreter().PrepareSandboxed(program, new SandboxOptions(), environment);
        using var runner = new TestRunner(program, executable, environment);
        row.Replay(new Target
        {
            Runs = runner.Run,
            Updates = (map, key, value) => loaded.FindMap(map)!.UserUpdate(key, value, UpdateMode.Any),
            Reads = map => MapEntries.Of(loaded.FindMap(map)!),
        });
    }

    private static VerifiedProgram Verify(LoadedProgram program)
    {
        VerificationResult result = Verifier.Verify(program);
        Assert.True(result.IsAccepted, result.Rejection?.Message);
        return result.Program!;
    }

    private sealed class Target : ISelftestTarget
    {
        public required Func<TestRunInput, TestRunResult> Runs { get; init; }

        public required Func<string, byte[], byte[], int> Updates { get; init; }

        public required Func<string, IEnumerable<(byte[], byte[])>> Reads { get; init; }

        public (int Errno, uint ReturnValue, byte[] Data) Run(byte[] packet, int repeat)
        {
            TestRunResult result = Runs(new TestRunInput { Data = packet, Repeat = repeat });
            return (result.Errno, (uint)result.ReturnValue, result.Data);
        }

        public int Update(string map, byte[] key, byte[] value) => Updates(map, key, value);

        public IEnumerable<(byte[] Key, byte[] Value)> Entries(string map) => Reads(map);
    }
}
