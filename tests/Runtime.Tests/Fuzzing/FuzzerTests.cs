// A short run of each mode of the fuzzer; long ones are 'ebpfcc fuzz'. And its tools: generated programs are accepted, read back
// from their text, and become small without losing what is wrong with them.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Fuzzing;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.Runtime.Verification;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Fuzzing;

public class FuzzerTests
{
    private static readonly FuzzTarget[] s_interpreter = [new("interp", new Interpreter(), GuestHeap.Shared)];

    private static FuzzReport Run(FuzzOptions options)
    {
        FuzzReport report = new Fuzzer(options, s_interpreter).Run();
        Assert.True(report.Failures.Count == 0, string.Join('\n', report.Failures.Select(failure =>
            $"{failure.Kind}: {failure.Detail}\n{(failure.Program is { } program ? ProgramText.Write(program) : "")}reproduce: ebpfcc fuzz --mode {options.Mode.ToString().ToLowerInvariant()} --seed {failure.Seed} --count 1")));
        return report;
    }

    [Fact]
    public void Accepted_programs_stay_inside_the_verifiers_states()
    {
        FuzzReport report = Run(new FuzzOptions { Mode = FuzzMode.Soundness, Seed = 50_000, Count = 120 });
        Assert.True(report.Counts["accepted"] > 100);
        Assert.True(report.Counts["steps inside the verifier's states"] > 5_000);
    }

    [Fact]
    public void Verified_programs_run() => Assert.Equal(400, Run(new FuzzOptions { Mode = FuzzMode.Verified, Seed = 60_000, Count = 400 }).Counts["accepted"]);

    [OracleFact(Oracle.Kernel)]
    public void Verified_programs_give_the_kernels_results()
        => Assert.True(Run(new FuzzOptions { Mode = FuzzMode.Verified, Seed = 70_000, Count = 250, UsesKernel = true }).Counts["run by the kernel"] > 200);

    [OracleFact(Oracle.Kernel)]
    public void Verdicts_are_the_kernels()
    {
        FuzzReport report = Run(new FuzzOptions { Mode = FuzzMode.Verdict, Seed = 80_000, Count = 600 });
        Assert.True(report.Counts["both accept"] > 100 && report.Counts["both reject"] > 100);
    }

    [OracleFact(Oracle.Kernel)]
    public void Verdicts_on_calls_of_kernel_functions_are_the_kernels()
        => Run(new FuzzOptions { Mode = FuzzMode.Verdict, Seed = 90_000, Count = 200, KernelFunctions = KernelInformation.RunningKernelTypes() });

    /// <summary>Every operation of the instruction set that a raw program can have is generated.</summary>
    [Fact]
    public void Every_operation_is_generated()
    {
        var seen = new HashSet<EbpfOpcode>();
        for (int seed = 0; seed < 600; seed++)
        {
            EbpfInstruction[] code = ProgramGenerator.Generate(seed).Code;
            for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
                seen.Add(OpcodeTable.Classify(code[slot]));
        }
        EbpfOpcode[] elsewhere =
        [
            EbpfOpcode.Invalid, EbpfOpcode.AddrSpaceCast, EbpfOpcode.LoadBtfId, EbpfOpcode.LoadMapIndex, EbpfOpcode.LoadMapIndexValue, EbpfOpcode.CallKfunc, EbpfOpcode.CallReg,
        ];
        Assert.Empty(Enum.GetValues<EbpfOpcode>().Except(seen).Except(elsewhere));
    }

    [Fact]
    public void Programs_read_back_from_their_text()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            GeneratedProgram program = ProgramGenerator.Generate(seed);
            if (seed % 3 == 0)
                program = program.With(ProgramDamage.Apply(program.Code, new Random(seed)));
            string text = ProgramText.Write(program);
            GeneratedProgram read = ProgramText.Read(text);
            Assert.Equal(program.Type, read.Type);
            Assert.Equal(program.Code.Length, read.Code.Length);
            for (int slot = 0; slot < program.Code.Length; slot++)
            {
                EbpfInstruction expected = program.Code[slot];
                // Maps are numbered in the order in which the text lists them.
                if (OpcodeTable.Classify(expected) is EbpfOpcode.LoadMapFd or EbpfOpcode.LoadMapValue && (uint)expected.Immediate < (uint)program.Maps.Count)
                    Assert.Equal(program.Maps[expected.Immediate].Name, read.Maps[read.Code[slot].Immediate].Name);
                else
                    Assert.True(expected == read.Code[slot], $"seed {seed}, slot {slot}: {expected} became {read.Code[slot]}\n{text}");
            }
        }
    }

    [Fact]
    public void Reduced_programs_keep_only_what_matters()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            GeneratedProgram program = ProgramGenerator.Generate(seed, new GeneratorOptions { Type = ProgramType.SchedCls });
            // A division by zero somewhere in the middle, at the beginning of an instruction.
            int at = program.Code.Length / 2;
            while (program.Code[at - 1].IsWide)
                at++;
            EbpfInstruction[] broken = (EbpfInstruction[])program.Code.Clone();
            bool wide = broken[at].IsWide;
            broken[at] = OpcodeTable.Encode(EbpfOpcode.Div64Imm, 0);
            if (wide)
                broken[at + 1] = OpcodeTable.Encode(EbpfOpcode.Mov64Imm, 0);
            EbpfInstruction[] least = new ProgramReducer(code => Array.Exists(code, one => OpcodeTable.Classify(one) == EbpfOpcode.Div64Imm && one.Immediate == 0)).Reduce(broken);
            Assert.Single(least);
        }
    }

    [Fact]
    public void Jumps_keep_their_targets_while_programs_shrink()
    {
        EbpfInstruction[] code = ProgramText.Read("r0 = 0\nr2 = 1\nif r0 == 7 goto out\nr3 = 2\nr4 = 3\nout:\nr0 += 5\nexit").Code;
        // What must stay: the jump, and the addition it leads to.
        EbpfInstruction[] least = new ProgramReducer(candidate =>
        {
            int jump = Array.FindIndex(candidate, one => OpcodeTable.Classify(one) == EbpfOpcode.Jeq64Imm);
            return jump >= 0 && jump + 1 + candidate[jump].Offset is var target && target < candidate.Length && OpcodeTable.Classify(candidate[target]) == EbpfOpcode.Add64Imm;
        }).Reduce(code);
        Assert.Equal([EbpfOpcode.Jeq64Imm, EbpfOpcode.Add64Imm], least.Select(OpcodeTable.Classify));
        Assert.Equal(0, least[0].Offset);
    }

    /// <summary>The observer of states tells a wrong verifier from a right one: a state that is too small is noticed.</summary>
    [Fact]
    public unsafe void A_step_outside_the_states_is_noticed()
    {
        GeneratedProgram program = ProgramText.Read("# type: SocketFilter\nr0 = *(u32 *)(r1 + 0)\nr0 += 1\nexit");
        var environment = new ExecutionEnvironment();
        LoadedProgram loaded = program.Load(environment);
        var containment = new StateContainment(program.Code.Length);
        VerificationResult result = Verifier.Verify(loaded, new VerifierOptions
        {
            Observer = (slot, state) =>
            {
                if (slot == 1)
                    state.Current.Registers[0].Value = ScalarBounds.Const(3);
                containment.Collect(slot, state);
            },
        });
        ProgramRuns.Observed(program, s_interpreter[0], new ProgramInputs(1, program.Type), result.Program!, loaded, environment, _ => containment.Watch([]));
        Assert.StartsWith("instruction 1: r0", containment.Violation);
    }
}
