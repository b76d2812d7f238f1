// Packet pointers from before bpf_xdp_adjust_head.
//~ kernel invalid mem access 'scalar'
//~ fix load the packet's pointers again after the call
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("xdp")
int encapsulate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	if (data + sizeof(struct ethhdr) > data_end)
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr))) //~ note may move the packet
		return XDP_DROP;
	struct ethhdr *eth = data;
	eth->h_proto = bpf_htons(ETH_P_IP); //~ error EBC5022
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
