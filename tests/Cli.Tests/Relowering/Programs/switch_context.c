// Members chosen by a switch; clang merges the accesses.
//~ clang dereference of modified ctx ptr
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	__u32 v;

	switch (skb->ifindex & 3) {
	case 0:
		v = skb->cb[0];
		break;
	case 1:
		v = skb->cb[1];
		break;
	case 2:
		v = skb->cb[2];
		break;
	default:
		v = skb->cb[3];
	}
	return v & 1;
}

char LICENSE[] SEC("license") = "GPL";
