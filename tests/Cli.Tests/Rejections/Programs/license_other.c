// A licence that does not do.
//~ kernel cannot call GPL-restricted function from non-GPL compatible program
//~ fix state a GPL-compatible licence (if it is yours to give)
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("kprobe/do_unlinkat")
int hello(void *ctx)
{
	__u64 stamp = 0;

	bpf_probe_read_kernel(&stamp, sizeof(stamp), ctx); //~ error EBC5017
	return stamp != 0;
}

char LICENSE[] SEC("license") = "Proprietary";
