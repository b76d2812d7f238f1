// An offset from a map is added to the packet pointer.
//~ kernel R6 offset is outside of the packet
//~ fix bound the offset
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} config SEC(".maps");

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 key = 0;
	__u32 *offset = bpf_map_lookup_elem(&config, &key);

	if (!offset)
		return XDP_PASS;
	unsigned char *byte = data + *offset;
	if (byte + 1 > (unsigned char *)data_end)
		return XDP_PASS;
	return *byte == 1 ? XDP_DROP : XDP_PASS; //~ error EBC5001
}

char LICENSE[] SEC("license") = "GPL";
