// ARM32 code under emulation against the interpreter: the conformance suite and random programs, for ARMv7 with and without
// division, and for ARMv6.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed unsafe class Arm32ExecutionTests
{
    private static readonly (string Name, Arm32Features Features)[] s_versions = [("v7", Arm32Features.V7), ("v7 with division", Arm32Features.V7Divide), ("v6", Arm32Features.V6)];

    private static ExecutionEnvironment EnvironmentFor(Arm32Engine engine) => new() { Allocator = engine.Allocator, Helpers = X64ExecutionTests.Environment.Helpers };

    private static ulong Run(Arm32Engine engine, ExecutionEnvironment environment, EbpfInstruction[] program, byte[] memory)
    {
        byte* guest = engine.Allocator.Allocate((nuint)Math.Max(memory.Length, 8));
        try
        {
            memory.CopyTo(new Span<byte>(guest, memory.Length));
            GuestContext.Current = new GuestContext(environment);
            using Arm32Executable executable = engine.CompileTrusted(X64ExecutionTests.Load(program), program, environment);
            ulong result = executable.Run((nint)guest, memory.Length);
            new Span<byte>(guest, memory.Length).CopyTo(memory);
            return result;
        }
        finally
        {
            engine.Allocator.Free(guest);
        }
    }

    [OracleFact(Oracle.QemuArm, Oracle.Shared)]
    public void Conformance_programs_give_the_suites_result()
    {
        var failures = new List<string>();
        foreach ((string version, Arm32Features features) in s_versions)
        {
            using var engine = new Arm32Engine(Oracles.Program(Oracle.QemuArm), features);
            Assert.Null(engine.WhyUnavailable);
            ExecutionEnvironment environment = EnvironmentFor(engine);
            foreach ((string name, (byte[] memory, EbpfInstruction[] program, ulong expected)) in X64ExecutionTests.Conformance)
            {
                if (X64ExecutionTests.IsSandboxOnly(name))
                    continue;
                ulong actual = Run(engine, environment, program, (byte[])memory.Clone());
                if (actual != expected)
                    failures.Add($"{name} on {version}: {actual:x}, expected {expected:x}");
            }
        }
        Assert.Empty(failures);
    }

    [OracleTheory(Oracle.QemuArm)]
    [InlineData(7, 150)]
    public void Random_programs_agree_with_the_interpreter(int seed, int count) => AgreeOn(seed, count, X64ExecutionTests.RawProgram);

    [OracleTheory(Oracle.QemuArm)]
    [InlineData(11, 1000)]
    public void Idioms_agree_with_the_interpreter(int seed, int count) => AgreeOn(seed, count, each => IdiomProgram.Create(new Random(each)));

    private static void AgreeOn(int seed, int count, Func<int, EbpfInstruction[]> create)
    {
        foreach ((string version, Arm32Features features) in s_versions)
        {
            using var engine = new Arm32Engine(Oracles.Program(Oracle.QemuArm), features);
            ExecutionEnvironment environment = EnvironmentFor(engine);
            for (int i = 0; i < count; i++)
            {
                EbpfInstruction[] program = create(seed * 1_000_003 + i);
                byte[] first = new byte[64], second = new byte[64];
                new Random(i).NextBytes(first);
                first.CopyTo(second, 0);
                ulong expected = X64ExecutionTests.Interpret(program, first);
                ulong actual = Run(engine, environment, program, second);
                Assert.True(expected == actual && first.AsSpan().SequenceEqual(second),
                    $"seed {seed}, program {i} on {version}: interpreter {expected:x}, compiled {actual:x}\n{string.Join("\n", program.Select((x, n) => $"{n}: {OpcodeTable.Classify(x)} {x}"))}");
            }
        }
    }

    [OracleFact(Oracle.QemuArm)]
    public void May_goto_ends_a_loop_when_its_budget_is_used_up()
    {
        using var engine = new Arm32Engine(Oracles.Program(Oracle.QemuArm));
        ulong result = Run(engine, EnvironmentFor(engine), X64ExecutionTests.EndlessButForMayGoto, []);
        Assert.Equal((ulong)Runtime.Execution.Interpretation.MachineState.MayGotoLimit + 7, result);
    }

    /// <summary>More code than fits at once: what was disposed of makes room, and the emulator does not run what it remembers of it.</summary>
    [OracleFact(Oracle.QemuArm)]
    public void Code_of_disposed_programs_is_used_again()
    {
        using GuestArena? arena = GuestArena.TryCreate(out string? whyNot);
        Assert.True(arena is not null, whyNot);
        using var guest = new EmulatedArm(Oracles.Program(Oracle.QemuArm), arena, Arm32Features.V7);
        byte[] filler = new byte[20 << 20];
        var places = new List<uint>();
        for (uint round = 0; round < 12; round++)
        {
            var emitter = new Arm32Emitter(Arm32Features.V7);
            emitter.MoveImmediate(Arm32Register.R0, round);
            emitter.MoveImmediate(Arm32Register.R1, 0);
            emitter.BranchExchange(Arm32Register.Lr);
            byte[] code = emitter.Finish();
            uint address = guest.Install(code), far = guest.Install(filler);
            places.Add(address);
            Assert.Equal(round, guest.Call(address, 0, 0, X64ExecutionTests.Environment));
            guest.Uninstall(address, code.Length);
            guest.Uninstall(far, filler.Length);
        }
        Assert.True(places.Distinct().Count() < places.Count);
    }
}
