// The option table: every row parses in every spelling, and says what is wrong with bad arguments.
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Options;
using Xunit;

namespace Ebpfcc.Cli.Tests.Compile;

public class OptionTests
{
    /// <summary>An argument that the row of each option with a restricted one accepts.</summary>
    private static readonly Dictionary<string, string> s_valid = new()
    {
        ["--verify"] = "6.12", ["--emit"] = "ir", ["-std="] = "gnu11", ["-O"] = "2", ["-mcpu="] = "v2", ["--target="] = "bpfel", ["-target"] = "bpf", ["-x"] = "c",
        ["-fmax-errors="] = "5", ["--error-format"] = "json", ["--color"] = "never", ["--print-after"] = "gvn",
    };

    public static TheoryData<int> RowNumbers()
    {
        var rows = new TheoryData<int>();
        for (int i = 0; i < CompileOptionTable.Rows.Count; i++)
            rows.Add(i);
        return rows;
    }

    [Theory]
    [MemberData(nameof(RowNumbers))]
    public void Every_spelling_of_every_row_is_accepted(int number)
    {
        OptionRow<CompileSettings> row = CompileOptionTable.Rows[number];
        string argument = s_valid.GetValueOrDefault(row.Names[0], "word");
        foreach (string name in row.Names)
        {
            string[][] spellings = row.Form switch
            {
                OptionForm.Flag => [[name]],
                OptionForm.Joined => [[name + argument]],
                OptionForm.OptionalJoined => [[name], [$"{name}={argument}"]],
                OptionForm.Separate => [[name, argument]],
                OptionForm.EqualsOrSeparate => [[$"{name}={argument}"], [name, argument]],
                _ => [[name + argument], [name, argument]],
            };
            foreach (string[] words in spellings)
            {
                var settings = new CompileSettings();
                Assert.Null(CompileCommand.Parse([.. words, "input.c"], settings));
                Assert.Equal(["input.c"], settings.Inputs);
            }
        }
    }

    [Fact]
    public void Names_are_unique_within_a_form()
        => Assert.Empty(CompileOptionTable.Rows.SelectMany(row => row.Names.Select(name => (name, row.Form))).GroupBy(pair => pair).Where(group => group.Count() > 1).Select(group => group.Key));

    [Fact]
    public void The_usual_command_line_of_a_kernel_build_is_understood()
    {
        var settings = new CompileSettings();
        Assert.Null(CompileCommand.Parse(
            ["-g", "-Wall", "-Werror", "-D__TARGET_ARCH_x86", "-mlittle-endian", "-I.", "-I", "include", "-idirafter", "/usr/lib/clang", "-Wno-compare-distinct-pointer-types",
             "-O2", "--target=bpf", "-mcpu=v4", "-fno-stack-protector", "-c", "prog.c", "-o", "prog.o", "-MD", "-MP", "-MFprog.d", "-std=gnu11", "-include", "a.h", "-UX"], settings));
        Assert.Equal("prog.o", settings.Output);
        Assert.Equal([".", "include"], settings.IncludeDirectories);
        Assert.Equal(["/usr/lib/clang"], settings.AfterDirectories);
        Assert.Equal([("__TARGET_ARCH_x86", false), ("X", true)], settings.Macros);
        Assert.Equal(4, settings.Cpu);
        Assert.Equal(2, settings.OptimizationLevel);
        Assert.Equal("prog.d", settings.DependencyFile);
        Assert.True(settings.WriteDependencies && settings.PhonyDependencies && settings.DebugInfo);
        Assert.Equal(["-fno-stack-protector"], settings.Ignored);
        Assert.Equal(["all", "error", "no-compare-distinct-pointer-types"], settings.WarningWords);
    }

    [Theory]
    [InlineData("unknown option '--emti=ir'; did you mean '--emit'?", "--emti=ir")]
    [InlineData("option '-o' needs an argument (FILE)", "-o")]
    [InlineData("--emit takes tokens, syntax, bound, ir, mir, asm, btf or obj, not 'elf'", "--emit=elf")]
    [InlineData("unknown instruction set 'v9'; there are v1, v2, v3 and v4", "-mcpu=v9")]
    [InlineData("target 'x86_64' is not supported; there are bpf, bpfel and bpfeb", "--target=x86_64")]
    [InlineData("unknown language standard 'c++17'", "-std=c++17")]
    public void Mistakes_are_explained(string message, params string[] words)
    {
        Assert.Equal(message, CompileCommand.Parse(words, new CompileSettings()));
        CliResult result = CliRun.Run(words);
        Assert.Equal(ExitStatus.Usage, result.ExitCode);
        Assert.Contains(message, result.Error);
    }

    [Fact]
    public void Response_files_are_read_with_quotes_and_may_be_nested()
    {
        using var folder = new TemporaryFolder();
        string inner = folder.Write("inner", "-DB='two words'\n");
        string outer = folder.Write("outer", $"-DA=1 \"-I{folder.Path}/with blank\" @{inner}");
        var settings = new CompileSettings();
        Assert.Null(CompileCommand.Parse(["@" + outer, "@missing"], settings));
        Assert.Equal([("A=1", false), ("B=two words", false)], settings.Macros);
        Assert.Equal([folder.Path + "/with blank"], settings.IncludeDirectories);
        Assert.Equal(["@missing"], settings.Inputs);
    }

    [Fact]
    public void Words_behind_a_double_dash_are_files()
    {
        var settings = new CompileSettings();
        Assert.Null(CompileCommand.Parse(["-c", "--", "-strange.c"], settings));
        Assert.Equal(["-strange.c"], settings.Inputs);
    }
}
