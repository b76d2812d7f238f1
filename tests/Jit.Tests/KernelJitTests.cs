// The kernel's own cases for interpreters and JITs (lib/test_bpf.c) on all engines: eBPF programs as verified ones run, without
// checks, and in the sandbox; classic ones through checker, reference interpreter and converter; tail calls.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.Llvm;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Classic;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Jit.Tests;

public sealed unsafe class KernelJitTests
{
    private const string FallsOff = "its last instruction, which nothing reaches, is no exit or jump: the kernel runs it unverified; the kernel's verifier refuses it, as the sandbox does";

    /// <summary>Cases that the sandbox cannot have, with the reason; elsewhere they pass.</summary>
    private static readonly Dictionary<string, string> s_falling = new()
    {
        ["JMP_EXIT"] = FallsOff,
        ["Short relative jump: offset=0"] = FallsOff,
        ["Short relative jump: offset=1"] = FallsOff,
        ["Short relative jump: offset=2"] = FallsOff,
        ["Short relative jump: offset=3"] = FallsOff,
        ["Short relative jump: offset=4"] = FallsOff,
    };

    private const string NoContext = "it hands a number to the program it calls; the sandbox, as the kernel's verifier, lets programs hand on their context only";

    /// <summary>The same among the tail calls.</summary>
    private static readonly Dictionary<string, string> s_tailCallNotInSandbox = new() { ["Tail call 2"] = NoContext, ["Tail call 3"] = NoContext, ["Tail call 4"] = NoContext };

    /// <summary>Classic programs that the kernel refuses and we do not, with the reason.</summary>
    private static readonly Dictionary<string, string> s_notRefused = new()
    {
        ["BPF_MAXINSNS: jump over MSH"] = "no rule of the checker: the kernel's conversion makes so much of each instruction that a jump no longer fits; ours makes less",
    };

    /// <summary>
    /// 150 programs have 16,000 to 200,000 instructions each. The ordinary run takes all of them in the interpreter and every
    /// sixth on x86-64, twentieth on ARM32 and fiftieth in LLVM, others in each mode; EBPFCC_LONG=1 takes all everywhere.
    /// </summary>
    private const int Large = 16_000;

    private static int LargeStep(string engine) => engine switch { "interp" => 1, "x64" => 6, "llvm" => 50, _ => 20 };

    private static readonly bool s_isLongRun = Environment.GetEnvironmentVariable("EBPFCC_LONG") == "1";

    /// <summary>ARM code is never freed while its emulator lives; a new one takes over after this many instructions.</summary>
    private const int InstructionsPerEmulator = 700_000;

    /// <summary>An engine in one of its modes.</summary>
    private sealed record Machine(string Name, IExecutionEngine Engine, ExecutionEnvironment Environment, Func<LoadedProgram, IExecutable> Prepare) : IDisposable
    {
        public void Dispose() => (Engine as IDisposable)?.Dispose();
    }

    private static readonly SandboxOptions s_sandbox = new() { Fuel = 200_000_000 };

    private static Machine Open(string engine, bool isSandboxed)
    {
        string name = isSandboxed ? engine + ", sandboxed" : engine;
        switch (engine)
        {
            case "interp":
            {
                var interpreter = new Interpreter();
                var environment = new ExecutionEnvironment { Helpers = ClassicHelpers.Registry };
                return new Machine(name, interpreter, environment, program => isSandboxed ? interpreter.PrepareSandboxed(program, s_sandbox, environment)
                    : new InterpretedProgram(program, new Decoder(program, program.Instructions, null, environment), null, environment));
            }
            case "x64":
            {
                var x64 = new X64Engine();
                var environment = new ExecutionEnvironment { Helpers = ClassicHelpers.Registry };
                return new Machine(name, x64, environment, program => isSandboxed ? x64.PrepareSandboxed(program, s_sandbox, environment)
                    : X64Engine.CompileTrusted(program, program.Instructions, null, environment));
            }
            case "llvm":
            {
                LlvmEngine llvm = LlvmExecutionTests.Engine;
                var environment = new ExecutionEnvironment { Helpers = ClassicHelpers.Registry };
                return new Machine(name, llvm, environment, program => llvm.CompileTrusted(program, program.Instructions, null, environment));
            }
            default:
            {
                var arm = new Arm32Engine(Oracles.Program(Oracle.QemuArm), engine == "arm32" ? Arm32Features.V7 : Arm32Features.V6);
                Assert.Null(arm.WhyUnavailable);
                var environment = new ExecutionEnvironment { Helpers = ClassicHelpers.Registry, Allocator = arm.Allocator };
                return new Machine(name, arm, environment, program => isSandboxed ? arm.PrepareSandboxed(program, s_sandbox, environment)
                    : arm.CompileTrusted(program, program.Instructions, environment));
            }
        }
    }

