// A checksum is written behind bpf_skb_store_bytes.
//~ kernel R6 invalid mem access 'scalar'
//~ fix load the packet's pointers again after the call
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
	void *data_end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__u8 ttl = 64;

	if ((void *)(ip + 1) > data_end)
		return TC_ACT_OK;
	bpf_skb_store_bytes(skb, sizeof(struct ethhdr) + 8, &ttl, sizeof(ttl), 0);
	ip->check = 0; //~ error EBC5022
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
