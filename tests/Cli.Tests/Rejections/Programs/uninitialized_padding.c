// The padding of a key is not initialised.
//~ options --verify=6.1
//~ kernel accepts
//~ fix give 'key' a value
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u32 address;
	__u16 port;
	__u8 protocol;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, __u64);
} flows SEC(".maps");

SEC("tc")
int account(struct __sk_buff *skb)
{
	struct flow key; //~ note padding
	__u64 one = 1;

	key.address = skb->mark;
	key.port = skb->queue_mapping;
	key.protocol = 6;
	bpf_map_update_elem(&flows, &key, &one, 0); //~ error EBC5005
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
