// A member of a structure in a map.
//~ kernel R0 invalid mem access 'map_value_or_null'
//~ fix check 's' for null
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct session {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct session);
} sessions SEC(".maps");

SEC("tc")
int account(struct __sk_buff *skb)
{
	__u32 key = skb->ingress_ifindex;
	struct session *s = bpf_map_lookup_elem(&sessions, &key);

	s->packets++; //~ error EBC5002
	s->bytes += skb->len;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
