/* What eBPF programs expect of a header of this name: helper functions, map definition macros, attributes by short names. */
#ifndef __BPF_HELPERS__
#define __BPF_HELPERS__
#include <linux/types.h>
#include <bpf/bpf_helper_defs.h>

/* Maps are described by types: the number N as the length of an array, a type as the target of a pointer. */
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define __array(name, value) typeof(value) *name[]
#define __ulong(name, value) enum { ___ebpfcc_cat(__unique_value, __COUNTER__) = value } name
#define ___ebpfcc_cat(a, b) ___ebpfcc_cat2(a, b)
#define ___ebpfcc_cat2(a, b) a##b

#define SEC(name) __attribute__((section(name), used))

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#define __hidden __attribute__((visibility("hidden")))
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(pointer, type, member) \
	({ \
		void *__member = (void *)(pointer); \
		((type *)(__member - offsetof(type, member))); \
	})
#endif

#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif

#ifndef barrier
#define barrier() asm volatile("" ::: "memory")
#endif
#ifndef barrier_var
#define barrier_var(variable) asm volatile("" : "+r"(variable))
#endif
#define __bpf_unreachable() __builtin_unreachable()

/* r1 context, r2 map, r3 a constant index: the form that the kernel can turn into a direct jump. */
static __always_inline void bpf_tail_call_static(void *context, const void *map, const __u32 slot)
{
	bpf_tail_call(context, (void *)map, slot);
}

enum libbpf_pin_type { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };
enum libbpf_tristate { TRI_NO = 0, TRI_YES = 1, TRI_MODULE = 2 };

#define bpf_ksym_exists(symbol) (!!(symbol))

#define ___ebpfcc_nth(_, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, n, ...) n
#define ___ebpfcc_narg(...) ___ebpfcc_nth(_, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ___ebpfcc_fill0(array, i)
#define ___ebpfcc_fill1(array, i, x) array[i] = (unsigned long long)(x);
#define ___ebpfcc_fill2(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill1(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill3(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill2(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill4(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill3(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill5(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill4(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill6(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill5(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill7(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill6(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill8(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill7(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill9(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill8(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill10(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill9(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill11(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill10(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill12(array, i, x, ...) array[i] = (unsigned long long)(x); ___ebpfcc_fill11(array, i + 1, __VA_ARGS__)
#define ___ebpfcc_fill(array, ...) ___ebpfcc_cat(___ebpfcc_fill, ___ebpfcc_narg(__VA_ARGS__))(array, 0, ##__VA_ARGS__)

/* Up to three values by one helper, more by the other, which takes them as an array. */
#define ___ebpfcc_print0(fmt, ...) ({ static const char __text[] = fmt; bpf_trace_printk(__text, sizeof(__text), ##__VA_ARGS__); })
#define ___ebpfcc_print1(fmt, ...) \
	({ \
		static const char __text[] = fmt; \
		unsigned long long __values[___ebpfcc_narg(__VA_ARGS__)]; \
		___ebpfcc_fill(__values, __VA_ARGS__) \
		bpf_trace_vprintk(__text, sizeof(__text), __values, sizeof(__values)); \
	})
#define ___ebpfcc_pick(...) ___ebpfcc_nth(_, ##__VA_ARGS__, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0)
#define bpf_printk(fmt, ...) ___ebpfcc_cat(___ebpfcc_print, ___ebpfcc_pick(__VA_ARGS__))(fmt, ##__VA_ARGS__)

#define BPF_SEQ_PRINTF(seq, fmt, ...) \
	({ \
		static const char __text[] = fmt; \
		unsigned long long __values[___ebpfcc_narg(__VA_ARGS__) + 1]; \
		___ebpfcc_fill(__values, ##__VA_ARGS__) \
		bpf_seq_printf(seq, __text, sizeof(__text), __values, ___ebpfcc_narg(__VA_ARGS__) * 8); \
	})
#define BPF_SNPRINTF(out, size, fmt, ...) \
	({ \
		static const char __text[] = fmt; \
		unsigned long long __values[___ebpfcc_narg(__VA_ARGS__) + 1]; \
		___ebpfcc_fill(__values, ##__VA_ARGS__) \
		bpf_snprintf(out, size, __text, __values, ___ebpfcc_narg(__VA_ARGS__) * 8); \
	})
#endif
