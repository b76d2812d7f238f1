// One mistake, one precise diagnostic: what is missing, where, and after what; several mistakes in one run.
using Xunit;

namespace Ebpfcc.Frontend.Tests.Parsing;

public class SyntaxErrorTests
{
    [Theory]
    // Semicolons.
    [InlineData("int f(void) { int a = 1\n return a; }", "main.c:1:24: error: expected ';' after end of declaration [EBC1100]")]
    [InlineData("int f(int a) { a = 1\n return a; }", "main.c:1:21: error: expected ';' after expression [EBC1100]")]
    [InlineData("int f(int a) { return a }", "main.c:1:24: error: expected ';' after return statement [EBC1100]")]
    [InlineData("int f(int a) { for (;;) { break } }", "main.c:1:32: error: expected ';' after break statement [EBC1100]")]
    [InlineData("int f(int a) { for (;;) { continue } }", "main.c:1:35: error: expected ';' after continue statement [EBC1100]")]
    [InlineData("int f(int a) { x: goto x }", "main.c:1:25: error: expected ';' after goto statement [EBC1100]")]
    [InlineData("int f(int a) { do a++; while (a < 3) }", "main.c:1:37: error: expected ';' after do/while statement [EBC1100]")]
    [InlineData("struct s { int a }; ", "main.c:1:17: error: expected ';' after end of declaration list [EBC1100]")]
    [InlineData("int x\nint y;", "main.c:1:6: error: expected ';' after top level declarator [EBC1100]")]
    [InlineData("struct s { int a; }\nint y;", "main.c:1:20: error: expected ';' after struct [EBC1117]")]
    // Brackets.
    [InlineData("int f(int a) { return (a + 1; }", "main.c:1:29: error: expected ')' [EBC1101]\nmain.c:1:23: note: to match this '('")]
    [InlineData("int f(int a) { if (a { return 1; } return 2; }", "main.c:1:22: error: expected ')' [EBC1101]\nmain.c:1:19: note: to match this '('")]
    [InlineData("int a[3; int b;", "main.c:1:8: error: expected ']' [EBC1101]\nmain.c:1:6: note: to match this '['")]
    [InlineData("int f(int a) { return a;\n", "main.c:1:25: error: expected '}' [EBC1101]\nmain.c:1:14: note: to match this '{'")]
    [InlineData("int f(int a) { return a; } }\nint b;", "main.c:1:28: error: extraneous closing brace ('}') [EBC1108]")]
    [InlineData("int f(int a) { g(a b); return 1; }", "main.c:1:20: error: expected ')' [EBC1101]\nmain.c:1:17: note: to match this '('")]
    [InlineData("int f(int a) { if a > 1) return 1; return 2; }", "main.c:1:19: error: expected '(' after 'if' [EBC1100]")]
    [InlineData("int f(int a) { while a) a--; return 2; }", "main.c:1:22: error: expected '(' after 'while' [EBC1100]")]
    // Expressions.
    [InlineData("int f(int a) { a = ; return a; }", "main.c:1:20: error: expected expression [EBC1102]")]
    [InlineData("int f(int a) { a = 3 + ; return a; }", "main.c:1:24: error: expected expression [EBC1102]")]
    [InlineData("int f(int a) { g(, a); return a; }", "main.c:1:18: error: expected expression [EBC1102]")]
    [InlineData("int f(int a) { return a[]; }", "main.c:1:25: error: expected expression [EBC1102]")]
    [InlineData("int x = ;", "main.c:1:9: error: expected expression [EBC1102]")]
    [InlineData("int f(struct s *p) { return p->; }", "main.c:1:32: error: expected identifier [EBC1104]")]
    [InlineData("int f(int a) { return a ? 1; }", "main.c:1:28: error: expected ':' [EBC1101]")]
    [InlineData("int f(int a) { else return 1; }", "main.c:1:16: error: expected expression [EBC1102]")]
    // Declarators, types.
    [InlineData("int f(int a) { int 3x; return a; }", "main.c:1:20: error: expected identifier or '(' [EBC1103]")]
    [InlineData("int ;\nint *;", "main.c:2:6: error: expected identifier or '(' [EBC1103]")]
    [InlineData("int f(int a, b c) { return a; }", "")]
    [InlineData("enum e { A, 3 };", "main.c:1:13: error: expected identifier [EBC1104]")]
    [InlineData("int f(int a, 3) { return a; }", "main.c:1:14: error: expected parameter declarator [EBC1116]")]
    [InlineData("int f(int a) int b; { }", "main.c:1:13: error: expected function body after function declarator [EBC1107]\nmain.c:1:21: error: expected identifier or '(' [EBC1103]")]
    [InlineData("return 3;", "main.c:1:1: error: statements can only appear in functions [EBC1114]")]
    [InlineData("int f(int a) { return sizeof(static int); }", "main.c:1:30: error: type name does not allow a storage class to be specified [EBC1113]")]
    // Characters and literals.
    [InlineData("int f(int a) { return a @ 1; }", "main.c:1:25: error: unexpected character <@> [EBC1110]")]
    [InlineData("char *s = \"abc;\nint x;", "main.c:1:11: error: missing terminating '\"' character [EBC1111]")]
    [InlineData("int c = 'a;\nint x;", "main.c:1:9: error: missing terminating ' character [EBC1111]")]
    [InlineData("int f(int a) { a # 3; return a; }", "main.c:1:18: error: unexpected '#' [EBC1112]")]
    // Statements.
    [InlineData("int f(int a) { switch (a) { case 1 return 3; } return 2; }", "main.c:1:35: error: expected ':' after 'case' [EBC1100]")]
    [InlineData("int f(int a) { do a--; (a); return 1; }", "main.c:1:24: error: expected 'while' [EBC1101]")]
    public void OneMistakeOneDiagnostic(string source, string expected)
    {
        FrontendRun run = FrontendRun.Preprocess(source);
        run.Parse();
        Assert.Equal(expected, run.Diagnostics);
    }

    [Fact]
    public void SeveralMistakesAreReportedInOneRun()
    {
        FrontendRun run = FrontendRun.Preprocess(
            """
            struct s { int a int b; };
            int f(int a)
            {
                a = 1
                if (a == ) { a = 2; }
                for (int i = 0; i < 3; i++ {
                    a += i;
                }
                return a;
            }
            int g(int b) { return b +; }
            int h(int c) { return c; }
            """);
        run.Parse();
        Assert.Equal(
            """
            main.c:1:17: error: expected ';' after end of declaration list [EBC1100]
            main.c:4:10: error: expected ';' after expression [EBC1100]
            main.c:5:14: error: expected expression [EBC1102]
            main.c:6:32: error: expected ')' [EBC1101]
            main.c:6:9: note: to match this '('
            main.c:11:26: error: expected expression [EBC1102]
            """.ReplaceLineEndings("\n"),
            run.Diagnostics);
    }
}
