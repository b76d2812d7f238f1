// A format string: read-only data in .rodata of its exact size, its address by a relocation against the section, and the
// values as further arguments of the helper.
// asm: contains "call 6"
// asm: contains "w2 = 14"
// object: contains "PROGBITS A .rodata"
// object: contains "R_BPF_64_64"
#include "bpf.h"

SEC("xdp") int trace(struct xdp_md *ctx)
{
	static const char format[] = "queue %u %llx";
	bpf_trace_printk(format, sizeof format, ctx->rx_queue_index, 0x123456789abull);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
