// SPDX-License-Identifier: MIT
// A firewall at the driver: packets whose IPv4 source lies in a blocked prefix are dropped before the kernel sees them.
//
// The blocked prefixes are entries of a hash map from (length, address) to a counter. A packet's source is looked up under
// every prefix length, longest first, so that the most specific entry counts the drop.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SHORTEST_PREFIX 8

struct prefix {
	__u32 length;  // leading bits that count
	__be32 address; // the other bits are zero
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct prefix);
	__type(value, __u64); // packets dropped
} blocked SEC(".maps");

enum outcome { NOT_IPV4, PASSED, DROPPED, OUTCOMES };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OUTCOMES);
	__type(key, __u32);
	__type(value, __u64);
} outcomes SEC(".maps");

static __always_inline int count(enum outcome outcome, int verdict)
{
	__u32 key = outcome;
	__u64 *packets = bpf_map_lookup_elem(&outcomes, &key);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	return verdict;
}

SEC("xdp")
int xdp_firewall(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	struct ethhdr *ethernet = data;
	struct iphdr *ip = (void *)(ethernet + 1);
	if ((void *)(ip + 1) > end || ethernet->h_proto != bpf_htons(ETH_P_IP))
		return count(NOT_IPV4, XDP_PASS);

	__u32 source = bpf_ntohl(ip->saddr);
	for (__u32 length = 32; length >= SHORTEST_PREFIX; length--) {
		struct prefix key = { .length = length, .address = bpf_htonl(source & (~0U << (32 - length))) };
		__u64 *drops = bpf_map_lookup_elem(&blocked, &key);
		if (drops) {
			__sync_fetch_and_add(drops, 1);
			return count(DROPPED, XDP_DROP);
		}
	}
	return count(PASSED, XDP_PASS);
}

char _license[] SEC("license") = "Dual MIT/GPL";
