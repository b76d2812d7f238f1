// The index grows after the check.
//~ kernel max value is outside of the allowed memory range
//~ fix check the index before it is used
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct histogram {
	__u64 slots[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct histogram);
} histograms SEC(".maps");

SEC("xdp")
int measure(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct histogram *h = bpf_map_lookup_elem(&histograms, &zero);
	__u32 slot = ctx->rx_queue_index;

	if (!h || slot >= 16)
		return XDP_PASS;
	slot += 4;
	h->slots[slot]++; //~ error EBC5003
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
