// One access for the context and a socket.
//~ remark merged pointers
//~ clang R
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int f(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	__u32 *p = skb->ifindex ? &sk->mark : &skb->mark;
	return *p & 1;
}

char LICENSE[] SEC("license") = "GPL";
