// One member is forgotten.
//~ options --verify=6.1
//~ kernel accepts
//~ fix give 'e' a value
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct entry {
	__u64 when;
	__u64 size;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct entry);
} entries SEC(".maps");

SEC("tc")
int store(struct __sk_buff *skb)
{
	__u32 key = skb->hash;
	struct entry e; //~ note member 'size'

	e.when = bpf_ktime_get_ns();
	bpf_map_update_elem(&entries, &key, &e, 0); //~ error EBC5005
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
