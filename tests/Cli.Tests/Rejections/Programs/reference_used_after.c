// A record is read after it was submitted.
//~ kernel R6 invalid mem access 'scalar'
//~ fix use it before it is given back
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
	e->size = bpf_get_current_pid_tgid();
	bpf_ringbuf_submit(e, 0); //~ note gives it back
	return e->size != 0; //~ error EBC5011
}

char LICENSE[] SEC("license") = "GPL";
