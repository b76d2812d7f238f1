// everything -Wmissing-field-initializers
struct pair { int a, b; };
struct flexible { int n; int rest[]; };
int other;
int not_constant = other;                    //~ EBC2321
int words[] = 3;                             //~ EBC2322
struct pair unknown = { .c = 1 };            //~ EBC2323
int words2[3] = { .x = 1 };                  //~ EBC2324
struct pair indexed = { [1] = 2 };           //~ EBC2325
int out[3] = { [3] = 1 };                    //~ EBC2326
int scalar = { .x = 1 };                     //~ EBC2327
struct incomplete;
struct incomplete unfinished = { 1 };        //~ EBC2328
struct flexible fine = { 1, { 2, 3 } };
void locals(void) { struct flexible bad = { 1, { 2, 3 } }; }     //~ EBC2329
char enormous[1ul << 40] = { [0 ... (1ul << 39)] = 1 };          //~ EBC2330
struct pair excess = { 1, 2, 3 };            //~ EBC2548
int two_in_one = { 1, 2 };                   //~ EBC2548
char text[3] = "abcd";                       //~ EBC2549
char exact[3] = "abc";
struct pair overridden = { .a = 1, .a = 2 }; //~ EBC2550
struct pair missing = { 1 };                 //~ EBC2551
struct pair zero = { 0 };
