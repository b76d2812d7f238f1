// A user string is read like an array.
//~ kernel R1 invalid mem access 'scalar'
//~ fix read it with bpf_probe_read_user
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct arguments {
	__u64 common;
	long number;
	long dfd;
	const char *name;
};

SEC("tracepoint/syscalls/sys_enter_openat")
int on_open(struct arguments *ctx)
{
	const char *name = ctx->name;

	return name[0] == '/'; //~ error EBC5006
}

char LICENSE[] SEC("license") = "GPL";
