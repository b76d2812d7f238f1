// everything
#define SEC(x) __attribute__((section(x), used))
struct hidden;
struct value { int x; };
extern struct hidden get_hidden(void);
extern int two(int a, int b);
extern int must_use(void) __attribute__((warn_unused_result));
extern int old_function(void) __attribute__((deprecated("use two")));
extern long (*bpf_trace_printk)(const char *format, unsigned size, ...);
void *memcpy(void *, const void *, unsigned long);
enum choice { LEFT, RIGHT };
enum direction { UP };
int calls(int i, struct value *v, void *p)
{
    i();                                     //~ EBC2301
    two(1);                                  //~ EBC2302
    two(1, 2, 3);                            //~ EBC2303
    get_hidden();                            //~ EBC2304
    two(v, 2);                               //~ EBC2501
    two(*v, 2);                              //~ EBC2219
    must_use();                              //~ EBC2516
    old_function();                          //~ EBC2558
    __builtin_memcpy(v, v);                  //~ EBC2305
    __builtin_alloca(i);                     //~ EBC2306
    __sync_fetch_and_add((char *)p, 1);      //~ EBC2307
    __builtin_choose_expr(i, 1, 2);          //~ EBC2308
    __builtin_preserve_enum_value(i, 0);     //~ EBC2309
    __builtin_preserve_enum_value(*(enum choice *)UP, 0);    //~ EBC2309
    __builtin_preserve_field_info(v->x, 9);  //~ EBC2309
    memcpy(v, p, sizeof(v));                 //~ EBC2563
    static const char format[] = "%d %s";
    bpf_trace_printk(format, sizeof(format), 3);     //~ EBC2561
    bpf_trace_printk("%f", 3, 3);            //~ EBC2561
    return 0;
}
