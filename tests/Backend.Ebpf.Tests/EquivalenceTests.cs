// Code means what its IR means: random modules are evaluated as IR and run as emitted code, for every instruction set
// version, before and after optimisation; results, memory and calls to the outside must agree. The allocation checker runs
// on every function.
using System.Globalization;
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Evaluation;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Ir.Tests;
using Ebpfcc.Ir.Text;
using Xunit;

namespace Ebpfcc.Backend.Ebpf.Tests;

public class EquivalenceTests
{
    /// <summary>More modules per run, for long runs by hand.</summary>
    private static readonly int s_rounds = int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_BACKEND_ROUNDS"), CultureInfo.InvariantCulture, out int rounds) ? rounds : 40;

    private static readonly int s_firstSeed = int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_BACKEND_SEED"), CultureInfo.InvariantCulture, out int seed) ? seed : 1;

    [Theory]
    [InlineData(0, CpuVersion.V3)]
    [InlineData(2, CpuVersion.V1)]
    [InlineData(2, CpuVersion.V2)]
    [InlineData(2, CpuVersion.V3)]
    [InlineData(2, CpuVersion.V4)]
    public void Random_modules_run_as_they_evaluate(int level, CpuVersion cpu)
    {
        int compared = 0;
        for (int seed = s_firstSeed; seed < s_firstSeed + s_rounds; seed++)
            compared += CheckSeed(seed, level, cpu, statements: seed % 4 == 0 ? 120 : 40);
        // Most modules must have a meaning to compare.
        Assert.True(compared > s_rounds, $"only {compared} runs compared");
    }

    private static int CheckSeed(int seed, int level, CpuVersion cpu, int statements)
    {
        Module module = RandomModule.Make(seed, statements);
        foreach (GlobalVariable global in module.Globals)
            global.IsUsed = true;
        foreach (Function function in module.Functions)
        {
            foreach (BasicBlock block in function.Blocks)
            {
                foreach (Instruction instruction in block.Instructions)
                {
                    if (instruction is MemoryInstruction memory)
                        memory.IsVolatile = false;
                }
            }
        }
        if (level > 0)
            Optimizer.Run(module, new OptimizationOptions { Level = level });
        var diagnostics = new DiagnosticBag();
        var code = new List<EmittedFunction>();
        foreach (Function function in module.Functions)
        {
            EmittedFunction? emitted;
            try
            {
                emitted = CodeGenerator.Compile(function, new BackendOptions(cpu), diagnostics);
            }
            catch (Exception broken)
            {
                throw new InvalidOperationException($"seed {seed} {cpu}: {broken.Message}", broken);
            }
            if (emitted is not null)
                code.Add(emitted);
        }
        // A frame may be too large for so many variables and spills: that is a refusal, not a mistake.
        if (diagnostics.HasErrors)
        {
            Assert.All(diagnostics.Items, item => Assert.Equal(BackendDiagnostics.StackTooLarge, item.Descriptor));
            return 0;
        }
        int compared = 0;
        for (int run = 0; run < 3; run++)
        {
            var buffer = new byte[64];
            new Random(run).NextBytes(buffer);
            byte[] evaluated = [.. buffer], executed = [.. buffer];
            ulong a = run == 0 ? 0 : (ulong)new Random(run + 10).NextInt64(), b = (ulong)run * 3;
            var evaluator = new IrEvaluator(module);
            EvaluationResult expected = evaluator.Run(module.Functions.Single(function => function.Symbol == "main"), [evaluator.Allocate(evaluated), a, b], 3_000_000);
            if (expected.Trap is not null)
                continue;
            var machine = new TestMachine(module, code);
            ulong actual;
            try
            {
                actual = machine.Run("main", machine.Allocate(executed), a, b);
            }
            catch (Exception broken)
            {
                throw new InvalidOperationException($"seed {seed} {cpu} run {run}: {broken.Message}", broken);
            }
            string where = $"seed {seed}, {cpu}, run {run}: ";
            Assert.Equal(where + string.Join("\n", expected.Trace), where + string.Join("\n", machine.Trace));
            Assert.Equal(where + (ulong)expected.Value, where + actual);
            Assert.Equal(where + Convert.ToHexString(evaluated), where + Convert.ToHexString(executed));
            Assert.Equal(where + Convert.ToHexString(evaluator.Read(module.Globals.Single(global => global.Symbol == "counter"))), where + Convert.ToHexString(machine.Read("counter")));
            compared++;
        }
        return compared;
    }

    /// <summary>The hand-written functions, with arguments that are pointers, small, large and negative.</summary>
    [Theory]
    [InlineData("add")]
    [InlineData("narrow")]
    [InlineData("switch")]
    [InlineData("blocks")]
    [InlineData("bits")]
    [InlineData("wide")]
    [InlineData("atomics")]
    [InlineData("calls")]
    [InlineData("loop")]
    public void Cases_run_as_they_evaluate(string name)
    {
        ulong[] interesting = [0, 1, 5, 7, 9, 100, 255, 0x7fff, 0x8000, 0xffff_ffff, 0x8000_0000, 4000000000, ulong.MaxValue, 1UL << 63, 0x0123_4567_89ab_cdef];
        foreach (CpuVersion cpu in Enum.GetValues<CpuVersion>())
        {
            Module module = ModuleParser.Parse(IrCases.Get(name));
            var diagnostics = new DiagnosticBag();
            EmittedFunction?[] code = [.. module.Functions.Select(function => CodeGenerator.Compile(function, new BackendOptions(cpu), diagnostics))];
            if (diagnostics.HasErrors)
                continue;
            Function entry = module.Functions[^1];
            var random = new Random(7);
            for (int run = 0; run < 60; run++)
            {
                var machine = new TestMachine(module, code!);
                var evaluator = new IrEvaluator(module);
                var expected = new UInt128[entry.Parameters.Count];
                var actual = new ulong[entry.Parameters.Count];
                var memory = new List<(byte[] Evaluated, byte[] Executed)>();
                for (int i = 0; i < expected.Length; i++)
                {
                    if (entry.Parameters[i].Type == IrType.Ptr)
                    {
                        var bytes = new byte[64];
                        if (run % 3 != 0)
                            random.NextBytes(bytes);
                        memory.Add(([.. bytes], [.. bytes]));
                        expected[i] = evaluator.Allocate(memory[^1].Evaluated);
                        actual[i] = machine.Allocate(memory[^1].Executed);
                        continue;
                    }
                    ulong value = name == "loop" ? (ulong)random.Next(20) : random.Next(3) == 0 ? (ulong)random.NextInt64() : interesting[random.Next(interesting.Length)];
                    int bits = entry.Parameters[i].Type.Bits();
                    actual[i] = bits == 64 ? value : value & ((1UL << bits) - 1);
                    expected[i] = actual[i];
                }
                EvaluationResult result = evaluator.Run(entry, expected);
                Assert.Null(result.Trap);
                ulong got = machine.Run(entry.Symbol, actual);
                int width = entry.Signature.ReturnType.Bits();
                Assert.Equal($"{cpu} {run} {(ulong)result.Value:x}", $"{cpu} {run} {(width == 64 ? got : got & ((1UL << width) - 1)):x}");
                foreach ((byte[] evaluated, byte[] executed) in memory)
                    Assert.Equal(Convert.ToHexString(evaluated), Convert.ToHexString(executed));
            }
        }
    }
}
