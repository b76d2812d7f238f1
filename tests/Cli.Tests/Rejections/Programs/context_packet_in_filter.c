// A socket filter asks for packet pointers.
//~ kernel invalid bpf_context access off=76 size=4
//~ clang invalid bpf_context access off=80 size=4
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket")
int filter(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data; //~ error EBC5009
	void *data_end = (void *)(long)skb->data_end;

	return data + 14 <= data_end;
}

char LICENSE[] SEC("license") = "GPL";
