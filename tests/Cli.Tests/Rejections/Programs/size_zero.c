// A length that may be zero.
//~ kernel R4 invalid zero-sized read: u64=[0,64]
//~ clang R4 invalid zero-sized read: u64=[0,63]
//~ fix check the size
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int copy(struct __sk_buff *skb)
{
	char buffer[64] = {};
	__u32 size = skb->len;

	if (size > sizeof(buffer))
		size = sizeof(buffer);
	bpf_skb_load_bytes(skb, 0, buffer, size); //~ error EBC5004
	return buffer[0];
}

char LICENSE[] SEC("license") = "GPL";
