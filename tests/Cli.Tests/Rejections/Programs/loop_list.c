// A list is followed to its end.
//~ kernel infinite loop detected
//~ fix stop after 1024 iterations
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("xdp")
int walk(struct xdp_md *ctx)
{
	__u32 sum = 0;

	for (__u32 i = 0; ; i++) {
		if (bpf_get_prandom_u32() == 7) //~ error EBC5013
			break;
		sum ^= 1;
	}
	return sum ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
