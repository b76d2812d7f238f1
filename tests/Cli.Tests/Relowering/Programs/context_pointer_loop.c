// A pointer into the context is advanced, and the source forbids unrolling.
//~ remark loops are unrolled
//~ clang dereference of modified ctx ptr
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	__u32 sum = 0;

#pragma clang loop unroll(disable)
	for (__u32 *p = skb->cb; p < skb->cb + 5; p++)
		sum += *p;
	return sum & 1;
}

char LICENSE[] SEC("license") = "GPL";
