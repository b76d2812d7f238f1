// An access relocated by the loader (CO-RE): the offset is an immediate with a relocation record in .BTF.ext, whose access
// string counts members, and the type is in BTF even though only its address is computed.
// asm: contains "call 35"
// asm: contains "call 113"
// btf: contains "'task_struct'"
// object: contains "core FieldByteOffset"
// object: contains "0:1"
#include "bpf.h"

struct task_struct {
	int tgid;
	int pid;
} __attribute__((preserve_access_index));

SEC("raw_tracepoint/sched_switch") int core_access(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int pid = 0;
	bpf_probe_read_kernel(&pid, sizeof pid, &task->pid);
	return pid == 7;
}

char LICENSE[] SEC("license") = "GPL";
