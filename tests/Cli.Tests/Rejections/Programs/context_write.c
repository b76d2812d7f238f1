// A member of the context that may only be read.
//~ kernel invalid bpf_context access off=68 size=4
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int mark(struct __sk_buff *skb)
{
	skb->hash = 7; //~ error EBC5009
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
