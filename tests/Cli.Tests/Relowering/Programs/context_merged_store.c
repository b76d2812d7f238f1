// One store for one of two members.
//~ remark merged pointers
//~ clang dereference of modified ctx ptr
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	__u32 *p = skb->ifindex == 1 ? &skb->mark : &skb->priority;

	*p = 7;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
