// Converted classic programs against the reference interpreter: random programs of both dialects on random packets, on every
// engine, and each extension by itself.
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Classic;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests.Classic;

public sealed class ConversionTests
{
    private const ulong Seed = 4711;

    private static ExecutionEnvironment Environment(Arm32Engine? engine = null) => engine is null
        ? new() { Helpers = ClassicHelpers.Registry, RandomSeed = Seed }
        : new() { Helpers = ClassicHelpers.Registry, RandomSeed = Seed, Allocator = engine.Allocator };

    /// <summary>A packet with a known past: some bytes before its data, and a value in every field that extensions read.</summary>
    private static ClassicPacket Packet(Random random)
    {
        byte[] frame = RandomClassic.Frame(random);
        bool seesLink = random.Next(2) == 0;
        return new ClassicPacket
        {
            Buffer = frame, DataStart = seesLink ? 0 : 14, NetworkOffset = seesLink ? 14 : 0, LinkOffset = seesLink ? 0 : -14,
            Protocol = (ushort)(frame[12] << 8 | frame[13]), PacketType = (uint)random.Next(5), InterfaceIndex = random.Next(5) == 0 ? 0 : (uint)random.Next(1, 99),
            Mark = (uint)random.NextInt64(), Queue = (ushort)random.Next(), Hash = (uint)random.NextInt64(), HardwareType = (uint)random.Next(1000),
            HasVlanTag = random.Next(2) == 0, VlanTag = (ushort)random.Next(), VlanProtocol = random.Next(2) == 0 ? (ushort)0x8100 : (ushort)random.Next(),
        };
    }

    private static string Describe(ClassicFilter filter, ClassicConversion conversion) => ClassicOutput.Listing(filter, conversion);

