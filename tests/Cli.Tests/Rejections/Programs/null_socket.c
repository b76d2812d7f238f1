// No socket, no state.
//~ kernel R1 invalid mem access 'sock_common_or_null'
//~ fix check 'sk' for null
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int lookup(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk->family == 2) //~ error EBC5002
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
