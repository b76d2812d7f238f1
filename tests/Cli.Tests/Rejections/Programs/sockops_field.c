// A port in a program of another type.
//~ kernel invalid bpf_context access off=72 size=4
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/ingress")
int check(struct __sk_buff *skb)
{
	if (skb->tc_classid == 80) //~ error EBC5009
		return 0;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
