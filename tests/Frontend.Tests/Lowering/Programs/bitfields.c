/* Bit-fields: reading, writing, signedness, packing, initializers. */
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;

struct plain { u32 a : 3, b : 7, c : 22; };
struct mixed { u8 x; u32 y : 12; u16 z : 5; signed int w : 4; u8 last; };
struct wide { u64 lo : 33; u64 hi : 31; long s : 40; };
struct bytes { u8 lo : 4, hi : 4; };
struct tcp { u16 source, dest; u32 seq, ack_seq; u16 res1 : 4, doff : 4, fin : 1, syn : 1, rst : 1, psh : 1, ack : 1, urg : 1, ece : 1, cwr : 1; u16 window; };
struct __attribute__((packed)) tight { u8 a : 3; u32 b : 30; u64 c : 61; u8 d; };
struct flags { _Bool on : 1; int : 5; u8 level : 2; enum { P, Q, R } kind : 2; };
struct zero { u8 a : 3; int : 0; u8 b : 3; };
union both { struct { u32 low : 8, rest : 24; }; u32 whole; };

long test_store_and_read(long a, long b) { struct plain p = {0}; p.a = a; p.b = b; p.c = a ^ b; return p.a + p.b * 8L + p.c * 1024L; }
long test_neighbours_survive(long a, long b) { struct plain p = { 5, 77, 12345 }; p.b = b; return p.a * 1000000L + p.c + p.b; }
long test_signed_field(long a, long b) { struct mixed m = { .w = 3 }; m.w = a; m.y = b; m.last = 9; return m.w * 100000L + m.y * 10 + m.last; }
long test_mixed_widths(long a, long b) { struct mixed m = { 1, 2, 3, -4, 5 }; m.x = a; m.z = b; return m.x + m.y * 3L + m.z * 7 + m.w * 11 + m.last * 13; }
long test_wide_fields(long a, long b) { struct wide w = {0}; w.lo = a; w.hi = b; w.s = a; return w.lo ^ ((long)w.hi << 3) ^ w.s; }
long test_assignment_value(long a, long b) { struct plain p = {0}; long x = p.a = a; long y = p.c = b; return x * 100000000 + y; }
long test_signed_assignment_value(long a, long b) { struct mixed m = {0}; return (m.w = a) * 10 + (m.w += b); }
long test_compound_on_field(long a, long b) { struct plain p = { 1, 100, 5 }; p.a += a; p.b *= 3; p.c -= b; p.b ^= 0x55; return p.a + p.b * 10L + p.c * 10000L; }
long test_increment_field(long a, long b) { struct plain p = { 7, 127, 0 }; long r = p.a++; r = r * 10 + ++p.b; p.c--; return r * 100 + p.a + p.b + p.c; }
long test_tcp_flags(long a, long b) { struct tcp t = {0}; t.doff = a; t.syn = b; t.ack = a; t.cwr = 1; u16 *p = (u16 *)&t; return p[6] * 4L + (t.syn && !t.fin) * 2 + t.ack; }
long test_packed(long a, long b) { struct tight t = {0}; t.a = a; t.b = b; t.c = a * 3; t.d = b; u8 *p = (u8 *)&t; return t.a + t.b * 8L + t.c + t.d + p[0] * 256 + p[4] * 77 + sizeof(t); }
long test_packed_survivors(long a, long b) { struct tight t = { 1, 2, 3, 4 }; t.b = a; t.c = b; return t.a * 1000 + t.d + (t.b ^ (u64)t.c); }
long test_bool_field(long a, long b) { struct flags f = {0}; f.on = a; f.level = b; f.kind = R; return f.on + f.level * 2 + f.kind * 8; }
long test_zero_width(long a, long b) { struct zero z = {0}; z.a = a; z.b = b; return z.a * 10 + z.b + sizeof(z) * 100; }
long test_union_overlay(long a, long b) { union both u = { .whole = a }; u.low = b; return u.whole + u.rest; }
long test_nibbles(long a, long b) { struct bytes n; n.lo = a; n.hi = b; return *(u8 *)&n; }
long test_promotion_to_int(long a, long b) { struct plain p = { 7, 0, 0 }; return (p.a - 8 < 0) + (p.a << 4) + (-p.a < 0) + (a & b & 0); }
long test_field_in_condition(long a, long b) { struct plain p = {0}; p.a = a; if (p.a) return p.a > 3 ? 1 : 2; return !p.b ? 3 : 4; }
long test_through_pointer(long a, long b) { struct plain arr[3] = {0}; struct plain *p = arr + (b & 1); p->b = a; (p + 1)->b = p->b + 1; return arr[0].b + arr[1].b * 1000L + arr[2].b * 1000000L; }
static struct plain s_global = { 1, 2, 3 };
long test_global_initializer(long a, long b) { return s_global.a + s_global.b * 10 + s_global.c * 100; }
