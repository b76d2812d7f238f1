// The kernel's test_pkt_access, test_xdp and test_l4lb with their maps filled as the kernel's own tests fill them: every run
// that was recorded gives the kernel's return value and packet, and the statistics add up. Sandboxed and verified, and in the
// running kernel where it takes programs.
using System.Text.Json;
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
    private static string Sources => Path.Combine(Repository.Cache, "linux-source-6.12", "tools", "testing", "selftests", "bpf");

    private static byte[] Bytes(int size, params (int Offset, uint Value)[] words)
    {
        byte[] bytes = new byte[size];
        foreach ((int offset, uint value) in words)
        {
            for (int i = 0; i < 4 && offset + i < size; i++)
                bytes[offset + i] |= (byte)(value >> 8 * i);
        }
        return bytes;
    }

    private static void Fill(string test, Func<string, byte[], byte[], int> update)
    {
        const int VipNumber = 5, Magic = 0x1234;
        if (test == "xdp")
        {
            // struct vip { address (16), port (2), family (2), protocol (1) }; struct iptnl_info { source, destination, family, mac }
            Assert.Equal(0, update("vip2tnl", Bytes(24, (18, 2), (20, 6)), Bytes(40, (32, 2))));
            Assert.Equal(0, update("vip2tnl", Bytes(24, (18, 10), (20, 6)), Bytes(40, (32, 10))));
        }
        else if (test == "l4lb")
        {
            Assert.Equal(0, update("vip_map", Bytes(24, (20, 6)), Bytes(8, (4, VipNumber))));
            Assert.Equal(0, update("ch_rings", Bytes(4, (0, 11)), Bytes(4, (0, 3))));
            Assert.Equal(0, update("reals", Bytes(4, (0, 3)), Bytes(20, (0, Magic))));
        }
    }

    [OracleTheory(Oracle.Shared, Oracle.Clang, Oracle.LinuxSource612)]
    [InlineData("test_pkt_access", "sandboxed")]
    [InlineData("test_pkt_access", "verified")]
    [InlineData("test_xdp", "sandboxed")]
    [InlineData("test_xdp", "verified")]
    [InlineData("test_l4lb", "sandboxed")]
    [InlineData("test_l4lb", "verified")]
    [InlineData("test_l4lb_noinline", "verified")]
    [InlineData("test_pkt_access", "kernel")]
    [InlineData("test_xdp", "kernel")]
    [InlineData("test_l4lb", "kernel")]
    public void RunsAreTheKernels(string name, string how)
    {
        if (!Directory.Exists(Sources) || how == "kernel" && !(Oracles.Has(Oracle.Kernel) && Oracles.Has(Oracle.Libbpf)))
            return; // the kernel's sources are unpacked, and kernels are asked, only where both are there
        byte[] image = ClangObjects.CompileFile(Path.Combine(Sources, "progs", name + ".c"), "-I" + Sources);
        JsonElement expected = File.ReadLines(Path.Combine(Repository.Shared!, "baselines", "selftest-oracle.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement).Single(row => row.GetProperty("obj").GetString() == name + ".o");
        string test = expected.GetProperty("test").GetString()!;
        var environment = new ExecutionEnvironment();
        using LoadedObject loaded = ClangObjects.Load(image, new LoadOptions { Environment = environment });
        LoadedProgram program = loaded.FindProgram(expected.GetProperty("prog").GetString()!)!;
        using KernelObject? kernel = how == "kernel" ? KernelObject.Load(image, [program.Name]) : null;
        using IExecutable executable = how == "verified"
            ? new Interpreter().Prepare(Verify(program), environment)
            : new Interpreter().PrepareSandboxed(program, new SandboxOptions(), environment);
        using var runner = new TestRunner(program, executable, environment);
        bool isFilled = false;
        foreach (JsonElement run in expected.GetProperty("runs").EnumerateArray())
        {
            if (!isFilled && !run.GetProperty("in").GetString()!.Contains("empty"))
            {
                Fill(test, (map, key, value) => kernel is not null ? kernel.Update(map, key, value) : loaded.FindMap(map)!.UserUpdate(key, value, UpdateMode.Any));
                isFilled = true;
            }
            var input = new TestRunInput { Data = Convert.FromHexString(run.GetProperty("in_hex").GetString()!), Repeat = run.GetProperty("repeat").GetInt32() };
            TestRunResult result = kernel is not null ? kernel.Run(program.Name, input) : runner.Run(input);
            Assert.Equal(0, result.Errno);
            Assert.Equal(run.GetProperty("retval").GetUInt32(), (uint)result.ReturnValue);
            Assert.Equal(run.GetProperty("out_hex").GetString(), Convert.ToHexStringLower(result.Data));
        }
        if (!expected.TryGetProperty("stats", out JsonElement stats))
            return;
        IMap map = loaded.FindMap("stats")!;
        ulong bytes = 0, packets = 0;
        foreach ((byte[] key, byte[] value) in kernel is null ? MapEntries.Of(map) : kernel.Entries("stats", 4, map.UserValueSize))
        {
            for (int at = 0; at < value.Length && BitConverter.ToUInt32(key) == 5; at += 16)
            {
                bytes += BitConverter.ToUInt64(value, at);
                packets += BitConverter.ToUInt64(value, at + 8);
            }
        }
        Assert.Equal((stats.GetProperty("bytes").GetUInt64(), stats.GetProperty("pkts").GetUInt64()), (bytes, packets));
    }

    private static VerifiedProgram Verify(LoadedProgram program)
    {
        VerificationResult result = Verifier.Verify(program);
        Assert.True(result.IsAccepted, result.Rejection?.Message);
        return result.Program!;
    }
}
