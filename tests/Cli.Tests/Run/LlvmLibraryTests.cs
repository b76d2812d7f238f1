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
        foreach (string library in Installed())
        {
            (int status, string output, string error) = Run(library, "run", source, "--engine", "llvm", "--data-hex", new string('0', 64), "--dump-maps");
            Assert.Equal((ExitStatus.Done, ""), (status, error));
            Assert.Contains("count: returned 135,", output);
            Assert.Contains("45", output);
        }
    }

    /// <summary>Every installed version lists its IR and its code, and decodes that of our own emitters.</summary>
    [OracleFact(Oracle.Llvm)]
    public void Listings_show_the_ir_and_decoded_instructions()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("count.c", Source), image = folder["count.o"];
        foreach (string library in Installed())
        {
            (int status, string output, string error) = Run(library, "jit", source, "--arch", "llvm", "--dump");
            Assert.Equal((ExitStatus.Done, ""), (status, error));
            Assert.Contains("@ebpf_entry(", output);
            Assert.Contains("; Function Attrs", output);
            Assert.Contains("load volatile i64", output); // the map's value, which other threads may change
            Assert.Matches(@"(?m)^ebpf_entry:$", output);
            if (Oracles.Has(Oracle.X64Machine))
                Assert.Matches(@"(?m)^ +[0-9a-f]+: c3 +ret", output);
            (status, output, error) = Run(library, "jit", source, "--arch", "x64", "--dump");
            Assert.Equal((ExitStatus.Done, ""), (status, error));
            Assert.Matches(@"lock +add +qword ptr \[|lock *\n", output);
            Assert.Matches(@"\b(j[a-z]+) 0x[0-9a-f]+ -> [0-9a-f]+", output);
            (status, output, error) = Run(library, "jit", source, "--arch", "arm32", "--dump");
            Assert.Equal((ExitStatus.Done, ""), (status, error));
            Assert.Contains("push {", output);
        }
        (int written, _, string problem) = Run("", "jit", source, "--arch", "llvm", "-o", image);
        Assert.Equal((ExitStatus.Done, ""), (written, problem));
        Assert.True(new FileInfo(image).Length > 100);
    }

    private static IEnumerable<string> Installed() => Enumerable.Range(14, 6)
        .Select(version => new[] { $"libLLVM-{version}.so.1", $"libLLVM.so.{version}.1" }.FirstOrDefault(name => NativeLibrary.TryLoad(name, out _))).OfType<string>();

    [Fact]
    public void Without_a_library_the_engine_says_so()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("count.c", Source), library = folder["none.so"];
        (int status, _, string error) = Run(library, "run", source, "--engine", "llvm", "--data-hex", new string('0', 64));
        Assert.Equal(ExitStatus.Refused, status);
        Assert.Contains("EBC7023", error);
        Assert.Contains($"'{library}' cannot be opened as an LLVM library", error);
        (status, _, error) = Run(library, "jit", source, "--arch", "llvm");
        Assert.Equal(ExitStatus.Refused, status);
        Assert.Contains("EBC7023", error);
        (status, string output, error) = Run(library, "jit", source, "--dump");
        Assert.Equal((ExitStatus.Done, ""), (status, error));
        Assert.Contains(": c3", output);
    }
}
