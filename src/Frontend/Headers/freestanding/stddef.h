/* C11 7.19, with the macros through which C libraries ask for single types (__need_size_t and its like). */
#if !defined(__need_size_t) && !defined(__need_ptrdiff_t) && !defined(__need_wchar_t) && !defined(__need_NULL) && !defined(__need_wint_t) \
    && !defined(__need_max_align_t) && !defined(__need_offsetof)
#define __need_size_t
#define __need_ptrdiff_t
#define __need_wchar_t
#define __need_NULL
#define __need_max_align_t
#define __need_offsetof
#endif

#if defined(__need_ptrdiff_t) && !defined(__ebpfcc_ptrdiff_t)
#define __ebpfcc_ptrdiff_t
typedef __PTRDIFF_TYPE__ ptrdiff_t;
#endif
#undef __need_ptrdiff_t

#if defined(__need_size_t) && !defined(__ebpfcc_size_t)
#define __ebpfcc_size_t
typedef __SIZE_TYPE__ size_t;
#endif
#undef __need_size_t

#if defined(__need_wchar_t) && !defined(__ebpfcc_wchar_t)
#define __ebpfcc_wchar_t
typedef __WCHAR_TYPE__ wchar_t;
#endif
#undef __need_wchar_t

#if defined(__need_wint_t) && !defined(__ebpfcc_wint_t)
#define __ebpfcc_wint_t
typedef __WINT_TYPE__ wint_t;
#endif
#undef __need_wint_t

#if defined(__need_NULL)
#undef NULL
#define NULL ((void *)0)
#endif
#undef __need_NULL

#if defined(__need_max_align_t) && !defined(__ebpfcc_max_align_t)
#define __ebpfcc_max_align_t
typedef struct {
	long long __integer __attribute__((__aligned__(__alignof__(long long))));
	long double __floating __attribute__((__aligned__(__alignof__(long double))));
} max_align_t;
#endif
#undef __need_max_align_t

#if defined(__need_offsetof)
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#undef __need_offsetof
