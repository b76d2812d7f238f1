// The comparison lets the last byte through.
//~ kernel R2 offset is outside of the packet
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
	unsigned char *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	if (data + 14 > (unsigned char *)data_end)
		return XDP_PASS;
	return data[14] == 0x45 ? XDP_DROP : XDP_PASS; //~ error EBC5001
}

char LICENSE[] SEC("license") = "GPL";
