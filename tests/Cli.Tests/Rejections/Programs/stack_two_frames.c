// Two functions with large buffers.
//~ kernel combined stack size of 2 calls is 608. Too large
//~ fix move 'buffer' into a per-CPU array map
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int inner(struct __sk_buff *skb)
{
	char buffer[300] = {};

	bpf_skb_load_bytes(skb, 0, buffer, 200);
	return buffer[skb->mark & 127];
}

SEC("tc")
int outer(struct __sk_buff *skb)
{
	char buffer[300] = {};

	bpf_skb_load_bytes(skb, 0, buffer, 200);
	return buffer[skb->mark & 127] + inner(skb); //~ error EBC5015
}

char LICENSE[] SEC("license") = "GPL";
