// A verdict of another program type.
//~ kernel At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]
//~ fix return 0
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup/sock_create")
int allow(struct bpf_sock *sk)
{
	if (sk->family == 2)
		return 2; //~ error EBC5016
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
