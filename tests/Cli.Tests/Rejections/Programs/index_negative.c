// A signed index has only an upper bound.
//~ kernel math between map_value pointer and register with unbounded min value is not allowed
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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, int);
} selected SEC(".maps");

SEC("xdp")
int measure(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct histogram *h = bpf_map_lookup_elem(&histograms, &zero);
	int *slot = bpf_map_lookup_elem(&selected, &zero);

	if (!h || !slot)
		return XDP_PASS;
	int i = *slot;
	if (i > 15)
		return XDP_PASS;
	h->slots[i]++; //~ error EBC5003
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
