// Compiled code against the interpreter: the public conformance suite, and random straight-line and branching programs.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed unsafe class X64ExecutionTests
{
    private static ulong ReturnFirst(ulong a, ulong b, ulong c, ulong d, ulong e) => a;

    [UnmanagedCallersOnly]
    private static ulong ReturnFirstNative(ulong a, ulong b, ulong c, ulong d, ulong e) => a;

    internal static Dictionary<string, (byte[] Memory, EbpfInstruction[] Program, ulong Result)> Conformance => s_conformance.Value;

    /// <summary>Calls by number and unwinding exist only in sandboxed programs.</summary>
    internal static bool IsSandboxOnly(string name) => name.Contains("callx") || name.Contains("unwind");

    internal static readonly ExecutionEnvironment Environment = new()
    {
        Helpers = HelperRegistry.Default.With(new HelperImplementation { Id = 5, Managed = &ReturnFirst, Native = &ReturnFirstNative, UnwindsOnZero = true }),
    };

    public static TheoryData<string> ConformanceNames()
    {
        var data = new TheoryData<string>();
        foreach (string name in s_conformance.Value.Keys)
        {
            if (!IsSandboxOnly(name))
                data.Add(name);
        }
        if (data.Count == 0)
            data.Add("");
        return data;
    }

    private static readonly Lazy<Dictionary<string, (byte[] Memory, EbpfInstruction[] Program, ulong Result)>> s_conformance = new(() =>
    {
        var cases = new Dictionary<string, (byte[], EbpfInstruction[], ulong)>();
        if (Repository.Shared is null)
            return cases;
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Shared, "bpf_conformance", "programs.json")));
        foreach (JsonElement entry in document.RootElement.EnumerateArray())
        {
            string result = entry.GetProperty("result").GetString()!;
            cases[entry.GetProperty("name").GetString()!] = (
                Convert.FromHexString(entry.GetProperty("mem").GetString()!),
                MemoryMarshal.Cast<byte, EbpfInstruction>(Convert.FromHexString(entry.GetProperty("program").GetString()!)).ToArray(),
                result.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(result.AsSpan(2), NumberStyles.HexNumber) : ulong.Parse(result));
        }
        return cases;
    });

    [OracleTheory(Oracle.Shared)]
    [MemberData(nameof(ConformanceNames))]
    public void Compiled_conformance_program_gives_the_suites_result(string name)
    {
        (byte[] memory, EbpfInstruction[] program, ulong expected) = s_conformance.Value[name];
        Assert.Equal(expected, Compile(program, (byte[])memory.Clone()));
    }

    internal static LoadedProgram Load(EbpfInstruction[] program)
    {
        var starts = new SortedSet<int> { 0 };
        for (int slot = 0; slot < program.Length; slot++)
        {
            if (OpcodeTable.Classify(program[slot]) is EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction)
                starts.Add(slot + 1 + program[slot].Immediate);
        }
        return new() { Name = "raw", ProgramType = 0, Instructions = program, Subprograms = [.. starts.Select(start => new Subprogram($"f{start}", start, start == 0, 0))] };
    }

    private static ulong Compile(EbpfInstruction[] program, byte[] memory)
    {
        LoadedProgram loaded = Load(program);
        using X64Executable executable = X64Engine.CompileTrusted(loaded, program, null, Environment);
        fixed (byte* address = memory)
            return executable.Run((nint)address, memory.Length);
    }

    internal static ulong Interpret(EbpfInstruction[] program, byte[] memory)
    {
        using IExecutable executable = new Interpreter().PrepareSandboxed(Load(program), new SandboxOptions { Fuel = 100_000 }, Environment);
        fixed (byte* address = memory)
            return executable.Run((nint)address, memory.Length);
    }

    /// <summary>A loop without other end that counts its rounds: may_goto leaves it when its budget is used up, in a frame of its own budget.</summary>
    internal static EbpfInstruction[] EndlessButForMayGoto { get; } =
    [
        OpcodeTable.Encode(EbpfOpcode.StoreImm64, 10, 0, -8, 7),
        OpcodeTable.Encode(EbpfOpcode.CallLocal, immediate: 3),
        OpcodeTable.Encode(EbpfOpcode.Load64, 1, 10, -8),
        OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, 1),
        OpcodeTable.Encode(EbpfOpcode.Exit),
        OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0),
        OpcodeTable.Encode(EbpfOpcode.MayGoto, offset: 2),
        OpcodeTable.Encode(EbpfOpcode.Add64Imm, 0, immediate: 1),
        OpcodeTable.Encode(EbpfOpcode.Ja, offset: -3),
        OpcodeTable.Encode(EbpfOpcode.Exit),
    ];

    [Fact]
    public void May_goto_ends_a_loop_when_its_budget_is_used_up()
    {
        using IExecutable interpreter = new Interpreter().PrepareSandboxed(Load(EndlessButForMayGoto), new SandboxOptions { Fuel = long.MaxValue / 4 }, Environment);
        ulong expected = interpreter.Run(0);
        Assert.Equal((ulong)MachineState.MayGotoLimit + 7, expected);
        Assert.Equal(expected, Compile(EndlessButForMayGoto, []));
    }

    /// <summary>
    /// Fields read byte by byte in all the ways compilers write it, in both byte orders: the result is right, and where the idiom
    /// applies the code is a single load.
    /// </summary>
    [Theory]
    [InlineData(2, false, true)]
    [InlineData(2, true, true)]
    [InlineData(4, false, true)]
    [InlineData(4, true, true)]
    [InlineData(8, false, true)]
    [InlineData(8, true, true)]
    [InlineData(3, false, false)]
    [InlineData(6, true, false)]
    public void Fields_read_byte_by_byte(int bytes, bool swapped, bool isCombined)
    {
        var body = new List<EbpfInstruction> { OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0) };
        for (int i = 0; i < bytes; i++)
        {
            int shift = 8 * (swapped ? bytes - 1 - i : i);
            int register = i == 0 ? 2 : 3;
            body.Add(OpcodeTable.Encode(EbpfOpcode.Load8, register, 1, 5 + i));
            if (shift > 0)
                body.Add(OpcodeTable.Encode(EbpfOpcode.Lsh64Imm, register, 0, 0, shift));
            if (i > 0)
                body.Add(OpcodeTable.Encode(EbpfOpcode.Or64Reg, 2, 3));
        }
        body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, 2));
        body.Add(OpcodeTable.Encode(EbpfOpcode.Exit));
        byte[] memory = [0, 1, 2, 3, 4, 0xf5, 0x96, 0x87, 8, 0x89, 10, 0xfb, 12, 13];
        EbpfInstruction[] program = [.. body];
        Assert.Equal(Interpret(program, memory), Compile(program, memory));
        X64Code code = X64Compiler.Compile(ProgramShape.Analyze(program, [0]), new X64CompilerOptions { ResolveHelper = _ => 0, ResolveImmediate = (_, _) => 0 });
        if (isCombined)
            Assert.True(code.Bytes.Length <= 24, $"{code.Bytes.Length} bytes of code are more than one load");

        // With one of the parts still needed the bytes must be read one by one.
        program[^2] = OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, 3);
        Assert.Equal(Interpret(program, memory), Compile(program, memory));
    }

    /// <summary>
    /// Programs that set all registers, do random arithmetic with forward jumps, and fold every register into R0. The memory that
    /// R1 points at takes part through loads, stores and atomics at R6.
    /// </summary>
    [Theory]
    [InlineData(1, 400)]
    public void Random_programs_agree_with_the_interpreter(int seed, int count)
    {
        for (int i = 0; i < count; i++)
        {
            EbpfInstruction[] program = RandomProgram.Create(new Random(seed * 1_000_003 + i));
            byte[] first = new byte[64], second = new byte[64];
            new Random(i).NextBytes(first);
            first.CopyTo(second, 0);
            ulong expected = Interpret(program, first);
            ulong actual = Compile(program, second);
            Assert.True(expected == actual && first.AsSpan().SequenceEqual(second), $"seed {seed}, program {i}: interpreter {expected:x}, compiled {actual:x}\n{string.Join("\n", program.Select((x, n) => $"{n}: {OpcodeTable.Classify(x)} {x}"))}");
        }
    }
}

