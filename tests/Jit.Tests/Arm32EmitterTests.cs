// Every form the ARM emitter can produce, decoded by independent disassemblers (Capstone, and LLVM where it is installed) and
// compared as text.
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.Llvm;
using Ebpfcc.TestSupport;
using Gee.External.Capstone;
using Gee.External.Capstone.Arm;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public class Arm32EmitterTests
{
    private static readonly Arm32Register[] s_registers = [.. Enum.GetValues<Arm32Register>().Where(register => register != Arm32Register.Pc)];

    private static string Name(Arm32Register register) => register switch
    {
        Arm32Register.R9 => "sb", Arm32Register.R10 => "sl", Arm32Register.R11 => "fp", Arm32Register.R12 => "ip",
        _ => register.ToString().ToLowerInvariant(),
    };

    /// <summary>Emits all forms and compares them line by line with what they should read as.</summary>
    private void Check(IEnumerable<(Action<Arm32Emitter> Emit, string Expected)> forms, Arm32Features? features = null)
    {
        var emitter = new Arm32Emitter(features ?? Arm32Features.V7Divide);
        var expected = new List<string>();
        foreach ((Action<Arm32Emitter> emit, string text) in forms)
        {
            emit(emitter);
            expected.AddRange(text.Split(" ; "));
        }
        byte[] code = emitter.Finish();
        using CapstoneArmDisassembler disassembler = CapstoneDisassembler.CreateArmDisassembler(ArmDisassembleMode.Arm);
        Assert.Equal(expected, disassembler.Disassemble(code).Select(instruction => $"{instruction.Mnemonic} {instruction.Operand}".Trim()));
        if (_llvm is not null)
            SecondOpinion.Agrees(_llvm, code, expected, sizeof(uint), line => line.StartsWith("asr ") && line.Contains(", sp,"));
    }

    private LlvmDisassembler? _llvm;

    [OracleFact(Oracle.Llvm)]
    public void Llvm_reads_all_of_this_alike() => SecondOpinion.Ask<Arm32EmitterTests>(System.Runtime.InteropServices.Architecture.Arm, (tests, llvm) => tests._llvm = llvm);

    private static IEnumerable<(Arm32Register, Arm32Register)> Pairs() => from a in s_registers from b in s_registers select (a, b);

    [Fact]
    public void Data_processing_on_registers()
    {
        Check(Pairs().SelectMany(p => new (Action<Arm32Emitter>, string)[]
        {
            (e => e.Alu(Arm32Operation.Add, p.Item1, p.Item2, Arm32Register.R3), $"add {Name(p.Item1)}, {Name(p.Item2)}, r3"),
            (e => e.Alu(Arm32Operation.Sbc, p.Item1, p.Item2, Arm32Register.R3, setFlags: true), $"sbcs {Name(p.Item1)}, {Name(p.Item2)}, r3"),
            (e => e.Alu(Arm32Operation.Orr, p.Item1, p.Item2, Arm32Register.R4, false, Arm32Condition.Always, Arm32Shift.Left, 7), $"orr {Name(p.Item1)}, {Name(p.Item2)}, r4, lsl #7"),
            (e => e.Alu(Arm32Operation.Cmp, 0, p.Item1, p.Item2, setFlags: true, Arm32Condition.Equal), $"cmpeq {Name(p.Item1)}, {Name(p.Item2)}"),
            (e => e.Alu(Arm32Operation.Tst, 0, p.Item1, p.Item2, setFlags: true), $"tst {Name(p.Item1)}, {Name(p.Item2)}"),
            (e => e.Move(p.Item1, p.Item2), $"mov {Name(p.Item1)}, {Name(p.Item2)}"),
            (e => e.Alu(Arm32Operation.Mov, p.Item1, 0, p.Item2, false, Arm32Condition.Always, Arm32Shift.RightArithmetic, 31), $"asr {Name(p.Item1)}, {Name(p.Item2)}, #0x1f"),
        }));
        Arm32Register[] low = [Arm32Register.R0, Arm32Register.R5, Arm32Register.R12, Arm32Register.Lr];
        Check(from d in low
              from m in low
              from s in low
              from form in new (Action<Arm32Emitter>, string)[]
              {
                  (e => e.AluShifted(Arm32Operation.Orr, d, d, m, Arm32Shift.RightLogical, s), $"orr {Name(d)}, {Name(d)}, {Name(m)}, lsr {Name(s)}"),
                  (e => e.AluShifted(Arm32Operation.Mov, d, 0, m, Arm32Shift.Left, s), $"lsl {Name(d)}, {Name(m)}, {Name(s)}"),
              }
              select form);
    }

    [Fact]
    public void Constants_have_the_encodings_of_the_manual()
    {
        foreach (uint value in new uint[] { 0, 1, 0xff, 0x100, 0xff0, 0xff000000, 0xf000000f, 0x3fc })
        {
            int encoded = Arm32Emitter.EncodeImmediate(value);
            Assert.Equal(value, System.Numerics.BitOperations.RotateRight((uint)encoded & 0xff, 2 * (encoded >> 8)));
        }
        foreach (uint value in new uint[] { 0x101, 0x1fe0001, 0xff1, 0x12345678 })
            Assert.Equal(-1, Arm32Emitter.EncodeImmediate(value));
        Check(
        [
            (e => e.MoveImmediate(Arm32Register.R5, 0xff00), "mov r5, #0xff00"),
            (e => e.MoveImmediate(Arm32Register.R5, uint.MaxValue), "mvn r5, #0"),
            (e => e.MoveImmediate(Arm32Register.R5, 0x1234), "movw r5, #0x1234"),
            (e => e.MoveImmediate(Arm32Register.R5, 0x12345678), "movw r5, #0x5678 ; movt r5, #0x1234"),
            (e => e.TryAluImmediate(Arm32Operation.Adc, Arm32Register.R1, Arm32Register.R2, 0), "adc r1, r2, #0"),
            (e => e.TryAluImmediate(Arm32Operation.Rsc, Arm32Register.R1, Arm32Register.R2, 0), "rsc r1, r2, #0"),
            (e => e.TryAluImmediate(Arm32Operation.Cmn, 0, Arm32Register.R2, 5, setFlags: true), "cmn r2, #5"),
            (e => e.TryAluImmediate(Arm32Operation.Rsb, Arm32Register.R0, Arm32Register.R0, 0, false, Arm32Condition.Minus), "rsbmi r0, r0, #0"),
        ]);
        Check([(e => e.MoveImmediate(Arm32Register.R5, 0x12340078), "mov r5, #0x78 ; orr r5, r5, #0x340000 ; orr r5, r5, #0x12000000")], Arm32Features.V6);
    }

    [Fact]
    public void Multiplication_division_and_bits()
    {
        Check(
        [
            (e => e.Multiply(Arm32Register.R1, Arm32Register.R2, Arm32Register.R3), "mul r1, r2, r3"),
            (e => e.MultiplyAdd(Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, Arm32Register.R4), "mla r1, r2, r3, r4"),
            (e => e.MultiplyLong(Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, Arm32Register.R4), "umull r1, r2, r3, r4"),
            (e => e.Divide(Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, isSigned: false), "udiv r1, r2, r3"),
            (e => e.Divide(Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, isSigned: true), "sdiv r1, r2, r3"),
            (e => e.CountLeadingZeros(Arm32Register.R8, Arm32Register.R7), "clz r8, r7"),
            (e => e.Reverse(Arm32Register.R8, Arm32Register.R7), "rev r8, r7"),
            (e => e.Reverse16(Arm32Register.R8, Arm32Register.R7), "rev16 r8, r7"),
            (e => e.Extend(Arm32Register.R8, Arm32Register.R7, 8, isSigned: false), "uxtb r8, r7"),
            (e => e.Extend(Arm32Register.R8, Arm32Register.R7, 16, isSigned: false), "uxth r8, r7"),
            (e => e.Extend(Arm32Register.R8, Arm32Register.R7, 8, isSigned: true), "sxtb r8, r7"),
            (e => e.Extend(Arm32Register.R8, Arm32Register.R7, 16, isSigned: true), "sxth r8, r7"),
            (e => e.ExtractField(Arm32Register.R8, Arm32Register.R7, 0, 12), "ubfx r8, r7, #0, #0xc"),
            (e => e.ExtractField(Arm32Register.R1, Arm32Register.R11, 31, 1), "ubfx r1, fp, #0x1f, #1"),
        ]);
    }

    [Fact]
    public void Loads_and_stores()
    {
        Check(from n in new[] { Arm32Register.R0, Arm32Register.R6, Arm32Register.Sp }
              from offset in new[] { 0, 4, 255, -255 }
              let at = offset == 0 ? $"[{Name(n)}]" : $"[{Name(n)}, #{(offset < 0 ? "-" : "")}{(Math.Abs(offset) < 10 ? Math.Abs(offset).ToString() : $"0x{Math.Abs(offset):x}")}]"
              from form in new (Action<Arm32Emitter>, string)[]
              {
                  (e => e.Load(32, false, Arm32Register.R1, n, offset), $"ldr r1, {at}"),
                  (e => e.Load(8, false, Arm32Register.R1, n, offset), $"ldrb r1, {at}"),
                  (e => e.Load(16, false, Arm32Register.R1, n, offset), $"ldrh r1, {at}"),
                  (e => e.Load(8, true, Arm32Register.R1, n, offset), $"ldrsb r1, {at}"),
                  (e => e.Load(16, true, Arm32Register.R1, n, offset), $"ldrsh r1, {at}"),
                  (e => e.Store(32, Arm32Register.R1, n, offset), $"str r1, {at}"),
                  (e => e.Store(8, Arm32Register.R1, n, offset), $"strb r1, {at}"),
                  (e => e.Store(16, Arm32Register.R1, n, offset), $"strh r1, {at}"),
              }
              select form);
        Check(
        [
            (e => e.LoadPair(Arm32Register.R0, Arm32Register.R11, 0), "ldrd r0, r1, [fp]"),
            (e => e.LoadPair(Arm32Register.R2, Arm32Register.R11, 248), "ldrd r2, r3, [fp, #0xf8]"),
            (e => e.StorePair(Arm32Register.R0, Arm32Register.R11, 0), "strd r0, r1, [fp]"),
            (e => e.StorePair(Arm32Register.R4, Arm32Register.Sp, -8), "strd r4, r5, [sp, #-8]"),
            (e => e.Store(32, Arm32Register.R12, Arm32Register.R11, 4, Arm32Condition.Plus), "strpl ip, [fp, #4]"),
            (e => e.BranchExchange(Arm32Register.Lr, Arm32Condition.LowerOrSame), "bxls lr"),
        ]);
        Check(
        [
            (e => e.LoadIndexed(32, false, Arm32Register.R1, Arm32Register.R2, Arm32Register.R12, 2), "ldr r1, [r2, ip, lsl #2]"),
            (e => e.LoadIndexed(8, false, Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, 0), "ldrb r1, [r2, r3]"),
            (e => e.LoadIndexed(16, false, Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, 0), "ldrh r1, [r2, r3]"),
            (e => e.LoadIndexed(8, true, Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, 0), "ldrsb r1, [r2, r3]"),
            (e => e.LoadIndexed(16, true, Arm32Register.R11, Arm32Register.R2, Arm32Register.R3, 0), "ldrsh fp, [r2, r3]"),
            (e => e.StoreIndexed(32, Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, 0), "str r1, [r2, r3]"),
            (e => e.StoreIndexed(8, Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, 31), "strb r1, [r2, r3, lsl #31]"),
            (e => e.StoreIndexed(16, Arm32Register.R1, Arm32Register.R2, Arm32Register.Lr, 0), "strh r1, [r2, lr]"),
            (e =>
            {
                e.BeginPredicate(Arm32Condition.NotEqual);
                e.Move(Arm32Register.R1, Arm32Register.R2);
                e.Load(8, false, Arm32Register.R3, Arm32Register.R4, 0);
                Assert.True(e.TryEndPredicate(2));
                e.BeginPredicate(Arm32Condition.Less);
                e.Alu(Arm32Operation.Add, Arm32Register.R1, Arm32Register.R2, Arm32Register.R3, setFlags: true);
                Assert.False(e.TryEndPredicate(2));
                e.BeginPredicate(Arm32Condition.Less);
                e.Barrier(Arm32Register.R12);
                Assert.False(e.TryEndPredicate(2));
                e.BeginPredicate(Arm32Condition.Higher);
                e.MoveImmediate(Arm32Register.R1, 0x12345678);
                Assert.False(e.TryEndPredicate(1));
                e.Move(Arm32Register.R5, Arm32Register.R6);
            }, "movne r1, r2 ; ldrbne r3, [r4] ; mov r5, r6"),
        ]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Arm32Emitter(Arm32Features.V7).LoadIndexed(16, false, Arm32Register.R0, Arm32Register.R1, Arm32Register.R2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Arm32Emitter(Arm32Features.V7).LoadPair(Arm32Register.R1, Arm32Register.R0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Arm32Emitter(Arm32Features.V7).Load(16, false, Arm32Register.R0, Arm32Register.R1, 256));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Arm32Emitter(Arm32Features.V7).Store(32, Arm32Register.R0, Arm32Register.R1, 4096));
    }

    [Fact]
    public void Exclusive_access_stacks_and_branches()
    {
        Check(
        [
            (e => e.LoadExclusive(Arm32Register.R0, Arm32Register.Lr), "ldrex r0, [lr]"),
            (e => e.StoreExclusive(Arm32Register.R12, Arm32Register.R2, Arm32Register.Lr), "strex ip, r2, [lr]"),
            (e => e.LoadExclusivePair(Arm32Register.R0, Arm32Register.Lr), "ldrexd r0, r1, [lr]"),
            (e => e.StoreExclusivePair(Arm32Register.R12, Arm32Register.R2, Arm32Register.Lr), "strexd ip, r2, r3, [lr]"),
            (e => e.Barrier(Arm32Register.R12), "dmb ish"),
            (e => e.Push(1 << 4 | 1 << 5 | 1 << 14), "push {r4, r5, lr}"),
            (e => e.Pop(1 << 4 | 1 << 5 | 1 << 15), "pop {r4, r5, pc}"),
            (e => e.BranchExchange(Arm32Register.Lr), "bx lr"),
            (e => e.BranchLinkExchange(Arm32Register.R12), "blx ip"),
            (e => e.SupervisorCall(), "svc #0"),
        ]);
        var emitter = new Arm32Emitter(Arm32Features.V7);
        ArmLabel start = emitter.NewLabel(), end = emitter.NewLabel();
        emitter.Bind(start);
        emitter.Branch(end, Arm32Condition.Higher);
        emitter.BranchAndLink(start);
        emitter.Bind(end);
        emitter.Branch(start);
        using CapstoneArmDisassembler disassembler = CapstoneDisassembler.CreateArmDisassembler(ArmDisassembleMode.Arm);
        // The disassembler takes the code to lie at 0x1000.
        Assert.Equal(["bhi #0x1008", "bl #0x1000", "b #0x1000"], disassembler.Disassemble(emitter.Finish()).Select(instruction => $"{instruction.Mnemonic} {instruction.Operand}"));
    }
}
