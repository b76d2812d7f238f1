// One byte of a member that is read whole only.
//~ kernel invalid bpf_context access off=16 size=1
//~ fix read the whole member
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	__u8 queue = *(__u8 *)&ctx->rx_queue_index; //~ error EBC5009

	return queue == 3 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
