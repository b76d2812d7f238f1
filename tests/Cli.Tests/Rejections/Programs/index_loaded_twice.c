// The index is checked in memory and read again from it.
//~ kernel unbounded memory access, make sure to bounds check any such access
//~ fix load the index once and check it
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct ring {
	volatile __u32 head;
	__u32 entries[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ring);
} rings SEC(".maps");

SEC("xdp")
int push(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct ring *r = bpf_map_lookup_elem(&rings, &zero);

	if (!r)
		return XDP_PASS;
	if (r->head >= 64) //~ note loaded from memory again
		return XDP_PASS;
	r->entries[r->head] = ctx->ingress_ifindex; //~ error EBC5003
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
