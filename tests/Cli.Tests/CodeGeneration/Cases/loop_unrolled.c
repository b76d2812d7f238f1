// A loop that the pragma asks to unroll: no back edge is left, and eight loads with constant offsets.
// asm: counts "*(u8 *)" 8
// asm: counts "goto" 1
// asm: contains "+ 7)"
// ir: lacks "phi"
#include "bpf.h"

SEC("xdp") int loop_unrolled(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 sum = 0;
	if (data + 8 > end)
		return XDP_ABORTED;
#pragma unroll
	for (int i = 0; i < 8; i++)
		sum += data[i];
	return sum;
}

char LICENSE[] SEC("license") = "GPL";
