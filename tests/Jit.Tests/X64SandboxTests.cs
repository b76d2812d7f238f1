// Unverified programs as native code: the conformance suite, attacks, and random wild programs, all against the sandboxed interpreter.
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Sandboxing;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed unsafe class X64SandboxTests
{
    private const long Fuel = 5_000;

    private static readonly X64Engine s_engine = new();
    private static readonly EbpfInstruction s_exit = I(EbpfOpcode.Exit);

    private static EbpfInstruction I(EbpfOpcode opcode, int dst = 0, int src = 0, int offset = 0, int immediate = 0)
        => OpcodeTable.Encode(opcode, dst, src, offset, immediate);

    private static EbpfInstruction[] Wide(int dst, ulong value)
        => [I(EbpfOpcode.LoadImm64, dst, 0, 0, (int)value), new EbpfInstruction(0, 0, 0, 0, (int)(value >> 32))];

    /// <summary>What a run did: a result or a fault's text, what it counted, and the memory behind it.</summary>
    private sealed record Outcome(ulong Result, string? Fault, long Executed, byte[] Memory)
    {
        /// <summary>The text without addresses: stacks lie elsewhere in each engine.</summary>
        public string Kind => Fault is null ? "" : Regex.Replace(Fault, " at 0x[0-9a-f]+", "");

        public bool IsOutOfFuel => Fault is not null && Fault.Contains("did not finish");
    }

    /// <summary>Runs in guarded memory: bytes around the region must stay as they were.</summary>
    private static Outcome Run(IExecutionEngine engine, EbpfInstruction[] program, byte[] memory, byte* at, long fuel = Fuel)
    {
        const int Guard = 64;
        var whole = new Span<byte>(at, memory.Length + 2 * Guard);
        whole.Fill(0xa5);
        memory.CopyTo(whole[Guard..]);
        GuestContext.Current = new GuestContext(X64ExecutionTests.Environment);
        ulong result = 0;
        string? fault = null;
        try
        {
            using IExecutable executable = engine.PrepareSandboxed(X64ExecutionTests.Load(program), new SandboxOptions { Fuel = fuel }, X64ExecutionTests.Environment);
            result = executable.Run((nint)(at + Guard), memory.Length);
        }
        catch (GuestFaultException caught)
        {
            fault = caught.Message;
        }
        Assert.False(whole[..Guard].ContainsAnyExcept((byte)0xa5) || whole[(Guard + memory.Length)..].ContainsAnyExcept((byte)0xa5), "memory outside the region was written");
        return new Outcome(result, fault, GuestContext.Current.ExecutedInstructions, whole.Slice(Guard, memory.Length).ToArray());
    }

    private static (Outcome Interpreted, Outcome Compiled) Both(EbpfInstruction[] program, byte[] memory, long fuel = Fuel)
    {
        byte* at = (byte*)NativeMemory.AlignedAlloc((nuint)memory.Length + 128, 64);
        try
        {
            return (Run(new Interpreter(), program, memory, at, fuel), Run(s_engine, program, memory, at, fuel));
        }
        finally
        {
            NativeMemory.AlignedFree(at);
        }
    }

    private static Outcome Agreed(EbpfInstruction[] program, int bytes = 16, long fuel = Fuel)
    {
        (Outcome interpreted, Outcome compiled) = Both(program, new byte[bytes], fuel);
        AssertAgree(interpreted, compiled, () => Listing(program));
        return compiled;
    }

    private static void AssertAgree(Outcome interpreted, Outcome compiled, Func<string> describe)
    {
        // Compiled code pays for a block before it runs, so it may run dry a little before the interpreter faults in another way.
        bool agree = compiled.IsOutOfFuel ? interpreted.Fault is not null
            : interpreted.Kind == compiled.Kind && interpreted.Result == compiled.Result && interpreted.Memory.AsSpan().SequenceEqual(compiled.Memory)
                && (interpreted.Fault is not null || interpreted.Executed == compiled.Executed);
        if (!agree)
            Assert.Fail($"interpreter {interpreted.Result:x} {interpreted.Fault} ({interpreted.Executed})\ncompiled    {compiled.Result:x} {compiled.Fault} ({compiled.Executed})\n{describe()}");
    }

    private static string Listing(EbpfInstruction[] program) => string.Join("\n", program.Select((x, n) => $"{n}: {OpcodeTable.Classify(x)} {x}"));

    public static TheoryData<string> ConformanceNames() => X64ExecutionTests.ConformanceNames();

    [OracleTheory(Oracle.Shared)]
    [MemberData(nameof(ConformanceNames))]
    public void Conformance_program_gives_the_suites_result(string name)
    {
        (byte[] memory, EbpfInstruction[] program, ulong expected) = X64ExecutionTests.Conformance[name];
        (Outcome interpreted, Outcome compiled) = Both(program, memory, 100_000);
        Assert.Null(compiled.Fault);
        Assert.Equal(expected, compiled.Result);
        AssertAgree(interpreted, compiled, () => Listing(program));
    }

    [Fact]
    public void State_layout_is_what_the_code_assumes()
    {
        SandboxState state = default;
        Assert.True(SandboxState.ReadableOffset + sizeof(SandboxWindow) == SandboxState.WritableOffset);
        Assert.True(SandboxState.WritableOffset + sizeof(SandboxWindow) == SandboxState.StackOffset);
        Assert.Equal(SandboxState.FaultSlotOffset, SandboxState.RegistersOffset + 8 * EbpfRegisters.Count);
        Assert.Equal(SandboxState.RegistersOffset, (byte*)&state.Registers[0] - (byte*)&state);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(8, true)]
    [InlineData(9, false)]
    [InlineData(-1, false)]
    [InlineData(-8, false)]
    [InlineData(16, false)]
    [InlineData(short.MaxValue, false)]
    [InlineData(short.MinValue, false)]
    public void Memory_is_exactly_the_given_range(int offset, bool isAllowed)
    {
        Outcome read = Agreed([I(EbpfOpcode.Load64, 0, 1, offset), s_exit]);
        Outcome written = Agreed([I(EbpfOpcode.StoreImm64, 1, 0, offset, -1), s_exit]);
        Assert.Equal(isAllowed, read.Fault is null);
        Assert.Equal(isAllowed, written.Fault is null);
    }

    [Theory]
    [InlineData(-8, true)]
    [InlineData(-512, true)]
    [InlineData(-520, true)]
    [InlineData(-4096, true)]
    [InlineData(-4097, false)]
    [InlineData(-7, false)]
    [InlineData(0, false)]
    public void Stack_ends_at_the_frame_pointer(int offset, bool isAllowed)
    {
        Outcome outcome = Agreed([I(EbpfOpcode.StoreImm64, 10, 0, offset, 1), I(EbpfOpcode.Load64, 0, 10, offset), s_exit]);
        Assert.Equal(isAllowed, outcome.Fault is null);
        Outcome indirect = Agreed([I(EbpfOpcode.Mov64Reg, 3, 10), I(EbpfOpcode.StoreImm64, 3, 0, offset, 1), I(EbpfOpcode.Load64, 0, 3, offset), s_exit]);
        Assert.Equal(isAllowed, indirect.Fault is null);
    }

    /// <summary>Every access form at the last place that fits and one byte beyond, in regions smaller and larger than the access.</summary>
    [Fact]
    public void Every_access_is_checked_at_both_ends()
    {
        foreach (OpcodeRow row in OpcodeTable.Rows)
        {
            if (row.Effect is not (Effect.Load or Effect.Store or Effect.Atomic))
                continue;
            bool baseIsDst = row.Effect is not Effect.Load;
            foreach (int size in new[] { 0, 1, 2, 3, 4, 7, 8, 9, 16, 24 })
            {
                foreach (int offset in new[] { -row.Width / 8, -1, 0, size - row.Width / 8, size - row.Width / 8 + 1, size })
                {
                    EbpfInstruction access = I(row.Opcode, baseIsDst ? 1 : 2, baseIsDst ? (row.IsRegisterForm ? 2 : 0) : 1, offset);
                    // The second time a window is cached.
                    Outcome outcome = Agreed([I(EbpfOpcode.Mov64Imm, 2, 0, 0, 77), access, I(EbpfOpcode.Load8, 3, 1), access, s_exit], size);
                    bool isAtomic = row.Effect == Effect.Atomic || row.Operation is Operation.LoadAcquire or Operation.StoreRelease;
                    bool fits = offset >= 0 && offset + row.Width / 8 <= size && (!isAtomic || offset % (row.Width / 8) == 0);
                    Assert.True(fits == outcome.Fault is null, $"{row.Opcode} at {offset} of {size} bytes: {outcome.Fault}");
                }
            }
        }
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(0x7fff_ffff_ffff_fff8ul)]
    [InlineData(0x8000_0000_0000_0000ul)]
    [InlineData(0xffff_8000_0000_0000ul)]
    [InlineData(0xffff_ffff_ffff_fffful)]
    [InlineData(0xffff_ffff_ff60_0000ul)]
    [InlineData(0x0fbf_0000_0000_0000ul)]
    public void Wild_pointers_are_faults(ulong address)
    {
        foreach (int offset in new[] { -8, -1, 0, 1, 7, 32767, -32768 })
        {
            Assert.Contains("invalid read", Agreed([.. Wide(3, address), I(EbpfOpcode.Load64, 0, 3, offset), s_exit]).Fault);
            Assert.Contains("invalid write", Agreed([.. Wide(3, address), I(EbpfOpcode.StoreReg8, 3, 1, offset), s_exit]).Fault);
            Assert.Contains("invalid write", Agreed([.. Wide(3, address), I(EbpfOpcode.AtomicAdd64, 3, 1, offset), s_exit]).Fault);
        }
    }

    [Fact]
    public void Fuel_stops_loops_and_counts_exactly()
    {
        Assert.Contains("within 5000 instructions", Agreed([I(EbpfOpcode.Ja, offset: -1), s_exit]).Fault);
        EbpfInstruction[] loop =
        [
            I(EbpfOpcode.Mov64Imm, 2, immediate: 10), I(EbpfOpcode.Add64Imm, 2, immediate: -1), I(EbpfOpcode.Jne64Imm, 2, offset: -2, immediate: 0),
            I(EbpfOpcode.Mov64Imm), s_exit,
        ];
        Assert.Equal(23, Agreed(loop).Executed);
        Assert.Null(Agreed(loop, fuel: 23).Fault);
        Assert.True(Agreed(loop, fuel: 22).IsOutOfFuel);
        Assert.True(Agreed(loop, fuel: 0).IsOutOfFuel);
    }

    [Fact]
    public void Recursion_ends_at_eight_frames()
        => Assert.Contains("nested deeper than 8", Agreed([I(EbpfOpcode.CallLocal, immediate: -1), s_exit]).Fault);

    /// <summary>Exponential recursion: seven levels of two calls each, then loops in every leaf.</summary>
    [Fact]
    public void Calls_cost_fuel_too()
        => Assert.True(Agreed([I(EbpfOpcode.Add64Imm, 6, immediate: 1), I(EbpfOpcode.Jgt64Imm, 6, 0, 2, 6), I(EbpfOpcode.CallLocal, immediate: -3), I(EbpfOpcode.CallLocal, immediate: -4), I(EbpfOpcode.Ja, offset: -1), s_exit]).IsOutOfFuel);

    /// <summary>Callees see their caller's R6 to R9 and leave theirs behind; R1 to R5 pass both ways.</summary>
    [Fact]
    public void Callees_share_registers_as_in_the_interpreter()
    {
        EbpfInstruction[] program =
        [
            I(EbpfOpcode.Mov64Imm, 6, immediate: 5), I(EbpfOpcode.Mov64Imm, 3, immediate: 7), I(EbpfOpcode.StoreImm64, 10, 0, -8, 100),
            I(EbpfOpcode.CallLocal, immediate: 5),
            I(EbpfOpcode.Add64Reg, 0, 3), I(EbpfOpcode.Add64Reg, 0, 6), I(EbpfOpcode.Load64, 2, 10, -8), I(EbpfOpcode.Add64Reg, 0, 2), s_exit,
            I(EbpfOpcode.Mov64Reg, 0, 6), I(EbpfOpcode.Div64Reg, 3, 6), I(EbpfOpcode.Mov64Imm, 6, immediate: 1000), I(EbpfOpcode.StoreImm64, 10, 0, -8, 9), s_exit,
        ];
        Assert.Equal(5ul + 1 + 5 + 100, Agreed(program).Result);
    }

    /// <summary>Jumps between functions are odd but sound.</summary>
    [Fact]
    public void Jumps_into_another_function_run_in_the_same_frame()
        => Assert.Equal(3ul, Agreed([I(EbpfOpcode.CallLocal, immediate: 1), s_exit, I(EbpfOpcode.Mov64Imm, immediate: 2), I(EbpfOpcode.Ja, offset: 1), s_exit, I(EbpfOpcode.Add64Imm, immediate: 1), s_exit]).Result);

    [Fact]
    public void Calls_of_nothing_are_faults()
    {
        Assert.Contains("no helper with the number 4711", Agreed([I(EbpfOpcode.CallHelper, immediate: 4711), s_exit]).Fault);
        Assert.Contains("no function", Agreed([I(EbpfOpcode.Mov64Imm, 2, immediate: 4711), I(EbpfOpcode.CallReg, 2), s_exit]).Fault);
        Assert.Contains("no function", Agreed([I(EbpfOpcode.Mov64Reg, 2, 10), I(EbpfOpcode.CallReg, 2), s_exit]).Fault);
        // Helpers that call back or continue elsewhere cannot be reached by number.
        foreach (int number in new[] { 12, 164, 181 })
            Assert.Contains("no function", Agreed([I(EbpfOpcode.Mov64Imm, 2, immediate: number), I(EbpfOpcode.CallReg, 2), s_exit]).Fault);
    }

    /// <summary>Every helper with anything in its arguments; their results are theirs.</summary>
    [Fact]
    public void Helpers_refuse_wild_arguments()
    {
        for (int helper = 1; helper <= 211; helper++)
            CallWithWildArguments(helper);
    }

    private static void CallWithWildArguments(int helper)
    {
        foreach (ulong value in new ulong[] { 0ul, 1, 0xffff_ffff_ffff_fff0, 0x0fbf_0000_0000_0000 })
        {
            EbpfInstruction[] program =
                [.. Wide(1, value), .. Wide(2, value), .. Wide(3, value), .. Wide(4, 0), .. Wide(5, value), I(EbpfOpcode.CallHelper, immediate: helper), I(EbpfOpcode.Mov64Imm), s_exit];
            try
            {
                Agreed(program);
            }
            catch (Exception failure) when (failure is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"helper {helper} with {value:x}: {failure}");
            }
        }
    }

    /// <summary>bpf_loop(n, callback, context, 0): the callback writes into the caller's stack.</summary>
    [Fact]
    public void Callbacks_run_with_checks_and_fuel()
    {
        EbpfInstruction[] Loop(int iterations, params EbpfInstruction[] callback) =>
        [
            I(EbpfOpcode.Mov64Imm, 7, immediate: 70), I(EbpfOpcode.StoreImm64, 10, 0, -8, 0), I(EbpfOpcode.Mov64Imm, 1, immediate: iterations),
            I(EbpfOpcode.LoadFunction, 2, 0, 0, 9), new EbpfInstruction(0, 0, 0, 0, 0),
            I(EbpfOpcode.Mov64Reg, 3, 10), I(EbpfOpcode.Add64Imm, 3, immediate: -8), I(EbpfOpcode.Mov64Imm, 4),
            I(EbpfOpcode.CallHelper, immediate: 181),
            I(EbpfOpcode.Load64, 2, 10, -8), I(EbpfOpcode.Add64Reg, 0, 2), I(EbpfOpcode.Add64Reg, 0, 7), s_exit,
            .. callback,
        ];
        EbpfInstruction[] adding = [I(EbpfOpcode.Load64, 5, 2), I(EbpfOpcode.Add64Reg, 5, 1), I(EbpfOpcode.StoreReg64, 2, 5), I(EbpfOpcode.Mov64Imm), s_exit];
        Assert.Equal(10ul + 45 + 70, Agreed(Loop(10, adding)).Result);
        Assert.True(Agreed(Loop(100_000, adding)).IsOutOfFuel);
        Assert.Contains("invalid write", Agreed(Loop(10, I(EbpfOpcode.StoreReg64, 2, 5, 8), I(EbpfOpcode.Mov64Imm), s_exit)).Fault);
        Assert.Contains("no helper", Agreed(Loop(10, I(EbpfOpcode.CallHelper, immediate: 4711), s_exit)).Fault);
        // The unwind function ends the callback.
        Agreed(Loop(10, I(EbpfOpcode.Mov64Imm, 1), I(EbpfOpcode.CallHelper, immediate: 5), I(EbpfOpcode.Mov64Imm, 0, 0, 0, 1), s_exit));
        // A callback that loops over itself is recursion.
        Agreed(Loop(10, I(EbpfOpcode.Mov64Imm, 1, immediate: 2), I(EbpfOpcode.LoadFunction, 2, 0, 0, -2), new EbpfInstruction(0, 0, 0, 0, 0), I(EbpfOpcode.Mov64Imm, 3), I(EbpfOpcode.Mov64Imm, 4), I(EbpfOpcode.CallHelper, immediate: 181), s_exit));
    }

    [Fact]
    public void Forged_functions_are_faults()
    {
        foreach (ulong value in new ulong[] { 0, 1, 0x0fbf_0000_0000_0000, 0x0fbf_0000_0000_0001, 0x0fbf_0000_ffff_ffff, ulong.MaxValue })
        {
            EbpfInstruction[] program = [I(EbpfOpcode.Mov64Imm, 1, immediate: 3), .. Wide(2, value), I(EbpfOpcode.Mov64Imm, 3), I(EbpfOpcode.Mov64Imm, 4), I(EbpfOpcode.CallHelper, immediate: 181), s_exit];
            Assert.Contains("no function", Agreed(program).Fault);
        }
    }

    [Fact]
    public void MayGoto_ends()
        => Assert.Equal(8ul * 1024 * 1024, Agreed([I(EbpfOpcode.Mov64Imm), I(EbpfOpcode.MayGoto, offset: 2), I(EbpfOpcode.Add64Imm, immediate: 1), I(EbpfOpcode.Ja, offset: -3), s_exit], fuel: 100_000_000).Result);

    [Theory]
    [InlineData("9500000000000001", "reserved")]
    [InlineData("ff00000000000000", "unknown opcode ff")]
    [InlineData("b700000000000000", "last insn")]
    [InlineData("0500050000000000 9500000000000000", "jump out of range")]
    [InlineData("1800000000000000", "bpf_ld_imm64")]
    [InlineData("0500010000000000 1800000000000000 0000000000000000 9500000000000000", "jump out of range")]
    [InlineData("8510000001000000 1800000000000000 0000000000000000 9500000000000000", "call to invalid destination")]
    [InlineData("b70a000000000000 9500000000000000", "read only")]
    [InlineData("b70b000000000000 9500000000000000", "invalid")]
    public void Malformed_programs_are_refused(string hex, string expected)
    {
        EbpfInstruction[] program = MemoryMarshal.Cast<byte, EbpfInstruction>(Convert.FromHexString(hex.Replace(" ", ""))).ToArray();
        var loaded = new Runtime.Loading.LoadedProgram { Name = "raw", ProgramType = 0, Instructions = program, Subprograms = [] };
        Assert.Contains(expected, Assert.Throws<GuestFaultException>(() => s_engine.PrepareSandboxed(loaded, new SandboxOptions(), X64ExecutionTests.Environment)).Message);
    }

    [Theory]
    [InlineData(1, 2000)]
    public void Wild_programs_agree_with_the_interpreter(int seed, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            EbpfInstruction[] program = WildProgram.Create(random);
            byte[] memory = new byte[random.Next(4) == 0 ? random.Next(12) : 64];
            random.NextBytes(memory);
            (Outcome interpreted, Outcome compiled) = Both(program, memory, random.Next(3) == 0 ? random.Next(200) : Fuel);
            AssertAgree(interpreted, compiled, () => $"seed {seed}, program {i}\n{Listing(program)}");
        }
    }

    /// <summary>Not even structure is respected: nothing may break the process.</summary>
    [Fact]
    public void Random_instructions_never_break_the_process()
    {
        var random = new Random(20);
        byte* at = (byte*)NativeMemory.AlignedAlloc(256, 64);
        for (int round = 0; round < 2000; round++)
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
            var loaded = new Runtime.Loading.LoadedProgram { Name = "raw", ProgramType = 0, Instructions = program, Subprograms = [] };
            try
            {
                using IExecutable executable = s_engine.PrepareSandboxed(loaded, new SandboxOptions { Fuel = 2000 }, X64ExecutionTests.Environment);
                executable.Run((nint)at, 64);
            }
            catch (GuestFaultException)
            {
            }
        }
        NativeMemory.AlignedFree(at);
    }
}

