// Helpers: every implementation belongs to a row and has a native entry; formats, numbers, checksums, callbacks, tail calls.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Helpers;

public sealed unsafe class HelperTests
{
    [Fact]
    public void EveryImplementationHasARowAndANativeEntry()
    {
        int count = 0;
        foreach (HelperRow row in HelperTable.Rows)
        {
            if (HelperRegistry.Default.Find(row.Id) is not { } helper)
            {
                Assert.Contains(row.FullName, HelperRegistry.WhyMissing(row.Id));
                continue;
            }
            count++;
            Assert.Equal(row.Id, helper.Id);
            Assert.True(helper.Managed is not null && helper.Native is not null, row.Name);
        }
        Assert.True(count > 100);
    }

    private static (ulong Result, List<string> Trace, LoadedObject Object) Run(string source, string map = "")
    {
        var trace = new List<string>();
        var environment = new ExecutionEnvironment
        {
            TraceSink = trace.Add, RandomSeed = 7, Clock = () => 123456789, Task = new GuestTask(11, 22, 33, 44, "a-rather-long-name"),
        };
        LoadedObject loaded = ClangObjects.LoadSource(source + "\nchar _license[] SEC(\"license\") = \"GPL\";", new LoadOptions { Environment = environment });
        var interpreter = new Interpreter();
        foreach (ProgramSlot slot in loaded.ProgramSlots)
            slot.Map.Set(slot.Index, interpreter.PrepareSandboxed(slot.Program, new SandboxOptions(), environment));
        LoadedProgram program = loaded.FindProgram("f")!;
        using IExecutable executable = interpreter.PrepareSandboxed(program, new SandboxOptions(), environment);
        using var runner = new TestRunner(program, executable, environment);
        return (runner.Run(new TestRunInput { Data = new byte[64] }).ReturnValue, trace, loaded);
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void TracePrintsInTheKernelsFormats()
    {
        (_, List<string> trace, LoadedObject loaded) = Run("""
            SEC("tc") int f(void *ctx) {
                char name[16]; bpf_get_current_comm(name, sizeof(name));
                bpf_printk("%d %u %x %ld", -5, 7, 0xabcd); bpf_printk("%s|%5d|%-4u|%05x", name, 42, 3, 255);
                bpf_printk("%llx %lld %c %%", 0x123456789abcULL, -1LL, 'q'); unsigned char ip[4] = { 10, 0, 0, 1 }; bpf_printk("%pi4 %pI4", ip, ip);
                return 0;
            }
            """);
        Assert.Equal(["a-rather-long-n|   42|3   |000ff", "123456789abc -1 q %", "010.000.000.001 10.0.0.1"], trace);
        loaded.Dispose();
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void LoopsAndIterationsCallBack()
    {
        (ulong result, _, LoadedObject loaded) = Run("""
            struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 5); __type(key, int); __type(value, long); } numbers SEC(".maps");
            static long add(int i, long *sum) { *sum += i; return i == 6; }
            static long visit(void *map, int *key, long *value, long *sum) { *value = *key; *sum += 100; return *key == 2; }
            SEC("tc") int f(void *ctx) { long sum = 0; long n = bpf_loop(10, add, &sum, 0); long m = bpf_for_each_map_elem(&numbers, visit, &sum, 0); return sum + 1000 * n + 100000 * m; }
            """);
        Assert.Equal(21ul + 300 + 7000 + 300000, result);
        Assert.Equal(2, BitConverter.ToInt64(((ArrayMap)loaded.FindMap("numbers")!).Values[16..]));
        loaded.Dispose();
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void TailCallsEndAtTheLimit()
    {
        (ulong result, _, LoadedObject loaded) = Run("""
            int count;
            int f(void *ctx);
            struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1); __uint(key_size, 4); __array(values, int (void *)); } jumps SEC(".maps") = { .values = { (void *)&f } };
            SEC("tc") int f(void *ctx) { count++; bpf_tail_call(ctx, &jumps, 0); return count; }
            """);
        Assert.Equal(34ul, result);
        loaded.Dispose();
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void EnvironmentSuppliesTimeTaskAndStrings()
    {
        (ulong result, _, LoadedObject loaded) = Run("""
            SEC("tc") int f(void *ctx) {
                long n = 0; unsigned long u = 0;
                if (bpf_ktime_get_ns() != 123456789) return 1;
                if (bpf_get_current_pid_tgid() != (22ull << 32 | 11)) return 2;
                if (bpf_strtol(" -0x1f,", 7, 0, &n) != 6 || n != -31) return 3;
                if (bpf_strtoul("99999999999999999999", 20, 10, &u) != -34) return 4;
                if (bpf_strtol("zz", 2, 0, &n) != -22) return 5;
                if (bpf_get_smp_processor_id() != 0) return 6;
                return 0;
            }
            """);
        Assert.Equal(0ul, result);
        loaded.Dispose();
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void RingBuffersAndPerfEventsReachTheReader()
    {
        (ulong result, _, LoadedObject loaded) = Run("""
            struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
            struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
            SEC("tc") int f(void *ctx) {
                long *record = bpf_ringbuf_reserve(&ring, 8, 0); if (!record) return 1;
                *record = 77; bpf_ringbuf_submit(record, 0);
                return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &ctx, 8) != -2;
            }
            """);
        Assert.Equal(0ul, result);
        Assert.True(((RingBufferMap)loaded.FindMap("ring")!).TryConsume(out byte[] record));
        Assert.Equal(77, BitConverter.ToInt64(record));
        loaded.Dispose();
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void SandboxRefusesNoMemoryWithASize()
    {
        const string Source = """
            SEC("tc") int f(struct __sk_buff *skb) { return bpf_csum_diff(0, SIZE, 0, 0, 0) != 0; }
            """;
        (ulong result, _, LoadedObject loaded) = Run(Source.Replace("SIZE", "0"));
        Assert.Equal(0ul, result);
        loaded.Dispose();
        Assert.Contains("argument 1", Assert.Throws<GuestFaultException>(() => Run(Source.Replace("SIZE", "8"))).Message);
    }
}
