// The size of one structure, the memory of another.
//~ kernel R1 min value is outside of the allowed memory range
//~ fix pass the size of the memory
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

SEC("tracepoint/sched/sched_process_exec")
int on_exec(void *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	bpf_get_current_comm(e->data, 256); //~ error EBC5003
	bpf_ringbuf_submit(e, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
