// A map looked up, its value tested against null and counted; when the key is new it is inserted from the stack. The map's
// address is a relocation; the key lies on the stack; nothing is kept in memory that the program does not need there.
// asm: counts "call 1" 1
// asm: counts "call 2" 1
// asm: counts "counters ll" 2
// asm: contains "== 0"
// object: contains "R_BPF_64_64"
// object: contains ".maps"
// ir: contains "call"
#include "bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

SEC("xdp") int map_lookup(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;
	u64 *count = bpf_map_lookup_elem(&counters, &key);
	if (count) {
		*count += 1;
	} else {
		u64 one = 1;
		bpf_map_update_elem(&counters, &key, &one, 0);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
