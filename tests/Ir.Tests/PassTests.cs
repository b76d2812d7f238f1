// One case file per pass or rule family in Cases: the passes named in its first line run over it, the result is a snapshot, and
// every function returns, stores and calls the same as before.
using System.Globalization;
using System.Text;
using Ebpfcc.Ir.Evaluation;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Ir.Text;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ir.Tests;

public class PassTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "tests", "Ir.Tests", "Cases");

    public static TheoryData<string> Cases => [.. Directory.GetFiles(s_folder, "*.ir").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case(string name)
    {
        string text = File.ReadAllText(Path.Combine(s_folder, name + ".ir"));
        string[] passes = text.Split('\n')[0]["; passes: ".Length..].Split(' ');
        Module module = ModuleParser.Parse(text);
        Dictionary<string, string> before = Evaluate(module);
        var context = new PassContext(module, new OptimizationOptions { VerifyEach = true });
        foreach (string pass in passes)
            Optimizer.RunPass(PassTable.Get(pass), context);
        foreach ((string function, string result) in Evaluate(module))
            Assert.Equal(before[function], result);
        Snapshot.Verify(ModulePrinter.Print(module).Replace("module \"text\"\n\n", ""), name);
    }

    [Fact]
    public void Every_pass_has_a_case()
    {
        string lines = string.Join(' ', Directory.GetFiles(s_folder, "*.ir").Select(path => File.ReadLines(path).First())) + " ";
        string[] covered = ["inline-always"];
        Assert.DoesNotContain(PassTable.Rows, row => !covered.Contains(row.Name) && !lines.Contains($" {row.Name} ", StringComparison.Ordinal));
    }

    /// <summary>Results of every function for a few arguments, among them those that tell signs and carries apart.</summary>
    private static Dictionary<string, string> Evaluate(Module module)
    {
        UInt128[][] inputs = [[0, 0], [1, 2], [0x8000_0000_0000_0007, 5], [0xFFFF_FFFF_FFFF_FFFF, 0x1234_5678_9ABC_DEF0], [200, 0xFFFF_FFF9], [8, 0x0800]];
        var results = new Dictionary<string, string>();
        foreach (Function function in module.Functions.Where(function => !function.IsDeclaration && function.Linkage != Linkage.Internal))
        {
            var text = new StringBuilder();
            foreach (UInt128[] input in inputs)
            {
                var evaluator = new IrEvaluator(module);
                byte[][] buffers = [Pattern(1), Pattern(7)];
                var arguments = new UInt128[function.Parameters.Count];
                for (int i = 0; i < arguments.Length; i++)
                {
                    arguments[i] = function.Parameters[i].Type == IrType.Ptr
                        ? evaluator.Allocate(buffers[i & 1])
                        : IrArithmetic.Truncate(input[i & 1], function.Parameters[i].Type);
                }
                EvaluationResult result = evaluator.Run(function, arguments);
                text.Append(CultureInfo.InvariantCulture, $"{result} {Convert.ToHexString(buffers[0])} {Convert.ToHexString(buffers[1])}\n");
            }
            results[function.Symbol] = text.ToString();
        }
        return results;
    }

    private static byte[] Pattern(int seed) => [.. Enumerable.Range(0, 64).Select(i => (byte)(i * 37 + seed))];
}
