// The words of 'run' and 'plugin': input forms, outputs, refusals and exit statuses.
using System.Text.Json;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Run;

public sealed class RunCommandTests
{
    private const string ReturnLength = "bf20000000000000 9500000000000000"; // r0 = r2; exit

    [Fact]
    public void RawProgramsAreCalledWithMemoryAndLength()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("run", folder.Write("length.hex", ReturnLength), "--data-hex", "01 02 03", "--json");
        Assert.Equal((ExitStatus.Done, ""), (result.ExitCode, result.Error));
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(3, json.RootElement.GetProperty("retval").GetInt32());
        Assert.Equal(2, json.RootElement.GetProperty("insns_executed").GetInt32());
        Assert.Equal("interp", json.RootElement.GetProperty("engine").GetString());
    }

    [Fact]
    public void RawProgramsRunAsNativeCode()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("run", folder.Write("length.hex", ReturnLength), "--data-hex", "01 02 03", "--json", "--engine", "x64");
        Assert.Equal((ExitStatus.Done, ""), (result.ExitCode, result.Error));
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(3, json.RootElement.GetProperty("retval").GetInt32());
        Assert.Equal(2, json.RootElement.GetProperty("insns_executed").GetInt32());
        CliResult fault = CliRun.Run("run", folder.Write("fault.hex", "7920000000000000 9500000000000000"), "--engine", "x64");
        Assert.Equal(ExitStatus.Refused, fault.ExitCode);
        Assert.Contains("invalid read of 8 bytes", fault.Error);
    }

    [Theory]
    [InlineData(ReturnLength, "aa bb", ExitStatus.Done, "2")]
    [InlineData("b7000000ffffffff9500000000000000", "", ExitStatus.Done, "ffffffffffffffff")]
    [InlineData("7910000000000000 9500000000000000", "01", ExitStatus.Refused, "")]
    [InlineData("b700000000000000", "", ExitStatus.Refused, "")]
    [InlineData("zz", "", ExitStatus.Refused, "")]
    public void PluginProtocol(string program, string memory, int status, string output)
    {
        foreach (string engine in SandboxEngines)
        {
            CliResult result = CliRun.Run(["plugin", memory, "--engine", engine], program, Environment.GetEnvironmentVariable);
            Assert.Equal((status, output), (result.ExitCode, result.Output.TrimEnd('\n')));
            Assert.Equal(status == ExitStatus.Done, result.Error.Length == 0);
        }
    }

    [Theory]
    [InlineData("EBC0001", ExitStatus.Usage)]
    [InlineData("EBC0002", ExitStatus.Refused, "missing.o")]
    [InlineData("EBC0001", ExitStatus.Usage, "x.o", "--engine", "steam")]
    [InlineData("EBC0001", ExitStatus.Usage, "x.o", "--repeat", "0")]
    public void MistakesAreDiagnosed(string code, int status, params string[] words)
    {
        CliResult result = CliRun.Run(["run", .. words]);
        Assert.Equal(status, result.ExitCode);
        Assert.Contains($"[{code}]", result.Error);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    /// <summary>Maps, moved packets, tail calls out of the program and out of a function, callbacks: the same from both sandboxes.</summary>
    [OracleTheory(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [InlineData("moves")]
    [InlineData("again")]
    [InlineData("inner")]
    [InlineData("calls")]
    public void SandboxesAgreeOnPrograms(string program)
    {
        const string Source = """
            #include <linux/bpf.h>
            #include <bpf/bpf_helpers.h>
            int again(struct xdp_md *ctx);
            struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, 4); __array(values, int (void *)); } jumps SEC(".maps") = { .values = { [0] = (void *)&again } };
            struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, long); } counts SEC(".maps");
            struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, int); __type(value, long); } table SEC(".maps");
            SEC("xdp") int moves(struct xdp_md *ctx) {
                int k = 1; long one = 1; long *v = bpf_map_lookup_elem(&counts, &k);
                if (v) *v += 3;
                char *data = (char *)(long)ctx->data, *end = (char *)(long)ctx->data_end;
                if (data + 20 < end) { data[3] ^= 0x55; k = data[4]; }
                bpf_map_update_elem(&table, &k, &one, 0);
                v = bpf_map_lookup_elem(&table, &k);
                if (v) __sync_fetch_and_add(v, 41);
                bpf_xdp_adjust_head(ctx, 4);
                bpf_tail_call(ctx, &jumps, 0);
                return 7;
            }
            SEC("xdp") int again(struct xdp_md *ctx) {
                int k = 2; long *v = bpf_map_lookup_elem(&counts, &k);
                if (v) *v += 1;
                bpf_tail_call(ctx, &jumps, 0);
                bpf_tail_call(ctx, &jumps, 9);
                return v ? *v : 1;
            }
            static __attribute__((noinline)) int leave(struct xdp_md *ctx) { bpf_tail_call(ctx, &jumps, 0); return 5; }
            SEC("xdp") int inner(struct xdp_md *ctx) { return leave(ctx) + 1000; }
            static long add(__u32 i, void *sum) { *(long *)sum += i; return 0; }
            static long each(void *map, int *key, long *value, long *sum) { *sum += *key * *value; *value += 1; return 0; }
            SEC("xdp") int calls(struct xdp_md *ctx) {
                long sum = 0;
                for (int i = 1; i < 6; i++) { long v = i * i; bpf_map_update_elem(&table, &i, &v, 0); }
                bpf_loop(10, add, &sum, 0);
                bpf_for_each_map_elem(&table, each, &sum, 0);
                return sum;
            }
            """;
        using var folder = new TemporaryFolder();
        string file = folder.Write("f.c", Source), packet = string.Concat(Enumerable.Range(0, 64).Select(i => i.ToString("x2")));
        var outputs = new List<string>();
        foreach (string engine in SandboxEngines)
        {
            CliResult result = CliRun.Run(["run", file, "--prog", program, "--unverified", "--engine", engine, "--data-hex", packet, "--json", "--dump-maps"], "", Environment.GetEnvironmentVariable);
            Assert.Equal((ExitStatus.Done, ""), (result.ExitCode, result.Error));
            outputs.Add(string.Join("\n", result.Output.Split('\n').Where(line => !line.Contains("\"engine\"") && !line.Contains("duration"))));
        }
        Assert.All(outputs, output => Assert.Equal(outputs[0], output));
    }

    private static string[] SandboxEngines => Oracles.Has(Oracle.QemuArm) ? ["interp", "x64", "arm32"] : ["interp", "x64"];

    /// <summary>The emulator is no emulator, or dies at once: a diagnostic, not a defect.</summary>
    [Theory]
    [InlineData("#!/bin/sh\nexit 3\n", "ended early, exit status 3")]
    [InlineData("#!/bin/sh\necho out of order >&2\nkill -9 $$\n", "out of order")]
    [InlineData("no program", "does not start")]
    public void ADeadEmulatorIsDiagnosed(string emulator, string expected)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var folder = new TemporaryFolder();
        File.SetUnixFileMode(folder.Write("qemu-arm", emulator), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        foreach (string[] words in new string[][] { ["run", folder.Write("x.hex", ReturnLength), "--engine", "arm32"], ["plugin", "--engine", "arm32"] })
        {
            CliResult result = CliRun.Run(words, ReturnLength, name => name == "PATH" ? folder.Path : null);
            Assert.Equal(ExitStatus.Refused, result.ExitCode);
            Assert.Contains(expected, result.Error);
            Assert.Contains("[EBC", result.Error);
        }
    }

    private const string Counter = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct pair { int first; __be32 address; };
        struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, struct pair); __type(value, long); } pairs SEC(".maps");
        SEC("xdp") int f(struct xdp_md *ctx) { struct pair p = { 7, 0x0100000a }; long *v = bpf_map_lookup_elem(&pairs, &p); if (v) (*v)++; bpf_printk("hit %d", v != 0); return v ? XDP_DROP : XDP_PASS; }
        char _license[] SEC("license") = "GPL";
        """;

    [OracleFact(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    public void MapsAreFilledAndPrinted()
    {
        using var folder = new TemporaryFolder();
        string map = folder.Write("pairs.json", """[ { "key": { "first": 7, "address": "10.0.0.1" }, "value": 41 } ]""");
        CliResult result = CliRun.Run("run", folder.Write("f.c", Counter), "--map", $"pairs={map}", "--dump-maps", "--trace");
        Assert.Contains("returned 1 (XDP_DROP)", result.Output);
        Assert.Contains("""{"first": 7, "address": "10.0.0.1"}: 42""", result.Output);
        Assert.Contains("trace: hit 1", result.Error);
    }

    [OracleTheory(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [InlineData("""[ { "key": { "nothing": 7 }, "value": 41 } ]""", "no member 'nothing'")]
    [InlineData("""{ "key": 1 }""", "not an array")]
    [InlineData("[ { \"key\": ", "pairs.json")]
    [InlineData("""[ { "key": "0102030405060708ff", "value": 1 } ]""", "more than 8 bytes")]
    public void BadMapFilesAreDiagnosed(string text, string expected)
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("run", folder.Write("f.c", Counter), "--map", $"pairs={folder.Write("pairs.json", text)}");
        Assert.Equal(ExitStatus.Refused, result.ExitCode);
        Assert.Contains("[EBC7026]", result.Error);
        Assert.Contains(expected, result.Error);
    }

    [OracleFact(Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    public void RejectedProgramsAreNotRun()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("bad.c", Counter.Replace("if (v) (*v)++;", "(*v)++;"));
        CliResult result = CliRun.Run("run", file);
        Assert.Equal(ExitStatus.Refused, result.ExitCode);
        Assert.Contains("bad.c:5:", result.Error);
        Assert.Contains("[EBC5002]", result.Error);
        Assert.Contains("map_value_or_null", result.Error);
        result = CliRun.Run("run", file, "--unverified");
        Assert.Contains("[EBC7022]", result.Error);
    }

    [Fact]
    public void CapturesAreFilteredByVerdict()
    {
        using var folder = new TemporaryFolder();
        string example = Path.Combine(Repository.Root, "examples", "xdp_firewall");
        CliResult result = CliRun.Run("run", Path.Combine(example, "xdp_firewall.c"), "--pcap", Path.Combine(example, "traffic.pcap"),
            "--pcap-out", folder["out.pcap"], "--filter-verdict", "drop");
        Assert.Equal(ExitStatus.Done, result.ExitCode);
        var diagnostics = new Core.Diagnostics.DiagnosticBag();
        Assert.Equal(5, Runtime.Capture.CaptureReader.Read(File.ReadAllBytes(folder["out.pcap"]), "out.pcap", diagnostics)!.Count);
    }

    [Fact]
    public void ThroughputIsMeasuredOverRepeatedCaptures()
    {
        string folder = System.IO.Path.Combine(TestSupport.Repository.Root, "examples", "xdp_firewall");
        CliResult result = CliRun.Run("run", System.IO.Path.Combine(folder, "xdp_firewall.c"), "--pcap", System.IO.Path.Combine(folder, "traffic.pcap"), "--packets", "5000");
        Assert.Equal((ExitStatus.Done, ""), (result.ExitCode, result.Error));
        Assert.Contains("interp: xdp_firewall: 5000 packets in ", result.Output);
        Assert.Contains("(XDP_DROP: 2500, XDP_PASS: 2500)", result.Output);
        Assert.Equal(ExitStatus.Usage, CliRun.Run("run", "x.c", "--packets", "5").ExitCode);
    }

    /// <summary>The helper's memory for the key must lie where the program's pointers reach.</summary>
    [Fact]
    public void CallbacksOfHelpersReadTheirKeysUnderEveryEngine()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("sum.c", """
            #include <linux/bpf.h>
            #include <bpf/bpf_helpers.h>
            struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } numbers SEC(".maps");
            static long add(struct bpf_map *map, __u32 *key, __u64 *value, __u64 *total) { *total += *key * 10 + *value; return 0; }
            SEC("tc") int sum(struct __sk_buff *skb)
            {
                __u64 total = 0;
                bpf_for_each_map_elem(&numbers, add, &total, 0);
                return total;
            }
            char _license[] SEC("license") = "GPL";
            """);
        CliResult result = CliRun.Run(["run", file, "--engine", "all"], "", Environment.GetEnvironmentVariable);
        Assert.True(result.ExitCode == ExitStatus.Done, result.Error);
        foreach (string line in result.Output.TrimEnd().Split('\n'))
            Assert.Contains(": sum: returned 60", line);
    }
}
