// Random C programs (csmith) compute the same checksum in eBPF as gcc's native code: structures, unions, bit-fields, arrays,
// pointers and every integer type, at every level of optimisation and for every instruction set in turn, run in the sandbox.
//
// What eBPF has no form for is arranged outside of the compiler: pointers in static data, which no loader relocates, are set at
// the start of main; float and volatile are left out; arrays are small enough for a stack of 512 bytes. A program that still
// needs more stack, or that takes more than two seconds natively, is counted and replaced by the next seed.
// EBPFCC_CSMITH=FIRST:COUNT runs other seeds (tests/csmith.sh), EBPFCC_CSMITH_OUT names a file for the count.
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Csmith;

public sealed partial class CsmithTests
{
    private static readonly string[] s_shape =
    [
        "--no-float", "--no-volatiles", "--no-volatile-pointers", "--no-const-pointers", "--no-argc", "--concise",
        "--max-array-len-per-dim", "4", "--max-array-dim", "2", "--max-block-size", "3",
    ];

    private static readonly string[][] s_levels = [["-O2"], ["-O0", "-mcpu=v1"], ["-O1", "-mcpu=v2"], ["-O2", "-mcpu=v4"], ["-Os", "-mcpu=v1"]];

    private static readonly string s_header = Path.Combine(Repository.Root, "tests", "Cli.Tests", "Csmith");

    [GeneratedRegex(@"^static [^=\n]*?(\w+)(\[[^=\n]*)? = (.*&.*);", RegexOptions.Multiline)]
    private static partial Regex PointerInData();

    [GeneratedRegex(@"returned (\d+)")]
    private static partial Regex Returned();

    [OracleFact(Oracle.Csmith, Oracle.Gcc, Oracle.X64Machine)]
    public void Random_programs_compute_what_gcc_makes_them_compute()
    {
        int[] range = [.. (Environment.GetEnvironmentVariable("EBPFCC_CSMITH") is { Length: > 0 } chosen ? chosen : "1:6").Split(':').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        int done = 0, replaced = 0;
        var wrong = new List<string>();
        using var folder = new TemporaryFolder();
        for (int seed = range[0]; done < range[1]; seed++)
        {
            switch (Try(seed, folder))
            {
                case null:
                    replaced++;
                    Assert.True(replaced < 20 + range[1], "hardly any program can be expressed");
                    break;
                case "":
                    done++;
                    break;
                case { } difference:
                    done++;
                    wrong.Add(difference);
                    break;
            }
        }
        if (Environment.GetEnvironmentVariable("EBPFCC_CSMITH_OUT") is { Length: > 0 } output)
            File.WriteAllText(output, $"{done - wrong.Count} of {done} checksums equal gcc's, from seed {range[0]}; {replaced} programs replaced\n{string.Join('\n', wrong)}\n");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    /// <returns>Empty when the checksums are equal, null when the program has no form in eBPF.</returns>
    private static string? Try(int seed, TemporaryFolder folder)
    {
        string[] shape = [.. s_shape, "--max-funcs", (4 + seed % 5).ToString(CultureInfo.InvariantCulture), "--seed", seed.ToString(CultureInfo.InvariantCulture), "-o", folder["raw.c"]];
        if (Oracles.Run(Oracles.Program(Oracle.Csmith), shape).ExitCode != 0)
            return null;
        string source = folder.Write("program.c", SetPointersInMain(File.ReadAllText(folder["raw.c"])));
        (int code, _, string error) = Oracles.Run(Oracles.Program(Oracle.Gcc), ["-w", "-O1", "-I" + s_header, "-o", folder["native"], source]);
        Assert.True(code == 0, $"seed {seed}: {error}");
        (code, string native, _) = Oracles.Run("timeout", ["2", folder["native"]]);
        if (code != 0)
            return null;
        string[] level = s_levels[seed % s_levels.Length];
        CliResult compiled = CliRun.Run([.. level, "-w", "-I" + s_header, source, "-o", folder["program.o"]]);
        // EBC4xxx: more stack, more parameters or longer jumps than the machine has.
        if (compiled.ExitCode == ExitStatus.Refused && compiled.Error.Contains("[EBC40", StringComparison.Ordinal))
            return null;
        if (compiled.ExitCode != ExitStatus.Done)
            return $"seed {seed} {string.Join(' ', level)}: exit {compiled.ExitCode}: {compiled.Error.Split('\n').FirstOrDefault(line => line.Contains("error"))}";
        CliResult run = CliRun.Run("run", "--unverified", "--engine", "x64", "--fuel", "200000000000", folder["program.o"]);
        string result = Returned().Match(run.Output) is { Success: true } match ? match.Groups[1].Value : (run.Output + run.Error).Trim();
        return result == native.Trim() ? "" : $"seed {seed} {string.Join(' ', level)}: gcc {native.Trim()}, ebpfcc {result}";
    }

    /// <summary><c>static int *p = &amp;x;</c> becomes a declaration and a copy of the value at the start of main.</summary>
    private static string SetPointersInMain(string program)
    {
        var copies = new StringBuilder();
        string text = PointerInData().Replace(program, match =>
        {
            string name = match.Groups[1].Value, value = match.Groups[3].Value;
            copies.Append(CultureInfo.InvariantCulture, $"    __builtin_memcpy(&{name}, &(__typeof__({name})){(value.StartsWith('{') ? value : "{" + value + "}")}, sizeof {name});\n");
            return match.Value[..match.Value.IndexOf(" = ", StringComparison.Ordinal)] + ";";
        });
        return text.Replace("platform_main_begin();", copies.ToString(), StringComparison.Ordinal);
    }
}
