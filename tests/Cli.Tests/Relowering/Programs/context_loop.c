// The context is advanced by a loop that is not unrolled for size.
//~ options -Os
//~ remark loops are unrolled
//~ clang dereference of modified ctx ptr
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	__u32 sum = 0;

	for (int i = 0; i < 5; i++)
		sum += skb->cb[i];
	return sum & 1;
}

char LICENSE[] SEC("license") = "GPL";
