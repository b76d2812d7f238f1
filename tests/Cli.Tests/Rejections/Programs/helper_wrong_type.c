// A helper of tc in an XDP program.
//~ kernel program of this type cannot use helper bpf_skb_load_bytes#26
//~ fix call bpf_xdp_load_bytes
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
	__u8 buffer[16] = {};

	if (bpf_skb_load_bytes(ctx, 0, buffer, sizeof(buffer)) < 0) //~ error EBC5008
		return XDP_PASS;
	return buffer[12] == 8 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
