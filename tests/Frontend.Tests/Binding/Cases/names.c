// -Wunused
struct point { int abscissa, ordinate; };
int global_value;
extern int helper_call(int x);
int use(struct point *p)
{
    int local_name = 1;
    local_name += undeclared_thing;          //~ EBC2001
    local_name += undeclared_thing;
    local_name += local_nane;                //~ EBC2002
    helper_cal(3);                           //~ EBC2004
    completely_unknown(4);                   //~ EBC2003
    completely_unknown(5);
    __builtin_no_such_thing(1);              //~ EBC2006
    local_name += (int)sizeof(struct nowhere);   //~ EBC2127
    p->abscisa = 1;                          //~ EBC2211
    p->zzz = 1;                              //~ EBC2210
    return local_name;
}
typedef int number;
int h(void) { return helper_call(int); }       //~ EBC2007