    /// <summary>The packet that the kernel gives to its cases: the bytes of one run and the same past for all.</summary>
    private static ClassicPacket Packet(KernelJitCase test, KernelJitRun run) => new()
    {
        Buffer = [.. test.Data.AsSpan(0, run.DataSize), .. test.HasFragment ? test.Fragment : []],
        NetworkOffset = Math.Min(run.DataSize, 14), LinkOffset = 0,
        Protocol = 0x0800, PacketType = 3, Mark = 0x1234aaaa, Hash = 0x1234aaab, Queue = 123, HasVlanTag = true, VlanTag = 0xffff, VlanProtocol = 0x0800,
        InterfaceIndex = 577, HardwareType = 588,
    };

    private static void Report(List<string> failures, int ran)
        => Assert.True(failures.Count == 0, $"{failures.Count} of {ran} runs fail:\n{string.Join("\n", failures.Take(40))}");

    [OracleFact(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders)]
    public void The_table_is_complete()
    {
        Assert.Equal((915, 134, 10), (KernelJitCases.All.Count(test => !test.IsClassic), KernelJitCases.All.Count(test => test.IsClassic), KernelJitCases.TailCalls.Count));
        Assert.All([.. s_falling.Keys, .. s_notRefused.Keys], name => Assert.Contains(KernelJitCases.All, test => test.Name == name));
        Assert.All(s_tailCallNotInSandbox.Keys, name => Assert.Contains(KernelJitCases.TailCalls, test => test.Name == name));
    }

    [OracleTheory(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.X64Machine, Oracle.QemuArm)]
    [InlineData("interp", false)]
    [InlineData("interp", true)]
    [InlineData("x64", false)]
    [InlineData("x64", true)]
    [InlineData("arm32", false)]
    [InlineData("arm32", true)]
    [InlineData("arm32 v6", false)]
    public void Ebpf_cases(string engine, bool isSandboxed) => RunEbpfCases(engine, isSandboxed);

    [OracleFact(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.Llvm)]
    public void Ebpf_cases_in_llvm() => RunEbpfCases("llvm", isSandboxed: false);

    private static void RunEbpfCases(string engine, bool isSandboxed)
    {
        Machine machine = Open(engine, isSandboxed);
        try
        {
            var failures = new List<string>();
            int ran = 0, instructions = 0, large = machine.Name.Length;
            foreach (KernelJitCase test in KernelJitCases.All)
            {
                if (test.IsClassic || (isSandboxed && s_falling.ContainsKey(test.Name)))
                    continue;
                EbpfInstruction[] code = test.Instructions;
                if (code.Length > Large && !s_isLongRun && large++ % LargeStep(engine) != 0)
                    continue;
                if ((instructions += code.Length) > InstructionsPerEmulator)
                {
                    machine.Dispose();
                    machine = Open(engine, isSandboxed);
                    instructions = code.Length;
                }
                try
                {
                    using IExecutable executable = machine.Prepare(X64ExecutionTests.Load(code));
                    foreach (KernelJitRun run in test.Runs)
                    {
                        ran++;
                        uint actual = Run(machine, executable, test, run);
                        if (actual != run.Result)
                            failures.Add($"{machine.Name}: {test}: {actual:x}, expected {run.Result:x}");
                    }
                }
                catch (Exception exception) when (exception is not OutOfMemoryException)
                {
                    failures.Add($"{machine.Name}: {test}: {exception.GetType().Name}: {exception.Message}");
                }
            }
            Report(failures, ran);
        }
        finally
        {
            machine.Dispose();
        }
    }

    /// <summary>What the verifier accepts of the table runs as verified programs do, with what its facts allow engines to do.</summary>
    [OracleTheory(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.X64Machine, Oracle.QemuArm)]
    [InlineData("interp")]
    [InlineData("x64")]
    [InlineData("arm32")]
    public void Ebpf_cases_that_the_verifier_accepts(string engine) => RunVerifiedCases(engine);

    [OracleFact(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.Llvm)]
    public void Ebpf_cases_that_the_verifier_accepts_in_llvm() => RunVerifiedCases("llvm");

