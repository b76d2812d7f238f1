/* Reading kernel memory by field names that the loader adjusts to the running kernel (compile once, run everywhere). */
#ifndef __BPF_CORE_READ_H__
#define __BPF_CORE_READ_H__
#include <bpf/bpf_helpers.h>

enum bpf_field_info_kind {
	BPF_FIELD_BYTE_OFFSET = 0, BPF_FIELD_BYTE_SIZE = 1, BPF_FIELD_EXISTS = 2, BPF_FIELD_SIGNED = 3, BPF_FIELD_LSHIFT_U64 = 4, BPF_FIELD_RSHIFT_U64 = 5
};
enum bpf_type_id_kind { BPF_TYPE_ID_LOCAL = 0, BPF_TYPE_ID_TARGET = 1 };
enum bpf_type_info_kind { BPF_TYPE_EXISTS = 0, BPF_TYPE_SIZE = 1, BPF_TYPE_MATCHES = 2 };
enum bpf_enum_value_kind { BPF_ENUMVAL_EXISTS = 0, BPF_ENUMVAL_VALUE = 1 };

/* A field is given as an expression (p->f) or as a type and a name. */
#define ___ebpfcc_field1(field) (field)
#define ___ebpfcc_field2(type, field) (((typeof(type) *)0)->field)
#define ___ebpfcc_field(...) ___ebpfcc_cat(___ebpfcc_field, ___ebpfcc_narg(__VA_ARGS__))(__VA_ARGS__)

#define bpf_core_field_exists(...) __builtin_preserve_field_info(___ebpfcc_field(__VA_ARGS__), BPF_FIELD_EXISTS)
#define bpf_core_field_size(...) __builtin_preserve_field_info(___ebpfcc_field(__VA_ARGS__), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(...) __builtin_preserve_field_info(___ebpfcc_field(__VA_ARGS__), BPF_FIELD_BYTE_OFFSET)
#define bpf_core_type_exists(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_EXISTS)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_MATCHES)
#define bpf_core_type_size(type) __builtin_preserve_type_info(*(typeof(type) *)0, BPF_TYPE_SIZE)
#define bpf_core_type_id_local(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_LOCAL)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(*(typeof(type) *)0, BPF_TYPE_ID_TARGET)
#define bpf_core_enum_value_exists(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, BPF_ENUMVAL_EXISTS)
#define bpf_core_enum_value(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, BPF_ENUMVAL_VALUE)

#define bpf_core_read(to, size, from) bpf_probe_read_kernel(to, size, (const void *)__builtin_preserve_access_index(from))
#define bpf_core_read_user(to, size, from) bpf_probe_read_user(to, size, (const void *)__builtin_preserve_access_index(from))
#define bpf_core_read_str(to, size, from) bpf_probe_read_kernel_str(to, size, (const void *)__builtin_preserve_access_index(from))
#define bpf_core_read_user_str(to, size, from) bpf_probe_read_user_str(to, size, (const void *)__builtin_preserve_access_index(from))
#define bpf_core_cast(pointer, type) ((typeof(type) *)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(type)))
extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

/* Two shifts place a bit-field of any width in 64 bits: left to drop what is above it, right to drop what is below. */
#define ___ebpfcc_bits(object, field, value) \
	({ \
		unsigned long long __bits = (value); \
		__bits <<= __builtin_preserve_field_info((object)->field, BPF_FIELD_LSHIFT_U64); \
		__builtin_preserve_field_info((object)->field, BPF_FIELD_SIGNED) \
			? (unsigned long long)((long long)__bits >> __builtin_preserve_field_info((object)->field, BPF_FIELD_RSHIFT_U64)) \
			: __bits >> __builtin_preserve_field_info((object)->field, BPF_FIELD_RSHIFT_U64); \
	})
