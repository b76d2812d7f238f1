// The LLVM library is optional and chosen when it is first needed: each installed version runs the same program with the same
// result, in a process of its own, and without one the engine says what is missing.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Run;

public class LlvmLibraryTests
{
    private const string Source = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, long); } counts SEC(".maps");
        static long add(__u32 i, void *sum) { *(long *)sum += i; return 0; }
        static __attribute__((noinline)) int twice(int x) { return 2 * x; }
        SEC("xdp") int count(struct xdp_md *ctx)
        {
            long sum = 0;
            int key = 1;
            bpf_loop(10, add, &sum, 0);
            long *value = bpf_map_lookup_elem(&counts, &key);
            if (value)
                __sync_fetch_and_add(value, sum);
            return twice(sum) + (value ? *value : 0);
        }
        char license[] SEC("license") = "GPL";
        """;

    private static (int ExitCode, string Output, string Error) Run(string library, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(typeof(CommandLine).Assembly.Location);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["EBPFCC_LLVM"] = library;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    [OracleFact(Oracle.Llvm)]
    public void Every_installed_version_runs_programs()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("count.c", Source);
        foreach (int version in Enumerable.Range(14, 6))
        {
            string? library = new[] { $"libLLVM-{version}.so.1", $"libLLVM.so.{version}.1" }.FirstOrDefault(name => NativeLibrary.TryLoad(name, out _));
            if (library is null)
                continue;
            (int status, string output, string error) = Run(library, "run", source, "--engine", "llvm", "--data-hex", new string('0', 64), "--dump-maps");
            Assert.Equal((ExitStatus.Done, ""), (status, error));
            Assert.Contains("count: returned 135,", output);
            Assert.Contains("45", output);
        }
    }

    [Fact]
    public void Without_a_library_the_engine_says_so()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("count.c", Source), library = folder["none.so"];
        (int status, _, string error) = Run(library, "run", source, "--engine", "llvm", "--data-hex", new string('0', 64));
        Assert.Equal(ExitStatus.Refused, status);
        Assert.Contains("EBC7023", error);
        Assert.Contains($"'{library}' cannot be opened as an LLVM library", error);
    }
}