    private static void RunVerifiedCases(string engine)
    {
        using Machine machine = Open(engine, isSandboxed: false);
        var failures = new List<string>();
        int ran = 0;
        foreach (KernelJitCase test in KernelJitCases.All)
        {
            EbpfInstruction[] code = test.IsClassic ? [] : test.Instructions;
            if (code.Length == 0 || code.Length > (engine == "llvm" ? 200 : 2000) || test.HasPlainMemory)
                continue;
            var program = new LoadedProgram
            {
                Name = "case", ProgramType = (int)ProgramType.SocketFilter, Instructions = code, License = "GPL", Subprograms = X64ExecutionTests.Load(code).Subprograms,
            };
            if (Verifier.Verify(program).Program is not { } verified)
                continue;
            using IExecutable executable = machine.Engine.Prepare(verified, machine.Environment);
            foreach (KernelJitRun run in test.Runs)
            {
                ran++;
                uint actual = Run(machine, executable, test, run);
                if (actual != run.Result)
                    failures.Add($"{machine.Name}: {test}: {actual:x}, expected {run.Result:x}");
            }
        }
        Report(failures, ran);
        Assert.True(ran > 400, $"{ran} runs of verified programs");
    }

    private static uint Run(Machine machine, IExecutable executable, KernelJitCase test, KernelJitRun run)
    {
        if (!test.HasNoData && !test.HasPlainMemory)
        {
            // The runner would dispose of the program, which has more runs to do.
            using var runner = new ClassicRunner(new Borrowed(executable), machine.Environment);
            return runner.Run(Packet(test, run));
        }
        GuestContext.Current = new GuestContext(machine.Environment);
        if (test.HasNoData)
            return (uint)executable.Run(0);
        byte* memory = machine.Environment.Allocator.Allocate((nuint)run.DataSize, 64);
        try
        {
            return (uint)executable.Run((nint)memory, run.DataSize);
        }
        finally
        {
            machine.Environment.Allocator.Free(memory);
        }
    }

    private sealed class Borrowed(IExecutable program) : IExecutable
    {
        public ReadOnlyMemory<byte> Code => program.Code;

        public ulong Run(nint r1, nint r2 = 0) => program.Run(r1, r2);

        public void Dispose()
        {
        }
    }

    [OracleFact(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders)]
    public void Classic_cases_in_the_reference_interpreter()
    {
        var failures = new List<string>();
        int ran = 0;
        GuestContext.Current = new GuestContext(new ExecutionEnvironment());
        foreach (KernelJitCase test in KernelJitCases.All)
        {
            if (!test.IsClassic)
                continue;
            ClassicFilter? filter = ClassicChecker.Check(test.Classic, ClassicDialect.Socket, out (int Index, string Reason) problem);
            if (filter is null != (test.IsRefused && !s_notRefused.ContainsKey(test.Name)))
                failures.Add($"{test}: {(filter is null ? $"refused at {problem.Index}: {problem.Reason}" : "accepted")}");
            if (filter is null || test.IsRefused)
                continue;
            foreach (KernelJitRun run in test.Runs)
            {
                ran++;
                uint actual = new ClassicInterpreter(filter).Run(Packet(test, run));
                if (actual != run.Result)
                    failures.Add($"{test}: {actual:x}, expected {run.Result:x}");
            }
        }
        Report(failures, ran);
    }

    [OracleTheory(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.X64Machine, Oracle.QemuArm)]
    [InlineData("interp")]
    [InlineData("x64")]
    [InlineData("arm32")]
    public void Classic_cases_converted(string engine) => RunClassicCases(engine);

    [OracleFact(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.Llvm)]
    public void Classic_cases_converted_in_llvm() => RunClassicCases("llvm");

    private static void RunClassicCases(string engine)
    {
        using Machine machine = Open(engine, isSandboxed: false);
        var failures = new List<string>();
        int ran = 0;
        foreach (KernelJitCase test in KernelJitCases.All)
        {
            if (!test.IsClassic || test.IsRefused)
                continue;
            ClassicFilter filter = ClassicChecker.Check(test.Classic, ClassicDialect.Socket, out _)!;
            // LLVM optimises a program of thousands of instructions for seconds.
            if (engine == "llvm" && filter.Instructions.Count > 500 && !s_isLongRun)
                continue;
            try
            {
                // Verified as it would be for a user: what the converter makes is always accepted.
                using ClassicRunner runner = ClassicRunner.Open(ClassicConverter.Convert(filter), machine.Engine, machine.Environment);
                foreach (KernelJitRun run in test.Runs)
                {
                    ran++;
                    uint actual = runner.Run(Packet(test, run));
                    if (actual != run.Result)
                        failures.Add($"{machine.Name}: {test}: {actual:x}, expected {run.Result:x}");
                }
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                failures.Add($"{machine.Name}: {test}: {exception.GetType().Name}: {exception.Message}");
            }
        }
        Report(failures, ran);
    }

