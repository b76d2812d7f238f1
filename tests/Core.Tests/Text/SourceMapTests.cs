// Positions through files and macro expansions, and line tables.
using Ebpfcc.Core.Text;
using Xunit;

namespace Ebpfcc.Core.Tests.Text;

public class SourceMapTests
{
    [Fact]
    public void Lines_and_columns_of_a_file()
    {
        var text = new SourceText("a.c", "one\ntwo\r\n\nlast");
        Assert.Equal(4, text.LineCount);
        Assert.Equal((1, 1), text.GetLineAndColumn(0));
        Assert.Equal((1, 4), text.GetLineAndColumn(3));
        Assert.Equal((2, 1), text.GetLineAndColumn(4));
        Assert.Equal((3, 1), text.GetLineAndColumn(9));
        Assert.Equal((4, 5), text.GetLineAndColumn(text.Length));
        Assert.Equal("two", text.GetLine(1).ToString());
        Assert.Equal("", text.GetLine(2).ToString());
        Assert.Equal("last", text.GetLine(3).ToString());
        Assert.Equal(1, new SourceText("e", "").LineCount);
    }

    [Fact]
    public void Files_are_told_apart_and_remember_their_include()
    {
        var map = new SourceMap();
        SourceLocation main = map.AddFile(new SourceText("main.c", "#include \"h.h\"\nint x;"));
        SourceLocation header = map.AddFile(new SourceText("h.h", "int y;"), main);
        Assert.Equal("main.c:2:5", map.GetFilePosition(main + 19).ToString());
        Assert.Equal("h.h:1:5", map.GetFilePosition(header + 4).ToString());
        Assert.Equal("h.h:1:7", map.GetFilePosition(header + 6).ToString());
        Assert.Equal(main, map.GetIncludedFrom(header + 2));
        Assert.Null(map.GetFilePosition(SourceLocation.None));
        Assert.Equal("main.c:1:1", map.GetFilePosition(main).ToString());
    }

    [Fact]
    public void Expansions_have_a_spelling_and_an_invocation()
    {
        var map = new SourceMap();
        SourceLocation file = map.AddFile(new SourceText("m.c", "#define A(x) (x + 1)\nA(7)\n"));
        SourceLocation definition = file + 13, invocation = file + 21, argument = file + 23;
        SourceLocation body = map.AddExpansion("A", definition, invocation, 7, isArgument: false);
        SourceLocation passed = map.AddExpansion("A", argument, invocation, 1, isArgument: true);
        Assert.True(map.IsInExpansion(body + 3));
        Assert.False(map.IsInExpansion(file));
        Assert.Equal("m.c:2:1", map.GetFilePosition(body + 3).ToString());
        Assert.Equal("m.c:1:17", map.GetSpellingPosition(body + 3).ToString());
        Assert.Equal("m.c:2:3", map.GetFilePosition(passed).ToString());
        SourceLocation nested = map.AddExpansion("B", body + 1, body + 1, 1, isArgument: false);
        Assert.Equal(["B", "A"], map.GetMacroFrames(nested).Select(frame => frame.MacroName));
        Assert.Equal("m.c:2:1", map.GetFilePosition(nested).ToString());
        Assert.Empty(map.GetMacroFrames(file + 2));
    }

    [Fact]
    public void Spans_join()
    {
        SourceSpan first = SourceSpan.At(new SourceLocation(5), 2), second = SourceSpan.At(new SourceLocation(9), 3);
        Assert.Equal(new SourceSpan(new SourceLocation(5), new SourceLocation(12)), first.To(second));
        Assert.Equal(first, first.To(SourceSpan.None));
        Assert.Equal(second, SourceSpan.None.To(second));
    }
}
