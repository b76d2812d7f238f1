// Atomic operations on a map's value: an addition whose result is not used is the old form that every kernel knows; with a
// result it is a fetch (v3).
// asm.v1(count): contains "lock *(u64 *)"
// asm.v1(count): lacks "atomic_fetch"
// asm(count): lacks "atomic_fetch"
// asm.v3(fetch): contains "atomic_fetch_add"
// asm.v3(fetch): contains "cmpxchg_64"
// asm.v3(fetch): contains "xchg_64"
// asm.v3(fetch): contains "atomic_fetch_or"
// cpu: v1 v3
#include "bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64[4]);
} values SEC(".maps");

SEC("xdp") int count(struct xdp_md *ctx)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&values, &key);
	if (value)
		__sync_fetch_and_add(value, 1);
	return XDP_PASS;
}

#if __BPF_CPU_VERSION__ >= 3
SEC("xdp") int fetch(struct xdp_md *ctx)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&values, &key), sum = 0;
	if (!value)
		return XDP_ABORTED;
	sum += __sync_fetch_and_add(&value[0], 5);
	sum += __sync_val_compare_and_swap(&value[1], 2, 3);
	sum += __sync_lock_test_and_set(&value[2], 9);
	sum += __sync_fetch_and_or(&value[3], 16);
	return sum;
}
#endif

char LICENSE[] SEC("license") = "GPL";
