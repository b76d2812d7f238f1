// Lookups in arrays can fail too.
//~ kernel R0 invalid mem access 'map_value_or_null'
//~ fix check 'total' for null
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 queue = ctx->rx_queue_index;
	__u64 *total = bpf_map_lookup_elem(&totals, &queue);

	*total += ctx->data_end - ctx->data; //~ error EBC5002
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
