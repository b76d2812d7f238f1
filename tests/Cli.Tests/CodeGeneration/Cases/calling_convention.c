// The calling convention: arguments in r1 to r5, the result in r0, r6 to r9 kept by the callee. f2 has a in r1 and b in r2 and
// calls f3(b, a): the two are swapped. f4 passes five arguments through unchanged and has nothing to move.
// asm(f1): contains "r0 = r1"
// asm(f2): contains "call f3"
// asm(f2): contains "= r2"
// asm(f2): contains "r2 = "
// asm(f2): lacks "r10"
// asm(f4): contains "call f5"
// asm(f4): lacks "r5"
// asm(f4): counts "exit" 1
// asm(f6): contains "r6 = "
// asm: lacks "r10"
// object: contains "FUNC GLOBAL f2"
// object: contains "f3"
// cpu: v1 v2 v3 v4
#include "bpf.h"

noinline s64 f1(s64 a) { return a; }
noinline s64 f3(s64 a, s64 b) { return a - b; }
noinline s64 f2(s64 a, s64 b) { return f3(b, a); }
noinline s64 f5(s64 a, s64 b, s64 c, s64 d, s64 e) { return a + 2 * b + 3 * c + 4 * d + 5 * e; }
noinline s64 f4(s64 a, s64 b, s64 c, s64 d, s64 e) { return f5(a, b, c, d, e); }
noinline s64 f6(s64 a, s64 b) { return f1(b) + a; }

SEC("xdp") int calls(struct xdp_md *ctx)
{
	s64 a = ctx->ingress_ifindex, b = ctx->rx_queue_index;
	return f1(a) + f2(a, b) + f4(a, b, a, b, a) + f6(a, b);
}

char LICENSE[] SEC("license") = "GPL";
