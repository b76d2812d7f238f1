// Programs compiled from C in the test's process and run inside it, under every engine.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Embedding.Tests;

public sealed class VmTests
{
    internal const string Prelude = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        char _license[] SEC("license") = "GPL";

        """;

    public static TheoryData<EngineKind> Engines() => Oracles.Has(Oracle.X64Machine) ? [EngineKind.Interpreter, EngineKind.X64] : [EngineKind.Interpreter];

    internal static readonly byte[] Packet = [.. new byte[12], 8, 0, .. Enumerable.Repeat((byte)0x45, 50)];

    private const string Counter = Prelude + """
        struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, long); } seen SEC(".maps");
        SEC("xdp") int filter(struct xdp_md *ctx)
        {
            int key = 1;
            long *count = bpf_map_lookup_elem(&seen, &key);
            if (count)
                __sync_fetch_and_add(count, 1);
            return VERDICT;
        }
        """;

    [Theory]
    [MemberData(nameof(Engines))]
    public void A_program_compiled_in_the_process_runs_on_packets(EngineKind engine)
    {
        using var vm = new Vm(new VmOptions { Engine = engine });
        using EbpfModule module = vm.CompileAndLoad(Counter, new CompileOptions { Defines = ["VERDICT=XDP_TX"] });
        Program program = module.Program("filter");
        for (int i = 0; i < 5; i++)
            Assert.Equal(3ul, program.Run(Packet));
        Map<int, long> seen = module.Map<int, long>("seen");
        Assert.Equal(5, seen[1]);
        Assert.Equal(5, seen.Values[1]);
        seen.GetReference(1) = 40;
        program.Run(Packet);
        Assert.Equal([new(0, 0), new(1, 41), new(2, 0), new(3, 0)], Entries(seen));
        Assert.Throws<EbpfException>(() => program.Run(new byte[3]));
    }

    private static List<KeyValuePair<int, long>> Entries(Map<int, long> map)
    {
        var entries = new List<KeyValuePair<int, long>>();
        foreach (KeyValuePair<int, long> entry in map)
            entries.Add(entry);
        return entries;
    }

    [Fact]
    public void Errors_name_the_place_and_carry_the_log()
    {
        using var vm = new Vm();
        EbpfException refused = Assert.Throws<EbpfException>(() => vm.CompileAndLoad("int f( {", new CompileOptions { FileName = "bad.c" }));
        Assert.Contains("bad.c:1:", refused.Message);
        EbpfException rejected = Assert.Throws<EbpfException>(() => vm.CompileAndLoad(Prelude + """
            SEC("xdp") int drop(struct xdp_md *ctx)
            {
                char *data = (char *)(long)ctx->data;
                return data[12] == 8 ? XDP_DROP : XDP_PASS;
            }
            """, new CompileOptions { FileName = "drop.c" }));
        Assert.Contains("drop.c:7:16:", rejected.Message);
        Assert.Contains("invalid access to packet", rejected.Message);
        Assert.Contains("offset is outside of the packet", rejected.VerifierLog);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Running_allocates_nothing(EngineKind engine)
    {
        using var vm = new Vm(new VmOptions { Engine = engine });
        using EbpfModule module = vm.CompileAndLoad(Counter, new CompileOptions { Defines = ["VERDICT=XDP_PASS"] });
        Program program = module.Program("filter");
        Map<int, long> seen = module.Map<int, long>("seen");
        Loop(1000);
        Assert.Equal(0, Allocations.Least(() => Loop(1000)));

        void Loop(int count)
        {
            for (int i = 0; i < count; i++)
            {
                program.Run(Packet);
                seen.TryGetValue(1, out long value);
                seen[2] = value;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Helpers_of_the_host_have_enforced_prototypes(EngineKind engine)
    {
        var texts = new List<string>();
        using var vm = new Vm(new VmOptions
        {
            Engine = engine,
            Helpers =
            [
                HelperFunctions.Create(1000, "host_scale", (int value, int factor) => value * factor),
                HelperFunctions.CreateReading(1001, "host_log", memory =>
                {
                    texts.Add(System.Text.Encoding.ASCII.GetString(memory));
                    return memory.Length;
                }),
                HelperFunctions.CreateWriting(1002, "host_fill", (Span<byte> memory, byte value) =>
                {
                    memory.Fill(value);
                    return 0;
                }),
            ],
        });
        const string Declarations = Prelude + """
            static long (*host_scale)(int value, int factor) = (void *) 1000;
            static long (*host_log)(const void *text, unsigned size) = (void *) 1001;
            static long (*host_fill)(void *to, unsigned size, int value) = (void *) 1002;

            """;
        using EbpfModule module = vm.CompileAndLoad(Declarations + """
            SEC("xdp") int main_program(struct xdp_md *ctx)
            {
                char text[4] = "abcd";
                char filled[8];
                host_log(text, sizeof(text));
                host_fill(filled, sizeof(filled), 7);
                return host_scale(-3, filled[5]);
            }
            """);
        Assert.Equal(-21, (int)module.Program("main_program").Run(Packet));
        Assert.Equal(["abcd"], texts);
        // Three bytes are initialised, four are passed: the prototype forbids it. (Written so that privileged programs are refused too.)
        EbpfException refused = Assert.Throws<EbpfException>(() => vm.CompileAndLoad(Declarations + """
            SEC("xdp") int leak(struct xdp_md *ctx) { return host_log((void *)(long)ctx->ingress_ifindex, 4); }
            """));
        Assert.Contains("R1 type=scalar expected=fp", refused.Message);
    }

    [Fact]
    public void What_a_helper_throws_reaches_the_caller()
    {
        using var vm = new Vm(new VmOptions { Helpers = [HelperFunctions.Create<int>(1000, "host_fail", () => throw new InvalidDataException("on purpose"))] });
        using EbpfModule module = vm.CompileAndLoad(Prelude + """
            static long (*host_fail)(void) = (void *) 1000;
            SEC("xdp") int f(struct xdp_md *ctx) { host_fail(); return 2; }
            """);
        Assert.Equal("on purpose", Assert.Throws<InvalidDataException>(() => module.Program("f").Run(Packet)).Message);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Request
    {
        public ulong Body, BodyEnd;
        public uint Method, Score;
    }

    private static readonly HostProgramType s_request = new("request", new ContextLayout("request", 24,
        new ContextField("body", 0, 8, ContextAccess.Read, ContextPointer.Packet),
        new ContextField("body_end", 8, 8, ContextAccess.Read, ContextPointer.PacketEnd),
        new ContextField("method", 16, 4, ContextAccess.Read),
        new ContextField("score", 20, 4, ContextAccess.Read | ContextAccess.Write)))
    {
        Returns = new ReturnRange(0, 1), Helpers = new HashSet<int> { 1, 2, 5 }, MayWritePacket = true,
    };

    private const string RequestHeader = Prelude + """
        struct request { char *body; char *body_end; unsigned method; unsigned score; };

        """;

    [Theory]
    [MemberData(nameof(Engines))]
    public void A_host_defines_its_own_program_type(EngineKind engine)
    {
        using var vm = new Vm(new VmOptions { Engine = engine, ProgramTypes = [s_request] });
        using EbpfModule module = vm.CompileAndLoad(RequestHeader + """
            SEC("request/admit") int admit(struct request *r)
            {
                char *body = r->body, *end = r->body_end;
                if (body + 4 > end)
                    return 0;
                r->score = body[0] + r->method;
                body[1] = 'x';
                return body[0] == 'G';
            }
            """);
        var request = new Request { Method = 2 };
        Assert.Equal(1ul, module.Program("admit").Run(ref request, "GET /"u8));
        Assert.Equal('G' + 2u, request.Score);
        Assert.Equal(0ul, module.Program("admit").Run(ref request, "GE"u8));
        byte[] bytes = new byte[24], output = new byte[5];
        Assert.Equal(0ul, module.Program("admit").RunContext(bytes, "POST!"u8, output));
        Assert.Equal("PxST!"u8, output);
        Assert.Throws<ArgumentException>(() => module.Program("admit").RunContext(new byte[8]));
    }

    [Theory]
    [InlineData("r->method = 1; return 0;", "invalid bpf_context access off=16 size=4")]
    [InlineData("return r->score;", "should have been in [0, 1]")]
    [InlineData("return bpf_get_prandom_u32() & 1;", "program of this type cannot use helper bpf_get_prandom_u32#7")]
    [InlineData("return *r->body & 1;", "invalid access to packet")]
    public void The_rules_of_a_hosts_program_type_are_enforced(string body, string message)
    {
        using var vm = new Vm(new VmOptions { ProgramTypes = [s_request] });
        EbpfException refused = Assert.Throws<EbpfException>(() => vm.CompileAndLoad(RequestHeader + $"SEC(\"request\") int f(struct request *r) {{ {body} }}"));
        Assert.Contains(message, refused.Message);
    }

    [Fact]
    public void A_sandbox_runs_what_the_verifier_refuses_and_stops_what_goes_wrong()
    {
        using var vm = new Vm(new VmOptions { Sandbox = new SandboxOptions { Fuel = 10_000 } });
        using EbpfModule module = vm.CompileAndLoad(Prelude + """
            SEC("xdp") int peek(struct xdp_md *ctx) { return ((char *)(long)ctx->data)[12]; }
            SEC("xdp") int spin(struct xdp_md *ctx) { while (1) { volatile int x = 1; } }
            """);
        Assert.Equal(8ul, module.Program("peek").Run(Packet));
        Assert.Throws<GuestFaultException>(() => module.Program("spin").Run(Packet));
    }

    [Fact]
    public void A_cancelled_run_ends_its_loops()
    {
        using var cancellation = new CancellationTokenSource();
        using var vm = new Vm(new VmOptions { Helpers = [HelperFunctions.Create<int>(1000, "host_cancel", () => { cancellation.Cancel(); return 0; })] });
        using EbpfModule module = vm.CompileAndLoad(Prelude + """
            static long (*host_cancel)(void) = (void *) 1000;
            static long step(unsigned i, void *c) { if (i == 100) host_cancel(); return 0; }
            SEC("xdp") int f(struct xdp_md *ctx) { return bpf_loop(1 << 23, step, 0, 0); }
            """);
        Assert.ThrowsAny<OperationCanceledException>(() => module.Program("f").Run(Packet, default, out _, out _, cancellation.Token));
    }
}
