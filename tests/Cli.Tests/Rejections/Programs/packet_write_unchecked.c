// A tc program rewrites the destination address without a check.
//~ kernel R1 offset is outside of the packet
//~ fix check the packet's end before the access
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int rewrite(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	struct ethhdr *eth = data;

	eth->h_dest[0] = 0x02; //~ error EBC5001
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
