// Unverified programs as native code: the conformance suite, attacks, and random wild programs, all against the sandboxed interpreter.
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.Sandboxing;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed unsafe class SandboxTests
{
    private const long Fuel = 5_000;

    private static readonly Dictionary<string, Lazy<(IExecutionEngine Engine, ExecutionEnvironment Environment)>> s_engines = new()
    {
        ["x64"] = new(() => (new X64Engine(), X64ExecutionTests.Environment)),
        ["arm32"] = new(() => OnArm(Arm32Features.V7Divide)),
        ["arm32v6"] = new(() => OnArm(Arm32Features.V6)),
    };

    private static (IExecutionEngine, ExecutionEnvironment) OnArm(Arm32Features features)
    {
        var engine = new Arm32Engine(Oracles.Program(Oracle.QemuArm), features);
        Assert.Null(engine.WhyUnavailable);
        return (engine, new ExecutionEnvironment { Allocator = engine.Allocator, Helpers = X64ExecutionTests.Environment.Helpers });
    }

    /// <summary>The engines that run here; <see cref="Arm32_code_runs_sandboxed"/> tells when ARM32 is not among them.</summary>
    public static TheoryData<string> Engines()
    {
        var data = new TheoryData<string>();
        foreach (string name in s_engines.Keys)
        {
            if (name == "x64" || Oracles.WhyMissing(Oracle.QemuArm) is null)
                data.Add(name);
        }
        return data;
    }

    private static TheoryData<string, T> OverEngines<T>(params T[] rows)
    {
        var data = new TheoryData<string, T>();
        foreach (object?[] engine in (IEnumerable<object?[]>)Engines())
        {
            foreach (T row in rows)
                data.Add((string)engine[0]!, row);
        }
        return data;
    }

    private static TheoryData<string, T1, T2> OverEngines<T1, T2>(params (T1, T2)[] rows)
    {
        var data = new TheoryData<string, T1, T2>();
        foreach (object?[] engine in (IEnumerable<object?[]>)Engines())
        {
            foreach ((T1 first, T2 second) in rows)
                data.Add((string)engine[0]!, first, second);
        }
        return data;
    }

    [OracleFact(Oracle.QemuArm)]
    public void Arm32_code_runs_sandboxed()
        => Assert.Equal(7ul, Agreed("arm32", [I(EbpfOpcode.Mov64Imm, immediate: 7), s_exit]).Result);

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
    private static Outcome Run(IExecutionEngine engine, ExecutionEnvironment environment, EbpfInstruction[] program, byte[] memory, byte* at, long fuel = Fuel)
    {
        const int Guard = 64;
        var whole = new Span<byte>(at, memory.Length + 2 * Guard);
        whole.Fill(0xa5);
        memory.CopyTo(whole[Guard..]);
        GuestContext.Current = new GuestContext(environment);
        ulong result = 0;
        string? fault = null;
        try
        {
            using IExecutable executable = engine.PrepareSandboxed(X64ExecutionTests.Load(program), new SandboxOptions { Fuel = fuel }, environment);
            result = executable.Run((nint)(at + Guard), memory.Length);
        }
        catch (GuestFaultException caught)
        {
            fault = caught.Message;
        }
        Assert.False(whole[..Guard].ContainsAnyExcept((byte)0xa5) || whole[(Guard + memory.Length)..].ContainsAnyExcept((byte)0xa5), "memory outside the region was written");
        return new Outcome(result, fault, GuestContext.Current.ExecutedInstructions, whole.Slice(Guard, memory.Length).ToArray());
    }

    private static (Outcome Interpreted, Outcome Compiled) Both(string name, EbpfInstruction[] program, byte[] memory, long fuel = Fuel)
    {
        (IExecutionEngine engine, ExecutionEnvironment environment) = s_engines[name].Value;
        byte* at = environment.Allocator.Allocate((nuint)memory.Length + 128, 64);
        try
        {
            return (Run(new Interpreter(), environment, program, memory, at, fuel), Run(engine, environment, program, memory, at, fuel));
        }
        finally
        {
            environment.Allocator.Free(at);
        }
    }

    private static Outcome Agreed(string engine, EbpfInstruction[] program, int bytes = 16, long fuel = Fuel)
    {
        (Outcome interpreted, Outcome compiled) = Both(engine, program, new byte[bytes], fuel);
        AssertAgree(engine, interpreted, compiled, () => Listing(program));
        return compiled;
    }

    private static void AssertAgree(string engine, Outcome interpreted, Outcome compiled, Func<string> describe)
    {
        bool agree;
        if (engine == "x64")
        {
            // Only what a program without fuel wrote on its way to the next check is not laid down.
            agree = interpreted.Kind == compiled.Kind && interpreted.Result == compiled.Result
                && (compiled.IsOutOfFuel || interpreted.Executed == compiled.Executed && interpreted.Memory.AsSpan().SequenceEqual(compiled.Memory));
        }
        else
        {
            // Code that pays for a block before it runs may run dry a little before the interpreter faults in another way.
            agree = compiled.IsOutOfFuel ? interpreted.Fault is not null
                : interpreted.Kind == compiled.Kind && interpreted.Result == compiled.Result && interpreted.Memory.AsSpan().SequenceEqual(compiled.Memory)
                    && (interpreted.Fault is not null || interpreted.Executed == compiled.Executed);
        }
        if (!agree)
            Assert.Fail($"interpreter {interpreted.Result:x} {interpreted.Fault} ({interpreted.Executed})\ncompiled    {compiled.Result:x} {compiled.Fault} ({compiled.Executed})\n{describe()}");
    }

    private static string Listing(EbpfInstruction[] program) => string.Join("\n", program.Select((x, n) => $"{n}: {OpcodeTable.Classify(x)} {x}"));

    [OracleTheory(Oracle.Shared)]
    [MemberData(nameof(Engines))]
    public void Conformance_programs_give_the_suites_results(string engine)
    {
        foreach ((string name, (byte[] memory, EbpfInstruction[] program, ulong expected)) in X64ExecutionTests.Conformance)
        {
            (Outcome interpreted, Outcome compiled) = Both(engine, program, memory, 100_000);
            Assert.True(compiled.Fault is null && compiled.Result == expected, $"{name}: {compiled.Result:x} {compiled.Fault}, expected {expected:x}");
            AssertAgree(engine, interpreted, compiled, () => $"{name}\n{Listing(program)}");
        }
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

    public static TheoryData<string, int, bool> MemoryOffsets() => OverEngines<int, bool>((0, true), (8, true), (9, false), (-1, false), (-8, false), (16, false), (short.MaxValue, false), (short.MinValue, false));

    [Theory]
    [MemberData(nameof(MemoryOffsets))]
    public void Memory_is_exactly_the_given_range(string engine, int offset, bool isAllowed)
    {
        Outcome read = Agreed(engine, [I(EbpfOpcode.Load64, 0, 1, offset), s_exit]);
        Outcome written = Agreed(engine, [I(EbpfOpcode.StoreImm64, 1, 0, offset, -1), s_exit]);
        Assert.Equal(isAllowed, read.Fault is null);
        Assert.Equal(isAllowed, written.Fault is null);
    }

    public static TheoryData<string, int, bool> StackOffsets() => OverEngines<int, bool>((-8, true), (-512, true), (-520, true), (-4096, true), (-4097, false), (-7, false), (0, false));

    [Theory]
    [MemberData(nameof(StackOffsets))]
    public void Stack_ends_at_the_frame_pointer(string engine, int offset, bool isAllowed)
    {
        Outcome outcome = Agreed(engine, [I(EbpfOpcode.StoreImm64, 10, 0, offset, 1), I(EbpfOpcode.Load64, 0, 10, offset), s_exit]);
        Assert.Equal(isAllowed, outcome.Fault is null);
        Outcome indirect = Agreed(engine, [I(EbpfOpcode.Mov64Reg, 3, 10), I(EbpfOpcode.StoreImm64, 3, 0, offset, 1), I(EbpfOpcode.Load64, 0, 3, offset), s_exit]);
        Assert.Equal(isAllowed, indirect.Fault is null);
    }

    /// <summary>Every access form at the last place that fits and one byte beyond, in regions smaller and larger than the access.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Every_access_is_checked_at_both_ends(string engine)
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
                    Outcome outcome = Agreed(engine, [I(EbpfOpcode.Mov64Imm, 2, 0, 0, 77), access, I(EbpfOpcode.Load8, 3, 1), access, s_exit], size);
                    bool isAtomic = row.Effect == Effect.Atomic || row.Operation is Operation.LoadAcquire or Operation.StoreRelease;
                    bool fits = offset >= 0 && offset + row.Width / 8 <= size && (!isAtomic || offset % (row.Width / 8) == 0);
                    Assert.True(fits == outcome.Fault is null, $"{row.Opcode} at {offset} of {size} bytes: {outcome.Fault}");
                }
            }
        }
    }

    public static TheoryData<string, ulong> WildPointers() => OverEngines<ulong>(0ul, 1ul, 0x7fff_ffff_ffff_fff8ul, 0x8000_0000_0000_0000ul, 0xffff_8000_0000_0000ul, 0xffff_ffff_ffff_fffful, 0xffff_ffff_ff60_0000ul, 0x0fbf_0000_0000_0000ul);

    [Theory]
    [MemberData(nameof(WildPointers))]
    public void Wild_pointers_are_faults(string engine, ulong address)
    {
        foreach (int offset in new[] { -8, -1, 0, 1, 7, 32767, -32768 })
        {
            Assert.Contains("invalid read", Agreed(engine, [.. Wide(3, address), I(EbpfOpcode.Load64, 0, 3, offset), s_exit]).Fault);
            Assert.Contains("invalid write", Agreed(engine, [.. Wide(3, address), I(EbpfOpcode.StoreReg8, 3, 1, offset), s_exit]).Fault);
            Assert.Contains("invalid write", Agreed(engine, [.. Wide(3, address), I(EbpfOpcode.AtomicAdd64, 3, 1, offset), s_exit]).Fault);
        }
    }

    /// <summary>A good address plus anything in its upper half is a bad one, on 32-bit machines too.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Addresses_have_64_bits(string engine)
    {
        foreach (int bit in new[] { 32, 33, 47, 62, 63 })
        {
            foreach (int offset in new[] { 0, 4, -8 })
            {
                EbpfInstruction[] start = [.. Wide(3, 1ul << bit), I(EbpfOpcode.Add64Reg, 3, 1), I(EbpfOpcode.Add64Imm, 3, immediate: 8)];
                Assert.Contains("invalid read", Agreed(engine, [.. start, I(EbpfOpcode.Load8, 0, 3, offset), s_exit]).Fault);
                Assert.Contains("invalid write", Agreed(engine, [.. start, I(EbpfOpcode.StoreImm32, 3, 0, offset), s_exit]).Fault);
                Assert.Contains("invalid write", Agreed(engine, [.. start, I(EbpfOpcode.AtomicXchg32, 3, 1, offset), s_exit]).Fault);
                // The same place through the frame pointer.
                Assert.Contains("invalid read", Agreed(engine, [.. Wide(3, 1ul << bit), I(EbpfOpcode.Add64Reg, 3, 10), I(EbpfOpcode.Load8, 0, 3, -16 + offset), s_exit]).Fault);
            }
        }
        // The base has no upper half, the sum has: 4 GiB are not 0.
        Assert.Contains("invalid read", Agreed(engine, [I(EbpfOpcode.Mov32Imm, 3, immediate: -1), I(EbpfOpcode.Load8, 0, 3, 1), s_exit]).Fault);
        Assert.Contains("invalid read", Agreed(engine, [I(EbpfOpcode.Mov32Imm, 3, immediate: 1), I(EbpfOpcode.Load8, 0, 3, -2), s_exit]).Fault);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Fuel_stops_loops_and_counts_exactly(string engine)
    {
        Assert.Contains("within 5000 instructions", Agreed(engine, [I(EbpfOpcode.Ja, offset: -1), s_exit]).Fault);
        EbpfInstruction[] loop =
        [
            I(EbpfOpcode.Mov64Imm, 2, immediate: 10), I(EbpfOpcode.Add64Imm, 2, immediate: -1), I(EbpfOpcode.Jne64Imm, 2, offset: -2, immediate: 0),
            I(EbpfOpcode.Mov64Imm), s_exit,
        ];
        Assert.Equal(23, Agreed(engine, loop).Executed);
        Assert.Null(Agreed(engine, loop, fuel: 23).Fault);
        Assert.True(Agreed(engine, loop, fuel: 22).IsOutOfFuel);
        Assert.True(Agreed(engine, loop, fuel: 0).IsOutOfFuel);
    }

    /// <summary>The edge that closes this loop is no jump: control falls from the second block into the first.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Loops_that_close_by_going_on_cost_fuel(string engine)
    {
        EbpfInstruction[] loop =
        [
            I(EbpfOpcode.Ja, offset: 2), I(EbpfOpcode.Add64Imm, 2, immediate: 1), I(EbpfOpcode.Jeq64Imm, 3, offset: 2, immediate: 7),
            I(EbpfOpcode.Add64Imm, 2, immediate: 1), I(EbpfOpcode.Ja, offset: -4), s_exit,
        ];
        Assert.True(Agreed(engine, loop).IsOutOfFuel);
        for (int fuel = 0; fuel < 12; fuel++)
            Assert.True(Agreed(engine, loop, fuel: fuel).IsOutOfFuel);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Recursion_ends_at_eight_frames(string engine)
        => Assert.Contains("nested deeper than 8", Agreed(engine, [I(EbpfOpcode.CallLocal, immediate: -1), s_exit]).Fault);

    /// <summary>Exponential recursion: seven levels of two calls each, then loops in every leaf.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Calls_cost_fuel_too(string engine)
        => Assert.True(Agreed(engine, [I(EbpfOpcode.Add64Imm, 6, immediate: 1), I(EbpfOpcode.Jgt64Imm, 6, 0, 2, 6), I(EbpfOpcode.CallLocal, immediate: -3), I(EbpfOpcode.CallLocal, immediate: -4), I(EbpfOpcode.Ja, offset: -1), s_exit]).IsOutOfFuel);

    /// <summary>Callees see their caller's R6 to R9 and leave theirs behind; R1 to R5 pass both ways.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Callees_share_registers_as_in_the_interpreter(string engine)
    {
        EbpfInstruction[] program =
        [
            I(EbpfOpcode.Mov64Imm, 6, immediate: 5), I(EbpfOpcode.Mov64Imm, 3, immediate: 7), I(EbpfOpcode.StoreImm64, 10, 0, -8, 100),
            I(EbpfOpcode.CallLocal, immediate: 5),
            I(EbpfOpcode.Add64Reg, 0, 3), I(EbpfOpcode.Add64Reg, 0, 6), I(EbpfOpcode.Load64, 2, 10, -8), I(EbpfOpcode.Add64Reg, 0, 2), s_exit,
            I(EbpfOpcode.Mov64Reg, 0, 6), I(EbpfOpcode.Div64Reg, 3, 6), I(EbpfOpcode.Mov64Imm, 6, immediate: 1000), I(EbpfOpcode.StoreImm64, 10, 0, -8, 9), s_exit,
        ];
        Assert.Equal(5ul + 1 + 5 + 100, Agreed(engine, program).Result);
    }

    /// <summary>Jumps between functions are odd but sound.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Jumps_into_another_function_run_in_the_same_frame(string engine)
        => Assert.Equal(3ul, Agreed(engine, [I(EbpfOpcode.CallLocal, immediate: 1), s_exit, I(EbpfOpcode.Mov64Imm, immediate: 2), I(EbpfOpcode.Ja, offset: 1), s_exit, I(EbpfOpcode.Add64Imm, immediate: 1), s_exit]).Result);

    [Theory]
    [MemberData(nameof(Engines))]
    public void Calls_of_nothing_are_faults(string engine)
    {
        Assert.Contains("no helper with the number 4711", Agreed(engine, [I(EbpfOpcode.CallHelper, immediate: 4711), s_exit]).Fault);
        Assert.Contains("no function", Agreed(engine, [I(EbpfOpcode.Mov64Imm, 2, immediate: 4711), I(EbpfOpcode.CallReg, 2), s_exit]).Fault);
        Assert.Contains("no function", Agreed(engine, [I(EbpfOpcode.Mov64Reg, 2, 10), I(EbpfOpcode.CallReg, 2), s_exit]).Fault);
        // Helpers that call back or continue elsewhere cannot be reached by number.
        foreach (int number in new[] { 12, 164, 181 })
            Assert.Contains("no function", Agreed(engine, [I(EbpfOpcode.Mov64Imm, 2, immediate: number), I(EbpfOpcode.CallReg, 2), s_exit]).Fault);
    }

    /// <summary>Every helper with anything in its arguments; their results are theirs.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Helpers_refuse_wild_arguments(string engine)
    {
        for (int helper = 1; helper <= 211; helper++)
            CallWithWildArguments(engine, helper);
    }

    private static void CallWithWildArguments(string engine, int helper)
    {
        foreach (ulong value in new ulong[] { 0ul, 1, 0xffff_ffff_ffff_fff0, 0x0fbf_0000_0000_0000 })
        {
            EbpfInstruction[] program =
                [.. Wide(1, value), .. Wide(2, value), .. Wide(3, value), .. Wide(4, 0), .. Wide(5, value), I(EbpfOpcode.CallHelper, immediate: helper), I(EbpfOpcode.Mov64Imm), s_exit];
            try
            {
                Agreed(engine, program);
            }
            catch (Exception failure) when (failure is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"helper {helper} with {value:x}: {failure}");
            }
        }
    }

    /// <summary>bpf_loop(n, callback, context, 0): the callback writes into the caller's stack.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Callbacks_run_with_checks_and_fuel(string engine)
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
        Assert.Equal(10ul + 45 + 70, Agreed(engine, Loop(10, adding)).Result);
        Assert.True(Agreed(engine, Loop(100_000, adding)).IsOutOfFuel);
        Assert.Contains("invalid write", Agreed(engine, Loop(10, I(EbpfOpcode.StoreReg64, 2, 5, 8), I(EbpfOpcode.Mov64Imm), s_exit)).Fault);
        Assert.Contains("no helper", Agreed(engine, Loop(10, I(EbpfOpcode.CallHelper, immediate: 4711), s_exit)).Fault);
        // The unwind function ends the callback.
        Agreed(engine, Loop(10, I(EbpfOpcode.Mov64Imm, 1), I(EbpfOpcode.CallHelper, immediate: 5), I(EbpfOpcode.Mov64Imm, 0, 0, 0, 1), s_exit));
        // A callback that loops over itself is recursion.
        Agreed(engine, Loop(10, I(EbpfOpcode.Mov64Imm, 1, immediate: 2), I(EbpfOpcode.LoadFunction, 2, 0, 0, -2), new EbpfInstruction(0, 0, 0, 0, 0), I(EbpfOpcode.Mov64Imm, 3), I(EbpfOpcode.Mov64Imm, 4), I(EbpfOpcode.CallHelper, immediate: 181), s_exit));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void Forged_functions_are_faults(string engine)
    {
        foreach (ulong value in new ulong[] { 0, 1, 0x0fbf_0000_0000_0000, 0x0fbf_0000_0000_0001, 0x0fbf_0000_ffff_ffff, ulong.MaxValue })
        {
            EbpfInstruction[] program = [I(EbpfOpcode.Mov64Imm, 1, immediate: 3), .. Wide(2, value), I(EbpfOpcode.Mov64Imm, 3), I(EbpfOpcode.Mov64Imm, 4), I(EbpfOpcode.CallHelper, immediate: 181), s_exit];
            Assert.Contains("no function", Agreed(engine, program).Fault);
        }
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void MayGoto_ends(string engine)
        => Assert.Equal(8ul * 1024 * 1024, Agreed(engine, [I(EbpfOpcode.Mov64Imm), I(EbpfOpcode.MayGoto, offset: 2), I(EbpfOpcode.Add64Imm, immediate: 1), I(EbpfOpcode.Ja, offset: -3), s_exit], fuel: 100_000_000).Result);

    public static TheoryData<string, string, string> MalformedPrograms() => OverEngines<string, string>(
        ("9500000000000001", "reserved"),
        ("ff00000000000000", "unknown opcode ff"),
        ("b700000000000000", "last insn"),
        ("0500050000000000 9500000000000000", "jump out of range"),
        ("1800000000000000", "bpf_ld_imm64"),
        ("0500010000000000 1800000000000000 0000000000000000 9500000000000000", "jump out of range"),
        ("8510000001000000 1800000000000000 0000000000000000 9500000000000000", "call to invalid destination"),
        ("b70a000000000000 9500000000000000", "read only"),
        ("b70b000000000000 9500000000000000", "invalid"));

    [Theory]
    [MemberData(nameof(MalformedPrograms))]
    public void Malformed_programs_are_refused(string engine, string hex, string expected)
    {
        EbpfInstruction[] program = MemoryMarshal.Cast<byte, EbpfInstruction>(Convert.FromHexString(hex.Replace(" ", ""))).ToArray();
        var loaded = new Runtime.Loading.LoadedProgram { Name = "raw", ProgramType = 0, Instructions = program, Subprograms = [] };
        Assert.Contains(expected, Assert.Throws<GuestFaultException>(() => s_engines[engine].Value.Engine.PrepareSandboxed(loaded, new SandboxOptions(), s_engines[engine].Value.Environment)).Message);
    }

    public static TheoryData<string, int, int> WildPrograms() => OverEngines((1, 1000));

    [Theory]
    [MemberData(nameof(WildPrograms))]
    public void Wild_programs_agree_with_the_interpreter(string engine, int seed, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            EbpfInstruction[] program = WildProgram.Create(random);
            byte[] memory = new byte[random.Next(4) == 0 ? random.Next(12) : 64];
            random.NextBytes(memory);
            (Outcome interpreted, Outcome compiled) = Both(engine, program, memory, random.Next(3) == 0 ? random.Next(200) : Fuel);
            AssertAgree(engine, interpreted, compiled, () => $"seed {seed}, program {i}\n{Listing(program)}");
        }
    }

    /// <summary>Programs in the shapes that translators look for, with little fuel as often as with enough.</summary>
    [OracleFact(Oracle.X64Machine)]
    public void Idioms_agree_with_the_interpreter()
    {
        for (int i = 0; i < 1000; i++)
        {
            var random = new Random(i);
            EbpfInstruction[] program = IdiomProgram.Create(random);
            byte[] memory = new byte[IdiomProgram.MemoryBytes];
            random.NextBytes(memory);
            (Outcome interpreted, Outcome compiled) = Both("x64", program, memory, random.Next(2) == 0 ? random.Next(300) : Fuel);
            AssertAgree("x64", interpreted, compiled, () => $"program {i}\n{Listing(program)}");
        }
    }

    /// <summary>Not even structure is respected: nothing may break the process.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Random_instructions_never_break_the_process(string name)
    {
        (IExecutionEngine engine, ExecutionEnvironment environment) = s_engines[name].Value;
        var random = new Random(20);
        byte* at = environment.Allocator.Allocate(256, 64);
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
                using IExecutable executable = engine.PrepareSandboxed(loaded, new SandboxOptions { Fuel = 2000 }, environment);
                executable.Run((nint)at, 64);
            }
            catch (GuestFaultException)
            {
            }
        }
        environment.Allocator.Free(at);
    }
}
