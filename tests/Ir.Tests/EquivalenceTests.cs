// Passes keep the meaning: random modules give the same results, memory and outside calls before and after.
using System.Globalization;
using Ebpfcc.Ir.Evaluation;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Ir.Text;
using Ebpfcc.Ir.Verification;
using Xunit;

namespace Ebpfcc.Ir.Tests;

public class EquivalenceTests
{
    /// <summary>More modules per run, for long runs by hand.</summary>
    private static readonly int s_rounds = int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_IR_ROUNDS"), CultureInfo.InvariantCulture, out int rounds) ? rounds : 25;

    private static readonly int s_firstSeed = int.TryParse(Environment.GetEnvironmentVariable("EBPFCC_IR_SEED"), CultureInfo.InvariantCulture, out int seed) ? seed : 1;

    internal static string Describe(Module module)
    {
        var text = new System.Text.StringBuilder();
        for (int run = 0; run < 4; run++)
        {
            var evaluator = new IrEvaluator(module);
            var buffer = new byte[64];
            new Random(run).NextBytes(buffer);
            UInt128 address = evaluator.Allocate(buffer);
            Function main = module.Functions.Single(function => function.Symbol == "main");
            UInt128 a = run == 0 ? 0 : (UInt128)(ulong)new Random(run + 10).NextInt64();
            EvaluationResult result = evaluator.Run(main, [address, a, (UInt128)(ulong)(run * 3)], fuel: 200_000);
            text.Append(result).Append(' ').Append(Convert.ToHexString(buffer)).Append(' ');
            text.Append(Convert.ToHexString(evaluator.Read(module.Globals.Single(global => global.Symbol == "counter")))).Append('\n');
        }
        return text.ToString();
    }

    private static Module MakeKeepingGlobals(int seed)
    {
        Module module = RandomModule.Make(seed);
        module.Globals.Single(global => global.Symbol == "counter").IsUsed = true;
        return module;
    }

    [Fact]
    public void Random_modules_are_valid_and_print_and_parse()
    {
        for (int seed = s_firstSeed; seed < s_firstSeed + 20; seed++)
        {
            Module module = MakeKeepingGlobals(seed);
            Assert.Empty(IrVerifier.Check(module));
            string text = ModulePrinter.Print(module);
            Module parsed = ModuleParser.Parse(text);
            Assert.Equal(text, ModulePrinter.Print(parsed));
            Assert.Equal(Describe(module), Describe(parsed));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void The_whole_pipeline_keeps_the_meaning(int level)
    {
        for (int seed = s_firstSeed; seed < s_firstSeed + s_rounds; seed++)
            CheckSeed(seed, level);
    }

    private static void CheckSeed(int seed, int level)
    {
        Module module = MakeKeepingGlobals(seed);
        string before = Describe(module);
        if (before.Contains("out of fuel", StringComparison.Ordinal))
            return;
        var observer = new MeaningObserver(before);
        try
        {
            Optimizer.Run(module, new OptimizationOptions { Level = level, VerifyEach = true }, observer);
        }
        catch (Exception exception)
        {
            Assert.Fail($"seed {seed}, level {level}, after {observer.LastPass}: {exception}");
        }
        Assert.True(observer.Problem is null, $"seed {seed}, level {level}: {observer.Problem}");
    }

    private sealed class MeaningObserver(string expected) : PassObserver
    {
        public string LastPass { get; private set; } = "lowering";

        public string? Problem { get; private set; }

        public override void AfterPass(PassRow pass, Module module, bool changed, TimeSpan elapsed)
        {
            LastPass = pass.Name;
            if (!changed || Problem is not null)
                return;
            string after = Describe(module);
            if (after != expected)
                Problem = $"{pass.Name} changed the meaning\nbefore: {expected}\nafter:  {after}";
        }
    }
}
