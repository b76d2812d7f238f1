// The public conformance suite through our assembler and the sandboxed interpreter: R1 = memory, R2 = its length, expected
// R0. Helper 5 is the suite's unwind function: a result of zero ends the program. Malformed cases are refused.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Execution;

public sealed class ConformanceTests
{
    public static TheoryData<string> Positive() => Names("tests");

    public static TheoryData<string> Negative() => Names("negative");

    private static TheoryData<string> Names(string folder)
    {
        var data = new TheoryData<string>();
        foreach (string file in ConformanceCase.Files(folder))
        {
            // negative/error.data is about the suite's runner: a sound program whose result is an address.
            if (Path.GetFileNameWithoutExtension(file) is var name && (folder, name) != ("negative", "error"))
                data.Add(name);
        }
        if (data.Count == 0)
            data.Add("");
        return data;
    }

    private static ConformanceCase Case(string folder, string name)
        => ConformanceCase.Read(Path.Combine(Repository.Shared!, "bpf_conformance", folder, name + ".data"));

    [OracleFact(Oracle.Shared)]
    public void TheSuiteIsComplete() => Assert.Equal((313, 60), (ConformanceCase.Files("tests").Length, ConformanceCase.Files("negative").Length));

    [OracleTheory(Oracle.Shared)]
    [MemberData(nameof(Positive))]
    public void SandboxedInterpreterGivesTheSuitesResult(string name)
    {
        ConformanceCase test = Case("tests", name);
        var diagnostics = new DiagnosticBag();
        EbpfInstruction[]? program = test.Assemble(diagnostics);
        Assert.True(program is not null, string.Join('\n', diagnostics.Items.Select(d => d.Message)));
        Assert.Equal(test.Result, RawPrograms.Run(program, test.Memory));
    }

    [OracleTheory(Oracle.Shared)]
    [MemberData(nameof(Negative))]
    public void MalformedCasesAreRefused(string name)
    {
        ConformanceCase test = Case("negative", name);
        if (test.Assemble(new DiagnosticBag()) is not { } program)
            return; // refused as text
        ulong? actual = null;
        try
        {
            actual = RawPrograms.Run(program, test.Memory);
        }
        catch (GuestFaultException)
        {
        }
        // Cases with a result are wrong in the result.
        Assert.True(actual is null || test.Error is null && actual != test.Result, $"{name} ran and returned {actual:x}");
    }
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