/// <summary>Random programs that always end: jumps go forwards, memory accesses stay in 64 bytes at R6.</summary>
internal static class RandomProgram
{
    private static readonly EbpfOpcode[] s_alu = [.. OpcodeTable.Rows.ToArray().Where(row => row.Effect == Effect.Alu && row.Operation != Operation.AddrSpaceCast).Select(row => row.Opcode)];
    private static readonly EbpfOpcode[] s_branches = [.. OpcodeTable.Rows.ToArray().Where(row => row.Effect == Effect.Branch && row.Operation != Operation.MayGoto).Select(row => row.Opcode)];
    private static readonly EbpfOpcode[] s_memory = [.. OpcodeTable.Rows.ToArray().Where(row => row.Effect is Effect.Load or Effect.Store or Effect.Atomic).Select(row => row.Opcode)];

    private static readonly long[] s_constants = [0, 1, -1, 2, 7, 10, 255, 256, 65535, int.MaxValue, int.MinValue, uint.MaxValue, long.MinValue, long.MaxValue, 0x123456789abcdef0];

    private static int Immediate(Random random) => random.Next(4) switch
    {
        0 => random.Next(-8, 70),
        1 => (int)s_constants[random.Next(10)],
        2 => int.MinValue + random.Next(3),
        _ => (int)random.NextInt64(),
    };

