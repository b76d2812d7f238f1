// The public conformance suite, as assembled programs: R1 = memory, R2 = its length, expected R0. Helper 5 is the suite's
// unwind function: a result of zero ends the program.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Execution;

public sealed unsafe class ConformanceTests
{
    public static TheoryData<string> Names()
    {
        var data = new TheoryData<string>();
        foreach (string name in Cases().Keys)
            data.Add(name);
        if (data.Count == 0)
            data.Add("");
        return data;
    }

    [OracleTheory(Oracle.Shared)]
    [MemberData(nameof(Names))]
    public void SandboxedInterpreterGivesTheSuitesResult(string name)
    {
        (byte[] memory, EbpfInstruction[] program, ulong expected) = Cases()[name];
        Assert.Equal(expected, RawPrograms.Run(program, memory));
    }

    [OracleFact(Oracle.Shared)]
    public void TheSuiteIsComplete() => Assert.Equal(313, Cases().Count);

    private static readonly Lazy<Dictionary<string, (byte[] Memory, EbpfInstruction[] Program, ulong Result)>> s_cases = new(Read);

    private static Dictionary<string, (byte[] Memory, EbpfInstruction[] Program, ulong Result)> Cases() => s_cases.Value;

    private static Dictionary<string, (byte[] Memory, EbpfInstruction[] Program, ulong Result)> Read()
    {
        var cases = new Dictionary<string, (byte[], EbpfInstruction[], ulong)>();
        if (Repository.Shared is null)
            return cases;
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Shared, "bpf_conformance", "programs.json")));
        foreach (JsonElement entry in document.RootElement.EnumerateArray())
        {
            byte[] code = Convert.FromHexString(entry.GetProperty("program").GetString()!);
            cases[entry.GetProperty("name").GetString()!] = (
                Convert.FromHexString(entry.GetProperty("mem").GetString()!),
                MemoryMarshal.Cast<byte, EbpfInstruction>(code).ToArray(),
                Number(entry.GetProperty("result").GetString()!));
        }
        return cases;
    }

    private static ulong Number(string text)
        => text.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber) : ulong.Parse(text);
}

/// <summary>Runs raw programs in the sandbox, <c>u64 prog(void *mem, u64 len)</c>.</summary>
internal static unsafe class RawPrograms
{
    private static ulong ReturnFirst(ulong a, ulong b, ulong c, ulong d, ulong e) => a;

    public static ExecutionEnvironment Environment { get; } = new()
    {
        Helpers = HelperRegistry.Default.With(new HelperImplementation { Id = 5, Managed = &ReturnFirst, UnwindsOnZero = true }),
    };

    public static LoadedProgram Load(EbpfInstruction[] program)
        => new() { Name = "raw", ProgramType = 0, Instructions = program, Subprograms = [new Subprogram("raw", 0, true, 0)] };

    public static ulong Run(EbpfInstruction[] program, byte[] memory, long fuel = 1_000_000)
    {
        using IExecutable executable = new Interpreter().PrepareSandboxed(Load(program), new SandboxOptions { Fuel = fuel }, Environment);
        fixed (byte* address = memory)
            return executable.Run((nint)address, memory.Length);
    }
}
