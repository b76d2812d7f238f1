// An atomic addition across two words of the stack.
//~ kernel misaligned stack access off 0+0+-10 size 4
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int load(struct __sk_buff *skb)
{
	__u8 bytes[16] = {};

	bpf_skb_load_bytes(skb, 0, bytes, 16);
	__sync_fetch_and_add((__u32 *)(bytes + 6), 1); //~ error EBC5010
	return bytes[6];
}

char LICENSE[] SEC("license") = "GPL";
