// A table in global data.
//~ kernel R2 unbounded memory access, make sure to bounds check any such access
//~ fix check the index before it is used
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 table[32];

SEC("tc")
int count(struct __sk_buff *skb)
{
	table[skb->ifindex]++; //~ error EBC5003
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
