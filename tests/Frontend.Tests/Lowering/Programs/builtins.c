/* Compiler builtins, wide integers, atomics. */
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;
typedef __int128 s128; typedef unsigned __int128 u128;

long test_byte_swap(long a, long b) { return __builtin_bswap16(a) + (long)__builtin_bswap32(a) + __builtin_bswap64(b); }
long test_count(long a, long b) { return (a ? __builtin_clzl(a) + __builtin_ctzl(a) * 100 : 0) + ((u32)b ? __builtin_clz(b) * 10000 + __builtin_ctz(b) * 1000000L : 0); }
long test_population(long a, long b) { return __builtin_popcountl(a) + __builtin_popcount(b) * 100; }
long test_find_first(long a, long b) { return __builtin_ffsl(a) + __builtin_ffs(b) * 100; }
long test_parity(long a, long b) { return __builtin_parityl(a) + __builtin_parity(b) * 2; }
long test_expect(long a, long b) { if (__builtin_expect(a > b, 0)) return 1; if (__builtin_expect(!!(a & 4), 1)) return 2; return __builtin_expect(b, 3); }
long test_choose(long a, long b) { return __builtin_choose_expr(sizeof(long) == 8, a, b) + __builtin_types_compatible_p(int, signed int); }
long test_constant_p(long a, long b) { return __builtin_constant_p(5) * 10 + __builtin_constant_p(sizeof(a) + 1); }
long test_add_overflow(long a, long b) { long r; int i; u32 u; int o = __builtin_add_overflow(a, b, &r); o = o * 2 + __builtin_add_overflow((int)a, (int)b, &i); o = o * 2 + __builtin_add_overflow((u32)a, (u32)b, &u); return r ^ i ^ u ^ o; }
long test_sub_overflow(long a, long b) { u64 r; int i; u8 c; int o = __builtin_sub_overflow((u64)a, (u64)b, &r); o = o * 2 + __builtin_sub_overflow((int)a, (int)b, &i); o = o * 2 + __builtin_sub_overflow((u8)a, (u8)b, &c); return r ^ i ^ c ^ (long)o << 50; }
long test_mul_overflow(long a, long b) { long r; u64 v; int i; int o = __builtin_mul_overflow(a, b, &r); o = o * 2 + __builtin_mul_overflow((u64)a, (u64)b, &v); o = o * 2 + __builtin_mul_overflow((int)a, (int)b, &i); return r ^ v ^ i ^ (long)o << 50; }
long test_mixed_overflow(long a, long b) { u32 r; int o = __builtin_add_overflow((int)a, (long)b, &r); u16 s; o = o * 2 + __builtin_mul_overflow((int)a, (u32)b, &s); return r + s * 3L + (long)o * 1000000; }
long test_memory(long a, long b) { u8 x[16], y[16]; __builtin_memset(x, (int)a, sizeof(x)); __builtin_memcpy(y, x, 8); __builtin_memset(y + 8, 7, 8); y[3] = b; __builtin_memmove(y + 1, y, 10); return x[15] + y[4] * 256 + y[15] * 65536L + (__builtin_memcmp(x, y, 4) == 0); }
long test_memory_variable_length(long a, long b) { u8 x[16] = { 1, 2, 3, 4, 5, 6, 7, 8 }, y[16] = {0}; __builtin_memcpy(y, x, a & 7); return y[0] + y[3] * 10 + y[6] * 100 + y[7]; }
long test_memcmp(long a, long b) { int c = __builtin_memcmp(&a, &b, 8); return (c > 0) - (c < 0); }
long test_sync_atomics(long a, long b) { long v = a; int w = b; long r = __sync_fetch_and_add(&v, b); r ^= __sync_add_and_fetch(&v, 3); r ^= __sync_fetch_and_or(&w, 8); r ^= __sync_and_and_fetch(&w, 0xff); r ^= __sync_fetch_and_xor(&v, 5); r ^= __sync_sub_and_fetch(&v, 1); return r + v + w; }
long test_compare_and_swap(long a, long b) { long v = a; long o = __sync_val_compare_and_swap(&v, 1, b); int ok = __sync_bool_compare_and_swap(&v, b, 9); return o * 3 + v + ok; }
long test_exchange(long a, long b) { long v = a; long o = __sync_lock_test_and_set(&v, b); long e = 7; _Bool ok = __atomic_compare_exchange_n(&v, &e, 5, 0, 5, 5); return o + v * 3 + e + ok + __atomic_exchange_n(&v, 2, 5) + __atomic_load_n(&v, 5); }
long test_atomic_builtins(long a, long b) { u32 v = a; u32 r = __atomic_fetch_add(&v, b, 0); r += __atomic_add_fetch(&v, 1, 5) + __atomic_fetch_nand(&v, 6, 5); __atomic_store_n(&v, v + 1, 5); return r + v; }
long test_int128_arithmetic(long a, long b) { s128 x = (s128)a * b; u128 y = (u128)(u64)a * (u64)b; return (long)(x >> 64) ^ (long)x ^ (long)(y >> 64); }
long test_int128_add(long a, long b) { u128 x = ((u128)a << 64) | (u64)b; x += (u64)a; x -= b; return (long)(x >> 64) * 3 + (long)x; }
long test_int128_compare(long a, long b) { s128 x = (s128)a << 10, y = (s128)b << 9; return (x < y) + (x == y) * 2 + ((u128)x < (u128)y) * 4 + !x * 8; }
long test_int128_shift(long a, long b) { s128 x = (s128)a << 50; return (long)(x >> (b & 127)) ^ (long)((u128)x >> (b & 63)) ^ (long)(x << (b & 63)); }
long test_unreachable_default(long a, long b) { switch (a & 1) { case 0: return b; case 1: return -b; default: __builtin_unreachable(); } }
long test_offsetof(long a, long b) { struct s { char c; struct { short h[3]; } in; }; return __builtin_offsetof(struct s, in.h[2]) + sizeof(struct s); }
long test_generic(long a, long b) { return _Generic(a, int: 1, long: 2, default: 3) + _Generic((u8)1, u8: 10, int: 20); }
long test_typeof(long a, long b) { __typeof__(a) x = b; __auto_type y = (u8)a; return x + y + sizeof(y); }