    private static void Compare(IExecutionEngine engine, ExecutionEnvironment environment, ClassicDialect dialect, int seed, int count)
    {
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed * 1_000_003 + i);
            ClassicFilter filter = RandomClassic.Program(random, dialect, extension => extension.Name != "RANDOM");
            ClassicConversion conversion = ClassicConverter.Convert(filter);
            var reference = new ClassicInterpreter(filter);
            using ClassicRunner runner = ClassicRunner.Open(conversion, engine, environment);
            for (int n = 0; n < 6; n++)
            {
                uint expected, actual;
                if (dialect == ClassicDialect.Seccomp)
                {
                    byte[] data = new byte[ClassicFilter.SeccompDataSize];
                    random.NextBytes(data);
                    (expected, actual) = (reference.Run(data), runner.Run(data));
                }
                else
                {
                    ClassicPacket packet = Packet(random);
                    (expected, actual) = (reference.Run(packet), runner.Run(packet));
                }
                Assert.True(expected == actual, $"{engine.Name}, {dialect}, seed {seed}, program {i}, input {n}: expected {expected:x}, got {actual:x}\n{Describe(filter, conversion)}");
            }
        }
    }

    [Theory]
    [InlineData(ClassicDialect.Socket, 1, 1500)]
    [InlineData(ClassicDialect.Seccomp, 2, 500)]
    public void Random_programs_equal_the_reference_in_the_interpreter(ClassicDialect dialect, int seed, int count)
        => Compare(new Interpreter(), Environment(), dialect, seed, count);

    [OracleTheory(Oracle.X64Machine)]
    [InlineData(ClassicDialect.Socket, 3, 700)]
    [InlineData(ClassicDialect.Seccomp, 4, 200)]
    public void Random_programs_equal_the_reference_as_x64_code(ClassicDialect dialect, int seed, int count)
        => Compare(new X64Engine(), Environment(), dialect, seed, count);

    [OracleTheory(Oracle.QemuArm)]
    [InlineData(ClassicDialect.Socket, 5, 200)]
    [InlineData(ClassicDialect.Seccomp, 6, 60)]
    public void Random_programs_equal_the_reference_as_arm32_code(ClassicDialect dialect, int seed, int count)
    {
        using var engine = new Arm32Engine(Oracles.Program(Oracle.QemuArm));
        Compare(engine, Environment(engine), dialect, seed, count);
    }

    [OracleTheory(Oracle.Llvm)]
    [InlineData(ClassicDialect.Socket, 7, 100)]
    [InlineData(ClassicDialect.Seccomp, 8, 30)]
    public void Random_programs_equal_the_reference_in_llvm(ClassicDialect dialect, int seed, int count)
        => Compare(LlvmExecutionTests.Engine, Environment(), dialect, seed, count);

    public static TheoryData<string> ExtensionNames() => [.. ClassicExtensions.Rows.Select(row => row.Name)];

    /// <summary>A value of its own for every extension, so that none can stand in for another.</summary>
    [Theory]
    [MemberData(nameof(ExtensionNames))]
    public void Every_extension_gives_its_fact(string name)
    {
        ClassicExtension extension = ClassicExtensions.Rows.Single(row => row.Name == name);
        byte[] frame = Convert.FromHexString("00000000000000000000000008004500002800010000" + "40060000" + "0a0000010a000002" + "0050123400000000000000005000ffff00000000"
            + "0c0001000800020001020304" + "0800030005060708");
        // A = 54 and X = 1 are where the attributes begin and what is looked for; for ALU_XOR_X numbers like others.
        ClassicInstruction[] code = [new(0x01, 0, 0, name == "NLATTR_NEST" ? 2u : 3u), new(0x00, 0, 0, 54), new(0x20, 0, 0, extension.Offset), new(0x16, 0, 0, 0)];
        ClassicFilter filter = ClassicChecker.Check(code, ClassicDialect.Socket, out _)!;
        var packet = new ClassicPacket
        {
            Buffer = frame, NetworkOffset = 14, Protocol = 0x0800, PacketType = 3, InterfaceIndex = 577, HardwareType = 588, Mark = 0x1234aaaa, Queue = 123,
            Hash = 0x1234aaab, HasVlanTag = true, VlanTag = 0xffef, VlanProtocol = 0x8100,
        };
        ExecutionEnvironment environment = Environment();
        GuestContext.Current = new GuestContext(environment) { Cpu = 0 };
        uint reference = new ClassicInterpreter(filter).Run(packet);
        using ClassicRunner runner = ClassicRunner.Open(ClassicConverter.Convert(filter), new Interpreter(), environment);
        Assert.Equal(reference, runner.Run(packet));
        uint? expected = name switch
        {
            "PROTOCOL" => 0x0800, "PKTTYPE" => 3, "IFINDEX" => 577, "NLATTR" => 66, "NLATTR_NEST" => 58, "MARK" => 0x1234aaaa, "QUEUE" => 123, "HATYPE" => 588,
            "RXHASH" => 0x1234aaab, "CPU" => 0, "ALU_XOR_X" => 54 ^ 3, "VLAN_TAG" => 0xffef, "VLAN_TAG_PRESENT" => 1, "PAY_OFFSET" => 54, "VLAN_TPID" => 0x8100,
            _ => null,
        };
        if (expected is { } value)
            Assert.Equal(value, reference);
        else
            Assert.Equal("RANDOM", name);
    }

    /// <summary>Instructions that nothing reaches, which eBPF verifiers refuse, and the longest programs there are.</summary>
    [Fact]
    public void Programs_at_the_limits_are_converted()
    {
        var code = new ClassicInstruction[ClassicInstruction.MaxLength];
        for (int i = 0; i < code.Length - 1; i++)
            code[i] = (i % 3) switch { 0 => new ClassicInstruction(0xb1, 0, 0, 0), 1 => new ClassicInstruction(0x0c, 0, 0, 0), _ => new ClassicInstruction(0x1d, 0, 200, 0) };
        for (int i = code.Length - 300; i < code.Length - 1; i++)
            code[i] = new ClassicInstruction(0x3c, 0, 0, 0);
        code[0] = new ClassicInstruction(0x05, 0, 0, (uint)code.Length - 310);
        code[^1] = new ClassicInstruction(0x16, 0, 0, 0);
        ClassicFilter filter = ClassicChecker.Check(code, ClassicDialect.Socket, out _)!;
        ClassicConversion conversion = ClassicConverter.Convert(filter);
        Assert.True(conversion.Instructions.Length < 1000, "what nothing reaches is left out");
        code[0] = new ClassicInstruction(0x01, 0, 0, 3);
        filter = ClassicChecker.Check(code, ClassicDialect.Socket, out _)!;
        using ClassicRunner runner = ClassicRunner.Open(ClassicConverter.Convert(filter), new Interpreter(), Environment());
        ClassicPacket packet = Packet(new Random(1));
        Assert.Equal(new ClassicInterpreter(filter).Run(packet), runner.Run(packet));
    }
}
