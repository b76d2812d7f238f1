// The length of a write, unchecked.
//~ kernel R2 unbounded memory access, use 'var &= const' or 'if (var < const)'
//~ clang R2 min value is negative, either use unsigned or 'var &= const'
//~ fix clamp the size
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct arguments {
	__u64 common;
	long number;
	unsigned long fd;
	const char *buffer;
	unsigned long count;
};

SEC("tracepoint/syscalls/sys_enter_write")
int on_write(struct arguments *ctx)
{
	char data[64];
	unsigned long count = ctx->count;

	bpf_probe_read_user(data, count, ctx->buffer); //~ error EBC5004
	bpf_printk("%c", data[0]);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