#define BPF_CORE_READ_BITFIELD(object, field) \
	({ \
		const void *__place = (const void *)(object) + __builtin_preserve_field_info((object)->field, BPF_FIELD_BYTE_OFFSET); \
		unsigned long long __value = 0; \
		switch (__builtin_preserve_field_info((object)->field, BPF_FIELD_BYTE_SIZE)) { \
		case 1: __value = *(const unsigned char *)__place; break; \
		case 2: __value = *(const unsigned short *)__place; break; \
		case 4: __value = *(const unsigned int *)__place; break; \
		case 8: __value = *(const unsigned long long *)__place; break; \
		} \
		___ebpfcc_bits(object, field, __value); \
	})
#define BPF_CORE_READ_BITFIELD_PROBED(object, field) \
	({ \
		unsigned long long __value = 0; \
		bpf_probe_read_kernel(&__value, __builtin_preserve_field_info((object)->field, BPF_FIELD_BYTE_SIZE), \
			(const void *)(object) + __builtin_preserve_field_info((object)->field, BPF_FIELD_BYTE_OFFSET)); \
		___ebpfcc_bits(object, field, __value); \
	})

/* p, a, b, c stands for p->a->b->c; every arrow is one read. */
#define ___ebpfcc_path(...) ___ebpfcc_cat(___ebpfcc_path, ___ebpfcc_narg(__VA_ARGS__))(__VA_ARGS__)
#define ___ebpfcc_path2(p, a) (p)->a
#define ___ebpfcc_path3(p, a, b) (p)->a->b
#define ___ebpfcc_path4(p, a, b, c) (p)->a->b->c
#define ___ebpfcc_path5(p, a, b, c, d) (p)->a->b->c->d
#define ___ebpfcc_path6(p, a, b, c, d, e) (p)->a->b->c->d->e
#define ___ebpfcc_path7(p, a, b, c, d, e, f) (p)->a->b->c->d->e->f
#define ___ebpfcc_path8(p, a, b, c, d, e, f, g) (p)->a->b->c->d->e->f->g
#define ___ebpfcc_path9(p, a, b, c, d, e, f, g, h) (p)->a->b->c->d->e->f->g->h
#define ___ebpfcc_chain2(last, read, to, size, p, a) last(to, size, &(p)->a)
#define ___ebpfcc_chain3(last, read, to, size, p, a, b) \
	({ \
		const void *__at; \
		read(&__at, sizeof(__at), &(p)->a); \
		last(to, size, &((typeof((p)->a))__at)->b); \
	})
#define ___ebpfcc_chain4(last, read, to, size, p, a, b, c) \
	({ \
		const void *__at; \
		read(&__at, sizeof(__at), &(p)->a); \
		read(&__at, sizeof(__at), &((typeof((p)->a))__at)->b); \
		last(to, size, &((typeof((p)->a->b))__at)->c); \
	})
#define ___ebpfcc_chain5(last, read, to, size, p, a, b, c, d) \
	({ \
		const void *__at; \
		read(&__at, sizeof(__at), &(p)->a); \
		read(&__at, sizeof(__at), &((typeof((p)->a))__at)->b); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b))__at)->c); \
		last(to, size, &((typeof((p)->a->b->c))__at)->d); \
	})
#define ___ebpfcc_chain6(last, read, to, size, p, a, b, c, d, e) \
	({ \
		const void *__at; \
		read(&__at, sizeof(__at), &(p)->a); \
		read(&__at, sizeof(__at), &((typeof((p)->a))__at)->b); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b))__at)->c); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c))__at)->d); \
		last(to, size, &((typeof((p)->a->b->c->d))__at)->e); \
	})
#define ___ebpfcc_chain7(last, read, to, size, p, a, b, c, d, e, f) \
	({ \
		const void *__at; \
		read(&__at, sizeof(__at), &(p)->a); \
		read(&__at, sizeof(__at), &((typeof((p)->a))__at)->b); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b))__at)->c); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c))__at)->d); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c->d))__at)->e); \
		last(to, size, &((typeof((p)->a->b->c->d->e))__at)->f); \
	})
#define ___ebpfcc_chain8(last, read, to, size, p, a, b, c, d, e, f, g) \
	({ \
		const void *__at; \
		read(&__at, sizeof(__at), &(p)->a); \
		read(&__at, sizeof(__at), &((typeof((p)->a))__at)->b); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b))__at)->c); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c))__at)->d); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c->d))__at)->e); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c->d->e))__at)->f); \
		last(to, size, &((typeof((p)->a->b->c->d->e->f))__at)->g); \
	})
