// An element of a ring buffer is looked up.
//~ kernel invalid zero-sized read
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

SEC("xdp")
int look(struct xdp_md *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&events, &zero) ? XDP_DROP : XDP_PASS; //~ error EBC5004
}

char LICENSE[] SEC("license") = "GPL";
