// Static data: constants in .rodata, initialised variables in .data, zeroed ones in .bss, each described by a DATASEC; a constant
// that is not volatile is folded, a volatile one is loaded so that the loader may set it before.
// asm: contains "limit ll"
// asm: lacks "folded"
// asm: contains "calls ll"
// object: contains "NOBITS WA .bss"
// object: contains "PROGBITS WA .data"
// object: contains "PROGBITS A .rodata"
// btf: contains "DATASEC '.bss'"
// btf: contains "DATASEC '.data'"
// btf: contains "DATASEC '.rodata'"
#include "bpf.h"

const volatile u32 limit = 10;
static const u32 folded = 20;
u64 calls = 0;
static u64 dropped;
u32 weights[4] = { 1, 2, 3, 4 };

SEC("xdp") int static_data(struct xdp_md *ctx)
{
	u32 queue = ctx->rx_queue_index;
	calls += 1;
	if (queue > limit + folded) {
		dropped += 1;
		return XDP_DROP;
	}
	return weights[queue & 3];
}

char LICENSE[] SEC("license") = "GPL";
