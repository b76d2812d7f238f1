// An errno as verdict.
//~ kernel At program exit the register R0 has smin=4294967295 smax=4294967295 should have been in [0, 1]
//~ fix return 0
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int allow(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == 0)
		return -1; //~ error EBC5016
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
