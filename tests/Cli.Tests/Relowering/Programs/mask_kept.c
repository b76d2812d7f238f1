// A mask that says no more than the remainder; clang deletes it.
//~ clang math between map_value pointer
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct value {
	__u64 slots[10];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} values SEC(".maps");

SEC("tc")
int f(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct value *v = bpf_map_lookup_elem(&values, &zero);

	if (!v)
		return 0;
	__u32 i = skb->hash % 7;
	v->slots[i & 7]++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
