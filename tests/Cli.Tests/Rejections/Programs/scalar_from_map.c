// An address that was stored in a map.
//~ kernel R1 invalid mem access 'scalar'
//~ fix read it with bpf_probe_read_kernel
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("kprobe/vfs_read")
int follow(void *ctx)
{
	__u32 key = 1;
	__u64 *address = bpf_map_lookup_elem(&counters, &key);

	if (!address)
		return 0;
	return *(int *)*address; //~ error EBC5006
}

char LICENSE[] SEC("license") = "GPL";
