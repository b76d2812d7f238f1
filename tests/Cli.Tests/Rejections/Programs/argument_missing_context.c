// Memory where the context is expected.
//~ kernel R1 type=fp expected=ctx
//~ fix pass the context
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u32 size;
	char data[128];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} output SEC(".maps");

SEC("tracepoint/sched/sched_process_exec")
int on_exec(void *ctx)
{
	__u64 pid = bpf_get_current_pid_tgid();

	bpf_perf_event_output(&pid, &output, BPF_F_CURRENT_CPU, &pid, sizeof(pid)); //~ error EBC5020
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