#define ___ebpfcc_chain9(last, read, to, size, p, a, b, c, d, e, f, g, h) \
	({ \
		const void *__at; \
		read(&__at, sizeof(__at), &(p)->a); \
		read(&__at, sizeof(__at), &((typeof((p)->a))__at)->b); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b))__at)->c); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c))__at)->d); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c->d))__at)->e); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c->d->e))__at)->f); \
		read(&__at, sizeof(__at), &((typeof((p)->a->b->c->d->e->f))__at)->g); \
		last(to, size, &((typeof((p)->a->b->c->d->e->f->g))__at)->h); \
	})
#define ___ebpfcc_chain(last, read, to, size, ...) ___ebpfcc_cat(___ebpfcc_chain, ___ebpfcc_narg(__VA_ARGS__))(last, read, to, size, __VA_ARGS__)
#define ___ebpfcc_plain(to, size, from) bpf_probe_read_kernel(to, size, from)
#define ___ebpfcc_plain_str(to, size, from) bpf_probe_read_kernel_str(to, size, from)
#define ___ebpfcc_plain_user(to, size, from) bpf_probe_read_user(to, size, from)
#define ___ebpfcc_plain_user_str(to, size, from) bpf_probe_read_user_str(to, size, from)
#define BPF_CORE_READ_INTO(to, ...) ___ebpfcc_chain(bpf_core_read, bpf_core_read, to, sizeof(*(to)), __VA_ARGS__)
#define BPF_CORE_READ_STR_INTO(to, ...) ___ebpfcc_chain(bpf_core_read_str, bpf_core_read, (void *)(to), sizeof(*(to)), __VA_ARGS__)
#define BPF_CORE_READ(...) \
	({ \
		typeof(___ebpfcc_path(__VA_ARGS__)) __value; \
		BPF_CORE_READ_INTO(&__value, __VA_ARGS__); \
		__value; \
	})
#define BPF_CORE_READ_USER_INTO(to, ...) ___ebpfcc_chain(bpf_core_read_user, bpf_core_read_user, to, sizeof(*(to)), __VA_ARGS__)
#define BPF_CORE_READ_USER_STR_INTO(to, ...) ___ebpfcc_chain(bpf_core_read_user_str, bpf_core_read_user, (void *)(to), sizeof(*(to)), __VA_ARGS__)
#define BPF_CORE_READ_USER(...) \
	({ \
		typeof(___ebpfcc_path(__VA_ARGS__)) __value; \
		BPF_CORE_READ_USER_INTO(&__value, __VA_ARGS__); \
		__value; \
	})
#define BPF_PROBE_READ_INTO(to, ...) ___ebpfcc_chain(___ebpfcc_plain, ___ebpfcc_plain, to, sizeof(*(to)), __VA_ARGS__)
#define BPF_PROBE_READ_STR_INTO(to, ...) ___ebpfcc_chain(___ebpfcc_plain_str, ___ebpfcc_plain, (void *)(to), sizeof(*(to)), __VA_ARGS__)
#define BPF_PROBE_READ(...) \
	({ \
		typeof(___ebpfcc_path(__VA_ARGS__)) __value; \
		BPF_PROBE_READ_INTO(&__value, __VA_ARGS__); \
		__value; \
	})
#define BPF_PROBE_READ_USER_INTO(to, ...) ___ebpfcc_chain(___ebpfcc_plain_user, ___ebpfcc_plain_user, to, sizeof(*(to)), __VA_ARGS__)
#define BPF_PROBE_READ_USER_STR_INTO(to, ...) ___ebpfcc_chain(___ebpfcc_plain_user_str, ___ebpfcc_plain_user, (void *)(to), sizeof(*(to)), __VA_ARGS__)
#define BPF_PROBE_READ_USER(...) \
	({ \
		typeof(___ebpfcc_path(__VA_ARGS__)) __value; \
		BPF_PROBE_READ_USER_INTO(&__value, __VA_ARGS__); \
		__value; \
	})
#endif
