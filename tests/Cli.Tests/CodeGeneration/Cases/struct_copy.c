// A structure assigned as a whole: copied by its widest pieces, and a local copy of which one member is used never exists.
// asm(copy): lacks "call mem"
// asm(copy): counts "call 1" 2
// asm(member): lacks "r10"
// ir(member): lacks "alloca"
#include "bpf.h"

struct flow {
	u32 source, destination;
	u16 ports[2];
	u32 packets;
	u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct flow);
} flows SEC(".maps");

SEC("xdp") int copy(struct xdp_md *ctx)
{
	u32 from = 0, to = 1;
	struct flow *a = bpf_map_lookup_elem(&flows, &from), *b = bpf_map_lookup_elem(&flows, &to);
	if (!a || !b)
		return XDP_ABORTED;
	*b = *a;
	return XDP_PASS;
}

SEC("xdp") int member(struct xdp_md *ctx)
{
	struct flow flow = { .packets = ctx->rx_queue_index, .bytes = 1500 }, other = flow;
	other.bytes *= other.packets;
	return other.bytes;
}

char LICENSE[] SEC("license") = "GPL";
