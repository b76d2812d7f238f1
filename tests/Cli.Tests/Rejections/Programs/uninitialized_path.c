// A key that is set on one path only.
//~ options --verify=6.1
//~ kernel accepts
//~ fix give 'key' a value
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("tc")
int look(struct __sk_buff *skb)
{
	__u32 key;

	if (skb->protocol == 8)
		key = skb->mark;
	return bpf_map_lookup_elem(&counters, &key) ? 1 : 0; //~ error EBC5005
}

char LICENSE[] SEC("license") = "GPL";
