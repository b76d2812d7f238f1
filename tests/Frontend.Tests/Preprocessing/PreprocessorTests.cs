// Directives, builtin macros, includes, pragmas, limits and diagnostics of the preprocessor.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Preprocessing;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Preprocessing;

public class PreprocessorTests
{
    private static void Expands(string source, string expected, PreprocessorOptions? options = null, IFileSystem? files = null)
    {
        FrontendRun run = FrontendRun.Preprocess(source, options, files);
        Assert.Equal("", run.Diagnostics);
        Assert.Equal(expected, run.TokenText);
    }

    [Theory]
    [InlineData("1 + 2 * 3 == 7", true)]
    [InlineData("(1 ? 2 : 3) == 2 && !(0 || 0)", true)]
    [InlineData("-1 > 0u", true)]
    [InlineData("-1 < 0", true)]
    [InlineData("0x7fffffffffffffff + 1 < 0", true)]
    [InlineData("'a' == 97 && '\\n' == 10 && '\\x41' == 0101 && '\\377' < 0", true)]
    [InlineData("0 && 1 / 0", false)]
    [InlineData("1 || 1 % 0", true)]
    [InlineData("defined X && defined(X) && !defined Y", true)]
    [InlineData("X == 3 && UNKNOWN == 0", true)]
    [InlineData("0b101 == 5 && 1ULL << 63 > 0 && ~0 == -1", true)]
    [InlineData("(2 | 1) == 3 && (6 & 3) == 2 && (6 ^ 3) == 5 && 7 >> 1 == 3 && -8 >> 1 == -4", true)]
    [InlineData("__has_builtin(__builtin_memcpy) && !__has_builtin(__builtin_no_such_thing)", true)]
    [InlineData("__has_attribute(__packed__) && __has_attribute(section)", true)]
    [InlineData("__has_include(\"a.h\") && !__has_include(<none.h>) && __has_include(HEADER)", true)]
    [InlineData("F(1) == 2 && defined F", true)]
    [InlineData("__STDC_VERSION__ >= 201112L && __bpf__ && __clang_major__ >= 10 && __BPF_CPU_VERSION__ == 3", true)]
    public void ConditionsHaveTheValueOfTheirExpression(string condition, bool expected)
        => Expands(
            $"#define X 3\n#define F(x) (x + 1)\n#define HEADER \"a.h\"\n#if {condition}\nyes\n#else\nno\n#endif\n",
            expected ? "yes" : "no",
            files: new MemoryFileSystem { ["a.h"] = "" });

    [Fact]
    public void SkippedGroupsAreNotRead() => Expands(
        """
        #if 0
        # error no
        #  if 1
        it's not a character "
        / /* #endif
        #endif */ "
        #  elif nonsense (
        #  else
        #  endif
        // #endif \
        #endif
        #include <none.h>
        #elif 1 // first
        a
        #elif 2
        b
        #else
        c
        #endif
        #ifndef X
        d
        #endif
        """,
        "a d");

    [Fact]
    public void LineSplicesAndCommentsVanish() => Expands(
        "#def\\\nine A\\\nB 1 /* x\n y */ + 2\nAB \"a\\\nb\" 1\\\n2 +\\\n+ // c \\\nstill\nx/**/y\r\nz %:%: <: :>",
        "1 + 2 \"ab\" 12 ++ x y z %:%: <: :>");

    [Fact]
    public void IncludesAreSearchedAsClangDoes()
    {
        var files = new MemoryFileSystem
        {
            ["src/local.h"] = "local",
            ["src/h.h"] = "beside",
            ["inc/h.h"] = "inc #include_next <h.h>\n#include_next <h.h>\n",
            ["sys/h.h"] = "sys",
            ["quote/q.h"] = "quote",
            ["after/z.h"] = "after",
        };
        var options = new PreprocessorOptions
        {
            IncludeDirectories = ["inc"], SystemDirectories = ["sys"], QuoteDirectories = ["quote"], AfterDirectories = ["after"], UseEmbeddedHeaders = false,
        };
        FrontendRun run = FrontendRun.Preprocess(
            "#include \"local.h\"\n#include \"h.h\"\n#include <h.h>\n#include \"q.h\"\n#define Z <z.h>\n#include Z\n#if __has_include(<q.h>)\nno\n#endif\n",
            options, files, path: "src/main.c");
        Assert.Equal("", run.Diagnostics);
        Assert.Equal("local beside inc # include_next < h . h > sys quote after", run.TokenText);
        Assert.Equal(["src/main.c", "src/local.h", "src/h.h", "inc/h.h", "sys/h.h", "quote/q.h", "after/z.h"], run.Source.Dependencies);
        Assert.Equal(["after/z.h", "sys/h.h"], run.Source.SystemDependencies.Order());
    }

