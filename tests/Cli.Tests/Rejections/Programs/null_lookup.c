// A counter is increased without asking whether it is there.
//~ kernel R0 invalid mem access 'map_value_or_null'
//~ fix check 'value' for null
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int count(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 *value = bpf_map_lookup_elem(&counters, &pid); //~ note the key is not in the map

	__sync_fetch_and_add(value, 1); //~ error EBC5002
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