    /// <summary>
    /// Chains of tail calls. The kernel's own numbers for the table and for a missing or impossible target become a map of programs; functions of
    /// the kernel that a case calls in between become helpers of the same name.
    /// </summary>
    [OracleTheory(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.X64Machine, Oracle.QemuArm)]
    [InlineData("interp", false)]
    [InlineData("interp", true)]
    [InlineData("x64", false)]
    [InlineData("x64", true)]
    [InlineData("arm32", false)]
    [InlineData("arm32", true)]
    public void Tail_calls(string engine, bool isSandboxed) => RunTailCalls(engine, isSandboxed);

    [OracleFact(Oracle.LinuxSource612, Oracle.Gcc, Oracle.UapiHeaders, Oracle.Llvm)]
    public void Tail_calls_in_llvm() => RunTailCalls("llvm", isSandboxed: false);

    private static void RunTailCalls(string engine, bool isSandboxed)
    {
        using Machine machine = Open(engine, isSandboxed);
        IReadOnlyList<KernelTailCallCase> cases = KernelJitCases.TailCalls;
        var definition = new MapDefinition("programs", (int)MapType.ProgArray, 4, 4, cases.Count + 1);
        using var map = new ProgramArrayMap(definition, machine.Environment.Allocator);
        var programs = new List<IExecutable>();
        var failures = new List<string>();
        foreach (KernelTailCallCase test in cases)
        {
            var loaded = new LoadedProgram
            {
                Name = "tail", ProgramType = (int)ProgramType.SocketFilter, Instructions = Relocate(test, cases.Count), Subprograms = [new Subprogram("tail", 0, true, 0)], Maps = [map], License = "GPL",
            };
            IExecutable executable = machine.Prepare(loaded);
            programs.Add(executable);
            Assert.Equal(0, map.Set((uint)test.Number, executable));
        }
        // Each tail call of an emulated program comes back to this process.
        int repeats = engine == "arm32" ? 50 : KernelJitCases.Repeats;
        byte* state = machine.Environment.Allocator.Allocate(16, 16);
        foreach (KernelTailCallCase test in cases)
        {
            if (isSandboxed && s_tailCallNotInSandbox.ContainsKey(test.Name))
                continue;
            *(int*)state = 0;
            int result = 0;
            // In the sandbox what is handed on must be a context; the leaf alone computes with a null pointer.
            bool hasContext = test.NeedsState || (isSandboxed && test.Number > 0);
            try
            {
                for (int i = 0; i < repeats; i++)
                {
                    GuestContext.Current = new GuestContext(machine.Environment) { Context = hasContext ? state : null, ContextSize = hasContext ? 4 : 0 };
                    result = (int)programs[test.Number].Run(hasContext ? (nint)state : 0);
                }
                if (test.HasResultInState)
                    result = *(int*)state;
                int expected = test.HasResultInState ? test.Result / KernelJitCases.Repeats * repeats : test.Result;
                if (result != expected)
                    failures.Add($"{machine.Name}: {test.Name}: {result}, expected {expected}");
            }
            catch (GuestFaultException fault)
            {
                failures.Add($"{machine.Name}: {test.Name}: {fault.Message}");
            }
        }
        foreach (IExecutable executable in programs)
            executable.Dispose();
        machine.Environment.Allocator.Free(state);
        Report(failures, cases.Count);
    }

    private static EbpfInstruction[] Relocate(KernelTailCallCase test, int count)
    {
        const int Marker = 0x7a11ca11, NullTarget = 0x7fff, InvalidTarget = 0x7ffe, TestFunction = 212;
        EbpfInstruction[] code = test.Instructions;
        for (int i = 0; i < code.Length; i++)
        {
            EbpfInstruction old = code[i];
            if (old.IsWide)
            {
                if (old.Immediate == Marker)
                {
                    code[i] = OpcodeTable.Encode(EbpfOpcode.LoadMapFd, old.Dst);
                    code[i + 1] = default;
                }
                i++;
            }
            else if (old.Immediate == Marker)
            {
                code[i] = OpcodeTable.Encode(EbpfOpcode.Mov32Imm, old.Dst, immediate: old.Offset switch { NullTarget => count, InvalidTarget => count + 1, _ => test.Number + old.Offset });
            }
            else if (old.Code == 0xf5)
            {
                code[i] = OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: HelperRegistry.TailCallId);
            }
            else if (old.Code == 0x85)
            {
                // The table's own function formats numbers; any helper that uses registers as freely does.
                code[i] = OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: old.Immediate == TestFunction ? 7 : old.Immediate);
            }
        }
        return code;
    }
}
