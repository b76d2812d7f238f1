/* Byte order conversions; of a constant they are constants. */
#ifndef __BPF_ENDIAN__
#define __BPF_ENDIAN__
#include <linux/types.h>
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define __ebpfcc_big16(x) __builtin_bswap16(x)
#define __ebpfcc_big32(x) __builtin_bswap32(x)
#define __ebpfcc_big64(x) __builtin_bswap64(x)
#define __ebpfcc_little16(x) ((__u16)(x))
#define __ebpfcc_little32(x) ((__u32)(x))
#define __ebpfcc_little64(x) ((__u64)(x))
#else
#define __ebpfcc_big16(x) ((__u16)(x))
#define __ebpfcc_big32(x) ((__u32)(x))
#define __ebpfcc_big64(x) ((__u64)(x))
#define __ebpfcc_little16(x) __builtin_bswap16(x)
#define __ebpfcc_little32(x) __builtin_bswap32(x)
#define __ebpfcc_little64(x) __builtin_bswap64(x)
#endif
#define bpf_htons(x) __ebpfcc_big16(x)
#define bpf_ntohs(x) __ebpfcc_big16(x)
#define bpf_htonl(x) __ebpfcc_big32(x)
#define bpf_ntohl(x) __ebpfcc_big32(x)
#define bpf_cpu_to_be64(x) __ebpfcc_big64(x)
#define bpf_be64_to_cpu(x) __ebpfcc_big64(x)
#define bpf_cpu_to_be32(x) __ebpfcc_big32(x)
#define bpf_be32_to_cpu(x) __ebpfcc_big32(x)
#define bpf_cpu_to_be16(x) __ebpfcc_big16(x)
#define bpf_be16_to_cpu(x) __ebpfcc_big16(x)
#define bpf_cpu_to_le64(x) __ebpfcc_little64(x)
#define bpf_le64_to_cpu(x) __ebpfcc_little64(x)
#define bpf_cpu_to_le32(x) __ebpfcc_little32(x)
#define bpf_le32_to_cpu(x) __ebpfcc_little32(x)
#endif
