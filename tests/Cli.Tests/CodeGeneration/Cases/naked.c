// Naked functions are their assembly and nothing else: no moves of parameters in front, no exit behind. Their operands are still
// computed at compile time, an encoded instruction among them.
// asm: contains "call five"
// asm: contains "r0 += 37"
// asm: counts "exit" 2
// asm: lacks "w0 = 0"
#include "bpf.h"

struct insn { u8 code; u8 registers; short offset; int immediate; };

static __attribute__((naked, used)) int five(void)
{
	asm volatile("r0 = 5; exit;" ::: "memory");
}

SEC("xdp") __attribute__((naked)) int naked(struct xdp_md *ctx)
{
	asm volatile("call %[five]; .8byte %[add]; r1 = 0xffffffffULL; r0 += r1; exit;"
		     :: [five] "i"(five), [add] "i"(*(long *)&((struct insn){ 0x07, 0, 0, 37 })) : "memory");
}

char LICENSE[] SEC("license") = "GPL";
