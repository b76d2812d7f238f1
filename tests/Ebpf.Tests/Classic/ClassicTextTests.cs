// Text forms of classic programs: every row, round trips, tcpdump as oracle, and anything that is no program at all.
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Classic;

public sealed class ClassicTextTests
{
    internal static ClassicSource Parse(string text)
    {
        var bag = new DiagnosticBag();
        ClassicSource? source = ClassicParser.Parse(text, new SourceLocation(1), bag);
        Assert.True(source is not null && bag.Items.Count == 0, string.Join("\n", bag.Items.Select(item => item.Message)) + "\n" + text);
        return source;
    }

    /// <summary>The error of a text that is refused.</summary>
    private static Diagnostic Refused(string text)
    {
        var bag = new DiagnosticBag();
        Assert.Null(ClassicParser.Parse(text, new SourceLocation(1), bag));
        return Assert.Single(bag.Items);
    }

    /// <summary>One instruction of every row, and every extension; jumps lead to the return at the end.</summary>
    private static ClassicInstruction[] EveryRow()
    {
        ClassicInstruction[] rows = [.. ClassicTable.Rows.Select(row => new ClassicInstruction(row.Code, row.Operation == ClassicOperation.Branch ? (byte)1 : (byte)0, 0,
            row.Operation is ClassicOperation.Alu or ClassicOperation.Return or ClassicOperation.Transfer or ClassicOperation.LoadLength && row.Operand is ClassicOperand.None or ClassicOperand.Index or ClassicOperand.PacketLength
                || row.Operand == ClassicOperand.Index ? 0u : 7u))];
        ClassicInstruction[] extensions = [.. ClassicExtensions.Rows.Select(extension => new ClassicInstruction(0x20, 0, 0, extension.Offset))];
        return [.. rows, .. extensions, new(0x28, 0, 0, 0xfff00010), new(0x48, 0, 0, 0xffffffff), new(0x06, 0, 0, 262144), new(0x06, 0, 0, 0), new(0x06, 0, 0, 0), new(0x06, 0, 0, 0)];
    }

    [Fact]
    public void Every_row_prints_as_listed() => Snapshot.Verify(ClassicPrinter.Print(EveryRow()));

    [Theory]
    [InlineData(ClassicForm.Listing)]
    [InlineData(ClassicForm.Initializers)]
    [InlineData(ClassicForm.Numbers)]
    public void Text_is_read_back(ClassicForm form)
    {
        Assert.Equal(EveryRow(), Parse(ClassicPrinter.Print(EveryRow(), form)).Instructions);
        for (int seed = 0; seed < 300; seed++)
        {
            ClassicFilter filter = RandomClassic.Program(new Random(seed));
            Assert.Equal(form == ClassicForm.Listing ? Visible(filter.Instructions) : filter.Instructions, Parse(ClassicPrinter.Print(filter.Instructions, form)).Instructions);
        }
    }

    /// <summary>What an operation does not use is not part of its text.</summary>
    private static ClassicInstruction[] Visible(IEnumerable<ClassicInstruction> code)
        => [.. code.Select(x => x.Row!.Operand is ClassicOperand.None or ClassicOperand.Index or ClassicOperand.PacketLength ? x with { K = 0 } : x)];

    [Fact]
    public void Bytes_are_read_back()
    {
        var bag = new DiagnosticBag();
        Assert.Equal(EveryRow(), ClassicParser.FromBytes(ClassicPrinter.ToBytes(EveryRow()), bag)!.Instructions);
        Assert.Null(ClassicParser.FromBytes(new byte[12], bag));
        Assert.Null(ClassicParser.FromBytes([], bag));
        Assert.Equal(2, bag.ErrorCount);
    }

    [Fact]
    public void Languages_mean_the_same()
    {
        ClassicInstruction[] expected =
        [
            new(0x28, 0, 0, 12), new(0x15, 0, 4, 0x806), new(0x20, 0, 0, 0xfffff014), new(0x35, 2, 0, 7), new(0xb1, 0, 0, 14), new(0x06, 0, 0, 0xffffffff), new(0x06, 0, 0, 0),
        ];
        Assert.Equal(expected, Parse("ldh [12]\njne #0x806, drop ; not ARP\nld #mark\njge #7, drop, next\nnext: /* length */ ldx 4*([14]&0xf)\nend: done: ret #-1\ndrop: ret #0\n").Instructions);
        Assert.Equal(expected, Parse("(000) ldh [12]\n(001) jeq #0x806 jt 2\tjf 6\n(002) ld [mark]\n(003) jge #0x7 jt 6 jf 4\n(004) ldxb 4*([14]&0xf)\n(005) ret #-1\n(006) ret #0").Instructions);
        Assert.Equal(expected, Parse("struct sock_filter code[] = {\n{ 0x28, 0, 0, 12 }, { 0x15,0,4,0x806 }, // ARP\n{0x20,0,0,0xfffff014u}, {0x35,2,0,7},\n{0xb1,0,0,0xe,},{6,0,0,-1},{6,0,0,0}, };").Instructions);
        Assert.Equal(expected, Parse("7,40 0 0 12,21 0 4 2054,32 0 0 4294963220,53 2 0 7,177 0 0 14,6 0 0 4294967295,6 0 0 0,").Instructions);
    }

