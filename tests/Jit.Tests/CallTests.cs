// Calling a prepared program: nothing is allocated, whatever the engine and the mode.
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed class CallTests
{
    public static TheoryData<string, bool> Engines()
    {
        var data = new TheoryData<string, bool> { { "interp", false }, { "interp", true } };
        if (Engine("x64").WhyUnavailable is not null)
            return data;
        data.Add("x64", false);
        data.Add("x64", true);
        return data;
    }

    private static IExecutionEngine Engine(string name) => name == "x64" ? new X64Engine() : new Interpreter();

    /// <summary>A loop, the stack, and a helper call, which leaves native code and comes back.</summary>
    private static LoadedProgram Program { get; } = new()
    {
        Name = "loop", ProgramType = (int)ProgramType.Xdp, Subprograms = [new Subprogram("loop", 0, true, 0)],
        Instructions =
        [
            OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 6, immediate: 10), OpcodeTable.Encode(EbpfOpcode.StoreReg64, 10, 6, -8),
            OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: 5), OpcodeTable.Encode(EbpfOpcode.Add64Imm, 6, immediate: -1),
            OpcodeTable.Encode(EbpfOpcode.Jne64Imm, 6, offset: -3, immediate: 0), OpcodeTable.Encode(EbpfOpcode.Load64, 0, 10, -8),
            OpcodeTable.Encode(EbpfOpcode.Exit),
        ],
    };

    [Theory]
    [MemberData(nameof(Engines))]
    public void Calls_allocate_nothing(string name, bool isSandboxed)
    {
        IExecutionEngine engine = Engine(name);
        var environment = new ExecutionEnvironment();
        using IExecutable executable = isSandboxed ? engine.PrepareSandboxed(Program, new SandboxOptions(), environment)
            : engine.Prepare(Verifier.Verify(Program).Program!, environment);
        GCHandle memory = GCHandle.Alloc(new byte[64], GCHandleType.Pinned);
        GuestContext outer = GuestContext.Current;
        GuestContext.Current = new GuestContext(environment);
        try
        {
            nint r1 = memory.AddrOfPinnedObject();
            for (int i = 0; i < 100; i++)
                Assert.Equal(10ul, executable.Run(r1, 64));
            Assert.Equal(0, Allocations.Least(() =>
            {
                for (int i = 0; i < 1000; i++)
                    executable.Run(r1, 64);
            }));
        }
        finally
        {
            GuestContext.Current = outer;
            memory.Free();
        }
    }

    /// <summary>Pages of programs that are gone serve the next: code is where it was and does what it should.</summary>
    [OracleFact(Oracle.X64Machine)]
    public void Code_pages_are_used_again()
    {
        var environment = new ExecutionEnvironment();
        for (int i = 0; i < 100; i++)
        {
            var program = new LoadedProgram
            {
                Name = "constant", ProgramType = 0, Subprograms = [new Subprogram("constant", 0, true, 0)],
                Instructions = [OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0, immediate: i), OpcodeTable.Encode(EbpfOpcode.Exit)],
            };
            using IExecutable first = new X64Engine().PrepareSandboxed(program, new SandboxOptions(), environment);
            using IExecutable second = new X64Engine().PrepareSandboxed(program, new SandboxOptions(), environment);
            Assert.Equal((ulong)i, first.Run(0));
            first.Dispose();
            Assert.Equal((ulong)i, second.Run(0));
            Assert.Throws<ObjectDisposedException>(() => first.Run(0));
        }
    }
}
