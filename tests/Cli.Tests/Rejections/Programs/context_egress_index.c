// A member that only programs in device maps have.
//~ kernel invalid bpf_context access off=20 size=4
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	return ctx->egress_ifindex == 2 ? XDP_DROP : XDP_PASS; //~ error EBC5009
}

char LICENSE[] SEC("license") = "GPL";
