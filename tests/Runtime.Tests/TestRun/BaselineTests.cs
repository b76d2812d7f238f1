// Test runs against what the kernel answered: the selftests' programs, compiled by clang here, on the recorded packets.
using System.Text.Json;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.TestRun;

public sealed class BaselineTests
{
    /// <summary>Sources that need nothing but UAPI headers and libbpf's, one or more for each program type and helper family.</summary>
    [OracleTheory(Oracle.Shared, Oracle.Clang, Oracle.LinuxSource61, Oracle.LibbpfHeaders)]
    [InlineData("test_pkt_access.c")]
    [InlineData("test_xdp.c")]
    [InlineData("test_l4lb.c")]
    [InlineData("test_skb_ctx.c")]
    [InlineData("tailcall2.c")]
    [InlineData("tailcall_bpf2bpf4.c")]
    [InlineData("test_check_mtu.c")]
    [InlineData("test_xdp_adjust_tail_grow.c")]
    [InlineData("test_global_data.c")]
    [InlineData("bpf_flow.c")]
    public void ResultsAreTheKernels(string file)
    {
        string source = LinuxSource.Selftests("6.1");
        byte[] image = ClangObjects.CompileFile(Path.Combine(source, "progs", file), "-I" + source);
        Dictionary<string, byte[]> packets = File.ReadLines(Path.Combine(Repository.Shared!, "baselines", "packets.txt"))
            .Select(line => line.Split(' ')).Where(words => words.Length == 2).ToDictionary(words => words[0], words => Convert.FromHexString(words[1]));
        int compared = 0;
        foreach (string line in File.ReadLines(Path.Combine(Repository.Shared!, "baselines", "test-run-6.1.jsonl")))
        {
            if (!line.Contains($"\"{file}\""))
                continue;
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement expected = document.RootElement;
            byte[] packet = packets[expected.GetProperty("pkt").GetString()!];
            string output = expected.GetProperty("out").GetString()!;
            if (output == "=")
                output = Convert.ToHexString(packet).ToLowerInvariant();
            foreach (bool isVerified in (ReadOnlySpan<bool>)[false, true])
            {
                var environment = new ExecutionEnvironment();
                using LoadedObject loaded = ClangObjects.Load(image, new LoadOptions { Environment = environment });
                LoadedProgram program = loaded.Programs.Single(candidate => candidate.Name == expected.GetProperty("prog").GetString());
                using IExecutable executable = Prepare(program, isVerified, environment);
                foreach (ProgramSlot slot in loaded.ProgramSlots)
                    slot.Map.Set(slot.Index, Prepare(slot.Program, isVerified, environment));
                using var runner = new TestRunner(program, executable, environment);
                TestRunResult result = runner.Run(new TestRunInput { Data = packet });
                string name = $"{program.Name} on {expected.GetProperty("pkt").GetString()}, {(isVerified ? "verified" : "sandboxed")}";
                Assert.Equal((name, (uint)expected.GetProperty("retval").GetInt64()), (name, (uint)result.ReturnValue));
                Assert.Equal((name, output), (name, Convert.ToHexString(result.Data).ToLowerInvariant()));
            }
            compared++;
        }
        Assert.True(compared > 0, "the baseline has no such program");
    }

    private static IExecutable Prepare(LoadedProgram program, bool isVerified, ExecutionEnvironment environment)
    {
        var interpreter = new Interpreter();
        if (!isVerified)
            return interpreter.PrepareSandboxed(program, new SandboxOptions(), environment);
        VerificationResult result = Verifier.Verify(program);
        Assert.True(result.IsAccepted, $"{program.Name}: {result.Rejection?.Message}");
        return interpreter.Prepare(result.Program!, environment);
    }
}
