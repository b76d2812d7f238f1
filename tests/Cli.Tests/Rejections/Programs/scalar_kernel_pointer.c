// A kernel pointer from the context is followed.
//~ kernel R1 invalid mem access 'scalar'
//~ fix read it with bpf_probe_read_kernel
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task {
	long state;
	void *stack;
};

SEC("raw_tracepoint/sched_switch")
int on_switch(struct bpf_raw_tracepoint_args *ctx)
{
	struct task *previous = (void *)ctx->args[1];

	return previous->state != 0; //~ error EBC5006
}

char LICENSE[] SEC("license") = "GPL";
