/* Control flow: loops, switches, jumps, short circuits, statement expressions. */
static long s_trace;
static int note(int digit, int result) { s_trace = s_trace * 10 + digit; return result; }

long test_if_chain(long a, long b) { if (a > 10) return 1; else if (a > 0) { if (b) return 2; } else return 3; return 4; }
long test_while(long a, long b) { long n = 0; a &= 15; while (a-- > 0) n += b & 3; return n; }
long test_do(long a, long b) { int n = 0; do { n += 3; if (n > 20) break; if (n & 1) continue; b ^= n; } while (n < (a & 31)); return n * 100 + (b & 63); }
long test_for(long a, long b) { long s = 0; for (int i = 0, j = 10; i < j; i++, j--) { if (i == (a & 7)) continue; if (j == (b & 7)) break; s += i * j; } return s; }
long test_for_without_parts(long a, long b) { int i = 0; for (;;) { if (i++ > (a & 7)) break; } return i; }
long test_nested_loops(long a, long b) { long s = 0; for (int i = 0; i < 4; i++) { for (int j = 0; j < 4; j++) { if (j == i) continue; if (i * j == (a & 7)) break; s = s * 2 + j; } if (i == (b & 3)) break; } return s; }
long test_switch(long a, long b) { switch (a & 7) { case 0: return 10; case 1: case 2: b += 5; case 3: b += 7; break; default: b = -b; break; case 5: b *= 2; } return b; }
long test_switch_ranges(long a, long b) { switch ((int)a) { case -100 ... -1: return 1; case 0: return 2; case 1 ... 9: return 3; case 10 ... 1000: return 4; case 0x7fffffff: return 5; default: return 6; } }
long test_switch_unsigned_char(long a, long b) { unsigned char c = a; switch (c) { case 0 ... 127: return c; case 255: return -1; } return 500; }
long test_switch_long(long a, long b) { switch (a) { case 1L << 40: return 1; case -1: return 2; case 0x80000000: return 3; default: return 4; } }
long test_switch_default_first(long a, long b) { int r = 0; switch (a & 3) { default: r += 1; case 1: r += 10; break; case 2: r += 100; } return r; }
long test_switch_in_loop(long a, long b) { long s = 0; for (int i = 0; i < 8; i++) { switch ((a >> i) & 3) { case 0: continue; case 1: s += i; break; case 2: s *= 3; default: s++; } s += 100; } return s; }
long test_switch_without_cases(long a, long b) { switch (a) { } switch (b) { default: ; } return 1; }
long test_switch_jumps_into_block(long a, long b) { int n = 0; switch (a & 3) { case 0: do { n++; case 1: n += 10; case 2: n += 100; } while (n < 150); } return n; }
long test_goto(long a, long b) { int i = 0; again: i++; if (i < (a & 7)) goto again; if (b & 1) goto out; i += 1000; out: return i; }
long test_goto_into_loop(long a, long b) { int i = 0; if (a & 1) goto middle; for (; i < 5; i++) { b++; middle: b += 10; } return b; }
long test_dead_code(long a, long b) { return a; b = 5; return b; }
long test_code_behind_infinite_loop(long a, long b) { while (1) { if (a++ > 3 || a < 0) return a & 15; } return b; }
long test_short_circuit(long a, long b) { s_trace = 0; int r = note(1, a > 0) && note(2, b > 0) || note(3, a == b); return s_trace * 10 + r; }
long test_short_circuit_negated(long a, long b) { s_trace = 0; if (!(note(1, a & 1) && !(note(2, b & 1) || note(3, a & 2)))) s_trace += 7; return s_trace; }
long test_conditional_chain(long a, long b) { s_trace = 0; long r = note(1, a > b) ? note(2, 5) : note(3, a == b) ? note(4, 6) : note(5, 7); return s_trace * 10 + r; }
long test_short_conditional(long a, long b) { s_trace = 0; long r = note(1, a & 7) ?: note(2, b & 7) ?: -1; return s_trace * 100 + r; }
long test_comma(long a, long b) { long x = (a++, b += 2, a + b); for (int i = 0; i < 3; i++, x += i) ; return x; }
long test_statement_expression(long a, long b) { long m = ({ long x = a, y = b; x > y ? x : y; }); return m + ({ int t = 0; for (int i = 0; i < 3; i++) t += i; t; }); }
long test_return_inside_statement_expression(long a, long b) { long m = ({ if (a > b) return 42; b; }); return m + 1; }
long test_statement_expression_in_condition(long a, long b) { if (({ a++; a > b; }) && ({ b++; b & 1; })) return a; return b; }
long test_boolean_values(long a, long b) { int x = a > b, y = !x, z = a && b; return x * 4 + y * 2 + z + (x == y) * 8; }
long test_void_conditional(long a, long b) { s_trace = 0; a > b ? (void)note(1, 0) : (void)note(2, 0); (void)(a && note(3, 0)); return s_trace; }
long test_constant_conditions(long a, long b) { if (0) { return 99; } if (sizeof(long) == 8 && a > 0) return 1; while (0) b++; do { b = 3; } while (0); return b; }
static long recursive(long n) { return n <= 1 ? 1 : n * recursive(n - 1); }
long test_recursion(long a, long b) { return recursive(a & 7) + recursive(b & 3); }
static int even(unsigned n); static int odd(unsigned n) { return n == 0 ? 0 : even(n - 1); } static int even(unsigned n) { return n == 0 ? 1 : odd(n - 1); }
long test_mutual_recursion(long a, long b) { return even(a & 15) * 2 + odd(b & 15); }

/* What the loop carries goes through three operations each time, none of which may chase the others around it. */
long test_operations_around_a_loop(long a, long b)
{
    long carried = 1;
    for (long i = 0; i < (b & 7); i++)
        carried = (signed char)(carried | 0x5a4c7e5e5a4c7e5e);
    return carried + a;
}
