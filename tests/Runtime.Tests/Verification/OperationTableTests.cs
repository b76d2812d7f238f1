// Operations of kernel tables (struct_ops): what they are called with and what they may write comes from the running kernel's types.
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Verification;

public class OperationTableTests
{
    private const string Types = """
        #define KEEP __attribute__((preserve_access_index))
        struct sock { unsigned long sk_pacing_rate; } KEEP;
        struct tcp_sock { unsigned int snd_cwnd, snd_una; } KEEP;
        struct tcp_congestion_ops { unsigned int (*ssthresh)(struct sock *sk); void (*init)(struct sock *sk); unsigned int (*undo_cwnd)(struct sock *sk); char name[16]; } KEEP;
        char LICENSE[] SEC("license") = "GPL";
        #define TABLE SEC(".struct_ops") struct tcp_congestion_ops table = { .init = (void *)init, .name = "test" };

        """;

    private static VerificationResult Verify(string body)
    {
        using LoadedObject loaded = ClangObjects.LoadSource(Types + "SEC(\"struct_ops/init\") " + body);
        return Verifier.Verify(Assert.Single(loaded.Programs), new VerifierOptions { LogLevel = 2, KernelTypes = KernelInformation.RunningKernelTypes });
    }

    private static void Accepts(string body)
    {
        VerificationResult result = Verify(body);
        Assert.True(result.IsAccepted, result.Log);
    }

    private static void Rejects(string words, string body) => Assert.Contains(words, Verify(body).Rejection?.Message ?? "accepted");

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders, Oracle.Kernel)]
    public void Operations_need_a_table_that_the_kernel_has()
    {
        Accepts("void init(unsigned long long *ctx) { }\nTABLE");
        Rejects("is not a supported struct", "void init(unsigned long long *ctx) { }");
        Rejects("is not a supported struct", "void init(unsigned long long *ctx) { }\nstruct nothing { void (*init)(void); }; SEC(\".struct_ops\") struct nothing table = { .init = (void *)init };");
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders, Oracle.Kernel)]
    public void Arguments_are_those_of_the_member()
    {
        Accepts("void init(unsigned long long *ctx) { struct tcp_sock *tp = (void *)ctx[0]; bpf_printk(\"%u\", tp->snd_una); }\nTABLE");
        Rejects("func 'init' doesn't have 2-th argument", "int init(unsigned long long *ctx) { return ctx[1]; }\nTABLE");
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders, Oracle.Kernel)]
    public void Congestion_control_writes_what_it_may()
    {
        Accepts("void init(unsigned long long *ctx) { struct tcp_sock *tp = (void *)ctx[0]; tp->snd_cwnd = 10; }\nTABLE");
        Accepts("void init(unsigned long long *ctx) { struct sock *sk = (void *)ctx[0]; sk->sk_pacing_rate = 10; }\nTABLE");
        Rejects("no write support to tcp_sock at off", "void init(unsigned long long *ctx) { struct tcp_sock *tp = (void *)ctx[0]; tp->snd_una = 10; }\nTABLE");
        Rejects("beyond the member of tcp_sock ended at", "void init(unsigned long long *ctx) { struct tcp_sock *tp = (void *)ctx[0]; asm volatile(\"*(u64 *)(%0 + 0) = %1\" :: \"r\"(&tp->snd_cwnd), \"r\"(10ul)); }\nTABLE");
    }
}
