// The preprocessor against clang's on the kernel's own programs: the same tokens with the same options, line for line of no
// account. Afterwards the same programs are parsed as a whole, with all their headers.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Headers;
using Ebpfcc.Frontend.Parsing;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Preprocessing;

public class ClangComparisonTests
{
    [OracleTheory(Oracle.Clang, Oracle.LinuxSource612, Oracle.LibbpfHeaders, Oracle.UapiHeaders)]
    [InlineData("test_pkt_access")]
    [InlineData("test_xdp")]
    [InlineData("test_l4lb")]
    [InlineData("test_tcp_estats")]
    [InlineData("test_tc_tunnel")]
    [InlineData("test_sk_lookup")]
    [InlineData("strncmp_bench")]
    [InlineData("xdp_synproxy_kern")]
    [InlineData("btf__core_reloc_arrays")]
    [InlineData("test_cls_redirect")]
    public void TheKernelsProgramsGiveClangsTokens(string program)
    {
        string source = LinuxSource.Folder("6.12");
        string file = $"{source}/tools/testing/selftests/bpf/progs/{program}.c";
        string[] include = [$"{source}/tools/testing/selftests/bpf", $"{source}/tools/include/uapi", $"{source}/tools/include"];
        string[] system = ["/usr/local/include", ResourceFolder(), "/usr/include/x86_64-linux-gnu", "/usr/include"];
        List<string> arguments = ["-target", "bpf", "-mcpu=v3", "-O2", "-nostdinc", "-E", "-P", "-D__TARGET_ARCH_x86"];
        foreach (string folder in include)
            arguments.Add("-I" + folder);
        foreach (string folder in system)
            arguments.AddRange(["-isystem", folder]);
        (int code, string expected, string error) = Oracles.Run(Oracles.Program(Oracle.Clang), [.. arguments, file]);

        var map = new SourceMap();
        var bag = new DiagnosticBag();
        var options = new PreprocessorOptions
        {
            IncludeDirectories = include, SystemDirectories = system, Macros = [new("__TARGET_ARCH_x86")], UseEmbeddedHeaders = false,
        };
        PreprocessedSource preprocessed = Preprocessor.Process(new SourceText(file, File.ReadAllText(file)), options, new RealFileSystem(), map, bag);
        Assert.Equal(code == 0, !bag.HasErrors);
        Assert.True(code == 0 || error.Contains("file not found", StringComparison.Ordinal), error);
        Assert.Equal(Squeeze(expected), Squeeze(PreprocessedPrinter.Print(preprocessed, lineMarkers: false)));

        if (bag.HasErrors)
            return;
        SyntaxTree.Create(preprocessed, bag).ParseAll();
        Assert.Empty(bag.Items);
    }

    private static string ResourceFolder()
        => Path.Combine(Oracles.Run(Oracles.Program(Oracle.Clang), ["-print-resource-dir"]).Output.Trim(), "include");

    /// <summary>The text without white space and pragma lines, in lines of 100 characters so that a difference is readable.</summary>
    private static string Squeeze(string text)
    {
        var result = new System.Text.StringBuilder(text.Length);
        foreach (string line in text.Split('\n'))
        {
            if (line.StartsWith('#'))
                continue;
            foreach (char c in line)
            {
                if (!char.IsWhiteSpace(c))
                    result.Append(c);
            }
        }
        for (int i = 100; i < result.Length; i += 101)
            result.Insert(i, '\n');
        return result.ToString();
    }

