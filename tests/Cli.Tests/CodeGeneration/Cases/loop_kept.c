// A loop whose length is not known at compile time stays a loop, with its bounds check inside, a known limit
// for the verifier, and one branch an iteration besides that check: the test is at the end.
// asm: counts "*(u8 *)" 1
// asm: lacks "	goto"
// ir: contains "phi"
#include "bpf.h"

SEC("xdp") int loop_kept(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 sum = 0;
	for (u32 i = 0; i < 100; i++) {
		if (data + i + 1 > end)
			break;
		sum = sum * 31 + data[i];
	}
	return sum;
}

char LICENSE[] SEC("license") = "GPL";
