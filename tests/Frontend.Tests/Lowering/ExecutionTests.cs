// C programs compiled for the host by gcc and to SSA by us must compute the same: every function "long test_...(long a, long b)"
// of Programs/*.c, over a grid of arguments, before and after optimisation.
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Evaluation;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Frontend.Tests.Lowering;

public partial class ExecutionTests
{
    private static readonly long[] s_values = [0, 1, -1, 2, 3, 7, -8, 100, 255, 0x7fffffff, 0x80000000, -0x80000000L, 1L << 40, 0x123456789abcdef, long.MaxValue, long.MinValue];

    private static readonly string s_folder = Path.Combine(Repository.Root, "tests", "Frontend.Tests", "Lowering", "Programs");

    [GeneratedRegex(@"^long (test_\w+)\(long a, long b\)", RegexOptions.Multiline)]
    private static partial Regex TestFunction();

    public static TheoryData<string, bool> Programs()
    {
        var programs = new TheoryData<string, bool>();
        foreach (string file in Directory.GetFiles(s_folder, "*.c").Order(StringComparer.Ordinal))
        {
            programs.Add(Path.GetFileName(file), false);
            programs.Add(Path.GetFileName(file), true);
        }
        return programs;
    }

    [OracleTheory(Oracle.Gcc)]
    [MemberData(nameof(Programs))]
    public void Programs_compute_what_gcc_makes_them_compute(string program, bool optimized)
    {
        string path = Path.Combine(s_folder, program);
        string source = File.ReadAllText(path);
        string[] names = [.. TestFunction().Matches(source).Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(names);
        Dictionary<string, long[]> expected = RunNatively(path, names);
        Compilation compilation = Compilation.Run(
            new SourceText(program, source), new CompilationOptions { LastStage = optimized ? CompilationStage.OptimizedIr : CompilationStage.Ir }, new MemoryFileSystem());
        Assert.Empty(compilation.Diagnostics.Items.Where(item => item.Severity == DiagnosticSeverity.Error).Select(item => $"{compilation.SourceMap.GetFilePosition(item.Span.Start)}: {item.Message}"));
        var wrong = new List<string>();
        foreach (string name in names)
            Compare(compilation.Ir!, name, expected[name], wrong);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static void Compare(Module module, string name, long[] expected, List<string> wrong)
    {
        Function function = module.Functions.Single(candidate => candidate.Symbol == name);
        // Static data is fresh in every call here and carries over in gcc's process: cases must not depend on earlier ones.
        for (int i = 0; i < expected.Length; i++)
        {
            long a = s_values[i / s_values.Length], b = s_values[i % s_values.Length];
            var evaluator = new IrEvaluator(module);
            EvaluationResult result = evaluator.Run(function, [(ulong)a, (ulong)b]);
            long value = (long)(ulong)result.Value;
            if (result.Trap is null && value == expected[i])
                continue;
            wrong.Add($"{name}({a}, {b}): gcc {expected[i]}, here {result.Trap ?? value.ToString(CultureInfo.InvariantCulture)}");
            return;
        }
    }

    /// <summary>What each function returns on the grid, according to gcc.</summary>
    private static Dictionary<string, long[]> RunNatively(string path, string[] names)
    {
        var main = new StringBuilder();
        main.Append(CultureInfo.InvariantCulture, $"#include \"{path}\"\n#include <stdio.h>\n");
        main.Append(CultureInfo.InvariantCulture, $"static const long v[] = {{ {string.Join(", ", s_values.Select(value => value == long.MinValue ? "(-9223372036854775807L - 1)" : value + "L"))} }};\n");
        main.Append(CultureInfo.InvariantCulture, $"static long (*const f[])(long, long) = {{ {string.Join(", ", names)} }};\nstatic const char *const n[] = {{ {string.Join(", ", names.Select(name => $"\"{name}\""))} }};\n");
        main.Append("""
            int main(void)
            {
                int count = sizeof(v) / sizeof(v[0]);
                for (unsigned i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
                    printf("%s", n[i]);
                    for (int j = 0; j < count * count; j++)
                        printf(" %ld", f[i](v[j / count], v[j % count]));
                    printf("\n");
                }
                return 0;
            }
            """);
        string folder = Directory.CreateTempSubdirectory("ebpfcc-exec").FullName;
        try
        {
            string source = Path.Combine(folder, "main.c"), binary = Path.Combine(folder, "main");
            File.WriteAllText(source, main.ToString());
            (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.Gcc), ["-w", "-O1", "-fwrapv", "-fno-strict-aliasing", "-o", binary, source]);
            Assert.True(exit == 0, error);
            string output = Oracles.Run(binary, []).Output;
            return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '))
                .ToDictionary(words => words[0], words => words.Skip(1).Select(word => long.Parse(word, CultureInfo.InvariantCulture)).ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