    [Fact]
    public void GuardsAndOnceReadAHeaderOnce() => Expands(
        "#include \"once.h\"\n#include \"once.h\"\n#include \"guard.h\"\n#include \"guard.h\"\n#include \"guard2.h\"\n#include \"guard2.h\"\n#undef G\n#include \"guard.h\"\n",
        "once guard guard2 guard",
        files: new MemoryFileSystem
        {
            ["once.h"] = "#pragma once\nonce",
            ["guard.h"] = "/* c */\n#ifndef G\n#define G\nguard\n#endif // G\n",
            ["guard2.h"] = "#if !defined(G2)\n#define G2\nguard2\n#endif\n",
        });

    [Fact]
    public void CommandLineMacrosAndForcedIncludes() => Expands(
        "A B C D(2) E F",
        "f 1 2 2 + 1 E",
        new PreprocessorOptions
        {
            Macros = [new("A"), new("B=2"), new("C"), new("C", IsUndefinition: true), new("D(x)=x + 1"), new("F=")],
            ForcedIncludes = ["forced.h"],
        },
        new MemoryFileSystem { ["forced.h"] = "f\n#define C\n#undef A\n#define A 1\n" });

    [Fact]
    public void LocationsSurviveExpansion()
    {
        FrontendRun run = FrontendRun.Preprocess("#define INNER(x) (x + 1)\n#define OUTER(y) INNER(y)\n\nint a = OUTER(b);\n");
        PpToken b = default, plus = default;
        foreach (PpToken token in run.Source.Tokens)
        {
            if (token.Kind == PpTokenKind.Plus)
                plus = token;
            if (token.Kind == PpTokenKind.Identifier && run.Source.Names.GetText(token) == "b")
                b = token;
        }
        Assert.Equal("main.c:4:15", run.Map.GetFilePosition(b.Location).ToString());
        Assert.Equal("main.c:4:9", run.Map.GetFilePosition(plus.Location).ToString());
        Assert.Equal("main.c:1:21", run.Map.GetSpellingPosition(plus.Location).ToString());
        Assert.Equal(["INNER", "OUTER"], run.Map.GetMacroFrames(plus.Location).Select(frame => frame.MacroName));
    }

    [Fact]
    public void LineDirectivesRenumber()
    {
        FrontendRun run = FrontendRun.Preprocess("a\n#line 100 \"other.c\"\n__LINE__ __FILE__\n# 7 \"third.c\"\n__LINE__ __FILE__\n");
        Assert.Equal("a 100 \"other.c\" 7 \"third.c\"", run.TokenText);
        Assert.Equal("third.c:7:1", run.Map.GetFilePosition(run.Source.Tokens[3].Location).ToString());
    }

    [Fact]
    public void DiagnosticPragmasApplyFromTheirPlaceOn()
    {
        FrontendRun run = FrontendRun.Preprocess(
            """
            #define SEC _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-W#warnings\"") x _Pragma("GCC diagnostic pop")
            #warning one
            #pragma GCC diagnostic push
            #pragma GCC diagnostic ignored "-W#warnings"
            #warning two
            #include "h.h"
            #pragma GCC diagnostic error "-W#warnings"
            #warning four
            #pragma GCC diagnostic pop
            SEC
            #warning five
            """,
            files: new MemoryFileSystem { ["h.h"] = "#warning three\n" });
        Assert.Equal(
            "main.c:2:2: warning: one [EBC1004]\nmain.c:8:2: error: four [EBC1004]\nmain.c:11:2: warning: five [EBC1004]",
            run.Diagnostics);
    }

    [Fact]
    public void SystemHeadersDoNotWarn()
    {
        var files = new MemoryFileSystem
        {
            ["sys/a.h"] = "#warning system\n#define M 1\n#define M 2\n",
            ["b.h"] = "#pragma GCC system_header\n#warning declared system\n",
            ["c.h"] = "#warning user\n",
        };
        FrontendRun run = FrontendRun.Preprocess("#include <a.h>\n#include \"b.h\"\n#include \"c.h\"\n", new PreprocessorOptions { SystemDirectories = ["sys"] }, files);
        Assert.Equal("c.h:1:2: warning: user [EBC1004]", run.Diagnostics);
    }