    public static EbpfInstruction[] Create(Random random)
    {
        var body = new List<EbpfInstruction>();
        body.Add(OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 6, 1));
        foreach (int register in new[] { 0, 1, 2, 3, 4, 5, 7, 8, 9 })
        {
            long value = random.Next(2) == 0 ? s_constants[random.Next(s_constants.Length)] : random.NextInt64();
            body.Add(OpcodeTable.Encode(EbpfOpcode.LoadImm64, register, 0, 0, (int)value));
            body.Add(new EbpfInstruction(0, 0, 0, 0, (int)(value >> 32)));
        }
        int length = random.Next(5, 60);
        int start = body.Count;
        for (int i = 0; i < length; i++)
        {
            int dst = Other(random), src = Other(random);
            switch (random.Next(8))
            {
                case 0:
                    OpcodeRow branch = OpcodeTable.Get(s_branches[random.Next(s_branches.Length)]);
                    int distance = Math.Min(random.Next(1, 6), length - i - 1);
                    body.Add(OpcodeTable.Encode(branch.Opcode, dst, branch.IsRegisterForm ? src : 0, distance, branch.IsRegisterForm ? 0 : Immediate(random)));
                    break;
                case 1 or 2:
                    OpcodeRow memory = OpcodeTable.Get(s_memory[random.Next(s_memory.Length)]);
                    int bytes = memory.Width / 8;
                    int offset = random.Next(0, 64 / bytes) * bytes;
                    bool baseIsDst = memory.Effect is Effect.Store or Effect.Atomic;
                    body.Add(OpcodeTable.Encode(memory.Opcode, baseIsDst ? 6 : dst, baseIsDst ? (memory.IsRegisterForm ? src : 0) : 6, offset, memory.Immediate == ImmediateUse.Value ? Immediate(random) : 0));
                    break;
                default:
                    OpcodeRow alu = OpcodeTable.Get(s_alu[random.Next(s_alu.Length)]);
                    body.Add(OpcodeTable.Encode(alu.Opcode, dst, alu.IsRegisterForm ? src : 0, 0, alu.Immediate == ImmediateUse.Value ? Immediate(random) : 0));
                    break;
            }
        }
        foreach (int register in new[] { 1, 2, 3, 4, 5, 7, 8, 9 })
        {
            body.Add(OpcodeTable.Encode(EbpfOpcode.Mul64Imm, 0, 0, 0, 31));
            body.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, register));
        }
        body.Add(OpcodeTable.Encode(EbpfOpcode.Exit));
        return [.. body];
    }

    private static int Other(Random random)
    {
        int register = random.Next(9);
        return register >= 6 ? register + 1 : register;
    }
}
