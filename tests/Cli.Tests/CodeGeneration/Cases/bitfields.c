// Bit-fields of a packet's header: masks and shifts of the storage, signed fields sign-extended, stores that keep their
// neighbours. There is no stack traffic.
// asm: contains "&= 15"
// asm: counts "s>>=" 1
// asm: counts "<<=" 1
// asm: lacks "r10"
// asm: lacks "call"
#include "bpf.h"

struct header {
	u8 length : 4, version : 4;
	s8 offset : 3;
	u8 flags : 5;
	u16 id;
};

SEC("xdp") int bitfields(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct header *header = data;
	if ((void *)(header + 1) > end)
		return XDP_ABORTED;
	header->flags = 9;
	return header->length * header->version + header->offset;
}

char LICENSE[] SEC("license") = "GPL";
