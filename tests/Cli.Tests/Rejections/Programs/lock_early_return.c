// A way out with the lock held.
//~ kernel BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region
//~ fix unlock before leaving
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct account {
	struct bpf_spin_lock lock;
	__u32 credit;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

SEC("tc")
int charge(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct account *a = bpf_map_lookup_elem(&accounts, &zero);

	if (!a)
		return 0;
	bpf_spin_lock(&a->lock); //~ note the lock is taken here
	if (a->credit < skb->len)
		return 2; //~ error EBC5012
	a->credit -= skb->len;
	bpf_spin_unlock(&a->lock);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
