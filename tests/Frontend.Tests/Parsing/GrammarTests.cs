// Constructs of C11 and GNU C that real programs and headers use: each parses, and its tree has the shape that the
// standard gives it (shown by the printed tree where precedence or nesting matters).
using Ebpfcc.Frontend.Syntax;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Parsing;

public class GrammarTests
{
    [Theory]
    [InlineData("int f(a, b) int a; char *b; { return a; }")]
    [InlineData("f() { return 0; }")]
    [InlineData("static inline __attribute__((always_inline)) int f(void) __attribute__((unused)); int f(void) { return 0; }")]
    [InlineData("struct __attribute__((packed)) s { int a:3, :0; unsigned b; struct { int c; }; union { int d; long e; } u; int f[]; } __attribute__((aligned(8)));")]
    [InlineData("enum e { A = 1 << 3, B __attribute__((deprecated)) = A | 2, C, };")]
    [InlineData("enum small : unsigned char { X }; enum small2 : unsigned char;")]
    [InlineData("struct b { enum small : 3; enum small x : 2; };")]
    [InlineData("typedef unsigned u32; struct s { u32 u32; u32 :8; u32 a, u33; }; u32 f(u32 u32) { return u32 + 1; }")]
    [InlineData("typedef int T; int f(void) { T T = 3; { int x = T * T; } return T; }")]
    [InlineData("typedef int T; int f(void) { typedef char T; T x = 1; return sizeof(T) + x; } T y;")]
    [InlineData("typedef int T; int f(int T) { return T * 2; } T g(T);")]
    [InlineData("typedef int T; int f(void) { for (T i = 0; i < 3; i++) { T: goto T; } return (T)3; }")]
    [InlineData("typedef const char (* const names)[32]; extern names n;")]
    [InlineData("int (*table[4])(int, char *), *p, a[2][3]; int (*(*g)(void))[3];")]
    [InlineData("int x = sizeof(int), y = sizeof x, z = sizeof(x), w = _Alignof(long), v = __alignof__ x;")]
    [InlineData("struct p { int x, y; }; struct p q = { .x = 1, .y = 2 }, r = { x: 1, y: 2 }, t[] = { [0] = { 1 }, [1 ... 3] = { 2 }, [4] { 3 } };")]
    [InlineData("int f(int a) { return a ?: 3; }")]
    [InlineData("int f(int a) { switch (a) { case 1 ... 5: case 7: return 1; default: break; } return ({ int b = a; b + 1; }); }")]
    [InlineData("int f(void) { __label__ out; void *p = &&out; goto *p; out: return 0; }")]
    [InlineData("int f(int a) { asm volatile (\"%0 = %1\" : \"=r\"(a) : \"r\"(a), [x] \"i\"(3) : \"memory\", \"r0\"); asm(\"\" ::: \"memory\"); return a; }")]
    [InlineData("int f(int a) { asm goto (\"if r0 == 0 goto %l[out]\" : : \"r\"(a) : : out); out: return 0; }")]
    [InlineData("__asm__(\".globl x\"); extern int g(void) __asm__(\"llvm.bpf.load.byte\");")]
    [InlineData("int f(int a) { __typeof__(a) b = a; __auto_type c = b; typeof(int *) d = &b; return *d + c; }")]
    [InlineData("int f(int a) { return _Generic(a, int: 1, char *: 2, default: 3); }")]
    [InlineData("_Static_assert(sizeof(int) == 4, \"int\"); _Static_assert(1); struct s { int a; _Static_assert(1, \"x\"); };")]
    [InlineData("int x = __builtin_types_compatible_p(int, unsigned) + __builtin_offsetof(struct s, a.b[2].c) + __builtin_choose_expr(1, 2, 3);")]
    [InlineData("void f(__builtin_va_list ap) { int a = __builtin_va_arg(ap, int); }")]
    [InlineData("_Noreturn void f(void); _Thread_local int t; _Atomic int a; _Atomic(long) b; int _Atomic c; _Alignas(16) char d; _Alignas(long) char e;")]
    [InlineData("__int128 a; unsigned __int128 b; _Float16 c; long double d; double _Complex e; __signed__ char f; __uint128_t g;")]
    [InlineData("int * restrict p; int f(int n, int a[static restrict n], int b[*], int c[const 3]);")]
    [InlineData("struct s { int a; }; int f(struct s *p) { return ((struct s){ .a = 1 }).a + (*(struct s *)p).a + (int){3} + sizeof (struct s){ 1 }.a; }")]
    [InlineData("int f(int a) { if (a) if (a > 1) return 1; else return 2; else return 3; }")]
    [InlineData("int f(int a) { __attribute__((fallthrough)); __extension__ int b = 1; __extension__ ({ a; }); ; return b; }")]
    [InlineData("int f(int a) { l: __attribute__((unused)); switch (a) { case 1: } x: }")]
    [InlineData("int x = 'a' + L'b' + '\\'' ; char *s = \"a\" \"b\" \"\\\"\"; int y = 0x1fULL + 0b11 + 017 + 1.5e+3 + 0x1p-3;")]
    [InlineData("int __attribute__((__section__(\"maps\"), used)) *__attribute__((btf_type_tag(\"user\"))) x;")]
    [InlineData("void f(int (*cb)(void *ctx, int), void (*)(void), int (int), int (x));")]
    [InlineData("int a = 1, *b = &a, c[] = { 1, 2, }, (*d)(void) = 0;")]
    [InlineData("extern int printf(const char *, ...) __attribute__((format(printf, 1, 2)));")]
    [InlineData("int f(int a) { int n = a; int v[n]; return a, n; }")]
    [InlineData("typedef struct list { struct list *next; } list; list *head; int f(list *l) { return (list *)l == l; }")]
    public void Parses(string source)
    {
        FrontendRun run = FrontendRun.Preprocess(source);
        run.Parse();
        Assert.Equal("", run.Diagnostics);
    }

