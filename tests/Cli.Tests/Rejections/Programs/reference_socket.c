// A socket that is looked up and kept.
//~ kernel Unreleased reference
//~ fix give the reference back before leaving
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
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0); //~ note acquires the reference

	if (!sk)
		return TC_ACT_OK;
	__u32 state = sk->state;
	return state == 1 ? TC_ACT_OK : TC_ACT_SHOT; //~ error EBC5011
}

char LICENSE[] SEC("license") = "GPL";
