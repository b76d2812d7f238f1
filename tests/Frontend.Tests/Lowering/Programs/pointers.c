/* Pointers, static data, function pointers, strings. */
typedef unsigned char u8; typedef unsigned int u32;

static int s_numbers[5] = { 10, 20, 30, 40, 50 };
static int *s_pointer = &s_numbers[2];
static const char *s_names[] = { "zero", "one", "two", "three" };
static const struct { const char *name; int *where; int value; } s_table[] = { { "a", &s_numbers[0], 1 }, { "b", s_numbers + 4, 2 }, { 0, 0, 3 } };
static struct list { int value; struct list *next; } s_last = { 3, 0 }, s_middle = { 2, &s_last }, s_first = { 1, &s_middle };
int g_tentative; int g_tentative; int g_array[3];
static char s_text[] = "static text";

static void swap(long *a, long *b) { long t = *a; *a = *b; *b = t; }
static int add(int a, int b) { return a + b; }
static int subtract(int a, int b) { return a - b; }
static int counter(void) { static int s_count = 5; static int s_count2; return s_count++ * 2 + s_count2--; }

long test_swap(long a, long b) { swap(&a, &b); return a * 3 - b; }
long test_arithmetic(long a, long b) { int *p = s_numbers; p += a & 3; p++; --p; return *p + p[1] + *(p + 0) + (p - s_numbers) * 1000 + (b & 1); }
long test_difference(long a, long b) { struct three { char c[3]; } v[10]; struct three *p = v + (a & 7), *q = v + (b & 7); return (p - q) * 100 + ((char *)p - (char *)q); }
long test_comparison(long a, long b) { int *p = s_numbers + (a & 3), *q = s_numbers + (b & 3); return (p < q) + (p == q) * 2 + (p >= q) * 4 + !p * 8 + (p != 0) * 16; }
long test_static_pointer(long a, long b) { return *s_pointer + s_pointer[1] + s_pointer[-2]; }
long test_string_table(long a, long b) { const char *s = s_names[a & 3]; int n = 0; while (s[n]) n++; return n * 1000 + s[0] + s[b & 1]; }
long test_table_of_structures(long a, long b) { int i = (a & 1); return *s_table[i].where + s_table[i].value * 1000 + s_table[i].name[0] + (s_table[2].name == 0); }
long test_linked_list(long a, long b) { long s = 0; for (struct list *p = &s_first; p; p = p->next) s = s * 10 + p->value; return s; }
long test_tentative(long a, long b) { g_array[0] = g_array[1] = 0; g_tentative = a; g_array[b & 1] = 7; return g_tentative + g_array[0] + g_array[1] * 2 + g_array[2]; }
long test_static_local(long a, long b) { int x = counter(); int y = counter(); return y - x; }
long test_text(long a, long b) { return s_text[a & 7] * 100 + sizeof(s_text) + s_text[11]; }
long test_casts(long a, long b) { u32 x = a; u8 *p = (u8 *)&x; return p[0] + p[3] * 256L + *(unsigned short *)(p + 1) + (long)(p - (u8 *)&x); }
long test_pointer_as_number(long a, long b) { int *p = (int *)(a & 0xfff0); return (long)(p + 2) + (long)(unsigned char *)b; }
long test_double_pointer(long a, long b) { int x = 5, y = 6, *p = &x, **q = &p; if (a & 1) *q = &y; **q += b; return x * 100L + y; }
long test_void_pointer(long a, long b) { long v[2] = { a, b }; void *p = v; p += 8; return *(long *)p; }
long test_array_parameter(long a, long b) { int m[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } }; int (*row)[3] = &m[a & 1]; return (*row)[b & 1] + row[0][2] + sizeof(*row); }
long test_index_swapped(long a, long b) { return (a & 3)[s_numbers] + 1[s_numbers]; }
long test_negative_index(long a, long b) { int *p = s_numbers + 4; return p[-(int)(a & 3)] + *(p - 1); }
long test_address_of_element(long a, long b) { return (&s_numbers[3] - &s_numbers[a & 1]) * 10 + (&s_numbers[0] == s_numbers); }
long test_constant_folding_of_addresses(long a, long b) { static long s_distance = (char *)&s_numbers[3] - (char *)&s_numbers[1]; return s_distance + __builtin_offsetof(struct list, next); }
long test_container_of(long a, long b) { struct outer { int pad; struct { int x, y; } inner; } o = { 1, { a, b } }; int *p = &o.inner.y; struct outer *q = (struct outer *)((char *)p - __builtin_offsetof(struct outer, inner.y)); return q->pad + q->inner.x; }
long test_volatile(long a, long b) { volatile int x = a; volatile long *p = &b; x++; *p += x; x; return *p + x; }
long test_const_folding(long a, long b) { static const int k[] = { 3, 1, 4, 1, 5 }; const long n = 7; return k[a & 3] * n + k[4]; }
long test_direct_function_pointer(long a, long b) { int (*f)(int, int) = add; int (*g)(int, int) = &subtract; return (*f)(a, 1) + g(b, 2) + (**add)(1, 1); }
long test_string_comparison(long a, long b) { return __builtin_memcmp("abc", "abd", 3) < 0 ? "xyz"[a & 1] : 0; }

struct holder { long *kept; };

__attribute__((noinline)) static void keep(struct holder *holder, long *address)
{
    holder->kept = address;
}

__attribute__((noinline)) static void fill(long *address, long value)
{
    *(volatile long *)address = value;
}

/* The callee keeps an address: the object behind it lives on although nobody names it again. */
long test_address_kept_by_a_callee(long a, long b)
{
    struct holder holder;
    long first, second;
    fill(&first, a);
    keep(&holder, &first);
    fill(&second, b);
    long result = *(volatile long *)&second;
    return *holder.kept * 3 + result;
}

/* An object whose address stands in another lives as long as that one. */
long test_address_held_by_an_object(long a, long b)
{
    long first, third;
    fill(&first, a);
    struct holder holder = { &first };
    long second[4];
    fill(&second[1], b);
    long sum = second[1];
    keep(&holder, holder.kept);
    fill(&third, 9);
    return *holder.kept * 5 + sum + third;
}
