// everything -Wuninitialized -Wsign-compare -Wparentheses -Wtautological-unsigned-zero-compare -Wgnu
struct pair { int first, second; };
struct other { int x; };
struct bits { unsigned low : 3; int pad; };
struct hidden;
int operators(struct pair s, struct pair *p, int *q, const int *cq, unsigned u, int i, struct hidden *h, void *v)
{
    const int constant = 3;
    int array[4];
    s + 1;                                   //~ EBC2201
    -s;                                      //~ EBC2202
    i + 1 = 2;                               //~ EBC2203
    constant = 4;                            //~ EBC2204
    *cq = 4;                                 //~ EBC2204
    array = 0;                               //~ EBC2205
    q = &(i + 1);                            //~ EBC2206
    *i = 3;                                  //~ EBC2208
    i = *h;                                  //~ EBC2209
    i.x = 3;                                 //~ EBC2212
    s->first = 1;                            //~ EBC2213
    p.first = 1;                             //~ EBC2214
    h->anything = 1;                         //~ EBC2215
    array[s.first + q] = 0;                  //~ EBC2216
    i[u] = 0;                                //~ EBC2217
    i = (int)s;                              //~ EBC2218
    i = s;                                   //~ EBC2219
    if (s) return 1;                         //~ EBC2221
    i = i ? s : 3;                           //~ EBC2222
    i = 08;                                  //~ EBC2223
    i = 3xyz;                                //~ EBC2223
    i = '\q';                                //~ EBC2224
    i = (void)0;                             //~ EBC2219
    v++; s++;                                //~ EBC2233
    return (int)(q - v);                     //~ EBC2234
}
float fraction;
int floating(int i) { return fraction + 1 + fraction; }   //~ EBC2220
unsigned size_of_floating = sizeof(fraction + 1.5);
int addresses(struct bits *b)
{
    register int fast = 1;
    int *p = &b->low;                        //~ EBC2207
    p = &fast;                               //~ EBC2236
    return *p;
}
int places(void)
{
    int i = __builtin_offsetof(int, x);      //~ EBC2227
    i += __builtin_offsetof(struct bits, low);   //~ EBC2228
    i += __builtin_offsetof(struct { int a[3]; }, a[i]);   //~ EBC2229
    i += _Generic(i, char: 1, long: 2);      //~ EBC2230
    i += _Generic(i, int: 1, signed int: 2); //~ EBC2231
    i += __imag__ i;                         //~ EBC2235
    i += ((struct hidden){ 0 }, 3);          //~ EBC2328
    return i;
}
int outside = ({ 3; });                      //~ EBC2232
void strings(void) { const char *s = u8"a" U"b" L"c"; }    //~ EBC2238
struct arrays { int a[3]; };
struct arrays make(void);
int borrowed(void) { return make().a[1]; }
int plain_void(void) { return (int)strings(); }  //~ EBC2226
int comparisons(int i, unsigned u, int *p, long *q, int a, int b)
{
    int r = p == 3;                          //~ EBC2505
    r += p == q;                             //~ EBC2506
    r += *(int *)(i ? p : q);                //~ EBC2507
    r += *(i ? p : 3);                       //~ EBC2508
    r += i < u;                              //~ EBC2530
    r += u >= 0;                             //~ EBC2537
    r += i == i;                             //~ EBC2538
    r += &r == 0;                            //~ EBC2539
    if (r = 3) r++;                          //~ EBC2540
    r += a || b && i;                        //~ EBC2541
    r += a & b == i;                         //~ EBC2541
    r += 1 << -1;                            //~ EBC2531
    r += 1 << 32;                            //~ EBC2532
    r += r / 0;                              //~ EBC2533
    r += 0x7fffffff + 1;                     //~ EBC2534
    return r;
}
void conversions(struct bits *b, int *p, const int *cp, char *c, unsigned char *uc, int i)
{
    signed char small = 300;                 //~ EBC2535
    b->low = 9;                              //~ EBC2536
    unsigned long large = 18446744073709551615;  //~ EBC2542
    i = 'ab';                                //~ EBC2543
    p = (int *)i;                            //~ EBC2544
    p = (void *)i;                           //~ EBC2568
    i = (int)p;                              //~ EBC2545
    p = i;                                   //~ EBC2501
    i = p;                                   //~ EBC2501
    p = c;                                   //~ EBC2502
    p = cp;                                  //~ EBC2503
    c = uc;                                  //~ EBC2504
    int (*f)(int) = (void *)0;
    f = strings;                             //~ EBC2509
    int four[4];
    four[7] = 0;                             //~ EBC2560
    *(void *)p;                              //~ EBC2565
}
int too_big = 99999999999999999999;          //~ EBC2223
int empty = '';                              //~ EBC2225
