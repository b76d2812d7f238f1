// Every ALU and branch row of the opcode table against IntegerArithmetic, on operands at the edges and at random: one program
// per row, operands through memory.
using Ebpfcc.Core.Numerics;
using Ebpfcc.Ebpf.Isa;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Execution;

public sealed class ArithmeticTests
{
    private static readonly ulong[] s_edges =
    [
        0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
        0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffffffe, 0xffffffff80000000, 0x123456789abcdef0,
    ];

    public static TheoryData<EbpfOpcode> AluRows() => Rows(Effect.Alu);

    public static TheoryData<EbpfOpcode> BranchRows() => Rows(Effect.Branch);

    private static TheoryData<EbpfOpcode> Rows(Effect effect)
    {
        var data = new TheoryData<EbpfOpcode>();
        foreach (OpcodeRow row in OpcodeTable.Rows)
        {
            if (row.Effect == effect && row.Opcode is not (EbpfOpcode.AddrSpaceCast or EbpfOpcode.MayGoto))
                data.Add(row.Opcode);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(AluRows))]
    public void AluResultIsIntegerArithmetics(EbpfOpcode opcode)
    {
        OpcodeRow row = OpcodeTable.Get(opcode);
        var pairs = Pairs((int)opcode);
        foreach ((ulong a, ulong b) in pairs)
        {
            int immediate = row.Immediate == ImmediateUse.Value ? (int)b : 0;
            ulong operand = row.IsRegisterForm ? b : (ulong)(long)immediate;
            EbpfInstruction[] program =
            [
                OpcodeTable.Encode(EbpfOpcode.Load64, dst: 0, src: 1, offset: 0),
                OpcodeTable.Encode(EbpfOpcode.Load64, dst: 3, src: 1, offset: 8),
                OpcodeTable.Encode(opcode, dst: 0, src: row.IsRegisterForm ? 3 : 0, immediate: immediate),
                OpcodeTable.Encode(EbpfOpcode.Exit),
            ];
            ulong actual = RawPrograms.Run(program, [.. BitConverter.GetBytes(a), .. BitConverter.GetBytes(b)]);
            Assert.True(Expected(row, a, operand) == actual, $"{opcode} of {a:x} and {operand:x}: {actual:x}, not {Expected(row, a, operand):x}");
        }
    }

    [Theory]
    [MemberData(nameof(BranchRows))]
    public void BranchIsTakenWhenTheComparisonHolds(EbpfOpcode opcode)
    {
        OpcodeRow row = OpcodeTable.Get(opcode);
        foreach ((ulong a, ulong b) in Pairs((int)opcode))
        {
            int immediate = row.Immediate == ImmediateUse.Value ? (int)b : 0;
            ulong operand = row.IsRegisterForm ? b : (ulong)(long)immediate;
            EbpfInstruction[] program =
            [
                OpcodeTable.Encode(EbpfOpcode.Load64, dst: 2, src: 1, offset: 0),
                OpcodeTable.Encode(EbpfOpcode.Load64, dst: 3, src: 1, offset: 8),
                OpcodeTable.Encode(EbpfOpcode.Mov64Imm, dst: 0, immediate: 1),
                OpcodeTable.Encode(opcode, dst: 2, src: row.IsRegisterForm ? 3 : 0, offset: 1, immediate: immediate),
                OpcodeTable.Encode(EbpfOpcode.Mov64Imm, dst: 0, immediate: 0),
                OpcodeTable.Encode(EbpfOpcode.Exit),
            ];
            ulong actual = RawPrograms.Run(program, [.. BitConverter.GetBytes(a), .. BitConverter.GetBytes(b)]);
            Assert.True(IsTaken(row, a, operand) == (actual == 1), $"{opcode} of {a:x} and {operand:x}");
        }
    }

    private static List<(ulong, ulong)> Pairs(int seed)
    {
        var pairs = new List<(ulong, ulong)>();
        var random = new Random(seed);
        foreach (ulong a in s_edges)
        {
            foreach (ulong b in s_edges)
            {
                if (random.Next(4) == 0 || a == b || a == 0x8000000000000000 || b == ulong.MaxValue)
                    pairs.Add((a, b));
            }
        }
        for (int i = 0; i < 20; i++)
            pairs.Add(((ulong)random.NextInt64() << random.Next(2), (ulong)random.NextInt64() >> random.Next(64)));
        return pairs;
    }

    private static ulong Expected(OpcodeRow row, ulong a, ulong b)
    {
        bool wide = row.Width == 64;
        uint x = (uint)a, y = (uint)b;
        return row.Operation switch
        {
            Operation.Add => wide ? a + b : x + y,
            Operation.Sub => wide ? a - b : (uint)(x - y),
            Operation.Mul => wide ? a * b : (uint)(x * y),
            Operation.Div => wide ? IntegerArithmetic.DivideUnsigned(a, b) : IntegerArithmetic.DivideUnsigned(x, y),
            Operation.SDiv => wide ? (ulong)IntegerArithmetic.DivideSigned((long)a, (long)b) : (uint)IntegerArithmetic.DivideSigned((int)x, (int)y),
            Operation.Mod => wide ? IntegerArithmetic.RemainderUnsigned(a, b) : IntegerArithmetic.RemainderUnsigned(x, y),
            Operation.SMod => wide ? (ulong)IntegerArithmetic.RemainderSigned((long)a, (long)b) : (uint)IntegerArithmetic.RemainderSigned((int)x, (int)y),
            Operation.Or => wide ? a | b : x | y,
            Operation.And => wide ? a & b : x & y,
            Operation.Xor => wide ? a ^ b : x ^ y,
            Operation.Lsh => wide ? IntegerArithmetic.ShiftLeft(a, b) : IntegerArithmetic.ShiftLeft(x, y),
            Operation.Rsh => wide ? IntegerArithmetic.ShiftRightLogical(a, b) : IntegerArithmetic.ShiftRightLogical(x, y),
            Operation.Arsh => wide ? IntegerArithmetic.ShiftRightArithmetic(a, b) : IntegerArithmetic.ShiftRightArithmetic(x, y),
            Operation.Mov => wide ? b : y,
            Operation.MovSx => IntegerArithmetic.ZeroExtend(IntegerArithmetic.SignExtend(b, row.DiscriminatorValue), row.Width),
            Operation.Neg => wide ? 0 - a : (uint)(0 - x),
            Operation.ToLe => IntegerArithmetic.ZeroExtend(a, row.Width),
            Operation.ToBe or Operation.Bswap => IntegerArithmetic.ByteSwap(a, row.Width),
            _ => throw new ArgumentOutOfRangeException(nameof(row), row.Operation, "no expectation"),
        };
    }

    private static bool IsTaken(OpcodeRow row, ulong a, ulong b)
    {
        if (row.Width == 32)
            (a, b) = ((uint)a, (uint)b);
        long sa = row.Width == 32 ? (int)a : (long)a, sb = row.Width == 32 ? (int)b : (long)b;
        return row.Operation switch
        {
            Operation.Jeq => a == b, Operation.Jne => a != b, Operation.Jset => (a & b) != 0,
            Operation.Jgt => a > b, Operation.Jge => a >= b, Operation.Jlt => a < b, Operation.Jle => a <= b,
            Operation.Jsgt => sa > sb, Operation.Jsge => sa >= sb, Operation.Jslt => sa < sb, Operation.Jsle => sa <= sb,
            _ => throw new ArgumentOutOfRangeException(nameof(row), row.Operation, "no expectation"),
        };
    }
}
