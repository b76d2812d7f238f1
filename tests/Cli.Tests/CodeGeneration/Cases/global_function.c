// A global function: verified on its own from its BTF, so it tests its pointer argument; a global symbol in .text, kept though
// every call could be inlined. The weak one may be replaced at link time, so its body is not looked into.
// asm(sum): contains "== 0"
// asm: contains ".weak	answer"
// asm(use): contains "call sum"
// asm(use): contains "call answer"
// object: contains "FUNC GLOBAL sum"
// object: contains "FUNC WEAK answer"
// btf: contains "linkage=global"
#include "bpf.h"

struct pair {
	s32 a, b;
};

noinline int sum(struct pair *pair)
{
	if (!pair)
		return 0;
	return pair->a + pair->b;
}

__attribute__((weak)) noinline int answer(void) { return 42; }

SEC("xdp") int use(struct xdp_md *ctx)
{
	struct pair pair = { ctx->ingress_ifindex, 7 };
	return sum(&pair) + answer();
}

char LICENSE[] SEC("license") = "GPL";
