// A function with many ways through it, inlined many times.
//~ kernel BPF program is too large. Processed 1000001 insn
//~ fix make 'weigh' a global function, which is verified once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 weights[1024];

static __always_inline int weigh(__u32 salt)
{
	__u32 index = 0;

	for (int i = 0; i < 10; i++) {
		if (bpf_get_prandom_u32() > salt) //~ error EBC5014
			index |= 1 << i;
	}
	return weights[index & 1023];
}

SEC("xdp")
int judge(struct xdp_md *ctx)
{
	int sum = 0;

	for (__u32 i = 0; i < 200; i++)
		sum += weigh(i);
	return sum > 100 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
