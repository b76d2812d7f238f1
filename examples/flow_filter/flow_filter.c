// SPDX-License-Identifier: MIT
// A stateful socket filter: the first packets of every IPv4 flow reach the socket, the rest is only counted. What a capture
// tool would attach to see who talks to whom without storing whole transfers.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PACKETS_SHOWN 2

struct flow {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 protocol;
};

struct state {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct state);
} flows SEC(".maps");

SEC("socket")
int flow_filter(struct __sk_buff *skb)
{
	struct iphdr ip;
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return 0;
	if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET) < 0)
		return 0;

	struct flow key = { .source = ip.saddr, .destination = ip.daddr, .protocol = ip.protocol };
	// Later fragments carry no ports.
	if ((ip.protocol == IPPROTO_TCP || ip.protocol == IPPROTO_UDP) && !(ip.frag_off & bpf_htons(0x1fff)))
		bpf_skb_load_bytes_relative(skb, ip.ihl * 4, &key.source_port, 4, BPF_HDR_START_NET);

	struct state *state = bpf_map_lookup_elem(&flows, &key);
	if (!state) {
		struct state fresh = { .packets = 1, .bytes = skb->len };
		bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY);
		return skb->len;
	}
	state->packets++;
	state->bytes += skb->len;
	return state->packets <= PACKETS_SHOWN ? skb->len : 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
