// Code that LLVM generated against the interpreter and the x86-64 engine: every row of the opcode table, the public conformance
// suite, random programs, calls of helpers, callbacks and tail calls. EBPFCC_LLVM chooses among installed libraries.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Llvm;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed unsafe class LlvmExecutionTests
{
    internal static readonly LlvmEngine Engine = new(Environment.GetEnvironmentVariable("EBPFCC_LLVM") is { Length: > 0 } path ? path : null);

    internal static ulong Run(EbpfInstruction[] program, byte[] memory)
    {
        using LlvmExecutable executable = Engine.CompileTrusted(X64ExecutionTests.Load(program), program, null, X64ExecutionTests.Environment);
        fixed (byte* address = memory)
            return executable.Run((nint)address, memory.Length);
    }

    [OracleFact(Oracle.Llvm, Oracle.Shared)]
    public void Conformance_programs_give_the_suites_result()
    {
        var failures = new List<string>();
        foreach ((string name, (byte[] memory, EbpfInstruction[] program, ulong expected)) in X64ExecutionTests.Conformance)
        {
            if (X64ExecutionTests.IsSandboxOnly(name))
                continue;
            ulong actual = Run(program, (byte[])memory.Clone());
            if (actual != expected)
                failures.Add($"{name}: {actual:x}, expected {expected:x}");
        }
        Assert.Empty(failures);
    }

    [OracleTheory(Oracle.Llvm)]
    [InlineData(11, 150)]
    public void Random_programs_agree_with_the_interpreter(int seed, int count)
    {
        for (int i = 0; i < count; i++)
            Agree(X64ExecutionTests.RawProgram(seed * 1_000_003 + i), i, $"seed {seed}, program {i}");
    }

    private static void Agree(EbpfInstruction[] program, int memorySeed, string what)
    {
        byte[] first = new byte[64], second = new byte[64];
        new Random(memorySeed).NextBytes(first);
        first.CopyTo(second, 0);
        ulong expected = X64ExecutionTests.Interpret(program, first);
        ulong actual = Run(program, second);
        Assert.True(expected == actual && first.AsSpan().SequenceEqual(second), $"{what}: interpreter {expected:x}, LLVM {actual:x}\n{string.Join("\n", program.Select((x, n) => $"{n}: {OpcodeTable.Classify(x)} {x}"))}");
    }

    /// <summary>Operands at which operations differ: signs, widths, zero divisors, shift counts beyond the width.</summary>
    private static readonly ulong[] s_values =
        [0, 1, 7, 31, 33, 63, 64, 0x80, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x123456789abcdef0, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffff9, ulong.MaxValue];

    /// <summary>Opcodes whose execution the other tests cover, and the cast, which needs an arena.</summary>
    private static bool IsCoveredElsewhere(OpcodeRow row)
        => row.Effect is Effect.Call or Effect.Jump or Effect.Exit or Effect.PacketLoad or Effect.None || row.Operation is Operation.MayGoto or Operation.AddrSpaceCast
            || row.Effect == Effect.LoadImmediate && row.Opcode != EbpfOpcode.LoadImm64;

    /// <summary>
    /// Each row on all pairs of operands, which come from memory, so that LLVM cannot compute the results itself:
    ///   for R1 = table; R1 != end; R1 += 8                       the first operand, R7
    ///     for R2 = table; R2 != end; R2 += 8                     the second one, R8; the immediate forms repeat it
    ///       R7 = *R1 ; R8 = *R2 ; the operation ; R9 = ((R9 * 31 + R7) * 31 + R8) * 31 + R0
    /// </summary>
    [OracleFact(Oracle.Llvm)]
    public void Every_row_of_the_opcode_table_agrees_with_the_interpreter()
    {
        int[] immediates = [0, 1, -1, 2, 7, 33, 64, 1000, int.MinValue, int.MaxValue];
        int end = 8 * s_values.Length;
        foreach (OpcodeRow row in OpcodeTable.Rows)
        {
            if (IsCoveredElsewhere(row))
                continue;
            var body = new List<EbpfInstruction>();
            foreach (int immediate in row.Immediate == ImmediateUse.Value ? immediates : [0])
                AddOperation(body, row, immediate, (short)end);
            var program = new List<EbpfInstruction>
            {
                OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 6, 1),
                OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 9),
                OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0, immediate: 5),
                OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 1, 6),
                OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 3, 6),
                OpcodeTable.Encode(EbpfOpcode.Add64Imm, 3, immediate: end),
                OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 2, 6),
            };
            program.AddRange(body);
            program.AddRange(
            [
                OpcodeTable.Encode(EbpfOpcode.Add64Imm, 2, immediate: 8),
                OpcodeTable.Encode(EbpfOpcode.Jne64Reg, 2, 3, -(body.Count + 2)),
                OpcodeTable.Encode(EbpfOpcode.Add64Imm, 1, immediate: 8),
                OpcodeTable.Encode(EbpfOpcode.Jne64Reg, 1, 3, -(body.Count + 5)),
                OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 0, 9),
                OpcodeTable.Encode(EbpfOpcode.Exit),
            ]);
            byte[] first = new byte[end + 8];
            for (int i = 0; i < s_values.Length; i++)
                BitConverter.TryWriteBytes(first.AsSpan(8 * i), s_values[i]);
            byte[] again = (byte[])first.Clone();
            ulong expected = X64ExecutionTests.Interpret([.. program], first), actual = Run([.. program], again);
            Assert.True(expected == actual && first.AsSpan().SequenceEqual(again), $"{row.Opcode}: interpreter {expected:x}, LLVM {actual:x}");
        }
    }

    private static void AddOperation(List<EbpfInstruction> body, OpcodeRow row, int immediate, short scratch)
    {
        body.Add(OpcodeTable.Encode(EbpfOpcode.Load64, 7, 1));
        body.Add(OpcodeTable.Encode(EbpfOpcode.Load64, 8, 2));
        switch (row.Effect)
        {
            case Effect.LoadImmediate:
                body.Add(OpcodeTable.Encode(EbpfOpcode.LoadImm64, 7, immediate: 0x12345678));
                body.Add(new EbpfInstruction(0, 0, 0, 0, unchecked((int)0x9abcdef0)));
                break;
            case Effect.Load:
                body.Add(OpcodeTable.Encode(EbpfOpcode.StoreReg64, 6, 7, scratch));
                body.Add(OpcodeTable.Encode(row.Opcode, 7, 6, scratch));
                break;
            case Effect.Store or Effect.Atomic:
                body.Add(OpcodeTable.Encode(EbpfOpcode.StoreReg64, 6, 7, scratch));
                body.Add(OpcodeTable.Encode(row.Opcode, 6, row.IsRegisterForm ? 8 : 0, scratch, immediate));
                body.Add(OpcodeTable.Encode(EbpfOpcode.Load64, 7, 6, scratch));
                break;
            case Effect.Branch:
                body.Add(OpcodeTable.Encode(row.Opcode, 7, row.IsRegisterForm ? 8 : 0, 1, immediate));
                body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Imm, 9, immediate: 1));
                break;
            default:
                body.Add(OpcodeTable.Encode(row.Opcode, 7, row.IsRegisterForm ? 8 : 0, 0, immediate));
                break;
        }
        foreach (int register in new[] { 7, 8, 0 })
        {
            body.Add(OpcodeTable.Encode(EbpfOpcode.Mul64Imm, 9, immediate: 31));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 9, register));
        }
    }

    [OracleFact(Oracle.Llvm)]
    public void May_goto_ends_a_loop_when_its_budget_is_used_up()
        => Assert.Equal((ulong)MachineState.MayGotoLimit + 7, Run(X64ExecutionTests.EndlessButForMayGoto, []));

    /// <summary>Jumps of both lengths, over a loop whose head is the function's first instruction.</summary>
    [OracleFact(Oracle.Llvm)]
    public void A_loop_may_begin_the_function()
    {
        EbpfInstruction[] program =
        [
            OpcodeTable.Encode(EbpfOpcode.Add64Imm, 2, immediate: -1),
            OpcodeTable.Encode(EbpfOpcode.Jeq64Imm, 2, offset: 1, immediate: 3),
            OpcodeTable.Encode(EbpfOpcode.JaLong, immediate: -3),
            OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 0, 2),
            OpcodeTable.Encode(EbpfOpcode.Jne64Imm, 0, offset: 0, immediate: 3), // both ways lead to the same place
            OpcodeTable.Encode(EbpfOpcode.Exit),
        ];
        Assert.Equal(3UL, Run(program, new byte[64]));
    }

    /// <summary>bpf_loop calls a function of the program: R0 is the sum of what the function added to its caller's frame.</summary>
    private static EbpfInstruction[] Callback { get; } =
    [
        OpcodeTable.Encode(EbpfOpcode.StoreImm64, 10, 0, -8, 100),
        OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 1, immediate: 10),
        OpcodeTable.Encode(EbpfOpcode.LoadFunction, 2, immediate: 7),
        default,
        OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 3, 10),
        OpcodeTable.Encode(EbpfOpcode.Add64Imm, 3, immediate: -8),
        OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 4),
        OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: 181),
        OpcodeTable.Encode(EbpfOpcode.Load64, 0, 10, -8),
        OpcodeTable.Encode(EbpfOpcode.Exit),
        OpcodeTable.Encode(EbpfOpcode.Load64, 3, 2, 0),
        OpcodeTable.Encode(EbpfOpcode.Add64Reg, 3, 1),
        OpcodeTable.Encode(EbpfOpcode.StoreReg64, 2, 3, 0),
        OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0),
        OpcodeTable.Encode(EbpfOpcode.Exit),
    ];

    [OracleFact(Oracle.Llvm)]
    public void Helpers_call_functions_of_the_program()
    {
        Assert.Equal(145UL, Run(Callback, []));
        Assert.Equal(145UL, X64ExecutionTests.Interpret(Callback, []));
    }

    /// <summary>Tail calls between programs of both native engines, from an entry and from a function, and one that finds nothing.</summary>
    [OracleFact(Oracle.Llvm, Oracle.X64Machine)]
    public void Tail_calls_lead_into_programs_of_any_native_engine()
    {
        using var table = (ProgramArrayMap)MapFactory.Create(new MapDefinition("table", (int)MapType.ProgArray, 4, 4, 4), GuestHeap.Shared);
        EbpfInstruction[] Caller(int index, bool inFunction) =>
        [
            .. inFunction ? new[]
            {
                OpcodeTable.Encode(EbpfOpcode.CallLocal, immediate: 2),
                OpcodeTable.Encode(EbpfOpcode.Add64Imm, 0, immediate: 1000),
                OpcodeTable.Encode(EbpfOpcode.Exit),
            } : [],
            OpcodeTable.Encode(EbpfOpcode.LoadMapFd, 2),
            default,
            OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 3, immediate: index),
            OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: 12),
            OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0, immediate: 9),
            OpcodeTable.Encode(EbpfOpcode.Exit),
        ];
        LoadedProgram Loaded(EbpfInstruction[] code)
        {
            LoadedProgram plain = X64ExecutionTests.Load(code);
            return new LoadedProgram { Name = plain.Name, ProgramType = 0, Instructions = code, Subprograms = plain.Subprograms, Maps = [table] };
        }
        IExecutable Make(EbpfInstruction[] code, bool isLlvm) => isLlvm
            ? Engine.CompileTrusted(Loaded(code), code, null, X64ExecutionTests.Environment)
            : X64Engine.CompileTrusted(Loaded(code), code, null, X64ExecutionTests.Environment);
        EbpfInstruction[] end = [OpcodeTable.Encode(EbpfOpcode.Load8, 0, 1, 0), OpcodeTable.Encode(EbpfOpcode.Exit)];
        EbpfInstruction[] itself = Caller(1, inFunction: false);

        GuestContext outer = GuestContext.Current;
        GuestContext.Current = new GuestContext(X64ExecutionTests.Environment);
        byte packet = 42;
        try
        {
            foreach ((bool callerIsLlvm, bool targetIsLlvm) in new[] { (true, true), (true, false), (false, true) })
            {
                using IExecutable target = Make(end, targetIsLlvm), callingBack = Make(Callback, targetIsLlvm), endless = Make(itself, targetIsLlvm);
                table.Set(0, target);
                table.Set(1, endless);
                table.Set(2, callingBack);
                foreach ((int index, ulong expected) in new[] { (0, 42UL), (2, 145UL), (3, 9UL), (1, 9UL) })
                {
                    foreach (bool inFunction in new[] { false, true })
                    {
                        using IExecutable caller = Make(Caller(index, inFunction), callerIsLlvm);
                        GuestContext.Current.Reset();
                        Assert.Equal(expected + (inFunction ? 1000UL : 0), caller.Run((nint)(&packet)));
                    }
                }
            }
        }
        finally
        {
            GuestContext.Current = outer;
        }
    }

    /// <summary>Packet loads of all widths, also outside the packet, where they end the function with 0.</summary>
    [OracleFact(Oracle.Llvm, Oracle.X64Machine)]
    public void Packet_loads_agree_with_the_x64_engine()
    {
        GuestContext outer = GuestContext.Current;
        GuestContext.Current = new GuestContext(X64ExecutionTests.Environment);
        byte* memory = stackalloc byte[64];
        new Random(3).NextBytes(new Span<byte>(memory, 64));
        try
        {
            using var packet = new PacketBuffer(memory, 64) { Meta = memory, Data = memory, End = memory + 20 };
            GuestContext.Current.Packet = packet;
            foreach (EbpfOpcode opcode in new[] { EbpfOpcode.LoadAbs8, EbpfOpcode.LoadAbs16, EbpfOpcode.LoadAbs32, EbpfOpcode.LoadInd8, EbpfOpcode.LoadInd16, EbpfOpcode.LoadInd32 })
            {
                foreach (int offset in new[] { 0, 3, 16, 17, 19, 20, -1, -0x200000 })
                {
                    EbpfInstruction[] program =
                    [
                        OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 6, 1),
                        OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 7, immediate: 1),
                        OpcodeTable.Encode(opcode, 0, OpcodeTable.Get(opcode).IsRegisterForm ? 7 : 0, 0, offset),
                        OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, 7),
                        OpcodeTable.Encode(EbpfOpcode.Exit),
                    ];
                    LoadedProgram loaded = X64ExecutionTests.Load(program);
                    using X64Executable reference = X64Engine.CompileTrusted(loaded, program, null, X64ExecutionTests.Environment);
                    using LlvmExecutable executable = Engine.CompileTrusted(loaded, program, null, X64ExecutionTests.Environment);
                    Assert.Equal(reference.Run(0), executable.Run(0));
                }
            }
        }
        finally
        {
            GuestContext.Current = outer;
        }
    }

    [OracleFact(Oracle.Llvm)]
    public void Disposed_code_cannot_be_run_and_many_programs_leave_nothing_behind()
    {
        EbpfInstruction[] program = [OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 0, 2), OpcodeTable.Encode(EbpfOpcode.Exit)];
        LlvmExecutable executable = Engine.CompileTrusted(X64ExecutionTests.Load(program), program, null, X64ExecutionTests.Environment);
        Assert.Equal(5UL, executable.Run(0, 5));
        Assert.NotEqual(0, executable.Code.Length);
        executable.Dispose();
        executable.Dispose();
        Assert.Throws<ObjectDisposedException>(() => executable.Run(0));
        if (!File.Exists("/proc/self/maps"))
            return;
        int before = 0;
        for (int i = 0; i < 60; i++)
        {
            Run(program, []);
            if (i == 20)
                before = File.ReadLines("/proc/self/maps").Count();
        }
        int after = File.ReadLines("/proc/self/maps").Count();
        Assert.True(after - before < 35, $"{before} mappings became {after}");
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), line => line.Contains(" rwxp ") && !line.Contains('/'));
    }

    [OracleFact(Oracle.Llvm)]
    public void Sandboxed_programs_are_refused()
        => Assert.Contains("verified programs only", Assert.Throws<GuestFaultException>(() => Engine.PrepareSandboxed(X64ExecutionTests.Load([OpcodeTable.Encode(EbpfOpcode.Exit)]), new SandboxOptions(), X64ExecutionTests.Environment)).Message);

    [OracleFact(Oracle.Llvm)]
    public void Threads_compile_at_the_same_time()
    {
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => Agree(X64ExecutionTests.RawProgram(77 + i), i, $"program {i}"));
    }
}
