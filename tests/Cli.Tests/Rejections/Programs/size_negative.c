// A signed length with an upper bound only.
//~ kernel R4 invalid zero-sized read: u64=[0,4294967295]
//~ fix check the size
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, int);
} lengths SEC(".maps");

SEC("tc")
int copy(struct __sk_buff *skb)
{
	char buffer[64] = {};
	__u32 zero = 0;
	int *length = bpf_map_lookup_elem(&lengths, &zero);

	if (!length)
		return 0;
	int size = *length;
	if (size > (int)sizeof(buffer))
		return 0;
	bpf_skb_load_bytes(skb, 0, buffer, size); //~ error EBC5004
	return buffer[0];
}

char LICENSE[] SEC("license") = "GPL";
