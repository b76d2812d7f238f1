// The examples of C11 6.10.3.3 to 6.10.3.5 and of the GNU C manual, with the results that these texts give.
using Xunit;

namespace Ebpfcc.Frontend.Tests.Preprocessing;

public class StandardExamplesTests
{
    private static void Expands(string source, string expected)
    {
        FrontendRun run = FrontendRun.Preprocess(source);
        Assert.Equal("", run.Diagnostics);
        Assert.Equal(string.Join(' ', expected.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), run.TokenText);
    }

    [Fact]
    public void Example3RescanningAndHideSets() => Expands(
        """
        #define x 3
        #define f(a) f(x * (a))
        #undef x
        #define x 2
        #define g f
        #define z z[0]
        #define h g(~
        #define m(a) a(w)
        #define w 0,1
        #define t(a) a
        #define p() int
        #define q(x) x
        #define r(x,y) x ## y
        #define str(x) # x
        f(y+1) + f(f(z)) % t(t(g)(0) + t)(1);
        g(x+(3,4)-w) | h 5) & m
        (f)^m(m);
        p() i[q()] = { q(1), r(2,3), r(4,), r(,5), r(,) };
        char c[2][6] = { str(hello), str() };
        """,
        """
        f ( 2 * ( y + 1 ) ) + f ( 2 * ( f ( 2 * ( z [ 0 ] ) ) ) ) % f ( 2 * ( 0 ) ) + t ( 1 ) ;
        f ( 2 * ( 2 + ( 3 , 4 ) - 0 , 1 ) ) | f ( 2 * ( ~ 5 ) ) & f ( 2 * ( 0 , 1 ) ) ^ m ( 0 , 1 ) ;
        int i [ ] = { 1 , 23 , 4 , 5 , } ;
        char c [ 2 ] [ 6 ] = { "hello" , "" } ;
        """);

    [Fact]
    public void Example4StringizingAndPasting() => Expands(
        """
        #define str(s) # s
        #define xstr(s) str(s)
        #define debug(s, t) printf("x" # s "= %d, x" # t "= %s", \
          x ## s, x ## t)
        #define INCFILE(n) vers ## n
        #define glue(a, b) a ## b
        #define xglue(a, b) glue(a, b)
        #define HIGHLOW "hello"
        #define LOW LOW ", world"
        debug(1, 2);
        fputs(str(strncmp("abc\0d", "abc", '\4') // this goes away
          == 0) str(: @\n), s);
        xstr(INCFILE(2).h)
        glue(HIGH, LOW);
        xglue(HIGH, LOW)
        """,
        """
        printf ( "x" "1" "= %d, x" "2" "= %s" , x1 , x2 ) ;
        fputs ( "strncmp(\"abc\\0d\", \"abc\", '\\4') == 0" ": @\n" , s ) ;
        "vers2.h" "hello" ; "hello" ", world"
        """);

    [Fact]
    public void Example5Placemarkers() => Expands(
        """
        #define t(x,y,z) x ## y ## z
        int j[] = { t(1,2,3), t(,4,5), t(6,,7), t(8,9,), t(10,,), t(,11,), t(,,12), t(,,) };
        """,
        "int j [ ] = { 123 , 45 , 67 , 89 , 10 , 11 , 12 , } ;");

    [Fact]
    public void Example7VariableArguments() => Expands(
        """
        #define debug(...) fprintf(stderr, __VA_ARGS__)
        #define showlist(...) puts(#__VA_ARGS__)
        #define report(test, ...) ((test)?puts(#test): printf(__VA_ARGS__))
        debug("Flag");
        debug("X = %d\n", x);
        showlist(The first, second, and third items.);
        report(x>y, "x is %d but y is %d", x, y);
        """,
        """
        fprintf ( stderr , "Flag" ) ; fprintf ( stderr , "X = %d\n" , x ) ; puts ( "The first, second, and third items." ) ;
        ( ( x > y ) ? puts ( "x>y" ) : printf ( "x is %d but y is %d" , x , y ) ) ;
        """);

    [Fact]
    public void HashHashAsAnOrdinaryToken() => Expands(
        """
        #define hash_hash # ## #
        #define mkstr(a) # a
        #define in_between(a) mkstr(a)
        #define join(c, d) in_between(c hash_hash d)
        char p[] = join(x, y);
        """,
        "char p [ ] = \"x ## y\" ;");

    [Theory]
    [InlineData("f(2)(9)", "2 * 9 * g")]
    [InlineData("e1(\"a\")", "printf ( \"a\" )")]
    [InlineData("e1(\"a\",)", "printf ( \"a\" , )")]
    [InlineData("e1(\"a\", 1, 2)", "printf ( \"a\" , 1 , 2 )")]
    [InlineData("e2(\"a\")", "printf ( \"a\" )")]
    [InlineData("e2(\"a\", 1)", "printf ( \"a\" , 1 )")]
    [InlineData("o(a)", "f2 ( a )")]
    [InlineData("o(a, b)", "f2 ( a , b )")]
    [InlineData("o(a, EMPTY)", "f2 ( a )")]
    [InlineData("pre(a)", "ax")]
    [InlineData("__COUNTER__ __COUNTER__ __LINE__ __FILE__ __INCLUDE_LEVEL__", "0 1 9 \"main.c\" 0")]
    public void GnuExtensions(string use, string expected) => Expands(
        $"""
        #define f(a) a*g
        #define g(a) f(a)
        #define e1(fmt, ...) printf(fmt, ##__VA_ARGS__)
        #define e2(fmt, args...) printf(fmt, ## args)
        #define o(a, ...) f2(a __VA_OPT__(,) __VA_ARGS__)
        #define EMPTY
        #define pre(a) __ ## a ## x
        #define __ax ax
        {use}
        """,
        expected);
}
