// everything -Wgnu-folding-constant
int length(int n)
{
    int vla[n];                              //~ EBC2101
    const int five = 5;
    int folded[five];                        //~ EBC2562
    folded[0] = 0;
    return folded[0];
}
int negative[-1];                            //~ EBC2102
char huge[1ul << 60];                        //~ EBC2103
int *not_a_length;
struct incomplete;
struct incomplete elements[3];               //~ EBC2105
int functions[3](void);                      //~ EBC2106
int returns_array(void)[3];                  //~ EBC2107
struct tag { int x; };
union tag wrong;                             //~ EBC2108
struct tag { int y; };                       //~ EBC2109
struct members {
    int a;
    int a;                                   //~ EBC2110
    struct incomplete b;                     //~ EBC2111
    int c(void);                             //~ EBC2112
    int d[];                                 //~ EBC2113
    int *e : 3;                              //~ EBC2114
    int f : 40;                              //~ EBC2115
    int g : -1;                              //~ EBC2116
    int h : 0;                               //~ EBC2117
    int i : sizeof(not_a_length) + (long)not_a_length;   //~ EBC2118
    static int j;                            //~ EBC2018
};
struct gigantic { char a[1ul << 46]; char b[1ul << 46]; char c[8]; };   //~ EBC2119
enum values { ONE = (long)&not_a_length };     //~ EBC2120
enum too_large { HUGE = 1, HUGER = (__int128)1 << 70 };   //~ EBC2121
enum narrow : unsigned char { BIG = 256 };   //~ EBC2121
enum pointer : float { P };                  //~ EBC2122
int misaligned __attribute__((aligned(3)));  //~ EBC2123
int overaligned __attribute__((aligned(1 << 30)));   //~ EBC2124
int badsection __attribute__((section(3)));  //~ EBC2125
int badmode __attribute__((mode(XY)));       //~ EBC2125
int vector __attribute__((vector_size(16))); //~ EBC2126
int restrict badly;                          //~ EBC2129
_Atomic int atomic_value;
int read_atomic(void) { return atomic_value; }   //~ EBC2130
struct bits { int a : 3; };
int size_of_bits(struct bits *p) { return sizeof(p->a); }   //~ EBC2128
int strange __attribute__((no_such_attribute));  //~ EBC2546
struct with_section { int a __attribute__((section("x"))); };   //~ EBC2567
int in_section __attribute__((section("one")));
extern int in_section __attribute__((section("two")));   //~ EBC2566
void invisible(struct later *p);             //~ EBC2547
int array_of_float_length[(int)2.0 + 1];
int pointer_length[(char *)0];                   //~ EBC2104
