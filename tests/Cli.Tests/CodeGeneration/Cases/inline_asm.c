// Inline assembly: operands in registers that the allocator chooses, a constraint that ties input and output, a clobbered
// register that is not used across it, and a volatile barrier that stays though it emits nothing.
// asm: contains "<<= 7"
// asm: contains "r5 = 100"
// asm: lacks "r10"
#include "bpf.h"

SEC("xdp") int inline_asm(struct xdp_md *ctx)
{
	u64 value = ctx->rx_queue_index, other = ctx->ingress_ifindex;
	asm volatile("%0 <<= 7\n\t%0 |= %1" : "+r"(value) : "r"(other));
	asm volatile("r5 = 100\n\t%0 += r5" : "+r"(value) : : "r5");
	asm volatile("" : "+r"(value));
	return value + other;
}

char LICENSE[] SEC("license") = "GPL";
