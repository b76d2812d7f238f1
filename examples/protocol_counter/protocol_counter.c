// SPDX-License-Identifier: MIT
// Counts packets and bytes by transport protocol, for IPv4 and IPv6, on a traffic control hook. Every packet goes on.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32); // IPPROTO_*
	__type(value, struct traffic);
} protocols SEC(".maps");

// Packets that are neither IPv4 nor IPv6.
__u64 other_packets;

static __always_inline int protocol_of(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *ethernet = data;
	if ((void *)(ethernet + 1) > end)
		return -1;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(ethernet + 1);
		return (void *)(ip + 1) > end ? -1 : ip->protocol;
	}
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(ethernet + 1);
		return (void *)(ip + 1) > end ? -1 : ip->nexthdr;
	}
	return -1;
}

SEC("tc")
int protocol_counter(struct __sk_buff *skb)
{
	int protocol = protocol_of(skb);
	if (protocol < 0) {
		__sync_fetch_and_add(&other_packets, 1);
		return TC_ACT_OK;
	}
	__u32 key = protocol;
	struct traffic *traffic = bpf_map_lookup_elem(&protocols, &key);
	if (traffic) {
		__sync_fetch_and_add(&traffic->packets, 1);
		__sync_fetch_and_add(&traffic->bytes, skb->len);
	} else {
		struct traffic first = { .packets = 1, .bytes = skb->len };
		bpf_map_update_elem(&protocols, &key, &first, BPF_NOEXIST);
	}
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual MIT/GPL";
