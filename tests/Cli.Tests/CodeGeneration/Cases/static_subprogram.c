// A static function that must not be inlined: a local symbol in .text, called relative to its section, with a static linkage in
// BTF so that the verifier checks it at its calls; pointers into the caller's frame and packet may be passed.
// asm(parse): counts "call" 1
// asm(protocol): lacks "r10"
// object: contains "FUNC LOCAL protocol"
// object: contains "R_BPF_64_32"
// btf: contains "linkage=static"
#include "bpf.h"

static noinline int protocol(u8 *data, u8 *end, u16 *result)
{
	if (data + 14 > end)
		return -1;
	*result = data[12] << 8 | data[13];
	return 0;
}

SEC("xdp") int parse(struct xdp_md *ctx)
{
	u16 result;
	if (protocol((void *)(long)ctx->data, (void *)(long)ctx->data_end, &result))
		return XDP_DROP;
	return result == 0x86dd ? XDP_TX : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
