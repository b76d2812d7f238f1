// Long programs of the shapes that make compilers recurse or iterate without end: LLVM must come to an end in bounded time and
// stack, whatever the depth of expressions, branches and loops that the verifier lets through.
using System.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed unsafe class LlvmLargeProgramTests
{
    /// <summary>A shape of programs: what stands before, the part that is repeated, and what stands behind.</summary>
    private static EbpfInstruction[] Create(string shape, int count)
    {
        var code = new List<EbpfInstruction>
        {
            OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 6, 1),
            OpcodeTable.Encode(EbpfOpcode.Load64, 0, 6),
            OpcodeTable.Encode(EbpfOpcode.Load64, 7, 6, 8),
            OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 8),
        };
        int head = code.Count;
        while (code.Count < count)
        {
            int i = code.Count;
            switch (shape)
            {
                case "expression":
                    code.Add(OpcodeTable.Encode(i % 3 == 0 ? EbpfOpcode.Add64Reg : i % 3 == 1 ? EbpfOpcode.Xor64Reg : EbpfOpcode.Mul64Reg, 0, 7));
                    break;
                case "sums":
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, i % 2 == 0 ? 7 : 0));
                    break;
                case "halves":
                    code.Add(OpcodeTable.Encode(i % 2 == 0 ? EbpfOpcode.Add32Imm : EbpfOpcode.Add64Reg, 0, i % 2 == 0 ? 0 : 7, 0, i % 2 == 0 ? i : 0));
                    break;
                case "diamonds":
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Jgt64Reg, 0, 7, 1));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, 0, immediate: i));
                    break;
                case "returns":
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, 7, immediate: 3));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Jne64Imm, 7, offset: 2, immediate: i));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0, immediate: i));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Exit));
                    break;
                case "stores":
                    code.Add(OpcodeTable.Encode(EbpfOpcode.StoreReg8, 6, 0, i % 64));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Load8, 0, 6, i * 7 % 64));
                    break;
                case "body":
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, 8));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Rsh64Imm, 0, immediate: 1));
                    break;
                case "loops":
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 8));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, 8));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, 8, immediate: 1));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Jne64Imm, 8, offset: -3, immediate: 2 + i % 3));
                    break;
                default: // divisions
                    code.Add(OpcodeTable.Encode(i % 2 == 0 ? EbpfOpcode.Div64Reg : EbpfOpcode.SMod64Reg, 0, 7));
                    code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, 0, immediate: i));
                    break;
            }
        }
        if (shape == "body")
        {
            code.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, 8, immediate: 1));
            code.Add(OpcodeTable.Encode(EbpfOpcode.Jne64Imm, 8, offset: -(code.Count + 1 - head), immediate: 3));
        }
        code.Add(OpcodeTable.Encode(EbpfOpcode.Exit));
        return [.. code];
    }

    [OracleTheory(Oracle.Llvm)]
    [InlineData("expression")]
    [InlineData("sums")]
    [InlineData("halves")]
    [InlineData("diamonds")]
    [InlineData("returns")]
    [InlineData("stores")]
    [InlineData("body")]
    [InlineData("loops")]
    [InlineData("divisions")]
    public void Long_programs_compile_in_bounded_time_and_stack(string shape)
    {
        foreach (int count in new[] { 4_000, 32_000 })
        {
            EbpfInstruction[] program = Create(shape, count);
            byte[] first = new byte[64], second = new byte[64];
            new Random(5).NextBytes(first);
            first.CopyTo(second, 0);
            ulong actual = 0;
            var watch = Stopwatch.StartNew();
            // Called on a thread with a small stack: compilation must not depend on it.
            var thread = new Thread(() => actual = LlvmExecutionTests.Run(program, second), 256 * 1024);
            thread.Start();
            thread.Join();
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{count} instructions took {watch.Elapsed}");
            Assert.Equal(X64ExecutionTests.Interpret(program, first), actual);
            Assert.Equal(first, second);
        }
    }
}
