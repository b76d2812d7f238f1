// An index with no upper bound.
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

SEC("kprobe/tcp_sendmsg")
int measure(void *ctx)
{
	__u32 zero = 0;
	struct histogram *h = bpf_map_lookup_elem(&histograms, &zero);
	__u64 slot = bpf_ktime_get_ns();

	if (!h)
		return 0;
	h->slots[slot]++; //~ error EBC5003
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
