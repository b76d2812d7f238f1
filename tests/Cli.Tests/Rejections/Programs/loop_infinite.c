// A loop that waits.
//~ kernel infinite loop detected
//~ fix stop after 1024 iterations
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int wait(struct xdp_md *ctx)
{
	while (ctx->rx_queue_index != 3) //~ error EBC5013
		;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
