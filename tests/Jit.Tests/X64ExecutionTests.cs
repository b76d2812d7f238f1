// Compiled code against the interpreter: the public conformance suite, and random straight-line and branching programs.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
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

    /// <summary>Loads that may lead anywhere keep all other registers, and give zero where there is nothing; byte by byte they are not joined.</summary>
    [Fact]
    public void Probing_loads_read_or_give_zero()
    {
        byte* page = (byte*)NativeMemory.AlignedAlloc(64, 64);
        for (int i = 0; i < 64; i++)
            page[i] = (byte)(0x80 + i);
        foreach (OpcodeRow row in OpcodeTable.Rows)
        {
            if (row.Effect != Effect.Load || row.Operation == Operation.LoadAcquire)
                continue;
            for (int destination = 0; destination < 10; destination++)
            {
                for (int source = 0; source < 10; source++)
                {
                    foreach (ulong address in new ulong[] { (ulong)page + 8, 0, 1, 0x6050_4030_2010, 0xffff_8880_0000_0000, ulong.MaxValue - 3 })
                        CheckProbe(row, destination, source, address, page);
                }
            }
        }
        NativeMemory.AlignedFree(page);
    }

    private static void CheckProbe(OpcodeRow row, int destination, int source, ulong address, byte* page)
    {
        var program = new List<EbpfInstruction>();
        for (int register = 0; register < 10; register++)
        {
            ulong value = register == source ? address : 0x1111_1111_1111_1111ul * (ulong)(register + 1);
            program.Add(OpcodeTable.Encode(EbpfOpcode.LoadImm64, register, 0, 0, (int)value));
            program.Add(new EbpfInstruction(0, 0, 0, 0, (int)(value >> 32)));
        }
        int probe = program.Count;
        program.Add(OpcodeTable.Encode(row.Opcode, destination, source, 3));
        for (int register = 1; register < 10; register++)
        {
            program.Add(OpcodeTable.Encode(EbpfOpcode.Mul64Imm, 0, 0, 0, 31));
            program.Add(OpcodeTable.Encode(EbpfOpcode.Add64Reg, 0, register));
        }
        program.Add(OpcodeTable.Encode(EbpfOpcode.Exit));
        ulong loaded = 0;
        bool isReadable = address == (ulong)page + 8;
        for (int i = 0; i < row.Width / 8 && isReadable; i++)
            loaded |= (ulong)page[8 + 3 + i] << 8 * i;
        if (row.Operation == Operation.LoadSx)
            loaded = (ulong)((long)loaded << 64 - row.Width >> 64 - row.Width);
        ulong expected = 0;
        for (int register = 0; register < 10; register++)
            expected = expected * 31 + (register == destination ? loaded : register == source ? address : 0x1111_1111_1111_1111ul * (ulong)(register + 1));
        EbpfInstruction[] instructions = [.. program];
        var facts = new InstructionFacts[instructions.Length];
        for (int slot = 0; slot < facts.Length; slot++)
            facts[slot] = new InstructionFacts(true, slot == probe ? AccessKind.ProbeRead : AccessKind.None);
        using X64Executable executable = X64Engine.CompileTrusted(Load(instructions), instructions, facts, Environment);
        Assert.True(expected == executable.Run(0), $"{row.Opcode} r{destination}, [r{source} + 3] at {address:x}");
    }

    /// <summary>A generated <c>u64 prog(void *mem, u64 len)</c>.</summary>
    internal static EbpfInstruction[] RawProgram(int seed) => ProgramGenerator.Generate(seed, new GeneratorOptions { Type = ProgramType.Unspec }).Code;

    /// <summary>Shapes that translators look for, and near misses: rotations, shifted operands, indexed accesses, short branches, loops.</summary>
    [Theory]
    [InlineData(1, 1000)]
    public void Idioms_agree_with_the_interpreter(int seed, int count)
    {
        for (int i = 0; i < count; i++)
            CheckAgreement(IdiomProgram.Create(new Random(seed * 1_000_003 + i)), i, $"seed {seed}, program {i}");
    }

    private static void CheckAgreement(EbpfInstruction[] program, int data, string name)
    {
        byte[] first = new byte[64], second = new byte[64];
        new Random(data).NextBytes(first);
        first.CopyTo(second, 0);
        ulong expected = Interpret(program, first);
        ulong actual = Compile(program, second);
        Assert.True(expected == actual && first.AsSpan().SequenceEqual(second), $"{name}: interpreter {expected:x}, compiled {actual:x}\n{string.Join("\n", program.Select((x, n) => $"{n}: {OpcodeTable.Classify(x)} {x}"))}");
    }

    /// <summary>Generated programs over the memory that R1 points at: result and memory.</summary>
    [Theory]
    [InlineData(1, 400)]
    public void Random_programs_agree_with_the_interpreter(int seed, int count)
    {
        for (int i = 0; i < count; i++)
            CheckAgreement(RawProgram(seed * 1_000_003 + i), i, $"seed {seed}, program {i}");
    }
}
