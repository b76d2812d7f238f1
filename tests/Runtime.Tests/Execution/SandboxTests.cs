// What a sandboxed program may not do, and what it may.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Execution;

public sealed class SandboxTests
{
    private static EbpfInstruction I(EbpfOpcode opcode, int dst = 0, int src = 0, int offset = 0, int immediate = 0)
        => OpcodeTable.Encode(opcode, dst, src, offset, immediate);

    private static readonly EbpfInstruction s_exit = I(EbpfOpcode.Exit);

    private static string Fault(params EbpfInstruction[] program)
        => Assert.Throws<GuestFaultException>(() => RawPrograms.Run(program, new byte[16], fuel: 10_000)).Message;

    [Theory]
    [InlineData(0, true)]
    [InlineData(8, true)]
    [InlineData(9, false)]
    [InlineData(-1, false)]
    [InlineData(16, false)]
    [InlineData(0x7000, false)]
    public void MemoryIsExactlyTheGivenRange(int offset, bool allowed)
    {
        EbpfInstruction[] program = [I(EbpfOpcode.Load64, 0, 1, offset), s_exit];
        if (allowed)
            Assert.Equal(0ul, RawPrograms.Run(program, new byte[16]));
        else
            Assert.Contains("invalid read of 8 bytes", Fault(program));
    }

    [Theory]
    [InlineData(-8, true)]
    [InlineData(-4096, true)]
    [InlineData(-4097, false)]
    [InlineData(-7, false)]
    [InlineData(0, false)]
    public void StackEndsAtTheFramePointer(int offset, bool allowed)
    {
        EbpfInstruction[] program = [I(EbpfOpcode.StoreImm64, 10, 0, offset, 1), I(EbpfOpcode.Load64, 0, 10, offset), s_exit];
        if (allowed)
            Assert.Equal(1ul, RawPrograms.Run(program, new byte[16]));
        else
            Assert.Contains("invalid write of 8 bytes", Fault(program));
    }

    [Fact]
    public void WindowsSmallerThanAnAccessDoNotWrap()
        => Assert.Throws<GuestFaultException>(() => RawPrograms.Run([I(EbpfOpcode.Load8, 0, 1), I(EbpfOpcode.Load64, 0, 1), s_exit], new byte[4]));

    [Fact]
    public void FuelStopsALoop() => Assert.Contains("within 10000 instructions", Fault(I(EbpfOpcode.Ja, offset: -1), s_exit));

    [Fact]
    public void FuelStopsRecursion() => Assert.Contains("nested deeper than 8", Fault(I(EbpfOpcode.CallLocal, immediate: -1), s_exit));

    [Fact]
    public void UnknownHelperIsAFault() => Assert.Contains("no helper with the number 4711", Fault(I(EbpfOpcode.CallHelper, immediate: 4711), s_exit));

    [Fact]
    public void UnalignedAtomicIsAFault()
        => Assert.Contains("invalid write", Fault(I(EbpfOpcode.Mov64Imm, 2, 0, 0, 1), I(EbpfOpcode.AtomicAdd64, 10, 2, -12), s_exit));

    [Fact]
    public void InstructionsAreCountedExactly()
    {
        // r2 = 10; do { r2 -= 1 } while (r2 != 0); exit: 1 + 10 * 2 + 2
        EbpfInstruction[] program =
        [
            I(EbpfOpcode.Mov64Imm, 2, immediate: 10), I(EbpfOpcode.Add64Imm, 2, immediate: -1), I(EbpfOpcode.Jne64Imm, 2, offset: -2, immediate: 0),
            I(EbpfOpcode.Mov64Imm), s_exit,
        ];
        RawPrograms.Run(program, []);
        Assert.Equal(23, GuestContext.Current.ExecutedInstructions);
        Assert.Equal(0ul, RawPrograms.Run(program, [], fuel: 23));
        Assert.Throws<GuestFaultException>(() => RawPrograms.Run(program, [], fuel: 22));
    }

    [Fact]
    public void MayGotoEnds()
    {
        EbpfInstruction[] program = [I(EbpfOpcode.Mov64Imm), I(EbpfOpcode.MayGoto, offset: 2), I(EbpfOpcode.Add64Imm, immediate: 1), I(EbpfOpcode.Ja, offset: -3), s_exit];
        Assert.Equal(8ul * 1024 * 1024, RawPrograms.Run(program, [], fuel: 100_000_000));
    }

    [Theory]
    [InlineData("9500000000000001", "reserved")]
    [InlineData("ff00000000000000", "unknown opcode ff")]
    [InlineData("b700000000000000", "last insn")]
    [InlineData("0500050000000000 9500000000000000", "jump out of range")]
    [InlineData("1800000000000000", "bpf_ld_imm64")]
    [InlineData("0500010000000000 1800000000000000 0000000000000000 9500000000000000", "jump out of range")]
    [InlineData("b70a000000000000 9500000000000000", "read only")]
    [InlineData("b70b000000000000 9500000000000000", "invalid")]
    public void MalformedProgramsAreRefused(string hex, string expected)
        => Assert.Contains(expected, Assert.Throws<GuestFaultException>(() => RawPrograms.Run(Parse(hex), [])).Message);

    [Fact]
    public void RandomProgramsNeverBreakTheProcess()
    {
        var random = new Random(20);
        for (int round = 0; round < 3000; round++)
        {
            var program = new EbpfInstruction[random.Next(2, 30)];
            for (int i = 0; i < program.Length - 1; i++)
            {
                EbpfOpcode opcode;
                do
                    opcode = (EbpfOpcode)random.Next(1, OpcodeTable.Rows.Length);
                while (OpcodeTable.Get(opcode).IsWide || opcode == EbpfOpcode.CallHelper);
                program[i] = I(opcode, random.Next(11), random.Next(11), random.Next(4) == 0 ? random.Next(-600, 600) : random.Next(-4, 12), random.Next(-20, 20));
            }
            program[^1] = s_exit;
            try
            {
                RawPrograms.Run(program, new byte[64], fuel: 2000);
            }
            catch (GuestFaultException)
            {
            }
        }
    }

    private static EbpfInstruction[] Parse(string hex)
        => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, EbpfInstruction>(Convert.FromHexString(hex.Replace(" ", ""))).ToArray();
}
