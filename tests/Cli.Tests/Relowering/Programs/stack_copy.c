// A copy between misaligned places of the stack, promised to be aligned.
//~ remark byte by byte
//~ clang misaligned stack access
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	struct pair {
		__u64 first, second;
	};
	__u8 bytes[40] = {};

	bpf_skb_load_bytes(skb, 0, bytes, 20);
	*(struct pair *)(bytes + 20) = *(struct pair *)(bytes + 4);
	bpf_skb_store_bytes(skb, 0, bytes, sizeof(bytes), 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
