// The bounds check of a packet: one comparison against data_end before the only load of the packet, and no jump but those of
// the two conditions, also at v1, which has no "less" branches; the load is of two bytes and the byte swap of the constant is
// done at compile time.
// asm.v1: contains "if r1 >= r3"
// asm.v1: lacks "	goto"
// asm: contains "if r"
// asm: counts "(u16 *)" 1
// asm: counts "exit" 2
// asm: counts "goto" 2
// asm: lacks "be16"
// asm: lacks "call"
// asm: lacks "r10"
// cpu: v1 v2 v3 v4
#include "bpf.h"

struct ethhdr {
	u8 destination[6];
	u8 source[6];
	u16 protocol;
};

SEC("xdp") int packet_bounds(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = data;
	if ((void *)(ethernet + 1) > end)
		return XDP_DROP;
	return ethernet->protocol == __builtin_bswap16(0x0800) ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
