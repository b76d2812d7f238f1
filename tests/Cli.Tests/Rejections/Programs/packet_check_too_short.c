// The Ethernet header is checked, the IP header behind it is not.
//~ kernel offset is outside of the packet
//~ fix check the packet's end before the access
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > data_end) //~ note this check proves 14 bytes
		return XDP_PASS;
	struct iphdr *ip = (void *)(eth + 1);
	return ip->protocol == IPPROTO_ICMP ? XDP_DROP : XDP_PASS; //~ error EBC5001
}

char LICENSE[] SEC("license") = "GPL";
