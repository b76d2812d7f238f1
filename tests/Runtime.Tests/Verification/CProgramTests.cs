// The verifier on C programs compiled by clang: what real code does, and that rejections point at the C line that is wrong.
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class CProgramTests
{
    private const string License = "char LICENSE[] SEC(\"license\") = \"GPL\";\n";

    private static VerificationResult Verify(string source, out LoadedProgram program, int level = 0)
    {
        LoadedObject loaded = ClangObjects.LoadSource(source + License, new LoadOptions { DescribeUnimplementedMaps = true });
        program = loaded.Programs[0];
        return Verifier.Verify(program, new VerifierOptions { LogLevel = level });
    }

    private static void Accepts(string source)
    {
        VerificationResult result = Verify(source, out _, 1);
        Assert.True(result.IsAccepted, $"{result.Rejection?.Message}\n{result.Log}");
    }

    private static void Rejects(string message, string atText, string source)
    {
        VerificationResult result = Verify(source, out LoadedProgram program);
        Assert.False(result.IsAccepted);
        Assert.Contains(message, result.Rejection!.Message);
        LineRecord? line = program.FindLine(result.Rejection.Slot);
        Assert.NotNull(line);
        Assert.Contains(atText, line.Value.Text);
    }

    private const string Hash = """
        struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __u32); __type(value, __u64[4]); } hash SEC(".maps");
        """;

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void A_missing_packet_check_is_found_at_its_line() => Rejects("invalid access to packet", "data[12]", """
        SEC("xdp") int prog(struct xdp_md *ctx) {
            unsigned char *data = (void *)(long)ctx->data;
            return data[12];
        }
        """);

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void A_missing_null_check_is_found_at_its_line() => Rejects("R0 invalid mem access 'map_value_or_null'", "value[1]", Hash + """
        SEC("xdp") int prog(struct xdp_md *ctx) {
            __u32 key = 1;
            __u64 *value = bpf_map_lookup_elem(&hash, &key);
            return value[1];
        }
        """);

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void An_unclamped_index_is_found_at_its_line() => Rejects("unbounded memory access", "value[index]", Hash + """
        SEC("xdp") int prog(struct xdp_md *ctx) {
            __u32 key = 1;
            __u64 *value = bpf_map_lookup_elem(&hash, &key);
            __u32 index = ctx->rx_queue_index;
            if (!value) return 0;
            return value[index];
        }
        """);

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void Constants_of_read_only_data_are_known() => Accepts(Hash + """
        volatile const int limit = 3;
        SEC("xdp") int prog(struct xdp_md *ctx) {
            __u32 key = 1;
            __u64 *value = bpf_map_lookup_elem(&hash, &key);
            if (!value) return 0;
            return value[limit];
        }
        """);

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void Loops_by_callback_converge_and_leave_their_context_unknown() => Accepts("""
        struct state { __u64 sum; };
        static long step(__u32 index, void *data) { ((struct state *)data)->sum += index; return 0; }
        SEC("xdp") int prog(struct xdp_md *ctx) {
            struct state state = {};
            bpf_loop(1000, step, &state, 0);
            return state.sum & 1;
        }
        """);

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void Global_functions_are_verified_by_their_prototype()
    {
        const string Source = """
            __attribute__((noinline)) int deref(int *p) { return CHECK *p; }
            SEC("xdp") int prog(struct xdp_md *ctx) { int x = ctx->rx_queue_index; return deref(&x); }
            """;
        Accepts(Source.Replace("CHECK", "!p ? 0 :"));
        Rejects("R1 invalid mem access 'mem_or_null'", "*p", Source.Replace("CHECK", ""));
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void Ring_buffer_records_are_given_back()
    {
        const string Source = """
            struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
            SEC("xdp") int prog(struct xdp_md *ctx) {
                __u64 *record = bpf_ringbuf_reserve(&events, 8, 0);
                if (!record) return 0;
                *record = 1;
                GIVE
                return 1;
            }
            """;
        Accepts(Source.Replace("GIVE", "bpf_ringbuf_submit(record, 0);"));
        Rejects("Unreleased reference", "", Source.Replace("GIVE", ""));
        Rejects("invalid mem access 'scalar'", "", Source.Replace("GIVE", "bpf_ringbuf_discard(record, 0); *(volatile __u64 *)record = 2;"));
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void Spin_locks_are_released_and_not_touched()
    {
        const string Source = """
            struct value { struct bpf_spin_lock lock; int count; };
            struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct value); } values SEC(".maps");
            SEC("tc") int prog(struct __sk_buff *ctx) {
                __u32 key = ctx->mark;
                struct value *value = bpf_map_lookup_elem(&values, &key);
                if (!value) return 0;
                bpf_spin_lock(&value->lock);
                value->count++;
                BODY
                return 0;
            }
            """;
        Accepts(Source.Replace("BODY", "bpf_spin_unlock(&value->lock);"));
        Rejects("bpf_spin_unlock is missing", "", Source.Replace("BODY", ""));
        Rejects("function calls are not allowed while holding a lock", "", Source.Replace("BODY", "bpf_ktime_get_ns(); bpf_spin_unlock(&value->lock);"));
        Rejects("bpf_spin_lock cannot be accessed directly by load/store", "", Source.Replace("BODY", "bpf_spin_unlock(&value->lock); return *(volatile int *)value;"));
    }

    /// <summary>The number of instructions the kernel's verifier processes on the same objects, as its log says.</summary>
    [OracleTheory(Oracle.Clang, Oracle.LibbpfHeaders, Oracle.LinuxSource612)]
    [InlineData("test_pkt_access", 329)]
    [InlineData("test_xdp", 351)]
    [InlineData("test_l4lb", 4471)]
    [InlineData("test_tcp_estats", 435)]
    public void Selftests_are_accepted_in_as_many_steps_as_the_kernel_takes(string name, int processed)
    {
        string tree = Path.Combine(LinuxSource.Folder("6.12"), "tools"), tests = LinuxSource.Selftests("6.12");
        string file = Path.Combine(tests, "progs", name + ".c");
        LoadedObject loaded = ClangObjects.Load(ClangObjects.CompileFile(file, "-I" + tests, "-I" + Path.Combine(tree, "include", "uapi"), "-I/usr/include"));
        foreach (LoadedProgram program in loaded.Programs)
        {
            VerificationResult result = Verifier.Verify(program);
            Assert.True(result.IsAccepted, result.Rejection?.Message);
            Assert.InRange(result.Statistics.ProcessedInstructions, processed * 9 / 10, processed * 11 / 10);
        }
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void The_log_shows_the_path_with_source_lines()
    {
        VerificationResult result = Verify("""
            SEC("xdp") int prog(struct xdp_md *ctx) {
                unsigned char *data = (void *)(long)ctx->data;
                return data[12];
            }
            """, out _, 1);
        Assert.Contains("; unsigned char *data = (void *)(long)ctx->data; @ prog.c:", result.Log);
        Assert.Contains("R1=ctx() R10=fp0", result.Log);
        Assert.Contains("processed ", result.Log);
    }
}
