// A cgroup program returns what it likes.
//~ kernel At program exit the register R0 has smin=0 smax=4294967295 should have been in [0, 3]
//~ fix return (skb->len) ? 1 : 0
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/egress")
int allow(struct __sk_buff *skb)
{
	return skb->len; //~ error EBC5016
}

char LICENSE[] SEC("license") = "GPL";
