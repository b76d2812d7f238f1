// A helper is called with the lock held.
//~ kernel function calls are not allowed while holding a lock
//~ fix call it before the lock is taken
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
	bpf_spin_lock(&a->lock);
	a->credit++;
	bpf_printk("credit"); //~ error EBC5012
	bpf_spin_unlock(&a->lock);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
