// everything -Wuninitialized -Wunused-variable -Wunused-but-set-variable -Wunused-parameter -Wunused-label -Wunused-function -Wimplicit-fallthrough
enum color { RED, GREEN, BLUE };
struct value { int x; };
int unused_global;
int jumps(int i)
{
    break;                                   //~ EBC2401
    continue;                                //~ EBC2402
    case 3: i++;                             //~ EBC2403
    switch (i) {
    case 1:
    case 1:                                  //~ EBC2404
    default:
    default:                                 //~ EBC2405
        break;
    }
    goto nowhere;                            //~ EBC2407
twice:
twice:                                       //~ EBC2408 EBC2513
    return i;
}
int selects(struct value v, enum color c, unsigned char b, int i)
{
    switch (v) { }                           //~ EBC2406
    switch (c) {                             //~ EBC2552
    case RED: break;
    case 7: break;                           //~ EBC2553
    }
    switch (i) {
    case 4 ... 2: break;                     //~ EBC2554
    case 0x100000000: break;                 //~ EBC2555
    case i: break;                           //~ EBC2120
    case 10:
        b++;
    case 11:                                 //~ EBC2556
        b--;
        __attribute__((fallthrough));
    case 12:
        b++;
    }
    if (i);                                  //~ EBC2557
    return b;
}
void no_value(void) { return 3; }            //~ EBC2409
int value(void) { return; }                  //~ EBC2410
void assembly(int i)
{
    asm("" : "r"(i));                        //~ EBC2411
    asm("" : "=Q"(i));                       //~ EBC2412
    asm("" : : "Q"(i));                      //~ EBC2412
    for (static int k = 0; k < 3; k++) i++;  //~ EBC2413
}
int unused(int parameter)                    //~ EBC2512
{
    int variable;                            //~ EBC2510
    int set;                                 //~ EBC2511
    set = 1;
    3 + 4;                                   //~ EBC2514
    unused_global == 2;                      //~ EBC2515
    return 0;
}
static int never_called(void) { return 0; }  //~ EBC2517
int uninitialized(int i)
{
    int x;
    return x + i;                            //~ EBC2520
}
int no_return(int i)
{
    if (i)
        return 1;
}                                            //~ EBC2521
__attribute__((noreturn)) void comes_back(void)
{
}                                            //~ EBC2522
int *local_address(void)
{
    int local = 1;
    return &local;                           //~ EBC2564
}
