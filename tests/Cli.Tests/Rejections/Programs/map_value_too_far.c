// A cast makes the value larger than it is.
//~ kernel min value is outside of the allowed memory range
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct wide {
	__u64 first, second;
};

SEC("xdp")
int cast(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct wide *w = bpf_map_lookup_elem(&counters, &key);

	if (!w)
		return XDP_PASS;
	return w->second ? XDP_DROP : XDP_PASS; //~ error EBC5003
}

char LICENSE[] SEC("license") = "GPL";
