// A switch: comparisons (eBPF has no jump tables here), dense cases as one range test where the results allow it, a shared
// case body once, a fall-through without a jump.
// asm(classify): counts "w0 = 3" 1
// asm(classify): counts "w0 = 9" 1
// asm(classify): contains "w0 = 7"
// asm(classify): lacks "w0 += 2"
// asm: lacks "gotox"
// asm: lacks "r10"
// asm: contains " == 80"
// object: lacks ".jumptables"
#include "bpf.h"

noinline int classify(u32 port)
{
	int class = 0;
	switch (port) {
	case 20:
	case 21:
		return 1;
	case 22:
		class = 5;
		__attribute__((fallthrough));
	case 23:
		return class + 2;
	case 80:
	case 8080:
		return 3;
	case 1000 ... 1999:
		return 4;
	default:
		return 9;
	}
}

SEC("xdp") int choose(struct xdp_md *ctx) { return classify(ctx->rx_queue_index); }

char LICENSE[] SEC("license") = "GPL";
