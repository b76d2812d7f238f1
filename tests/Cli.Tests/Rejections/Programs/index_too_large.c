// A byte as index into sixteen slots.
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

SEC("tc")
int measure(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct histogram *h = bpf_map_lookup_elem(&histograms, &zero);

	if (!h)
		return 0;
	__u8 slot = skb->len >> 6;
	h->slots[slot]++; //~ error EBC5003
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
