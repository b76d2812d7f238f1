// Two members of the context, one access.
//~ remark merged pointers
//~ clang dereference of modified ctx ptr
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	__u32 *p = skb->ifindex == 1 ? &skb->mark : &skb->priority;

	return *p & 1;
}

char LICENSE[] SEC("license") = "GPL";
