/* Arguments of tracing programs by name. BPF_PROG takes them from an array of 64-bit words, BPF_KPROBE from the registers
 * in which the traced machine passes them. */
#ifndef __BPF_TRACING_H__
#define __BPF_TRACING_H__
#include <bpf/bpf_helpers.h>

#if defined(__TARGET_ARCH_x86)
#if defined(__VMLINUX_H__) || defined(__KERNEL__)
#define ___ebpfcc_registers di, si, dx, cx, r8, r9, sp, bp, ax, ip, orig_ax, di, si, dx, r10, r8, r9
#else
#define ___ebpfcc_registers rdi, rsi, rdx, rcx, r8, r9, rsp, rbp, rax, rip, orig_rax, rdi, rsi, rdx, r10, r8, r9
#endif
#define ___ebpfcc_frame(x) (x)
#elif defined(__TARGET_ARCH_arm64)
#define ___ebpfcc_registers regs[0], regs[1], regs[2], regs[3], regs[4], regs[5], sp, regs[29], regs[0], pc, regs[8], regs[0], regs[1], regs[2], regs[3], regs[4], regs[5]
#define ___ebpfcc_frame(x) ((const struct user_pt_regs *)(x))
#endif

#ifdef ___ebpfcc_registers
#define ___ebpfcc_register(x, n) (___ebpfcc_frame(x)->___ebpfcc_select(n, ___ebpfcc_registers))
#define ___ebpfcc_select(...) ___ebpfcc_select_(__VA_ARGS__)
#define ___ebpfcc_select_(n, ...) ___ebpfcc_cat(___ebpfcc_at, n)(__VA_ARGS__)
#define ___ebpfcc_at0(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a0
#define ___ebpfcc_at1(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a1
#define ___ebpfcc_at2(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a2
#define ___ebpfcc_at3(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a3
#define ___ebpfcc_at4(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a4
#define ___ebpfcc_at5(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a5
#define ___ebpfcc_at6(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a6
#define ___ebpfcc_at7(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a7
#define ___ebpfcc_at8(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a8
#define ___ebpfcc_at9(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a9
#define ___ebpfcc_at10(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a10
#define ___ebpfcc_at11(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a11
#define ___ebpfcc_at12(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a12
#define ___ebpfcc_at13(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a13
#define ___ebpfcc_at14(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a14
#define ___ebpfcc_at15(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a15
#define ___ebpfcc_at16(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16) a16
#define PT_REGS_PARM1(x) ___ebpfcc_register(x, 0)
#define PT_REGS_PARM2(x) ___ebpfcc_register(x, 1)
#define PT_REGS_PARM3(x) ___ebpfcc_register(x, 2)
#define PT_REGS_PARM4(x) ___ebpfcc_register(x, 3)
#define PT_REGS_PARM5(x) ___ebpfcc_register(x, 4)
#define PT_REGS_PARM6(x) ___ebpfcc_register(x, 5)
#define PT_REGS_SP(x) ___ebpfcc_register(x, 6)
#define PT_REGS_FP(x) ___ebpfcc_register(x, 7)
#define PT_REGS_RC(x) ___ebpfcc_register(x, 8)
#define PT_REGS_IP(x) ___ebpfcc_register(x, 9)
#define PT_REGS_PARM1_SYSCALL(x) ___ebpfcc_register(x, 11)
#define PT_REGS_PARM2_SYSCALL(x) ___ebpfcc_register(x, 12)
#define PT_REGS_PARM3_SYSCALL(x) ___ebpfcc_register(x, 13)
#define PT_REGS_PARM4_SYSCALL(x) ___ebpfcc_register(x, 14)
#define PT_REGS_PARM5_SYSCALL(x) ___ebpfcc_register(x, 15)
#define PT_REGS_PARM6_SYSCALL(x) ___ebpfcc_register(x, 16)
#define PT_REGS_PARM1_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM1(x))); __value; })
#define PT_REGS_PARM2_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM2(x))); __value; })
#define PT_REGS_PARM3_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM3(x))); __value; })
#define PT_REGS_PARM4_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM4(x))); __value; })
#define PT_REGS_PARM5_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM5(x))); __value; })
#define PT_REGS_PARM6_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM6(x))); __value; })
#define PT_REGS_SP_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_SP(x))); __value; })
#define PT_REGS_FP_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_FP(x))); __value; })
#define PT_REGS_RC_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_RC(x))); __value; })
#define PT_REGS_IP_CORE(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_IP(x))); __value; })
#define PT_REGS_PARM1_CORE_SYSCALL(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM1_SYSCALL(x))); __value; })
#define PT_REGS_PARM2_CORE_SYSCALL(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM2_SYSCALL(x))); __value; })
#define PT_REGS_PARM3_CORE_SYSCALL(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM3_SYSCALL(x))); __value; })
#define PT_REGS_PARM4_CORE_SYSCALL(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM4_SYSCALL(x))); __value; })
#define PT_REGS_PARM5_CORE_SYSCALL(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM5_SYSCALL(x))); __value; })
#define PT_REGS_PARM6_CORE_SYSCALL(x) ({ unsigned long __value; bpf_probe_read_kernel(&__value, sizeof(__value), (const void *)__builtin_preserve_access_index(&PT_REGS_PARM6_SYSCALL(x))); __value; })
#endif

