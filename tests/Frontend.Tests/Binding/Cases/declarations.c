// everything -Wmissing-declarations
int twice = 1;
int twice = 2;                               //~ EBC2010
int kind(void);
int kind;                                    //~ EBC2011
int clash(int);
long clash(int);                             //~ EBC2012
extern int object;
extern char object;                          //~ EBC2012
typedef int word;
typedef long word;                           //~ EBC2013
int plain(void);
static int plain(void) { return 0; }         //~ EBC2014
static int hidden;
int hidden;                                  //~ EBC2015
int doubled(int a, int a) { return a; }      //~ EBC2016
int nameless(int) { return 0; }              //~ EBC2017
auto int automatic;                          //~ EBC2018
int param(static int x) { return x; }        //~ EBC2018
static extern int both;                      //~ EBC2019
int fn(void) = 3;                            //~ EBC2020
struct incomplete;
int locals(void)
{
    extern int outer = 3;                    //~ EBC2021
    struct incomplete x;                     //~ EBC2022
    int again;
    int again;                               //~ EBC2010
    static int nested(void);                 //~ EBC2037
    __auto_type y;                           //~ EBC2032
    return 0;
}
struct incomplete never;                     //~ EBC2023
_Static_assert(sizeof(int) == 8, "int is 8");    //~ EBC2025
_Static_assert(1, "fine");
static implicit;                             //~ EBC2026
long char strange;                           //~ EBC2027
_Complex double z;                           //~ EBC2028
int voids(void, int);                        //~ EBC2029
int voidparam(void x);                       //~ EBC2030
int old(a) int b; { return a; }              //~ EBC2026 EBC2031
void aliased(void) __attribute__((alias("nothing_here")));   //~ EBC2033
static __thread int tls;                     //~ EBC2034
typedef int function_type(void);
function_type defined { return 0; }          //~ EBC2036
void printer(const char *format, ...) { }    //~ EBC2310
int;                                         //~ EBC2559
int redefined(void) { return 0; }
int redefined(void) { return 1; }            //~ EBC2010
void *voidvar_p; void voidvar;               //~ EBC2022
int not_a_type;
typedef int not_a_type;                      //~ EBC2011
not_a_type unknown;                          //~ EBC2005
