// The text form prints and parses back, for every row of the opcode table and every kind of described type.
using Ebpfcc.Ir.Text;
using Ebpfcc.Ir.Verification;
using Xunit;

namespace Ebpfcc.Ir.Tests;

public class TextFormTests
{
    private const string Everything = """
        module "all.c"

        !0 = base "int" size 4 signed
        !1 = pointer !2
        !2 = struct "node" size 16 { "next" !1 at 0, "value" !0 at 64 tag "x", !3 at 96 bits 3 } tag "kptr"
        !3 = union size 4 { "a" !0 at 0 }
        !4 = enum "e" size 4 unsigned { "A" = 0, "B" = 5 }
        !5 = function !0 ("ctx" !1, "e" !4, ...)
        !6 = typedef "int_t" !7
        !7 = const !0
        !8 = array !6 count 4
        !9 = typetag "rcu" !2
        !10 = struct "fwd" forward size 0 { }
        retain !8
        retain !9
        retain !10

        global internal const @table size 16 align 8 section ".rodata" debug !8 bytes "0102" reloc 8 @f + 4
        global extern @outside size 8 align 8
        global weak hidden used volatile @flag size 4 align 4 tag "t" -1

        declare noreturn void @stop()

        define used i32 @f(ptr %ctx, i64 %n) section "xdp" debug !5 {
        entry:
          %s = alloca 8 align 8 debug !0
          %a = add i64 %n, 5
          %b = sub i64 %a, %n
          %mul = mul i64 %a, %b
          %q = udiv i64 %mul, 3
          %r = sdiv i64 %q, -3
          %u = urem i64 %r, 7
          %v = srem i64 %u, 7
          %w = and i64 %v, 255
          %x = or i64 %w, 1
          %y = xor i64 %x, -1
          %z = shl i64 %y, 3
          %l = lshr i64 %z, 1
          %m = ashr i64 %l, 2
          %t = trunc i64 %m to i8
          %e = zext i8 %t to i32
          %g = sext i8 %t to i32
          %p = ptradd %ctx, %n
          %i = ptrtoint %p
          %k = inttoptr %i
          %c = cmp ult i64 %n, 10
          %d = cmp eq ptr %k, null
          %sel = select %c, i32 %e, %g
          %sw = bswap i32 %sel
          %lz = clz i32 %sw
          %tz = ctz i32 %lz
          %pc = popcount i32 %tz
          %kn = isconstant %n
          store i64 %n, %s align 8
          %ld = load i64 %s align 8 volatile
          %la = load i64 %s align 8 acquire
          memcpy %s, %ctx, 8 align 8 from 1
          memmove %s, %ctx, 8 align 8 from 1
          memset %s, 0, 8 align 8 volatile
          %mc = memcmp %s, %ctx, 8 align 8 from 1
          %ar = atomicrmw add i64 %s, %n seqcst
          %cx = cmpxchg i64 %s, %n, 0 acqrel
          fence
          %pl = packetload 16 %ctx, i32 12
          %h = call i64 (ptr, i64) ptr 1(%s, %n)
          call void (ptr, ...) @f(%s, i32 5, i64 %h)
          %as = asm sideeffect "%0 = %1; %2 = 1" out "=r" i64 out "=r" [o] i32 in "r" i64 i64 %h in "i" [n] i32 i32 5 clobber "memory"
          %as1 = asmresult %as, 1
          %core = core i32 0 !2 "0:1" value 8
          switch i64 %n, deflt [1: one, -1: one, 2: two]
        one:
          %o = phi i32 [1, entry], [1, entry]
          condbr %c, two, deflt likely
        two: unroll 4
          %1 = phi i32 [%o, one], [%core, entry], [%3, two]
          %3 = add i32 %1, undef
          condbr %d, two, deflt
        deflt:
          asm sideeffect "if %0 == 0 goto %l[end]" in "r" i64 i64 %n
          asmbr mid ["end": end]
        mid:
          br end
        end:
          condbr true, bye, stop
        bye:
          ret i32 %as1
        stop:
          call void () @stop()
          unreachable
        }
        """;

    [Fact]
    public void Printing_what_was_parsed_is_a_fixed_point()
    {
        Module module = ModuleParser.Parse(Everything);
        Assert.Empty(IrVerifier.Check(module));
        string printed = ModulePrinter.Print(module);
        Module again = ModuleParser.Parse(printed);
        Assert.Empty(IrVerifier.Check(again));
        Assert.Equal(printed, ModulePrinter.Print(again));
        TestSupport.Snapshot.Verify(printed);
    }

    [Fact]
    public void The_example_holds_every_opcode()
    {
        Module module = ModuleParser.Parse(Everything);
        var seen = module.Functions.SelectMany(f => f.Blocks).SelectMany(b => b.Instructions).Select(i => i.Opcode).ToHashSet();
        Assert.DoesNotContain(IrOpcodeTable.Rows, row => !seen.Contains(row.Opcode));
    }

    [Fact]
    public void The_table_has_one_row_per_opcode_in_order()
    {
        IrOpcode[] opcodes = Enum.GetValues<IrOpcode>();
        Assert.Equal(opcodes, IrOpcodeTable.Rows.Select(row => row.Opcode));
        Assert.Equal(opcodes.Length, IrOpcodeTable.Rows.Select(row => row.Mnemonic).Distinct().Count());
    }

    [Theory]
    [InlineData("define i32 @f() {\ne:\n  ret i32 %x\n}", "line 4: '%x' is used in '@f' but not defined")]
    [InlineData("define i32 @f() {\ne:\n  %x = frob i32 1\n  ret i32 %x\n}", "line 3: 'frob' is no instruction")]
    [InlineData("define i32 @f() {\ne:\n  br g\n}", "there is no block 'g' in '@f'")]
    [InlineData("define i32 @f() {\ne:\n  ret ptr @g\n}", "there is no global '@g'")]
    [InlineData("global @a size 4 align 4\nglobal @a size 4 align 4", "defined twice")]
    [InlineData("define i32 @f(", "expected instead of 'end of text'")]
    [InlineData("module \"x", "a string is not closed")]
    public void Malformed_text_is_refused_with_its_line(string text, string message)
        => Assert.Contains(message, Assert.Throws<IrParseException>(() => ModuleParser.Parse(text)).Message);

    [Fact]
    public void Locations_survive_when_asked_for()
    {
        Module module = ModuleParser.Parse("define i32 @f(i32 %a) loc 7 {\ne:\n  %b = add i32 %a, 1 loc 9\n  ret i32 %b loc 11\n}");
        Instruction add = module.Functions[0].Entry.First!;
        Assert.Equal(9, add.Location.Position);
        string printed = ModulePrinter.Print(module, new PrintOptions(Locations: true));
        Assert.Contains("%b = add i32 %a, 1 loc 9", printed);
        Assert.Equal(printed, ModulePrinter.Print(ModuleParser.Parse(printed), new PrintOptions(Locations: true)));
    }
}
