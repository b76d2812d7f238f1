// A number where memory is expected.
//~ kernel R2 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_
//~ fix pass the address of 'key'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	__u64 key = ctx->rx_queue_index;

	return bpf_map_lookup_elem(&counters, (void *)key) ? XDP_DROP : XDP_PASS; //~ error EBC5020
}

char LICENSE[] SEC("license") = "GPL";
