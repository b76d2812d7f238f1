// The current task as a number.
//~ kernel R0 invalid mem access 'scalar'
//~ fix read it with bpf_probe_read_kernel
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task {
	long state;
};

SEC("kprobe/do_nanosleep")
int on_sleep(void *ctx)
{
	struct task *current = (void *)bpf_get_current_task();

	return current->state == 1; //~ error EBC5006
}

char LICENSE[] SEC("license") = "GPL";
