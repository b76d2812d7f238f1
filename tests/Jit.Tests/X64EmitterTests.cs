// Every encoding the emitter can produce, decoded by independent disassemblers (Iced, and LLVM where it is installed) and
// compared as text.
using Ebpfcc.Jit.Llvm;
using Ebpfcc.Jit.X64;
using Ebpfcc.TestSupport;
using Iced.Intel;
using Label = Ebpfcc.Jit.X64.Label;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public class X64EmitterTests
{
    private static readonly X64Register[] s_all = Enum.GetValues<X64Register>();
    private static readonly int[] s_displacements = [0, 1, -1, 127, -128, 128, -129, 0x12345, -0x12345];
    private static readonly int[] s_immediates = [0, 1, -1, 5, 127, -128, 128, -129, 255, 256, 65535, 0x12345678, int.MinValue, int.MaxValue];

    private static string Name(X64Register register, int bits)
    {
        string wide = register.ToString().ToLowerInvariant();
        if ((int)register >= 8)
            return wide + bits switch { 64 => "", 32 => "d", 16 => "w", _ => "b" };
        string stem = wide[1..];
        return bits switch
        {
            64 => wide,
            32 => "e" + stem,
            16 => stem,
            _ => stem.EndsWith('x') ? stem[0] + "l" : stem + "l",
        };
    }

    private static string Hex(long value, int bits)
    {
        ulong masked = bits == 64 ? (ulong)value : (ulong)value & ((1UL << bits) - 1);
        return masked < 10 ? masked.ToString() : "0x" + masked.ToString("x");
    }

    private static string Memory(X64Register @base, int displacement)
        => $"[{Name(@base, 64)}{(displacement == 0 ? "" : (displacement < 0 ? "-" : "+") + Hex(Math.Abs((long)displacement), 64))}]";

    private static List<string> Decode(byte[] code)
    {
        var decoder = Decoder.Create(64, code);
        var formatter = new IntelFormatter();
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = "";
        formatter.Options.UppercaseHex = false;
        formatter.Options.SmallHexNumbersInDecimal = true;
        formatter.Options.MemorySizeOptions = MemorySizeOptions.Never;
        formatter.Options.RipRelativeAddresses = false;
        formatter.Options.SpaceAfterOperandSeparator = true;
        var lines = new List<string>();
        while (decoder.IP < (ulong)code.Length)
        {
            Instruction instruction = decoder.Decode();
            if (instruction.IsInvalid)
            {
                lines.Add("(bad)");
                break;
            }
            var output = new StringOutput();
            formatter.Format(instruction, output);
            lines.Add(output.ToStringAndReset());
        }
        return lines;
    }

    /// <summary>Emits many forms and compares line by line with what they should read as.</summary>
    private void Check(IEnumerable<(Action<X64Emitter> Emit, string Expected)> forms)
    {
        var emitter = new X64Emitter();
        var expected = new List<string>();
        foreach ((Action<X64Emitter> emit, string text) in forms)
        {
            emit(emitter);
            expected.Add(text);
        }
        byte[] code = emitter.Finish().Code;
        Assert.Equal(expected, Decode(code).Take(expected.Count));
        if (_llvm is not null)
            SecondOpinion.Agrees(_llvm, code, expected);
    }

    private LlvmDisassembler? _llvm;

    [OracleFact(Oracle.Llvm)]
    public void Llvm_reads_all_of_this_alike() => SecondOpinion.Ask<X64EmitterTests>(System.Runtime.InteropServices.Architecture.X64, (tests, llvm) => tests._llvm = llvm);

    private static IEnumerable<(X64Register, X64Register)> Pairs() => from a in s_all from b in s_all select (a, b);

    [Fact]
    public void Moves_and_extensions()
    {
        Check(Pairs().SelectMany(p => new (Action<X64Emitter>, string)[]
        {
            (e => e.Move(p.Item1, p.Item2, true), $"mov {Name(p.Item1, 64)}, {Name(p.Item2, 64)}"),
            (e => e.Move(p.Item1, p.Item2, false), $"mov {Name(p.Item1, 32)}, {Name(p.Item2, 32)}"),
            (e => e.ZeroExtend(p.Item1, p.Item2, 8), $"movzx {Name(p.Item1, 32)}, {Name(p.Item2, 8)}"),
            (e => e.ZeroExtend(p.Item1, p.Item2, 16), $"movzx {Name(p.Item1, 32)}, {Name(p.Item2, 16)}"),
            (e => e.SignExtend(p.Item1, p.Item2, 8, true), $"movsx {Name(p.Item1, 64)}, {Name(p.Item2, 8)}"),
            (e => e.SignExtend(p.Item1, p.Item2, 8, false), $"movsx {Name(p.Item1, 32)}, {Name(p.Item2, 8)}"),
            (e => e.SignExtend(p.Item1, p.Item2, 16, true), $"movsx {Name(p.Item1, 64)}, {Name(p.Item2, 16)}"),
            (e => e.SignExtend(p.Item1, p.Item2, 16, false), $"movsx {Name(p.Item1, 32)}, {Name(p.Item2, 16)}"),
            (e => e.SignExtend(p.Item1, p.Item2, 32, true), $"movsxd {Name(p.Item1, 64)}, {Name(p.Item2, 32)}"),
            (e => e.ConditionalMove(X64Condition.Below, p.Item1, p.Item2, true), $"cmovb {Name(p.Item1, 64)}, {Name(p.Item2, 64)}"),
            (e => e.ConditionalMove(X64Condition.Greater, p.Item1, p.Item2, false), $"cmovg {Name(p.Item1, 32)}, {Name(p.Item2, 32)}"),
        }));
    }

    [Fact]
    public void Constants()
    {
        ulong[] values = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, ulong.MaxValue, unchecked((ulong)int.MinValue), 0x123456789abcdef0];
        Check(from register in s_all
              from value in values
              select ((Action<X64Emitter>)(e => e.MoveImmediate(register, value)),
                  value == 0 ? $"xor {Name(register, 32)}, {Name(register, 32)}"
                  : value <= uint.MaxValue ? $"mov {Name(register, 32)}, {Hex((long)value, 64)}"
                  : $"mov {Name(register, 64)}, {Hex((long)value, 64)}"));
    }

    [Fact]
    public void Arithmetic_on_registers()
    {
        Check(Pairs().SelectMany(p => Enum.GetValues<X64Alu>().SelectMany(op => new (Action<X64Emitter>, string)[]
        {
            (e => e.Alu(op, p.Item1, p.Item2, true), $"{op.ToString().ToLowerInvariant()} {Name(p.Item1, 64)}, {Name(p.Item2, 64)}"),
            (e => e.Alu(op, p.Item1, p.Item2, false), $"{op.ToString().ToLowerInvariant()} {Name(p.Item1, 32)}, {Name(p.Item2, 32)}"),
        }).Concat(
        [
            (e => e.Test(p.Item1, p.Item2, true), $"test {Name(p.Item1, 64)}, {Name(p.Item2, 64)}"),
            (e => e.Multiply(p.Item1, p.Item2, true), $"imul {Name(p.Item1, 64)}, {Name(p.Item2, 64)}"),
            (e => e.Multiply(p.Item1, p.Item2, false), $"imul {Name(p.Item1, 32)}, {Name(p.Item2, 32)}"),
            (e => e.Multiply(p.Item1, p.Item2, 100, true), $"imul {Name(p.Item1, 64)}, {(p.Item1 == p.Item2 ? "" : Name(p.Item2, 64) + ", ")}0x64"),
            (e => e.Multiply(p.Item1, p.Item2, 1000, false), $"imul {Name(p.Item1, 32)}, {(p.Item1 == p.Item2 ? "" : Name(p.Item2, 32) + ", ")}0x3e8"),
        ])));
    }

    [Fact]
    public void Arithmetic_with_constants()
    {
        Check(from register in s_all
              from value in s_immediates
              from op in Enum.GetValues<X64Alu>()
              from wide in new[] { false, true }
              select ((Action<X64Emitter>)(e => e.Alu(op, register, value, wide)),
                  $"{op.ToString().ToLowerInvariant()} {Name(register, wide ? 64 : 32)}, {Hex(value, wide ? 64 : 32)}"));
        Check(from register in s_all
              from value in s_immediates
              from wide in new[] { false, true }
              let bits = value is >= 0 and <= 127 ? 8 : wide && value < 0 ? 64 : 32
              select ((Action<X64Emitter>)(e => e.Test(register, value, wide)), $"test {Name(register, bits)}, {Hex(value, bits)}"));
    }

    [Fact]
    public void Unary_operations_and_shifts()
    {
        Check(s_all.SelectMany(r => new (Action<X64Emitter>, string)[]
        {
            (e => e.Negate(r, true), $"neg {Name(r, 64)}"),
            (e => e.Negate(r, false), $"neg {Name(r, 32)}"),
            (e => e.MultiplyWide(r), $"mul {Name(r, 64)}"),
            (e => e.DivideUnsigned(r, true), $"div {Name(r, 64)}"),
            (e => e.DivideUnsigned(r, false), $"div {Name(r, 32)}"),
            (e => e.DivideSigned(r, true), $"idiv {Name(r, 64)}"),
            (e => e.SignIntoRdx(true), "cqo"),
            (e => e.SignIntoRdx(false), "cdq"),
            (e => e.Shift(X64Shift.Left, r, 1, true), $"shl {Name(r, 64)}, 1"),
            (e => e.Shift(X64Shift.RightLogical, r, 31, false), $"shr {Name(r, 32)}, 0x1f"),
            (e => e.Shift(X64Shift.RightArithmetic, r, 63, true), $"sar {Name(r, 64)}, 0x3f"),
            (e => e.Shift(X64Shift.RotateRight, r, 13, false), $"ror {Name(r, 32)}, 0xd"),
            (e => e.ShiftByCl(X64Shift.Left, r, true), $"shl {Name(r, 64)}, cl"),
            (e => e.SwapLow16(r), $"ror {Name(r, 16)}, 8"),
            (e => e.ByteSwap(r, true), $"bswap {Name(r, 64)}"),
            (e => e.ByteSwap(r, false), $"bswap {Name(r, 32)}"),
            (e => e.Push(r), $"push {Name(r, 64)}"),
            (e => e.Pop(r), $"pop {Name(r, 64)}"),
            (e => e.JumpRegister(r), $"jmp {Name(r, 64)}"),
            (e => e.CallRegister(r), $"call {Name(r, 64)}"),
            (e => e.Leave(), "leave"),
            (e => e.Return(), "ret"),
            (e => e.Trap(), "ud2"),
        }));
        Check(from a in s_all
              from b in s_all
              from c in new[] { X64Register.Rax, X64Register.Rcx, X64Register.R8, X64Register.R15 }
              from f in new (X64Shift Op, string Name)[] { (X64Shift.Left, "shlx"), (X64Shift.RightLogical, "shrx"), (X64Shift.RightArithmetic, "sarx") }
              from wide in new[] { false, true }
              select ((Action<X64Emitter>)(e => e.ShiftBy(f.Op, a, b, c, wide)), $"{f.Name} {Name(a, wide ? 64 : 32)}, {Name(b, wide ? 64 : 32)}, {Name(c, wide ? 64 : 32)}"));
        Check(from a in s_all
              from b in s_all
              from count in new[] { 2, 7, 31 }
              from wide in new[] { false, true }
              select ((Action<X64Emitter>)(e => e.RotateRightTo(a, b, count, wide)), $"rorx {Name(a, wide ? 64 : 32)}, {Name(b, wide ? 64 : 32)}, {Hex(count, 8)}"));
    }

    [Fact]
    public void Memory_operands()
    {
        Check(from b in s_all
              from r in s_all
              from d in s_displacements
              from form in new (Action<X64Emitter> Emit, string Text)[]
              {
                  (e => e.Load(8, r, b, d), $"movzx {Name(r, 32)}, {Memory(b, d)}"),
                  (e => e.Load(32, r, b, d), $"mov {Name(r, 32)}, {Memory(b, d)}"),
                  (e => e.Load(64, r, b, d), $"mov {Name(r, 64)}, {Memory(b, d)}"),
                  (e => e.LoadSigned(8, r, b, d), $"movsx {Name(r, 64)}, {Memory(b, d)}"),
                  (e => e.LoadSigned(32, r, b, d), $"movsxd {Name(r, 64)}, {Memory(b, d)}"),
                  (e => e.Store(8, b, d, r), $"mov {Memory(b, d)}, {Name(r, 8)}"),
                  (e => e.Store(16, b, d, r), $"mov {Memory(b, d)}, {Name(r, 16)}"),
                  (e => e.Store(64, b, d, r), $"mov {Memory(b, d)}, {Name(r, 64)}"),
                  (e => e.LoadEffectiveAddress(r, b, d), $"lea {Name(r, 64)}, {Memory(b, d)}"),
                  (e => e.LoadSwapped(32, r, b, d), $"movbe {Name(r, 32)}, {Memory(b, d)}"),
                  (e => e.AluMemory(X64Alu.Cmp, r, b, d, true), $"cmp {Name(r, 64)}, {Memory(b, d)}"),
                  (e => e.LockedAlu(X64Alu.Add, b, d, r, true), $"lock add {Memory(b, d)}, {Name(r, 64)}"),
                  (e => e.LockedAlu(X64Alu.Xor, b, d, r, false), $"lock xor {Memory(b, d)}, {Name(r, 32)}"),
                  (e => e.LockedExchangeAdd(b, d, r, true), $"lock xadd {Memory(b, d)}, {Name(r, 64)}"),
                  (e => e.ExchangeMemory(b, d, r, false), $"xchg {Memory(b, d)}, {Name(r, 32)}"),
                  (e => e.LockedCompareExchange(b, d, r, true), $"lock cmpxchg {Memory(b, d)}, {Name(r, 64)}"),
              }
              select form);
        Check(from b in s_all
              from d in s_displacements
              from i in new[] { 0, 1, -1, 0x7f }
              from bits in new[] { 8, 16, 32, 64 }
              select ((Action<X64Emitter>)(e => e.StoreImmediate(bits, b, d, i)), $"mov {Memory(b, d)}, {Hex(i, bits)}"));
        Check(from b in s_all
              from x in s_all
              where x != X64Register.Rsp
              from scale in new[] { 1, 2, 4, 8 }
              from d in new[] { 0, 8, 0x1000 }
              select ((Action<X64Emitter>)(e => e.LoadEffectiveAddress(X64Register.R9, b, x, scale, d)),
                  $"lea r9, [{Name(b, 64)}+{Name(x, 64)}{(scale == 1 ? "" : "*" + scale)}{(d == 0 ? "" : "+" + Hex(d, 64))}]"));
    }

    [Fact]
    public void Branches_are_short_where_they_reach()
    {
        foreach (int padding in new[] { 0, 100, 126, 127, 128, 129, 130, 1000 })
        {
            var emitter = new X64Emitter();
            Label forward = emitter.NewLabel(), backward = emitter.NewLabel();
            emitter.Bind(backward);
            emitter.JumpIf(X64Condition.Equal, forward);
            for (int i = 0; i < padding; i++)
                emitter.Return();
            emitter.Jump(backward);
            emitter.Bind(forward);
            emitter.Leave();
            (byte[] code, int[] labels) = emitter.Finish();
            var decoder = Decoder.Create(64, code);
            Instruction first = decoder.Decode();
            Assert.Equal((ulong)labels[forward.Index], first.NearBranchTarget);
            Instruction last = default;
            while (decoder.IP < (ulong)labels[forward.Index])
                last = decoder.Decode();
            Assert.Equal(0UL, last.NearBranchTarget);
            int distance = labels[forward.Index] - first.Length;
            Assert.Equal(distance <= 127 ? 2 : 6, first.Length);
            Assert.Equal(Mnemonic.Leave, decoder.Decode().Mnemonic);
        }
    }

    /// <summary>Padding is whole no-operations, ends at a multiple of 16, and branches across it still reach.</summary>
    [Fact]
    public void Loops_are_aligned_wherever_they_start()
    {
        for (int before = 0; before < 40; before++)
        {
            foreach (int after in new[] { 0, 100, 108, 112, 120, 124, 126, 130 })
            {
                var emitter = new X64Emitter();
                Label loop = emitter.NewLabel(), end = emitter.NewLabel();
                for (int i = 0; i < before; i++)
                    emitter.Return();
                emitter.JumpIf(X64Condition.Equal, end);
                emitter.AlignLoop();
                emitter.Bind(loop);
                for (int i = 0; i < after; i++)
                    emitter.Return();
                emitter.JumpIf(X64Condition.NotEqual, loop);
                emitter.Bind(end);
                emitter.Leave();
                (byte[] code, int[] labels) = emitter.Finish();
                Assert.Equal(0, labels[loop.Index] % 16);
                var decoder = Decoder.Create(64, code);
                for (int i = 0; i < before; i++)
                    Assert.Equal(Mnemonic.Ret, decoder.Decode().Mnemonic);
                Assert.Equal((ulong)labels[end.Index], decoder.Decode().NearBranchTarget);
                while (decoder.IP < (ulong)labels[loop.Index])
                    Assert.Equal(Mnemonic.Nop, decoder.Decode().Mnemonic);
                Assert.Equal((ulong)labels[loop.Index], decoder.IP);
                for (int i = 0; i < after; i++)
                    Assert.Equal(Mnemonic.Ret, decoder.Decode().Mnemonic);
                Assert.Equal((ulong)labels[loop.Index], decoder.Decode().NearBranchTarget);
                Assert.Equal(Mnemonic.Leave, decoder.Decode().Mnemonic);
            }
        }
    }

    /// <summary>Each branch just reaches until the one inside it grows: without a bound the layout would take a round for each.</summary>
    [Fact]
    public void A_chain_of_growing_branches_is_laid_out_in_bounded_time()
    {
        const int Count = 20_000;
        var emitter = new X64Emitter();
        var ends = new Queue<Label>();
        for (int i = 0; i < Count; i++)
        {
            Label end = emitter.NewLabel();
            emitter.JumpIf(X64Condition.Equal, end);
            ends.Enqueue(end);
            if (ends.Count == 63)
                emitter.Bind(ends.Dequeue());
        }
        emitter.Trap();
        emitter.Trap();
        while (ends.Count > 0)
            emitter.Bind(ends.Dequeue());
        emitter.Return();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        (byte[] code, int[] labels) = emitter.Finish();
        Assert.True(watch.ElapsedMilliseconds < 5_000, $"{watch.ElapsedMilliseconds} ms");
        var decoder = Decoder.Create(64, code);
        for (int i = 0; i < Count; i++)
            Assert.Equal((ulong)labels[i], decoder.Decode().NearBranchTarget);
    }
}
