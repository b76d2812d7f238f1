// Programs, user code, hot swaps and disposal at the same time, with real threads.
using Ebpfcc.Runtime.Maps;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Embedding.Tests;

public sealed class ConcurrencyTests
{
    private const int Threads = 4;

    private const string Versions = VmTests.Prelude + """
        struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, long); } runs SEC(".maps");
        struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, int); __type(value, long); } table SEC(".maps");
        SEC("xdp") int filter(struct xdp_md *ctx)
        {
            int zero = 0, key = bpf_get_prandom_u32() & 63;
            long *count = bpf_map_lookup_elem(&runs, &zero), one = 1;
            if (count)
                *count += 1; // no atomic: a CPU has one run at a time
            long *value = bpf_map_lookup_elem(&table, &key);
            if (value)
                __sync_fetch_and_add(value, 1);
            else
                bpf_map_update_elem(&table, &key, &one, BPF_NOEXIST);
            return VERSION;
        }
        """;

    private static void InParallel(params Action[] actions)
    {
        var failures = new List<Exception>();
        Thread[] threads = [.. actions.Select(action => new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                lock (failures)
                    failures.Add(exception);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a thread hangs");
        Assert.True(failures.Count == 0, failures.FirstOrDefault()?.ToString());
    }

    public static TheoryData<EngineKind> Engines() => VmTests.Engines();

    [Theory]
    [MemberData(nameof(Engines))]
    public void Values_of_a_CPU_have_one_run_at_a_time(EngineKind engine)
    {
        const int Runs = 20_000;
        using var vm = new Vm(new VmOptions { Engine = engine, CpuCount = 3 });
        using EbpfModule module = vm.CompileAndLoad(Versions, new CompileOptions { Defines = ["VERSION=2"] });
        Program program = module.Program("filter");
        InParallel([.. Enumerable.Repeat<Action>(() =>
        {
            for (int i = 0; i < Runs; i++)
                Assert.Equal(2ul, program.Run(VmTests.Packet));
        }, Threads)]);
        Assert.Equal(Threads * Runs, new PerCpuMap<int, long>(module.Map("runs")).Aggregate(0, 0L, (sum, value) => sum + value));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Hot_swaps_under_load_lose_no_run_and_touch_no_freed_code(EngineKind engine)
    {
        using var vm = new Vm(new VmOptions { Engine = engine, CpuCount = Threads });
        using EbpfModule module = vm.CompileAndLoad(Versions, new CompileOptions { Defines = ["VERSION=1"] });
        Program program = module.Program("filter");
        var shared = new ModuleOptions { Maps = module.Maps.ToDictionary(map => map.Name) };
        byte[][] images = [.. Enumerable.Range(1, 4).Select(version => CCompiler.Compile(Versions, new CompileOptions { Defines = [$"VERSION={version}"] }))];
        long total = 0;
        bool stop = false;
        InParallel([.. Enumerable.Repeat<Action>(() =>
        {
            long runs = 0;
            while (!Volatile.Read(ref stop))
            {
                Assert.InRange(program.Run(VmTests.Packet), 1ul, 4ul);
                runs++;
            }
            Interlocked.Add(ref total, runs);
        }, Threads - 1), () =>
        {
            try
            {
                for (int i = 0; i < 60; i++)
                {
                    // The module may go while its code stays: the swapped program holds it.
                    using EbpfModule next = vm.Load(images[i % images.Length], shared);
                    module.ReplaceBy(next);
                }
            }
            finally
            {
                Volatile.Write(ref stop, true);
            }
        }]);
        Assert.Equal(total, new PerCpuMap<int, long>(module.Map("runs")).Aggregate(0, 0L, (sum, value) => sum + value));
        Assert.Equal(4ul, program.Run(VmTests.Packet));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Modules_are_disposed_under_load(EngineKind engine)
    {
        byte[] image = CCompiler.Compile(Versions, new CompileOptions { Defines = ["VERSION=1"] });
        using var vm = new Vm(new VmOptions { Engine = engine, CpuCount = 2 });
        for (int round = 0; round < 10; round++)
        {
            EbpfModule module = vm.Load(image);
            Program program = module.Program("filter");
            Map<int, long> table = module.Map<int, long>("table");
            int ended = 0;
            Action run = () =>
            {
                try
                {
                    while (true)
                        program.Run(VmTests.Packet);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref ended);
                }
            };
            InParallel(run, run, () =>
            {
                Thread.Sleep(3);
                module.Dispose();
            }, () =>
            {
                while (Volatile.Read(ref ended) < 2)
                {
                    table.TryGetValue(3, out _);
                    table.Update(5, 7);
                    table.Remove(6);
                }
            });
            // The map outlives its module as long as somebody holds it.
            table[1] = 9;
            Assert.Equal(9, table[1]);
        }
    }

    [Fact]
    public void A_program_cannot_wait_for_itself()
    {
        EbpfModule? module = null;
        using var vm = new Vm(new VmOptions { Helpers = [HelperFunctions.Create<int>(1000, "host_dispose", () => { module!.Dispose(); return 0; })] });
        module = vm.CompileAndLoad(VmTests.Prelude + """
            static long (*host_dispose)(void) = (void *) 1000;
            SEC("xdp") int f(struct xdp_md *ctx) { host_dispose(); return 2; }
            """);
        Assert.Contains("inside its own run", Assert.Throws<InvalidOperationException>(() => module.Program("f").Run(VmTests.Packet)).Message);
    }

    [Fact]
    public void A_helper_may_run_another_program()
    {
        Program? inner = null;
        using var vm = new Vm(new VmOptions { CpuCount = 1, Helpers = [HelperFunctions.Create(1000, "host_again", (int depth) => depth == 0 ? 7ul : inner!.Run(VmTests.Packet) + 1)] });
        using EbpfModule module = vm.CompileAndLoad(VmTests.Prelude + """
            static long (*host_again)(int depth) = (void *) 1000;
            int depth = 3;
            SEC("xdp") int f(struct xdp_md *ctx) { return host_again(depth ? depth-- : 0); }
            """);
        inner = module.Program("f");
        Assert.Equal(10ul, inner.Run(VmTests.Packet));
    }

    private const string Sender = VmTests.Prelude + """
        struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
        int sequence;
        SEC("xdp") int send(struct xdp_md *ctx)
        {
            int *event = bpf_ringbuf_reserve(&events, 4, 0);
            if (!event)
                return 0;
            *event = __sync_fetch_and_add(&sequence, 1);
            bpf_ringbuf_submit(event, 0);
            return 1;
        }
        """;

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Records_arrive_as_an_asynchronous_stream(EngineKind engine)
    {
        using var vm = new Vm(new VmOptions { Engine = engine });
        using EbpfModule module = vm.CompileAndLoad(Sender);
        Program program = module.Program("send");
        using var cancellation = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        const int Count = 20_000;
        Task sender = Task.Run(() =>
        {
            for (int i = 0; i < Count;)
            {
                if (program.Run(VmTests.Packet) == 1)
                    i++;
                else
                    Thread.Yield();
            }
        }, cancellation.Token);
        int received = 0, last = -1;
        await foreach (int record in module.RingBuffer("events").ReadAllAsync<int>(cancellation.Token))
        {
            Assert.True(record > last, "records come in order");
            last = record;
            if (++received == Count)
                break;
        }
        await sender;
        using var cancelled = new CancellationTokenSource(20);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ReadOnlyMemory<byte> _ in module.RingBuffer("events").ReadAllAsync(cancelled.Token))
            {
            }
        });
    }

    [Fact]
    public void Modules_share_maps_and_pinned_maps_by_name()
    {
        using var vm = new Vm();
        const string Pinned = VmTests.Prelude + """
            struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, long); __uint(pinning, LIBBPF_PIN_BY_NAME); } shared SEC(".maps");
            SEC("xdp") int f(struct xdp_md *ctx) { int key = 0; long *v = bpf_map_lookup_elem(&shared, &key); return v ? (*v)++ : 0; }
            """;
        using (EbpfModule first = vm.CompileAndLoad(Pinned))
            Assert.Equal(0ul, first.Program("f").Run(VmTests.Packet));
        using EbpfModule second = vm.CompileAndLoad(Pinned);
        Assert.Equal(1ul, second.Program("f").Run(VmTests.Packet));
        Map own = vm.CreateMap(new MapDefinition("mine", (int)Ebpf.Abi.MapType.Array, 4, 8, 1));
        using EbpfModule third = vm.CompileAndLoad(Pinned, null, new ModuleOptions { Maps = new Dictionary<string, Map> { ["shared"] = own } });
        third.Program("f").Run(VmTests.Packet);
        Assert.Equal(1, new Map<int, long>(own)[0]);
    }
}
