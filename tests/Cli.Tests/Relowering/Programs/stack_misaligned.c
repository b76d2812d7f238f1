// A number across two words of the stack.
//~ remark byte by byte
//~ clang misaligned stack access
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	__u8 bytes[16] = {};

	bpf_skb_load_bytes(skb, 0, bytes, 16);
	return *(__u64 *)(bytes + 3) != 0;
}

char LICENSE[] SEC("license") = "GPL";
