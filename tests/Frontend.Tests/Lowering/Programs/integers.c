/* Integer arithmetic: promotions, conversions, shifts, divisions. Every function is defined for all arguments. */
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long s64;

long test_promotion(long a, long b) { u8 x = a; s8 y = b; return x + y; }
long test_char_is_signed(long a, long b) { char c = a; return c < 0 ? -1 : c + (b & 1); }
long test_u8_complement(long a, long b) { u8 x = a; return ~x + (u8)~x; }
long test_u16_multiply(long a, long b) { u16 x = a, y = b; return (u32)x * y; }
long test_mixed_signs(long a, long b) { s32 x = a; u32 y = b; return x < y; }
long test_long_vs_unsigned(long a, long b) { s64 x = a; u32 y = b; return x < y; }
long test_unsigned_wrap(long a, long b) { u32 x = a, y = b; return x - y; }
long test_narrowing(long a, long b) { return (s8)a + (s16)b + (u16)a; }
long test_sign_extension(long a, long b) { s32 x = a; return (s64)x + (u64)(u32)b; }
long test_bool_conversion(long a, long b) { _Bool x = a; _Bool y = (u8)b; return x * 2 + y; }
long test_bool_arithmetic(long a, long b) { _Bool x = a & 1; x += b; x++; return x - !a; }
long test_bool_decrement(long a, long b) { _Bool x = a; x--; return x; }
long test_shift_left(long a, long b) { return (u64)a << (b & 63); }
long test_shift_right_signed(long a, long b) { return a >> (b & 63); }
long test_shift_right_unsigned(long a, long b) { return (u64)a >> (b & 63); }
long test_shift32(long a, long b) { return ((u32)a << (b & 31)) ^ ((s32)a >> (b & 31)); }
long test_shift_u8(long a, long b) { u8 x = a; return x << (b & 7) | x >> (b & 7); }
long test_shift_by_long(long a, long b) { s32 x = a; return x >> (long)(b & 15); }
long test_divide(long a, long b) { return b == 0 || b == -1 ? 0 : a / b; }
long test_remainder(long a, long b) { return b == 0 || b == -1 ? 0 : a % b; }
long test_divide32(long a, long b) { s32 x = a, y = b; return y == 0 || y == -1 ? 1 : x / y * 10 + x % y; }
long test_divide_unsigned(long a, long b) { return b == 0 ? 0 : (u64)a / (u64)b; }
long test_divide_by_constants(long a, long b) { return a / 7 + a % 10 - (s32)b / 3 + (u32)b % 1000 + a / 8 + (s32)b / -16 + (s32)b % 64; }
long test_divide_narrow(long a, long b) { u8 x = a, y = b; return y ? x / y : x % 3; }
long test_compare_chain(long a, long b) { return (a < b) + (a <= b) * 2 + (a > b) * 4 + (a >= b) * 8 + (a == b) * 16 + (a != b) * 32; }
long test_compare_unsigned(long a, long b) { u64 x = a, y = b; return (x < y) + (x <= y) * 2 + (x > y) * 4 + (x >= y) * 8; }
long test_compare32(long a, long b) { s32 x = a; u32 y = a; return (x < (s32)b) | (y < (u32)b) << 1 | (x > -1) << 2 | (y > -1) << 3; }
long test_logical(long a, long b) { return (a && b) | (a || b) << 1 | !a << 2 | !!b << 3; }
long test_bits(long a, long b) { return (a & b) ^ (a | ~b) ^ (s32)(a ^ b); }
long test_negate(long a, long b) { u32 x = a; return -x + -(u64)b; }
long test_compound(long a, long b) { u8 x = a; x += b; x -= 3; x *= 5; x /= 3; x %= 100; x <<= 2; x >>= 1; x &= 0x7e; x |= 1; x ^= b; return x; }
long test_compound_mixed(long a, long b) { s16 x = a; x += b; x *= 3u; x >>= 2; u32 y = a; y += (s64)b; y <<= 3; return x * 1000000L + y; }
long test_compound_shift_wide(long a, long b) { u16 x = a; x >>= (b & 7); x <<= 9; return x; }
long test_increments(long a, long b) { u8 x = a; s8 y = b; long r = x++ + ++y; r = r * 31 + x-- - --y; return r * 31 + x + y; }
long test_increment_value(long a, long b) { u8 x = 255; s8 y = 127; return x++ + (x + ++y) * 1000 + x; }
long test_hex_constants(long a, long b) { return a & 0xffffffff00000000 | b & 0x80000000 | 0x7fffffff; }
long test_octal_and_characters(long a, long b) { return 0777 + 'a' + '\n' + '\xff' + '\101' + (a & '0'); }
long test_ternary_types(long a, long b) { return (a > 0 ? (s8)-1 : 1u) + (b > 0 ? -1 : 1L); }
long test_sizeof(long a, long b) { return sizeof(a) + sizeof(u8) * 10 + sizeof(a + (u8)b) * 100 + sizeof('a') * 1000; }
long test_overflowing_constants(long a, long b) { return (s8)300 + (u8)-1 + (s16)70000 + (s32)0x123456789; }
long test_enum(long a, long b) { enum e { A = -5, B, C = 7, D } x = a > b ? B : D; return x * 3 + C; }
long test_unsigned_enum(long a, long b) { enum e { A = 1, B = 0xffffffff } x = B; return x > 0 ? (long)x + a : b; }
long test_deep_expression(long a, long b) { return ((((a + 1) * 2 - b) ^ 3) & 0xffff) + ((((b + 1) * 2 - a) | 3) & 0xff) - (((a ^ b) << 3 & 0xff) | 1); }
