// No input may throw, hang or exhaust the stack: deep nesting is refused, long chains work, mutated programs only produce
// diagnostics.
using Ebpfcc.Frontend.Parsing;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Parsing;

public class RobustnessTests
{
    [Theory]
    [InlineData("(", "1", ")")]
    [InlineData("{", ";", "}")]
    [InlineData("a[", "1", "]")]
    [InlineData("!", "1", "")]
    [InlineData("({", "1;", "})")]
    [InlineData("if (1) ", ";", "")]
    [InlineData("f(", "1", ")")]
    [InlineData("(int){", "1", "}")]
    [InlineData("sizeof ", "1", "")]
    [InlineData("a ? ", "1", " : 2")]
    public void DeepNestingIsRefusedWithOneDiagnostic(string open, string inner, string close)
    {
        string body = string.Concat(Enumerable.Repeat(open, 20_000)) + inner + string.Concat(Enumerable.Repeat(close, 20_000));
        FrontendRun run = FrontendRun.Preprocess($"int f(void) {{ {body}; }}\nint g(void) {{ return 3 }}");
        run.Parse();
        Assert.Equal([ParsingDiagnostics.NestedTooDeeply, ParsingDiagnostics.ExpectedAfter], run.Bag.Items.Select(item => item.Descriptor));
    }

    [Theory]
    [InlineData("int f(void) { return ", "(", "1", ")", "; }")]
    [InlineData("int f(void) ", "{", ";", "}", "")]
    [InlineData("int x[] = ", "{", "1", "}", ";")]
    [InlineData("struct ", "s { struct ", "t { int x; }", "; }", ";")]
    [InlineData("int ", "(*", "x", ")(void)", ";")]
    public void NestingOfOneHundredLevelsWorks(string before, string open, string inner, string close, string after)
    {
        string body = string.Concat(Enumerable.Repeat(open, 100)) + inner + string.Concat(Enumerable.Repeat(close, 100));
        FrontendRun run = FrontendRun.Preprocess(before + body + after);
        run.Parse();
        Assert.Equal("", run.Diagnostics);
    }

    [Theory]
    [InlineData("int ", "*", "p;")]
    [InlineData("int a", "[1]", ";")]
    [InlineData("int x = a", ".b", ";")]
    public void EndlessDerivationsAreRefused(string before, string step, string after)
    {
        FrontendRun run = FrontendRun.Preprocess(before + string.Concat(Enumerable.Repeat(step, 20_000)) + after);
        run.Parse();
        Assert.Equal([ParsingDiagnostics.NestedTooDeeply], run.Bag.Items.Select(item => item.Descriptor));
    }

    [Fact]
    public void LongChainsWork()
    {
        string sum = string.Join(" + ", Enumerable.Range(0, 3000));
        string elses = string.Concat(Enumerable.Range(0, 2000).Select(i => $"if (a == {i}) return {i}; else "));
        string list = string.Join(", ", Enumerable.Range(0, 100_000));
        string cases = string.Concat(Enumerable.Range(0, 2000).Select(i => $"case {i}: "));
        FrontendRun run = FrontendRun.Preprocess($"int f(int a) {{ {elses} switch (a) {{ {cases} return 1; }} return {sum}; }} int x[] = {{ {list} }};");
        run.Parse();
        Assert.Equal("", run.Diagnostics);
    }

    private const string Seed =
        """
        #include <stddef.h>
        #define SEC(name) __attribute__((section(name), used))
        #define MAX(a, b) ((a) > (b) ? (a) : (b))
        typedef unsigned int u32;
        struct key { u32 a:3, b; union { char c[4]; u32 d; }; } __attribute__((packed));
        enum kind { ONE = 1, TWO, };
        static const struct key keys[] = { [0] = { .a = 1 }, [1 ... 2] = { 2, 3 } };
        #if defined(MAX) && MAX(1, 2) == 2
        SEC("xdp") int prog(void *ctx) {
            u32 sum = 0; struct key *k = (struct key *)ctx;
        #pragma unroll
            for (u32 i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
                sum += keys[i].a ?: k->d;
                if (sum > 10) break; else if (!sum) continue; else { goto out; }
            }
            switch (sum) { case ONE: case 3 ... 5: return 1; default: ; }
            asm volatile("%0 += %1" : "+r"(sum) : "r"(sum) : "memory");
        out:
            return ({ __typeof__(sum) t = sum; t * 2; }) + "str"[0] + 'c';
        }
        #endif
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void MutatedProgramsOnlyProduceDiagnostics(int seed)
    {
        var random = new Random(seed);
        string[] pieces = ["(", ")", "{", "}", "[", "]", ";", ",", "#", "##", "\"", "'", "\\", "\n", "*", "struct ", "typedef ", "int ", "u32 ", "/*", "*/", "...", "=", ":", "?", "__attribute__", "#define ", "#if ", "#endif\n", "_Pragma(", "0x", "\0", "\ud800", "é"];
        for (int round = 0; round < 300; round++)
        {
            var text = new System.Text.StringBuilder(Seed);
            int edits = 1 + random.Next(4);
            for (int i = 0; i < edits; i++)
            {
                int at = random.Next(text.Length);
                switch (random.Next(3))
                {
                    case 0: text.Remove(at, Math.Min(1 + random.Next(12), text.Length - at)); break;
                    case 1: text.Insert(at, pieces[random.Next(pieces.Length)]); break;
                    default:
                        int from = random.Next(text.Length);
                        text.Insert(at, text.ToString(from, Math.Min(1 + random.Next(30), text.Length - from)));
                        break;
                }
            }
            string source = text.ToString();
            try
            {
                FrontendRun run = FrontendRun.Preprocess(source);
                SyntaxTree tree = run.Parse();
                foreach (Syntax.ITopLevelDeclaration declaration in tree.Declarations)
                    Syntax.SyntaxPrinter.Print(declaration.Syntax, run.Map);
                _ = run.Diagnostics;
            }
            catch (Exception exception)
            {
                Assert.Fail($"{exception}\n{source}");
            }
        }
    }
}