#define ___ebpfcc_words0() ctx
#define ___ebpfcc_words1(x0) ctx, (void *)ctx[0]
#define ___ebpfcc_words2(x0, x1) ctx, (void *)ctx[0], (void *)ctx[1]
#define ___ebpfcc_words3(x0, x1, x2) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2]
#define ___ebpfcc_words4(x0, x1, x2, x3) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3]
#define ___ebpfcc_words5(x0, x1, x2, x3, x4) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4]
#define ___ebpfcc_words6(x0, x1, x2, x3, x4, x5) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5]
#define ___ebpfcc_words7(x0, x1, x2, x3, x4, x5, x6) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6]
#define ___ebpfcc_words8(x0, x1, x2, x3, x4, x5, x6, x7) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7]
#define ___ebpfcc_words9(x0, x1, x2, x3, x4, x5, x6, x7, x8) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8]
#define ___ebpfcc_words10(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8], (void *)ctx[9]
#define ___ebpfcc_words11(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8], (void *)ctx[9], (void *)ctx[10]
#define ___ebpfcc_words12(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11) ctx, (void *)ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3], (void *)ctx[4], (void *)ctx[5], (void *)ctx[6], (void *)ctx[7], (void *)ctx[8], (void *)ctx[9], (void *)ctx[10], (void *)ctx[11]
#define ___ebpfcc_regs0() ctx
#define ___ebpfcc_regs1(x0) ctx, (void *)PT_REGS_PARM1(ctx)
#define ___ebpfcc_regs2(x0, x1) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx)
#define ___ebpfcc_regs3(x0, x1, x2) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx)
#define ___ebpfcc_regs4(x0, x1, x2, x3) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx)
#define ___ebpfcc_regs5(x0, x1, x2, x3, x4) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx), (void *)PT_REGS_PARM5(ctx)
#define ___ebpfcc_regs6(x0, x1, x2, x3, x4, x5) ctx, (void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), (void *)PT_REGS_PARM3(ctx), (void *)PT_REGS_PARM4(ctx), (void *)PT_REGS_PARM5(ctx), (void *)PT_REGS_PARM6(ctx)
#define ___ebpfcc_ret0() ctx
#define ___ebpfcc_ret1(x) ctx, (void *)PT_REGS_RC(ctx)

/* The named function unpacks the context and calls the one whose body follows the macro. */
#define BPF_PROG(name, args...) \
	name(unsigned long long *ctx); \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx, ##args); \
	typeof(name(0)) name(unsigned long long *ctx) \
	{ \
		_Pragma("GCC diagnostic push") \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") \
		return ____##name(___ebpfcc_cat(___ebpfcc_words, ___ebpfcc_narg(args))(args)); \
		_Pragma("GCC diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx, ##args)
struct pt_regs;
#define BPF_KPROBE(name, args...) \
	name(struct pt_regs *ctx); \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args); \
	typeof(name(0)) name(struct pt_regs *ctx) \
	{ \
		_Pragma("GCC diagnostic push") \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") \
		return ____##name(___ebpfcc_cat(___ebpfcc_regs, ___ebpfcc_narg(args))(args)); \
		_Pragma("GCC diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
#define BPF_KRETPROBE(name, args...) \
	name(struct pt_regs *ctx); \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args); \
	typeof(name(0)) name(struct pt_regs *ctx) \
	{ \
		_Pragma("GCC diagnostic push") \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"") \
		return ____##name(___ebpfcc_cat(___ebpfcc_ret, ___ebpfcc_narg(args))(args)); \
		_Pragma("GCC diagnostic pop") \
	} \
	static __always_inline typeof(name(0)) ____##name(struct pt_regs *ctx, ##args)
#define BPF_UPROBE(name, args...) BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)
#endif