    [Fact]
    public void BytesThatAreNoUtf8Survive()
    {
        string text = SourceEncoding.Decode([0xEF, 0xBB, 0xBF, (byte)'a', 0xC3, 0xA9, 0xE9, 0xF0, 0x9F, 0x98, 0x80, 0xFF]);
        Assert.Equal("a\u00e9\udce9\ud83d\ude00\udcff", text);
        var bytes = new List<byte>();
        Assert.True(Ebpfcc.Frontend.Binding.Literals.Decode("\"" + text + "\"", Ebpfcc.Frontend.Symbols.IntegerType.Char, bytes));
        Assert.Equal([(byte)'a', 0xC3, 0xA9, 0xE9, 0xF0, 0x9F, 0x98, 0x80, 0xFF], bytes);
    }

    [Theory]
    [InlineData("#include <none.h>", "main.c:1:10: error: 'none.h' file not found [EBC1000]")]
    [InlineData("#error stop \"here\"", "main.c:1:2: error: stop \"here\" [EBC1003]")]
    [InlineData("/* open", "main.c:1:1: error: unterminated /* comment [EBC1002]")]
    [InlineData("#if 1\nx", "main.c:1:1: error: unterminated conditional directive [EBC1006]")]
    [InlineData("#endif", "main.c:1:1: error: #endif without #if [EBC1007]")]
    [InlineData("#if 1\n#else\n#else\n#endif", "main.c:3:1: error: #else after #else [EBC1008]")]
    [InlineData("#define", "main.c:1:8: error: macro name missing [EBC1009]")]
    [InlineData("#define 3", "main.c:1:9: error: macro name must be an identifier [EBC1010]")]
    [InlineData("#define defined", "main.c:1:9: error: 'defined' cannot be used as a macro name [EBC1011]")]
    [InlineData("#frob", "main.c:1:2: error: invalid preprocessing directive '#frob' [EBC1005]")]
    [InlineData("#define A 1\n#define A 2", "main.c:2:9: warning: 'A' macro redefined [EBC1013]\nmain.c:1:9: note: previous definition is here")]
    [InlineData("#define F(a,a) a", "main.c:1:13: error: duplicate name 'a' in macro parameter list [EBC1015]")]
    [InlineData("#define F(a #a", "main.c:1:13: error: expected a comma in macro parameter list [EBC1015]")]
    [InlineData("#define F(a) #b", "main.c:1:14: error: '#' is not followed by a macro parameter [EBC1016]")]
    [InlineData("#define F(a) ##a", "main.c:1:14: error: '##' cannot appear at start of macro expansion [EBC1017]")]
    [InlineData("#define F(a) +##a\nF(*)", "main.c:2:1: error: pasting formed '+*', an invalid preprocessing token [EBC1018]")]
    [InlineData("#define F(a) a\nF(1", "main.c:2:1: error: unterminated function-like macro invocation of 'F' [EBC1019]\nmain.c:1:9: note: macro 'F' defined here")]
    [InlineData("#define F(a) a\nF(1,2)", "main.c:2:1: error: too many arguments provided to function-like macro invocation of 'F' [EBC1020]\nmain.c:1:9: note: macro 'F' defined here")]
    [InlineData("#define F(a,b) a\nF(1)", "main.c:2:1: error: too few arguments provided to function-like macro invocation of 'F' [EBC1021]\nmain.c:1:9: note: macro 'F' defined here")]
    [InlineData("#if 1 +\n#endif", "main.c:1:8: error: expected value in preprocessor expression [EBC1026]")]
    [InlineData("#if (1\n#endif", "main.c:1:7: error: expected ')' in preprocessor expression [EBC1026]")]
    [InlineData("#if 1 / 0\n#endif", "main.c:1:7: error: division by zero in preprocessor expression [EBC1027]")]
    [InlineData("#if F(1)\n#endif", "main.c:1:5: error: function-like macro 'F' is not defined in preprocessor expression [EBC1026]")]
    [InlineData("#include", "main.c:1:9: error: expected \"FILENAME\" or <FILENAME> [EBC1023]")]
    [InlineData("#include \"main.c\"", "main.c:1:10: error: #include nested too deeply [EBC1022]")]
    [InlineData("_Pragma(3)", "main.c:1:1: error: _Pragma takes a parenthesized string literal [EBC1028]")]
    [InlineData("#line x", "main.c:1:7: error: #line directive requires a positive integer argument and an optional file name [EBC1031]")]
    [InlineData("__DATE__", "main.c:1:1: warning: __DATE__ is fixed to the start of 1970 so that the output is reproducible; set SOURCE_DATE_EPOCH to choose [EBC1032]")]
    [InlineData("#pragma GCC poison evil\nevil", "main.c:2:1: error: attempt to use a poisoned identifier 'evil' [EBC1033]")]
    [InlineData("#pragma pack(3)", "main.c:1:1: warning: expected #pragma pack parameter to be '1', '2', '4', '8', or '16' [EBC1030]")]
    [InlineData("#endif extra", "main.c:1:8: warning: extra tokens at end of #endif directive [EBC1012]\nmain.c:1:1: error: #endif without #if [EBC1007]")]
    public void MistakesHaveOnePreciseDiagnostic(string source, string expected)
    {
        FrontendRun run = FrontendRun.Preprocess(source, files: new MemoryFileSystem { ["main.c"] = source });
        Assert.Equal(expected, run.Diagnostics);
    }