    [Theory]
    [InlineData("", "EBC8500", "expected a program but found nothing")]
    [InlineData("ldq [3]", "EBC8501", "unknown instruction 'ldq'")]
    [InlineData("ld x", "EBC8502", "'ld' does not take the operand 'x'")]
    [InlineData("ldh #5\nret #0", "EBC8502", "'ldh' does not take the operand '#5'")]
    [InlineData("ldx 3*([14]&0xf)", "EBC8502", "'ldx' does not take the operand '3*([14]&0xf)'")]
    [InlineData("ld [12", "EBC8500", "expected ']' but found the end")]
    [InlineData("ld [nothing]", "EBC8500", "expected an offset but found 'nothing]'")]
    [InlineData("jeq #5\nret #0", "EBC8500", "expected a target of the jump but found the end of the line")]
    [InlineData("jeq #5, there\nret #0", "EBC8504", "the label 'there' is not defined")]
    [InlineData("again: ld #5\nja again\nret #0", "EBC8505", "the jump leads backwards, to instruction 0")]
    [InlineData("{ 1, 2, 3 }", "EBC8500", "expected ',' but found '}'")]
    [InlineData("{ 1, 2, 300, 4 }", "EBC8503", "a distance 300 is out of range: 0 to 255")]
    [InlineData("{ 0x10000, 2, 3, 4 }", "EBC8503", "a code 0x10000 is out of range: 0 to 65535")]
    [InlineData("3\n6 0 0 0\n", "EBC8506", "3 instructions are announced, 1 follow")]
    [InlineData("1\n6 0 0", "EBC8500", "expected a constant but found the end")]
    [InlineData("ret #99999999999", "EBC8503", "a constant 99999999999 is out of range: -2147483648 to 4294967295")]
    public void Mistakes_are_named(string text, string code, string message)
    {
        Diagnostic diagnostic = Refused(text);
        Assert.Equal((code, message), (diagnostic.Id, diagnostic.Message));
        Assert.False(diagnostic.Span.IsNone);
    }

    /// <summary>Long texts take time in proportion to their length, whatever is in them.</summary>
    [Theory]
    [InlineData("{/*")]
    [InlineData("{")]
    [InlineData("{ /**/ ")]
    [InlineData("a:")]
    [InlineData("a: ld #1 ; x\n")]
    [InlineData("((")]
    [InlineData("1 ")]
    [InlineData("/*")]
    [InlineData("jeq #1, a\n")]
    public void Long_texts_end_soon(string piece)
    {
        var bag = new DiagnosticBag();
        ClassicSource? source = ClassicParser.Parse(new System.Text.StringBuilder().Insert(0, piece, 400_000).ToString(), new SourceLocation(1), bag);
        Assert.True(source is null == bag.HasErrors);
    }

    [Fact]
    public void Any_text_is_read_or_refused()
    {
        string[] words = ["ld", "ldx", "ldh", "[", "]", "x", "+", "#", "12", "0x", "-", "jeq", ",", "jt", "jf", "3", "(", ")", "{", "}", ":", "l", "M", "*", "&", "\n", " ", "ret", "/*", ";", "99999999999999999999", "\0", "é", "%", "poff"];
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var text = new StringBuilder(ClassicPrinter.Print(RandomClassic.Program(random).Instructions, (ClassicForm)random.Next(3)));
            for (int n = random.Next(1, 6); n > 0; n--)
            {
                int at = random.Next(text.Length);
                if (random.Next(2) == 0)
                    text.Remove(at, Math.Min(random.Next(1, 8), text.Length - at));
                text.Insert(Math.Min(at, text.Length), words[random.Next(words.Length)]);
            }
            var bag = new DiagnosticBag();
            ClassicSource? source = ClassicParser.Parse(text.ToString(), new SourceLocation(1), bag);
            Assert.True(source is null == bag.HasErrors, $"seed {seed}:\n{text}");
            source?.Check(ClassicDialect.Socket, bag);
        }
    }

    public static TheoryData<string> Expressions() =>
    [
        "tcp port 80", "ip6", "udp portrange 1000-2000 or sctp", "host 10.1.2.3 and not arp", "net 192.168.0.0/16 and greater 200", "ether[0] & 1 = 0 and ip[0] & 0xf != 5",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "vlan 5 and ip", "mpls 100", "pppoes and ip6", "ip[2:2] - ((ip[0]&0xf)<<2) > 100", "len * 3 / 2 % 7 == 1", "inbound", "ifindex 3", "src host ::1", "icmp or icmp6", "ether proto 0x88cc",
    ];

    [OracleTheory(Oracle.Tcpdump)]
    [MemberData(nameof(Expressions))]
    public void Listings_are_tcpdumps(string expression)
    {
        string Tcpdump(string form) => Oracles.Run(Oracles.Program(Oracle.Tcpdump), [form, "-y", "EN10MB", expression]).Output;
        string listing = Tcpdump("-d"), initializers = Tcpdump("-dd"), numbers = Tcpdump("-ddd");
        ClassicInstruction[] code = Parse(numbers).Instructions;
        Assert.Equal(Visible(code), Parse(listing).Instructions);
        Assert.Equal(code, Parse(initializers).Instructions);
        Assert.Equal(listing, ClassicPrinter.Print(code));
        Assert.Equal(initializers, ClassicPrinter.Print(code, ClassicForm.Initializers));
        Assert.Equal(numbers, ClassicPrinter.Print(code, ClassicForm.Numbers));
        Assert.NotNull(ClassicChecker.Check(code, ClassicDialect.Socket, out _));
    }
}
