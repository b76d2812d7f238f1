// bpf_printk wants a licence.
//~ kernel cannot call GPL-restricted function from non-GPL compatible program
//~ fix state the licence (if it is yours to give)
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int hello(struct xdp_md *ctx)
{
	bpf_printk("hello"); //~ error EBC5017
	return XDP_PASS;
}
