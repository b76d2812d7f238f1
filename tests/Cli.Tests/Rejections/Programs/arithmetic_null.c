// A pointer that may be null is moved.
//~ kernel R2 pointer arithmetic on map_value_or_null prohibited, null-check it first
//~ fix check 'buffer' for null
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u8[64]);
} buffers SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	__u32 queue = ctx->rx_queue_index;
	__u8 *buffer = bpf_map_lookup_elem(&buffers, &queue);
	__u8 *end = buffer + (ctx->ingress_ifindex & 31); //~ error EBC5002

	if (end[1] == 0 && buffer)
		return XDP_DROP;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
