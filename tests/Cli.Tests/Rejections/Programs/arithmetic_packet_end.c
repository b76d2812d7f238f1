// A trailer is looked for from the packet's end.
//~ kernel pointer arithmetic on pkt_end prohibited
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} trailers SEC(".maps");

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	__u32 *size = bpf_map_lookup_elem(&trailers, &zero);

	if (!size)
		return XDP_PASS;
	unsigned char *trailer = data_end - *size; //~ error EBC5007
	if ((void *)trailer < data)
		return XDP_PASS;
	return *trailer == 0xff ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