    [Theory]
    [InlineData("a + b * c - d", "Subtract(Add(a Multiply(b c)) d)")]
    [InlineData("a = b = c ? d : e ? f : g", "Assign(a Assign(b Conditional(c d Conditional(e f g))))")]
    [InlineData("a || b && c | d ^ e & f == g < h << i + j * k", "LogicalOr(a LogicalAnd(b BitwiseOr(c BitwiseXor(d BitwiseAnd(e Equal(f Less(g ShiftLeft(h Add(i Multiply(j k))))))))))")]
    [InlineData("a ? b, c : d", "Conditional(a Comma(b c) d)")]
    [InlineData("a += b -= c", "Assign Add(a Assign Subtract(b c))")]
    [InlineData("-a[1]++ + *p->q.r", "Add(Minus(PostIncrement(Index(a 1))) Dereference(Member .r(Member ->q(p))))")]
    [InlineData("(a, b)", "Comma(a b)")]
    [InlineData("!f(a, b)(c)", "LogicalNot(Call(Call(f a b) c))")]
    [InlineData("a - b - c", "Subtract(Subtract(a b) c)")]
    [InlineData("a ?: b ?: c", "Elvis(a Elvis(b c))")]
    [InlineData("sizeof a + 1", "Add(SizeOf(a) 1)")]
    public void OperatorsBind(string expression, string expected)
    {
        FrontendRun run = FrontendRun.Preprocess($"int f(void) {{ return {expression}; }}");
        ITopLevelDeclaration declaration = run.Parse().Declarations[0];
        Assert.Equal("", run.Diagnostics);
        var function = Assert.IsType<FunctionDefinitionSyntax>(declaration.Syntax);
        var statement = Assert.IsType<ReturnStatementSyntax>(function.Body.Items[0]);
        Assert.Equal(expected, Compact(SyntaxPrinter.Print(statement.Value!)));
    }

    /// <summary>The indented tree on one line: <c>Node(child child)</c>, names and numbers bare.</summary>
    private static string Compact(string tree)
    {
        string[] lines = tree.TrimEnd('\n').Split('\n');
        int Depth(int i) => (lines[i].Length - lines[i].TrimStart().Length) / 2;
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            text.Append(line.StartsWith("Name ", StringComparison.Ordinal) || line.StartsWith("Number ", StringComparison.Ordinal) ? line[(line.IndexOf(' ') + 1)..] : line);
            int next = i + 1 < lines.Length ? Depth(i + 1) : 0;
            if (i + 1 < lines.Length && next > Depth(i))
                text.Append('(');
            else
                text.Append(')', Depth(i) - next).Append(i + 1 < lines.Length ? " " : "");
        }
        return text.ToString();
    }

    [Fact]
    public void DeclaratorsNestFromTheOutside()
    {
        FrontendRun run = FrontendRun.Preprocess("int *(*f[3])(void);");
        var declaration = Assert.IsType<SimpleDeclarationSyntax>(run.Parse().Declarations[0].Syntax);
        Assert.Equal("Pointer(Function(Pointer(Array(3 f))))", Compact(SyntaxPrinter.Print(declaration.Declarators[0].Declarator)));
        Assert.Equal("main.c:1:8", run.Map.GetFilePosition(declaration.Declarators[0].Location).ToString());
    }

    [Fact]
    public void PragmasReachTheirNodes()
    {
        FrontendRun run = FrontendRun.Preprocess(
            """
            #pragma pack(push, 1)
            struct a { char c; int i; };
            #pragma pack(pop)
            #pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
            struct b { int i; };
            #pragma clang attribute pop
            #define N 4
            int f(int n) {
            #pragma unroll
                for (int i = 0; i < 3; i++) n++;
            #pragma unroll N
                while (n) n--;
                _Pragma("clang loop unroll(disable)") do n++; while (n < 3);
                for (;;) ;
            }
            struct c { int i; };
            """);
        IReadOnlyList<ITopLevelDeclaration> declarations = run.Parse().Declarations;
        Assert.Equal("", run.Diagnostics);
        RecordSpecifierSyntax Record(int i) => (RecordSpecifierSyntax)((SimpleDeclarationSyntax)declarations[i].Syntax).Specifiers.Type!;
        Assert.Equal((1, 0), (Record(0).PragmaPack, Record(0).Attributes.Count));
        Assert.Equal((0, "preserve_access_index"), (Record(1).PragmaPack, Record(1).Attributes[0].Name));
        Assert.Equal((0, 0), (Record(3).PragmaPack, Record(3).Attributes.Count));
        var loops = ((FunctionDefinitionSyntax)declarations[2].Syntax).Body.Items.OfType<LoopStatementSyntax>().Select(loop => loop.UnrollHint);
        Assert.Equal([int.MaxValue, 4, 0, null], loops);
    }
}
