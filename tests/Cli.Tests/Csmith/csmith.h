/* Stands in for csmith's own header: the same safe arithmetic (csmith's safe_math.h), fixed-width types, and a checksum that needs
   no library and no table, so that a program computes it natively and in eBPF alike. A program's result is its checksum. */
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef unsigned long size_t;

#define INT8_MIN (-128)
#define INT8_MAX 127
#define UINT8_MAX 255
#define INT16_MIN (-32768)
#define INT16_MAX 32767
#define UINT16_MAX 65535
#define INT32_MIN (-2147483647 - 1)
#define INT32_MAX 2147483647
#define UINT32_MAX 4294967295U
#define INT64_MIN (-9223372036854775807LL - 1)
#define INT64_MAX 9223372036854775807LL
#define UINT64_MAX 18446744073709551615ULL
#define CHAR_BIT 8

#define STATIC static
#define UNDEFINED(value) (value)
#define LOG_INDEX
#define LOG_EXEC
#define FUNC_NAME(x) (safe_##x)
#define assert(x)
#ifndef __bpf__
#include <float.h>
#include <math.h>
int printf(const char *, ...);
#endif
#include <csmith/safe_math.h>
#define _CSMITH_BITFIELD(x) ((x > 32) ? (x % 32) : x)

static uint64_t checksum;

__attribute__((noinline)) static void mix(uint64_t value)
{
	checksum = (checksum ^ value) * 0x9E3779B97F4A7C15ull;
	checksum ^= checksum >> 29;
}

#define transparent_crc(value, name, flag) mix(value)
#define transparent_crc_bytes(start, count, name, flag) \
	do { for (unsigned i_ = 0; i_ < (count); i_++) mix(((unsigned char *)(start))[i_]); } while (0)
#define crc32_gentab()
#ifdef __bpf__
#define printf(...)
#define platform_main_end(a, b) return (unsigned)(checksum ^ checksum >> 32)
#define main __attribute__((section("socket"), used)) prog
#else
#define platform_main_end(a, b) printf("%u\n", (unsigned)(checksum ^ checksum >> 32))
#endif
