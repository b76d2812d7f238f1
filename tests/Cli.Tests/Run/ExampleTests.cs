// The examples: compiled, verified, run on their captures; the output is the expected one, and every engine agrees.
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Run;

public sealed class ExampleTests
{
    public static TheoryData<string> Names() => new("xdp_firewall", "protocol_counter", "flow_filter", "calling_convention");

    private static string Path(string example, string file) => System.IO.Path.Combine(Repository.Root, "examples", example, file);

    [Theory]
    [MemberData(nameof(Names))]
    public void OutputIsTheExpectedOne(string example)
    {
        CliResult result = CliRun.Run("run", Path(example, example + ".c"), "--pcap", Path(example, "traffic.pcap"));
        Assert.Equal("", result.Error);
        Assert.Equal(File.ReadAllText(Path(example, "expected.txt")), result.Output);
        Assert.Equal(ExitStatus.Done, result.ExitCode);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryEngineAgrees(string example)
    {
        CliResult result = CliRun.Run(["run", Path(example, example + ".c"), "--pcap", Path(example, "traffic.pcap"), "--engine", "all"], "", Environment.GetEnvironmentVariable);
        Assert.True(result.ExitCode == ExitStatus.Done, result.Error);
        Assert.Contains("interp: #1 ", result.Output);
        foreach ((Oracle oracle, string engine) in ((Oracle, string)[])[(Oracle.X64Machine, "x64"), (Oracle.Llvm, "llvm"), (Oracle.QemuArm, "arm32"), (Oracle.Kernel, "kernel")])
            Assert.True(!Oracles.Has(oracle) || engine == "kernel" && !Oracles.Has(Oracle.Libbpf) || result.Output.Contains(engine + ": #1 "), $"{engine} was left out: {result.Error}");
    }

    [OracleTheory(Oracle.Kernel, Oracle.Libbpf)]
    [MemberData(nameof(Names))]
    public void TheKernelLoadsAndAgrees(string example)
    {
        CliResult result = CliRun.Run("run", Path(example, example + ".c"), "--pcap", Path(example, "traffic.pcap"), "--engine", "kernel");
        Assert.True(result.ExitCode == ExitStatus.Done, result.Error);
        // Iteration order of hash maps is the kernel's own.
        Assert.Equal(File.ReadAllLines(Path(example, "expected.txt")).Order(), result.Output.TrimEnd('\n').Split('\n').Order());
    }
}
