// Two lookups, one check.
//~ kernel R0 invalid mem access 'map_value_or_null'
//~ fix check 'b' for null
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("xdp")
int compare(struct xdp_md *ctx)
{
	__u32 first = 1, second = 2;
	__u64 *a = bpf_map_lookup_elem(&counters, &first);
	__u64 *b = bpf_map_lookup_elem(&counters, &second);

	if (!a)
		return XDP_PASS;
	return *a > *b ? XDP_DROP : XDP_PASS; //~ error EBC5002
}

char LICENSE[] SEC("license") = "GPL";
