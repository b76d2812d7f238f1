// Packet pointers from before bpf_skb_pull_data.
//~ kernel invalid mem access 'scalar'
//~ fix load the packet's pointers again after the call
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

SEC("tc")
int classify(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > data_end)
		return TC_ACT_OK;
	if (bpf_skb_pull_data(skb, sizeof(*eth) + sizeof(struct iphdr))) //~ note may move the packet
		return TC_ACT_OK;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) //~ error EBC5022
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
