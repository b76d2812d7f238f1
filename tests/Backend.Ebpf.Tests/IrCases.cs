// Small functions in IR text that the tests of this project share.
namespace Ebpfcc.Backend.Ebpf.Tests;

internal static class IrCases
{
    public static IEnumerable<string> Names => s_cases.Keys;

    public static string Get(string name) => s_cases[name];

    private static readonly SortedDictionary<string, string> s_cases = new(StringComparer.Ordinal)
    {
        ["add"] = """
            define i64 @f(i64 %a, i64 %b) {
            entry:
              %s = add i64 %a, %b
              %t = add i64 %s, 5
              ret i64 %t
            }
            """,
        ["loop"] = """
            define i64 @sum(ptr %p, i32 %n) {
            entry:
              %z = cmp eq i32 %n, 0
              condbr %z, done, body
            body:
              %i = phi i32 [0, entry], [%i2, body]
              %s = phi i64 [0, entry], [%s2, body]
              %w = zext i32 %i to i64
              %q = ptradd %p, %w
              %v = load i8 %q align 1
              %x = zext i8 %v to i64
              %s2 = add i64 %s, %x
              %i2 = add i32 %i, 1
              %c = cmp ult i32 %i2, %n
              condbr %c, body, done
            done:
              %r = phi i64 [0, entry], [%s2, body]
              ret i64 %r
            }
            """,
        ["packet"] = """
            define i32 @prog(ptr %ctx) section "xdp" {
            entry:
              %d0 = load i32 %ctx align 4
              %d1 = zext i32 %d0 to i64
              %data = inttoptr %d1
              %ep = ptradd %ctx, 4
              %e0 = load i32 %ep align 4
              %e1 = zext i32 %e0 to i64
              %end = inttoptr %e1
              %lim = ptradd %data, 34
              %c = cmp ugt ptr %lim, %end
              condbr %c, drop, ok unlikely
            ok:
              %pp = ptradd %data, 23
              %proto = load i8 %pp align 1
              %is = cmp eq i8 %proto, 17
              condbr %is, udp, pass
            udp:
              %lp = ptradd %data, 16
              %len = load i16 %lp align 2
              %sw = bswap i16 %len
              %big = cmp ugt i16 %sw, 1000
              condbr %big, drop, pass
            pass:
              ret i32 2
            drop:
              ret i32 1
            }
            """,
        ["map"] = """
            global @counts size 32 align 8 section ".maps"
            define i32 @prog(ptr %ctx) section "xdp" {
            entry:
              %key = alloca 4 align 4
              store i32 0, %key align 4
              %v = call ptr (ptr, ptr) ptr 1(@counts, %key)
              %n = cmp eq ptr %v, null
              condbr %n, out, hit
            hit:
              %o = atomicrmw add i64 %v, 1 seqcst
              %p = ptradd %v, 8
              %w = load i64 %p align 8
              %w2 = add i64 %w, 64
              store i64 %w2, %p align 8
              br out
            out:
              ret i32 2
            }
            """,
        ["pressure"] = Pressure(),
        ["calls"] = """
            define internal i64 @g(i64 %a, i64 %b) {
            entry:
              %s = mul i64 %a, %b
              ret i64 %s
            }
            define i64 @f(i64 %a, i64 %b, i64 %c) {
            entry:
              %x = call i64 (i64, i64) @g(%b, %a)
              %y = call i64 (i64, i64) @g(%x, %c)
              %z = add i64 %x, %y
              %w = call i64 (i64, i64) @g(%z, %a)
              %r = xor i64 %w, %z
              ret i64 %r
            }
            """,
        ["narrow"] = """
            define i32 @f(i8 %a, i16 %b, i32 %c) {
            entry:
              %x = add i8 %a, 200
              %y = zext i8 %x to i32
              %z = sext i16 %b to i32
              %q = sdiv i32 %y, %z
              %r = ashr i16 %b, 3
              %rr = zext i16 %r to i32
              %s = add i32 %q, %rr
              %t = srem i32 %s, -7
              %lt = cmp slt i8 %a, 5
              %sel = select %lt, i32 %t, %c
              ret i32 %sel
            }
            """,
        ["switch"] = """
            define i32 @f(i32 %a) {
            entry:
              switch i32 %a, deflt [1: one, 2: one, 3: one, 7: two, 9: three, 100: one, 4000000000: two]
            one:
              ret i32 11
            two:
              ret i32 22
            three:
              ret i32 33
            deflt:
              ret i32 0
            }
            """,
        ["blocks"] = """
            define i32 @f(ptr %p, ptr %q) {
            entry:
              %a = alloca 40 align 8
              memset %a, 0, 40 align 8
              memcpy %a, %p, 14 align 8 from 2
              %b = ptradd %a, 16
              memcpy %b, %q, 16 align 8 from 8
              %m = memcmp %p, %q, 12 align 4 from 4
              %c = cmp eq i32 %m, 0
              memmove %p, %q, 24 align 8 from 8
              %n = memcmp %p, %a, 9 align 1 from 8
              %r = select %c, i32 %n, 3
              ret i32 %r
            }
            """,
        ["bits"] = """
            define i64 @f(i64 %a, i32 %b, i16 %c) {
            entry:
              %p = popcount i64 %a
              %l = clz i32 %b
              %t = ctz i16 %c
              %w = bswap i64 %a
              %l2 = zext i32 %l to i64
              %t2 = zext i16 %t to i64
              %s = add i64 %p, %l2
              %u = add i64 %s, %t2
              %v = xor i64 %u, %w
              ret i64 %v
            }
            """,
        ["wide"] = """
            define i64 @f(i64 %a, i64 %b, ptr %p) {
            entry:
              %x = zext i64 %a to i128
              %y = sext i64 %b to i128
              %m = mul i128 %x, %y
              %s = add i128 %m, %x
              %d = sub i128 %s, 1
              %h = lshr i128 %d, 64
              %k = shl i128 %d, 3
              %c = cmp slt i128 %k, %s
              %n = select %c, i128 %h, %k
              %v = load i128 %p align 8
              %o = or i128 %n, %v
              store i128 %o, %p align 8
              %t = trunc i128 %o to i64
              ret i64 %t
            }
            """,
        ["atomics"] = """
            define i64 @f(ptr %p, i64 %v, i32 %w) {
            entry:
              %a = atomicrmw add i64 %p, %v seqcst
              %b = atomicrmw xchg i64 %p, %a seqcst
              %q = ptradd %p, 8
              %c = atomicrmw sub i32 %q, %w seqcst
              %d = cmpxchg i64 %p, %b, %v seqcst
              %e = atomicrmw nand i64 %p, %d seqcst
              %f = atomicrmw or i64 %p, 1 seqcst
              %g = zext i32 %c to i64
              %h = add i64 %e, %g
              ret i64 %h
            }
            """,
        ["packetload"] = """
            define i32 @f(ptr %skb) section "socket" {
            entry:
              %a = packetload 16 %skb, i32 12
              %c = cmp eq i64 %a, 2048
              condbr %c, ip, out
            ip:
              %b = packetload 8 %skb, i32 14
              %x = and i64 %b, 15
              %y = shl i64 %x, 2
              %z = add i64 %y, 14
              %w = trunc i64 %z to i32
              %p = packetload 16 %skb, i32 %w
              %r = trunc i64 %p to i32
              ret i32 %r
            out:
              ret i32 0
            }
            """,
        ["assembly"] = """
            define i64 @f(i64 %a, ptr %p) {
            entry:
              %r = asm "" out "=r" i64 in "0" i64 i64 %a
              %s = asm sideeffect "%0 = %1; %0 += %[k]; r3 = 1" out "=&r" i64 in "r" i64 i64 %r in "i" [k] i64 i64 7 clobber "r3"
              %x = add i64 %s, %a
              ret i64 %x
            }
            """,
    };

    /// <summary>Twelve values live across a call: more than the registers that survive one.</summary>
    private static string Pressure()
    {
        var text = new System.Text.StringBuilder("define i64 @f(ptr %p, i64 %n) {\nentry:\n");
        for (int i = 0; i < 12; i++)
            text.Append($"  %a{i} = ptradd %p, {8 * i}\n  %v{i} = load i64 %a{i} align 8\n");
        text.Append("  %h = call i64 (ptr, i64) ptr 5(%p, %n)\n  %s0 = add i64 %h, %n\n");
        for (int i = 0; i < 12; i++)
            text.Append($"  %m{i} = mul i64 %v{i}, {i + 3}\n  %s{i + 1} = add i64 %s{i}, %m{i}\n");
        text.Append("  ret i64 %s12\n}\n");
        return text.ToString();
    }
}
