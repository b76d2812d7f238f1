// Inline assembly that jumps to C labels, a naked function that ends with its own exit and has no code behind it, and an
// instruction written as bytes of a constant structure.
// asm(check): contains "if r1 == 0 goto"
// asm(loop): contains "may_goto"
// asm(bytes): counts "exit" 1
// asm(bytes): lacks "w0"
// asm(bytes): contains "r6 = -2"
#include "bpf.h"

SEC("socket") int check(void *ctx)
{
	asm volatile goto("if %0 == 0 goto %l[out]" : : "r"(ctx) : : out);
	return 1;
out:
	return 2;
}

SEC("socket") int loop(void *ctx)
{
	volatile int count = 0;
	for (;;) {
		asm volatile goto("may_goto %l0" : : : : done);
		count++;
	}
done:
	return count;
}

struct insn { u8 code, dst : 4, src : 4; s16 off; s32 imm; };

SEC("socket") __attribute__((naked)) int bytes(void)
{
	asm volatile(".8byte %[load]\n\tr0 = 0\n\texit" : : [load] "i"(*(long *)&((struct insn){ .code = 0xb7, .dst = 6, .imm = -2 })));
}

char LICENSE[] SEC("license") = "GPL";