    private const string Everything =
        """
        #include <stddef.h>
        #include <stdint.h>
        #include <stdbool.h>
        #include <limits.h>
        #include <float.h>
        #include <inttypes.h>
        #include <stdarg.h>
        #include <stdalign.h>
        #include <stdnoreturn.h>
        #include <iso646.h>
        #include <string.h>
        #include <stdlib.h>
        #include <errno.h>
        #include <sys/types.h>
        #include <sys/socket.h>
        #include <linux/types.h>
        #include <linux/bpf.h>
        #include <linux/errno.h>
        #include <linux/if_arp.h>
        #include <linux/if_ether.h>
        #include <linux/if_packet.h>
        #include <linux/ip.h>
        #include <linux/ipv6.h>
        #include <linux/tcp.h>
        #include <linux/udp.h>
        #include <linux/in.h>
        #include <linux/in6.h>
        #include <linux/icmp.h>
        #include <linux/icmpv6.h>
        #include <linux/pkt_cls.h>
        #include <linux/ptrace.h>
        #include <linux/stddef.h>
        #include <linux/version.h>
        #include <asm/byteorder.h>
        #include <asm/types.h>
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_endian.h>
        #include <bpf/bpf_core_read.h>
        #include <bpf/bpf_tracing.h>
        struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u32); __type(value, __u64); } counters SEC(".maps");
        struct task { int pid; struct task *parent; struct { unsigned a:3, b:5; } f; } __attribute__((preserve_access_index));
        SEC("xdp") int filter(struct xdp_md *ctx)
        {
            void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
            struct ethhdr *eth = data;
            if ((void *)(eth + 1) > end)
                return XDP_DROP;
            if (eth->h_proto == bpf_htons(ETH_P_IP)) {
                __u32 key = 1;
                __u64 *value = bpf_map_lookup_elem(&counters, &key);
                if (value)
                    __sync_fetch_and_add(value, 1);
                bpf_printk("none");
                bpf_printk("three %d %d %d", key, key, key);
                bpf_printk("four %d %d %d %d", key, key, key, key);
            }
            return XDP_PASS;
        }
        SEC("fentry/f") int BPF_PROG(entry, struct task *t, int n)
        {
            char name[4];
            BPF_CORE_READ_STR_INTO(&name, t, pid);
            return BPF_CORE_READ(t, parent, parent, pid) + n + BPF_CORE_READ_BITFIELD_PROBED(t, f.b) + bpf_core_field_exists(t->parent) + bpf_core_type_exists(struct task);
        }
        SEC("kprobe/f") int BPF_KPROBE(probe, int a, void *b) { return a + (long)b + PT_REGS_PARM3(ctx) + PT_REGS_PARM1_CORE(ctx); }
        SEC("kretprobe/f") int BPF_KRETPROBE(exit_probe, long result) { return result; }
        char _license[] SEC("license") = "GPL";
        """;

    [Theory]
    [InlineData("x86", false)]
    [InlineData("arm64", false)]
    [InlineData("x86", true)]
    public void OurOwnHeadersAreEnough(string architecture, bool bigEndian)
    {
        FrontendRun run = FrontendRun.Preprocess(Everything, new PreprocessorOptions { Macros = [new("__TARGET_ARCH_" + architecture)], BigEndian = bigEndian });
        run.Parse();
        Assert.Equal("", run.Diagnostics);
        Assert.Equal(["main.c"], run.Source.Dependencies);
    }

    [OracleFact(Oracle.Clang)]
    public void ClangCompilesWithOurOwnHeaders()
    {
        string headers = Path.Combine(Repository.Root, "src", "Frontend", "Headers");
        (int code, _, string error) = Oracles.Run(
            Oracles.Program(Oracle.Clang),
            ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror", "-D__TARGET_ARCH_x86", "-nostdinc", "-isystem", headers + "/freestanding", "-isystem", headers + "/fallback",
                "-x", "c", "-", "-c", "-o", "/dev/null"],
            Everything);
        Assert.True(code == 0, error);
    }

    [Fact]
    public void EmbeddedHeadersAreFound()
    {
        Assert.NotNull(EmbeddedHeaders.Read(EmbeddedHeaders.Freestanding + "/stddef.h"));
        Assert.NotNull(EmbeddedHeaders.Read(EmbeddedHeaders.Fallback + "/linux/bpf.h"));
        Assert.Null(EmbeddedHeaders.Read(EmbeddedHeaders.Fallback + "/none.h"));
    }
}
