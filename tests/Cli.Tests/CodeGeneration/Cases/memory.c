// memcpy and memset of constant size: loads and stores of the widest aligned pieces, never a call; packet memory may be copied
// with the pieces that its alignment allows. Swapping twelve bytes through the stack leaves no stack behind.
// asm: lacks "call mem"
// asm(swap): lacks "r10"
// asm(fill): contains "*(u64 *)"
// asm.v4(fill): contains "*(u64 *)(r10 - 8) = 0"
// ir: lacks "@memcpy"
// cpu: v1 v3 v4
#include "bpf.h"

SEC("xdp") int swap(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, address[6];
	if (data + 12 > end)
		return XDP_DROP;
	__builtin_memcpy(address, data, 6);
	__builtin_memcpy(data, data + 6, 6);
	__builtin_memcpy(data + 6, address, 6);
	return XDP_TX;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64[4]);
} values SEC(".maps");

SEC("xdp") int fill(struct xdp_md *ctx)
{
	u64 value[4];
	u32 key = 0;
	__builtin_memset(value, 0, sizeof value);
	value[2] = ctx->rx_queue_index;
	bpf_map_update_elem(&values, &key, value, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