/// <summary>
/// Random programs that respect nothing but structure: jumps in all directions, several functions, recursion, wild pointers. Only
/// values that differ between engines, addresses of the stack, stay in registers of their own (R2, R3), used as bases alone.
/// </summary>
internal static class WildProgram
{
    private static readonly int[] s_data = [0, 4, 5, 7, 8, 9];
    private static readonly OpcodeRow[] s_rows = [.. OpcodeTable.Rows.ToArray().Where(row =>
        row.Effect is Effect.Alu or Effect.Branch or Effect.Load or Effect.Store or Effect.Atomic && row.Operation != Operation.AddrSpaceCast)];

    private static int Data(Random random) => s_data[random.Next(s_data.Length)];

    public static EbpfInstruction[] Create(Random random)
    {
        int functions = random.Next(1, 4);
        int[] starts = new int[functions + 1];
        for (int i = 0; i < functions; i++)
            starts[i + 1] = starts[i] + random.Next(8, 40);
        var program = new EbpfInstruction[starts[functions]];
        for (int i = 0; i < program.Length; i++)
            program[i] = Array.IndexOf(starts, i + 1) >= 0 ? OpcodeTable.Encode(EbpfOpcode.Exit) : One(random, i, starts);
        program[0] = OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 6, 1);
        program[1] = OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 3, 10);
        program[2] = OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 2, 6);
        return program;
    }

    private static EbpfInstruction One(Random random, int slot, int[] starts)
    {
        int length = starts[^1];
        switch (random.Next(24))
        {
            case 0:
                return OpcodeTable.Encode(EbpfOpcode.CallLocal, 0, 0, 0, starts[random.Next(starts.Length - 1)] - slot - 1);
            case 1:
                return OpcodeTable.Encode(EbpfOpcode.Mov64Reg, random.Next(2, 4), random.Next(3) switch { 0 => 10, 1 => 6, _ => Data(random) });
            case 2:
                return OpcodeTable.Encode(EbpfOpcode.Add64Imm, random.Next(2, 4), 0, 0, random.Next(4) == 0 ? random.Next(-600, 600) : random.Next(-16, 16));
            case 3:
                return random.Next(12) switch
                {
                    0 => OpcodeTable.Encode(EbpfOpcode.CallHelper, 0, 0, 0, 5),
                    1 => OpcodeTable.Encode(EbpfOpcode.CallReg, Data(random)),
                    2 => OpcodeTable.Encode(EbpfOpcode.LoadAbs16, 0, 0, 0, random.Next(-4, 20)),
                    3 => OpcodeTable.Encode(EbpfOpcode.LoadInd32, 0, Data(random), 0, random.Next(-4, 20)),
                    4 => OpcodeTable.Encode(EbpfOpcode.Exit),
                    5 => OpcodeTable.Encode(EbpfOpcode.CallHelper, 0, 0, 0, 4711),
                    _ => OpcodeTable.Encode(EbpfOpcode.Mov64Imm, Data(random), 0, 0, random.Next(-3, 12)),
                };
        }
        OpcodeRow row = s_rows[random.Next(s_rows.Length)];
        int dst = Data(random), src = Data(random), immediate = random.Next(3) == 0 ? (int)random.NextInt64() : random.Next(-4, 66);
        switch (row.Effect)
        {
            case Effect.Alu:
                return OpcodeTable.Encode(row.Opcode, dst, row.IsRegisterForm ? src : 0, 0, row.Immediate == ImmediateUse.Value ? immediate : 0);
            case Effect.Branch:
                int target = random.Next(3) == 0 ? random.Next(length) : Math.Min(slot + random.Next(1, 6), length - 1);
                return OpcodeTable.Encode(row.Opcode, row.Operation == Operation.MayGoto ? 0 : dst, row.IsRegisterForm ? src : 0, target - slot - 1, row.Immediate == ImmediateUse.Value ? immediate : 0);
            default:
                bool baseIsDst = row.Effect is Effect.Store or Effect.Atomic;
                int @base = random.Next(8) switch { 0 => dst, 1 or 2 => 10, 3 => 2, 4 => 3, _ => 6 };
                int offset = @base == 10 ? -random.Next(0, random.Next(6) == 0 ? 600 : 72) : random.Next(random.Next(6) == 0 ? -20 : 0, 64);
                if (random.Next(2) == 0)
                    offset &= ~7;
                return OpcodeTable.Encode(row.Opcode, baseIsDst ? @base : dst, baseIsDst ? (row.IsRegisterForm ? src : 0) : @base, offset, row.Immediate == ImmediateUse.Value ? immediate : 0);
        }
    }
}
