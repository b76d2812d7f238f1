// A number across two words of the stack.
//~ kernel misaligned stack access off 0+0+-13 size 8
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int load(struct __sk_buff *skb)
{
	__u8 bytes[16] = {};

	bpf_skb_load_bytes(skb, 0, bytes, 16);
	return *(__u64 *)(bytes + 3) != 0; //~ error EBC5010
}

char LICENSE[] SEC("license") = "GPL";
