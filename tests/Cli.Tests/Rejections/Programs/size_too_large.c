// A bound that is larger than the buffer.
//~ kernel R3 min value is outside of the allowed memory range
//~ fix clamp the size
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u32 size;
	char data[128];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

SEC("tc")
int copy(struct __sk_buff *skb)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	__u32 size = skb->len;

	if (!e)
		return 0;
	if (size > 1500)
		size = 1500;
	if (size > 0)
		bpf_skb_load_bytes(skb, 0, e->data, size); //~ error EBC5004
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