    [Theory]
    [InlineData("objects")]
    [InlineData("arguments")]
    [InlineData("nothing")]
    [InlineData("paste")]
    [InlineData("stringize")]
    [InlineData("nested")]
    public void RunawayMacrosEndInADiagnostic(string kind)
    {
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < 40; i++)
        {
            text.Append(kind switch
            {
                "objects" => $"#define A{i} A{i + 1} A{i + 1}\n",
                "arguments" => $"#define A{i}(x) A{i + 1}(x x)\n",
                "nothing" => i == 39 ? "#define A39\n" : $"#define A{i} A{i + 1} A{i + 1}\n",
                "paste" => $"#define P{i}(x) A{i}(x ## x)\n#define A{i}(x) P{i + 1}(x)\n",
                "stringize" => $"#define S{i}(x) #x #x\n#define A{i}(x) A{i + 1}(S{i}(x))\n",
                _ => "",
            });
        }
        text.Append(kind switch
        {
            "objects" or "nothing" => "A0",
            "nested" => string.Concat("#define F(x) x\n", string.Concat(Enumerable.Repeat("F(", 5000)), new string(')', 5000)),
            _ => "A0(y)",
        });
        FrontendRun run = FrontendRun.Preprocess(text.ToString(), new PreprocessorOptions { TokenLimit = 200_000 });
        Assert.Contains(run.Bag.Items, item => item.Descriptor == PreprocessorDiagnostics.ExpansionTooLarge || item.Descriptor == PreprocessorDiagnostics.ExpansionTooDeep);
        Assert.Single(run.Bag.Items);
    }

    [Fact]
    public void PrintedOutputReadsBackTheSame()
    {
        const string source = "#define F(x) -x +x x##x\nint a = -F(-1) F(y);\n#pragma unroll 3\nfor\n\n\n\n\n\n\n\n\n\n\n( ; ; ) ;\nchar *s = \"a\\\\b\";\n";
        FrontendRun first = FrontendRun.Preprocess(source.Replace("F(-1)", "F(1)"));
        FrontendRun second = FrontendRun.Preprocess(PreprocessedPrinter.Print(first.Source));
        Assert.Equal("", first.Diagnostics + second.Diagnostics);
        Assert.Equal(first.TokenText, second.TokenText);
        for (int i = 0; i < first.Source.Count; i++)
            Assert.Equal(first.Map.GetFilePosition(first.Source.Tokens[i].Location)?.Line, second.Map.GetFilePosition(second.Source.Tokens[i].Location)?.Line);
    }

    [Fact]
    public void EveryDiagnosticHasItsOwnCode()
    {
        DiagnosticDescriptor[] all = [.. PreprocessorDiagnostics.All, .. Ebpfcc.Frontend.Parsing.ParsingDiagnostics.All];
        Assert.Equal(all.Length, all.Select(row => row.Id).Distinct().Count());
        Assert.All(all, row => Assert.Matches("^EBC1[01][0-9][0-9]$", row.Id));
        Assert.All(all, row => Assert.True(row.Explanation.Length > 20 && (row.Severity == DiagnosticSeverity.Error || row.WarningGroup is not null)));
    }
}
