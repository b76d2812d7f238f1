// Half of a packet pointer.
//~ kernel invalid bpf_context access off=76 size=2
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int narrow(struct __sk_buff *skb)
{
	__u16 low = *(__u16 *)&skb->data; //~ error EBC5009

	return low ? TC_ACT_OK : TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
