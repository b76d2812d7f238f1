// Arithmetic on 32 and 64 bits. Signed division is one instruction at v4; before that it is a division of the magnitudes whose
// sign is put right. A division by a constant power of two is a shift; unsigned and 32-bit where the C says so.
// asm.v4(quotient): contains "s/="
// asm.v4(remainder): contains "s%="
// asm.v3(quotient): lacks "s/="
// asm.v3(quotient): contains "/="
// asm(eighth): contains ">>= 3"
// asm(eighth): lacks "/="
// asm.v3(unsigned_quotient): contains "w"
// asm.v4(unsigned_quotient): lacks "s/="
// asm.v4(sign_extend): contains "(s8)"
// asm.v3(sign_extend): contains "s>>="
// asm(arithmetic_shift): contains "s>>="
// asm.v1(quotient): lacks "	goto"
// asm.v1: lacks "w0"
// asm.v1: lacks "w1"
// asm.v2: lacks "w1"
// ir(eighth): lacks "div"
// cpu: v1 v2 v3 v4
#include "bpf.h"

noinline s64 quotient(s64 a, s64 b) { return a / b; }
noinline s32 remainder(s32 a, s32 b) { return a % b; }
noinline u32 unsigned_quotient(u32 a, u32 b) { return a / b; }
noinline u64 eighth(u64 a) { return a / 8; }
noinline s64 sign_extend(s64 a) { return (s8)a; }
noinline s32 arithmetic_shift(s32 a) { return a >> 3; }
noinline u64 fused(u64 a, u64 b) { return (a + b) * 3 - (a ^ ~b); }

SEC("xdp") int arithmetic(struct xdp_md *ctx)
{
	s64 a = (s32)ctx->ingress_ifindex, b = ctx->rx_queue_index;
	return quotient(a, b) + remainder(a, b) + unsigned_quotient(a, b) + eighth(a) + sign_extend(a) + arithmetic_shift(b) + fused(a, b);
}

char LICENSE[] SEC("license") = "GPL";
