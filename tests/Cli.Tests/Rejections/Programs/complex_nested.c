// Too many paths.
//~ kernel The sequence of 8193 jumps is too complex.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int grind(struct xdp_md *ctx)
{
	__u32 sum = 0;

	for (int i = 0; i < 100000; i++) {
		if (bpf_get_prandom_u32() & 1) //~ error EBC5014
			sum += i;
		else
			sum ^= i;
	}
	return sum ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
