// SPDX-License-Identifier: MIT
// The calling convention at work: four functions that call each other. Arguments travel in R1 to R5, results in R0; R6 to R9
// survive calls. Look at the code with 'ebpfcc disasm -S' or at the machine code with 'ebpfcc jit --dump'.
//
//   f1(ctx) --> f2(length, mark) --> f3(mark, length): the arguments change places, R1 <-> R2
//                                      f3 --> f4(difference)
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __noinline __u32 f4(__u32 value)
{
	return value * 2654435761u >> 24;
}

static __noinline __u32 f3(__u32 mark, __u32 length)
{
	return f4(length - mark) + (mark & 1);
}

static __noinline __u32 f2(__u32 length, __u32 mark)
{
	// length is needed after the call: it waits in a register that calls preserve.
	return f3(mark, length) * 1000 + length;
}

SEC("tc")
int f1(struct __sk_buff *skb)
{
	return f2(skb->len, skb->mark);
}

char _license[] SEC("license") = "Dual MIT/GPL";
