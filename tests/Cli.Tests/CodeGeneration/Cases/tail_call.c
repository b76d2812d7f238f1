// A tail call through a program array: context, map, index in r1, r2, r3, then helper 12. What follows runs only when the slot
// is empty.
// asm(dispatch): contains "call 12"
// asm(dispatch): contains "programs ll"
// asm(dispatch): contains "r3 = "
// object: contains "programs"
// btf: contains "DATASEC '.maps'"
#include "bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__type(key, u32);
	__type(value, u32);
} programs SEC(".maps");

SEC("xdp") int dispatch(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &programs, ctx->rx_queue_index & 7);
	return XDP_PASS;
}

SEC("xdp") int target(struct xdp_md *ctx) { return XDP_DROP; }

char LICENSE[] SEC("license") = "GPL";
