// One C file of the folder Cases with what its first comment says about the generated code. Expectations are lines of comment:
//
//     // FORM[.CPU][(FUNCTION)]: contains "TEXT"  |  lacks "TEXT"  |  counts "TEXT" N
//     // cpu: v1 v2 ...                              the instruction sets whose assembly is verified (v3 when it says none)
//
// FORM is ir, asm (without its comments), object or btf; ir, object and btf are those of v3. Without .CPU the line is about the
// assembly of every instruction set of the case. They are written by hand, so that accepting a snapshot cannot bless wrong code.
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Ebpfcc.TestSupport;

namespace Ebpfcc.Cli.Tests.CodeGeneration;

/// <summary>A line that says what a form of the generated code contains.</summary>
internal sealed record Expectation(string Form, string? Cpu, string? Function, string Verb, string Text, int Count)
{
    /// <summary>Null when <paramref name="code"/> is as expected.</summary>
    public string? WhyNot(string code)
    {
        int found = (code.Length - code.Replace(Text, "").Length) / Text.Length;
        bool holds = Verb switch { "contains" => found > 0, "lacks" => found == 0, _ => found == Count };
        return holds ? null : $"{Form} {Function} {Verb} \"{Text}\"{(Verb == "counts" ? $" {Count}" : "")}, but it is found {found} times in:\n{code}";
    }
}

internal sealed partial class CodeGenerationCase
{
    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "Cli.Tests", "CodeGeneration", "Cases");

    public string Name { get; }

    public string Source { get; }

    public IReadOnlyList<string> Cpus { get; } = ["v3"];

    public IReadOnlyList<Expectation> Expectations { get; }

    public CodeGenerationCase(string name)
    {
        Name = name;
        Source = File.ReadAllText(Path.Combine(Folder, name + ".c"));
        var expectations = new List<Expectation>();
        foreach (string line in Source.Split('\n').TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)))
        {
            if (line.StartsWith("// cpu: ", StringComparison.Ordinal))
                Cpus = line["// cpu: ".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            else if (ExpectationLine().Match(line) is { Success: true } match)
                expectations.Add(new Expectation(match.Groups["form"].Value, Optional(match, "cpu"), Optional(match, "function"), match.Groups["verb"].Value, match.Groups["text"].Value,
                    Optional(match, "count") is { } count ? int.Parse(count, CultureInfo.InvariantCulture) : 0));
            else if (Suspicious().IsMatch(line))
                throw new InvalidDataException($"{name}.c: not an expectation: {line}");
        }
        Expectations = expectations;
    }

    public static IEnumerable<string> Names => Directory.GetFiles(Folder, "*.c").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal);

    /// <summary>Compiles the case from standard input, so that no path of this machine gets into its debug information.</summary>
    public string Compile(params string[] options)
    {
        CliResult result = CliRun.Run([.. options, "-nostdinc", "-I", Folder, "-Wall", "-Wextra", "-Wno-unused-parameter", "-"], Source, _ => null);
        if (result.ExitCode != 0 || result.Error.Length > 0)
            throw new InvalidOperationException($"ebpfcc {string.Join(' ', options)} on {Name}.c: exit status {result.ExitCode}\n{result.Error}");
        return result.Output;
    }

    public byte[] CompileObject(TemporaryFolder folder, string cpu, string name = "case.o")
    {
        Compile("-c", "-mcpu=" + cpu, "-o", folder[name]);
        return File.ReadAllBytes(folder[name]);
    }

    /// <summary>The part of IR or assembly that is one function; everything when there is no name. Comments are left out of assembly.</summary>
    public static string Part(string text, string form, string? function)
    {
        var part = new StringBuilder();
        bool inside = function is null;
        foreach (string line in text.Split('\n'))
        {
            if (function is not null && form == "ir" && line.StartsWith("define", StringComparison.Ordinal))
                inside = line.Contains($"@{function}(", StringComparison.Ordinal);
            else if (function is not null && form == "asm" && AssemblyLabel().Match(line) is { Success: true } label)
                inside = label.Groups[1].Value == function;
            if (inside && !(form == "asm" && line.StartsWith("\t#", StringComparison.Ordinal)))
                part.Append(line).Append('\n');
        }
        return part.ToString();
    }

    private static string? Optional(Match match, string group) => match.Groups[group] is { Success: true } found ? found.Value : null;

    [GeneratedRegex("^// (?<form>ir|asm|object|btf)(?:\\.(?<cpu>v[1-4]))?(?:\\((?<function>\\w+)\\))?: (?:(?<verb>contains|lacks) \"(?<text>.+)\"|(?<verb>counts) \"(?<text>.+)\" (?<count>\\d+))$")]
    private static partial Regex ExpectationLine();

    [GeneratedRegex("^// \\w+[.(\\w)]*: ")]
    private static partial Regex Suspicious();

    [GeneratedRegex("^([A-Za-z_]\\w*):$")]
    private static partial Regex AssemblyLabel();
}
