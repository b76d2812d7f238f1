// The kernel's rules for classic programs: one program for each of them, and the same without the fault.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Classic;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Classic;

public sealed class ClassicCheckerTests
{
    [Theory]
    [InlineData("ret #0", null)]
    [InlineData("ret a", null)]
    [InlineData("ld #1", "0: the last instruction does not return")]
    [InlineData("div #0\nret #0", "0: division by zero")]
    [InlineData("mod #0\nret #0", "0: division by zero")]
    [InlineData("div x\nret #0", null)]
    [InlineData("lsh #31\nret #0", null)]
    [InlineData("lsh #32\nret #0", "0: a shift by 32 is more than 31")]
    [InlineData("rsh #32\nret #0", "0: a shift by 32 is more than 31")]
    [InlineData("st M[15]\nret #0", null)]
    [InlineData("st M[16]\nret #0", "0: there is no cell M[16]")]
    [InlineData("ldx M[16]\nret #0", "0: there is no cell M[16]")]
    [InlineData("ld M[0]\nret #0", "0: M[0] is read where it may not have been written")]
    [InlineData("stx M[3]\nld M[3]\nret a", null)]
    [InlineData("jeq #1, 1, 2\nst M[0]\nld M[0]\nret a", "2: M[0] is read where it may not have been written")]
    [InlineData("jeq #1, 1, 3\nst M[0]\nja 4\nst M[0]\nld M[0]\nret a", null)]
    [InlineData("jeq #1, 2, 3\nld M[9]\nret #0\nret #1", null)] // nothing reaches the load
    [InlineData("ja 1\nret #0", null)]
    [InlineData("ja 2\nret #0", "0: the jump leaves the program")]
    [InlineData("jgt #1, 1, 2\nret #0", "0: the jump leaves the program")]
    [InlineData("ld [-4096]\nret #0", null)] // SKF_AD_PROTOCOL
    [InlineData("ld [-4095]\nret #0", "0: no extension has the offset 0xfffff001")]
    [InlineData("ldb [-4032]\nret #0", "0: no extension has the offset 0xfffff040")]
    [InlineData("ldh [-4097]\nret #0", null)]
    [InlineData("ldh [x - 1]\nret #0", "parse")]
    public void Socket_filters(string text, string? problem) => Check(text, ClassicDialect.Socket, problem);

    [Theory]
    [InlineData("ld [0]\nret a", null)]
    [InlineData("ld [60]\nret a", null)]
    [InlineData("ld [64]\nret a", "0: struct seccomp_data has no word at 64")]
    [InlineData("ld [2]\nret a", "0: struct seccomp_data has no word at 2")]
    [InlineData("ld [-4096]\nret a", "0: struct seccomp_data has no word at 4294963200")]
    [InlineData("ldh [0]\nret a", "0: ldh (0x28) is not allowed in filters of system calls")]
    [InlineData("ld [x + 0]\nret a", "0: ld (0x40) is not allowed in filters of system calls")]
    [InlineData("ldxb 4*([0]&0xf)\nret a", "0: ldxb (0xb1) is not allowed in filters of system calls")]
    [InlineData("mod #3\nret a", "0: mod (0x94) is not allowed in filters of system calls")]
    [InlineData("ld #len\nldx #len\nret a", null)]
    public void System_call_filters(string text, string? problem) => Check(text, ClassicDialect.Seccomp, problem);

    private static void Check(string text, ClassicDialect dialect, string? problem)
    {
        ClassicSource? source = ClassicParser.Parse(text, new SourceLocation(1), new DiagnosticBag());
        if (problem == "parse")
        {
            Assert.Null(source);
            return;
        }
        ClassicFilter? filter = ClassicChecker.Check(source!.Instructions, dialect, out (int Index, string Reason) found);
        Assert.Equal(problem, filter is null ? $"{found.Index}: {found.Reason}" : null);
        var bag = new DiagnosticBag();
        Assert.Equal(filter is null, source.Check(dialect, bag) is null);
        Assert.Equal(filter is null ? 1 : 0, bag.ErrorCount);
    }

    [Fact]
    public void Lengths_and_codes()
    {
        ClassicInstruction ret = new(0x06, 0, 0, 0);
        Assert.Null(ClassicChecker.Check([], ClassicDialect.Socket, out _));
        Assert.NotNull(ClassicChecker.Check(Enumerable.Repeat(ret, 4096).ToArray(), ClassicDialect.Socket, out _));
        Assert.Null(ClassicChecker.Check(Enumerable.Repeat(ret, 4097).ToArray(), ClassicDialect.Socket, out _));
        for (int code = 0; code <= 0x1ff; code++)
        {
            bool isKnown = ClassicTable.Find(code) is not null;
            Assert.Equal(isKnown, ClassicChecker.Check([new ClassicInstruction((ushort)code, 0, 0, 1), .. Enumerable.Repeat(ret, 3)], ClassicDialect.Socket, out (int, string Reason) problem) is not null || !problem.Reason.Contains("no operation"));
        }
    }
}
