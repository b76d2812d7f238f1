/* Structures, unions, arrays: copies, arguments, results, initializers. */
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;

struct point { int x, y; };
struct small { u8 a, b, c; };
struct twelve { int a, b, c; };
struct large { long v[5]; };
struct nested { struct point p[2]; union { u32 whole; u16 half[2]; u8 byte[4]; }; struct { int deep; } in; };
struct __attribute__((packed)) packed { u8 tag; u32 value; u64 wide; };
struct eth { u8 dst[6], src[6]; u16 proto; } __attribute__((packed));

static struct point add(struct point a, struct point b) { return (struct point){ a.x + b.x, a.y + b.y }; }
static struct large fill(long start) { struct large l; for (int i = 0; i < 5; i++) l.v[i] = start + i; return l; }
static long sum(struct large l) { long s = 0; for (int i = 0; i < 5; i++) s += l.v[i]; l.v[0] = 0; return s; }
static int total(struct small s, struct twelve t) { return s.a + s.b * 2 + s.c * 3 + t.a + t.b + t.c; }
static struct small make(int v) { struct small s = { v, v + 1, v + 2 }; return s; }

long test_small_by_value(long a, long b) { struct point p = { a, 1 }, q = { b, 2 }; struct point r = add(p, q); return r.x * 10L + r.y; }
long test_nested_calls(long a, long b) { struct point p = { a, b }; return add(add(p, p), add(p, (struct point){ 1, 2 })).y; }
long test_large_result(long a, long b) { struct large l = fill(a); l.v[2] = b; struct large m = l; m.v[0]++; return l.v[0] + m.v[0] + m.v[2] + m.v[4]; }
long test_large_argument_is_a_copy(long a, long b) { struct large l = fill(a); long s = sum(l); return s * 3 + l.v[0] + b; }
long test_odd_sizes(long a, long b) { struct twelve t = { a, b, 3 }; return total(make(a), t); }
long test_result_member(long a, long b) { return make(a).a * 3 + make(b).c; }
long test_conditional_structure(long a, long b) { struct point p = { a, 1 }, q = { b, 2 }; struct point r = a > b ? p : q; return r.x * 4L + r.y; }
long test_assignment_chain(long a, long b) { struct twelve x = { 1, 2, 3 }, y, z; z = y = x; y.a = a; return x.a + y.a + z.c + b; }
long test_self_assignment(long a, long b) { struct point p = { a, b }; p = add(p, p); p = (struct point){ p.y, p.x }; return p.x * 7L + p.y; }
long test_union_bytes(long a, long b) { struct nested n = {0}; n.whole = a; n.byte[2] = b; return n.half[0] + n.half[1] * 70000L + n.byte[3]; }
long test_nested_members(long a, long b) { struct nested n = { .p = { [1] = { .y = 5 } }, .in.deep = 9 }; n.p[a & 1].x = b; return n.p[0].x + n.p[1].x * 2L + n.p[1].y + n.in.deep; }
long test_packed_access(long a, long b) { struct packed p = { 1, a, b }; p.value++; struct packed q = p; q.tag = 7; return q.value + q.wide + q.tag + sizeof(p); }
long test_ethernet(long a, long b) { struct eth e = { { 1, 2, 3, 4, 5, 6 }, { 0 }, a }; e.src[5] = b; return e.proto + e.dst[5] + e.src[5] + sizeof(e); }
long test_array_initializer(long a, long b) { int v[8] = { 1, 2, [5] = 6, 7, [0] = a }; long s = 0; for (int i = 0; i < 8; i++) s = s * 3 + v[i]; return s + v[b & 7]; }
long test_two_dimensions(long a, long b) { int m[3][4] = { { 1 }, { [2] = 5 }, { 9, 8 } }; m[a & 1][b & 3] += 100; long s = 0; for (int i = 0; i < 3; i++) for (int j = 0; j < 4; j++) s = s * 5 + m[i][j]; return s; }
long test_string_initializer(long a, long b) { char s[12] = "hello"; char t[] = "xyz"; s[a & 7] = 'Q'; return s[0] + s[4] * 3 + s[5] + s[11] + t[b & 3] + sizeof(t); }
long test_long_string(long a, long b) { char s[] = "The quick brown fox jumps over the lazy dog, 1234567890"; return s[a & 31] * 256 + s[(b & 31) + 20] + sizeof(s); }
long test_compound_literal(long a, long b) { int *p = (int[]){ a, b, 3 }; p[2]++; return p[0] + p[1] * 3L + p[2]; }
long test_loop_reinitializes(long a, long b) { long s = 0; for (int i = 0; i < 3; i++) { int v[4] = { i }; v[1] += a; v[3]++; s += v[0] + v[1] * 2 + v[3] * 100; } return s + b; }
long test_pointer_to_member(long a, long b) { struct nested n = {0}; int *p = &n.p[1].y; *p = a; u8 *q = (u8 *)&n; return q[12] + n.p[1].y + (b & 1); }
long test_copy_through_pointer(long a, long b) { struct large l = fill(a), m = fill(b), *p = &l; *p = m; l.v[1] = 0; return p->v[0] + p->v[1] + m.v[1]; }
long test_array_member_copy(long a, long b) { struct { u8 mac[6]; u16 n; } x = { { 1, 2, 3, 4, 5, (u8)a }, 7 }, y; y = x; y.mac[0] = b; return y.mac[0] + y.mac[5] * 256 + x.mac[0] + y.n; }
long test_flexible_pattern(long a, long b) { struct { int n; char c; } v[2] = { { a, 'x' }, { b, 'y' } }; return v[1].n * 3L + v[0].c + v[1].c + (v[0].n != v[1].n); }
long test_empty_structure(long a, long b) { struct { } e, f; e = f; return a + b + sizeof(e); }

struct row { long cells[4]; int count; };

static struct row make_row(long start)
{
    struct row row = { { start, start + 1, start * 2, start - 3 }, 4 };
    return row;
}

/* Arrays in structure values that are no objects: of a call, an assignment, a conditional, a comma. */
long test_arrays_in_values(long a, long b)
{
    struct row left = make_row(a), right = make_row(b), copy;
    long sum = make_row(a).cells[2] + make_row(b).cells[a & 3];
    sum = sum * 3 + (copy = left).cells[b & 3];
    sum = sum * 3 + (a > b ? left : right).cells[1];
    sum = sum * 3 + (left.count++, right).cells[3];
    return sum + copy.count + sizeof(make_row(a).cells);
}
