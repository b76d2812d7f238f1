// The compile command from outside: exit statuses, where output goes, formats of diagnostics.
using System.Text.Json;
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Xunit;

namespace Ebpfcc.Cli.Tests.Compile;

public class DriverTests
{
    [Fact]
    public void Help_names_every_option_and_every_command()
    {
        CliResult result = CliRun.Run("--help");
        Assert.Equal(0, result.ExitCode);
        Assert.All(Options.CompileOptionTable.Rows.Where(row => row.Help is not null), row => Assert.Contains(row.Names[0], result.Output));
        Assert.All(CommandTable.Rows, row => Assert.Contains(row.Name, result.Output));
    }

    [Fact]
    public void Version_is_printed() => Assert.StartsWith("ebpfcc ", CliRun.Run("--version").Output);

    [Fact]
    public void No_input_is_wrong_usage()
    {
        CliResult result = CliRun.Run();
        Assert.Equal(ExitStatus.Usage, result.ExitCode);
        Assert.Equal("ebpfcc: error: no input files [EBC0004]\n", result.Error);
    }

    [Fact]
    public void Big_endian_code_is_refused_and_not_made_little_endian_in_silence()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("a.c", "int order = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;\n");
        CliResult result = CliRun.Run("-target", "bpfeb", source, "-o", folder["a.o"]);
        Assert.Equal(ExitStatus.Refused, result.ExitCode);
        Assert.Contains("[EBC0014]", result.Error);
        Assert.False(File.Exists(folder["a.o"]));
        Assert.Contains("4321 == 4321", CliRun.Run("-target", "bpfeb", "-E", source).Output);
    }

    [Fact]
    public void A_missing_file_is_refused_by_name()
    {
        CliResult result = CliRun.Run("there-is-no-such-file.c");
        Assert.Equal(ExitStatus.Refused, result.ExitCode);
        Assert.Contains("there-is-no-such-file.c: error: cannot read the file: no such file [EBC0002]", result.Error);
    }

    [Fact]
    public void An_error_shows_line_and_caret_with_tabs_widened_and_leaves_no_output()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("bad.c", "int ok;\n\t#error here\n");
        CliResult result = CliRun.Run("-c", source, "-o", folder["bad.o"]);
        Assert.Equal(ExitStatus.Refused, result.ExitCode);
        string[] lines = result.Error.Split('\n');
        Assert.StartsWith($"{source}:2:", lines[0]);
        Assert.Contains("error: ", lines[0]);
        Assert.Equal("    2 |         #error here", lines[1]);
        Assert.StartsWith("      |         ", lines[2]);
        Assert.Contains("^", lines[2]);
        Assert.Equal("1 error generated.", lines[3]);
        Assert.Equal(["bad.c"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Errors_as_json_have_the_documented_fields()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("bad.c", "#error here\n");
        CliResult result = CliRun.Run("--error-format=json", "-c", source, "-o", folder["bad.o"]);
        JsonElement first = JsonDocument.Parse(result.Error).RootElement[0];
        Assert.Equal("error", first.GetProperty("severity").GetString());
        Assert.Equal(source, first.GetProperty("file").GetString());
        Assert.Equal(1, first.GetProperty("line").GetInt32());
        Assert.StartsWith("EBC", first.GetProperty("id").GetString());
        Assert.Equal(JsonValueKind.Array, first.GetProperty("notes").ValueKind);
    }

    [Fact]
    public void Errors_as_sarif_name_rule_and_region()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("--error-format=sarif", "-c", folder.Write("bad.c", "#error here\n"), "-o", folder["bad.o"]);
        JsonElement run = JsonDocument.Parse(result.Error).RootElement.GetProperty("runs")[0];
        JsonElement finding = run.GetProperty("results")[0];
        Assert.Equal(run.GetProperty("tool").GetProperty("driver").GetProperty("rules")[0].GetProperty("id").GetString(), finding.GetProperty("ruleId").GetString());
        Assert.Equal(1, finding.GetProperty("locations")[0].GetProperty("physicalLocation").GetProperty("region").GetProperty("startLine").GetInt32());
    }

    [Fact]
    public void Standard_input_is_preprocessed_to_standard_output()
    {
        CliResult result = CliRun.Run(["-E", "-P", "-DN=7", "-"], "int a = N;\n", _ => null);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("int a = 7;", result.Output);
    }

    [Fact]
    public void Dependencies_are_written_for_make()
    {
        using var folder = new TemporaryFolder();
        folder.Write("h.h", "int h;\n");
        string source = folder.Write("main.c", "#include \"h.h\"\n");
        CliResult result = CliRun.Run("-M", "-MP", "-MT", "out.o", source);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("out.o:", result.Output);
        Assert.Contains("main.c", result.Output);
        Assert.Contains($"\n{folder["h.h"]}:\n", result.Output);
    }

    [Fact]
    public void Ignored_options_are_told_once()
    {
        using var folder = new TemporaryFolder();
        CliResult result = CliRun.Run("-fno-common", "-mno-red-zone", "-fno-common", "-E", folder.Write("a.c", "int a;\n"));
        Assert.Equal(0, result.ExitCode);
        Assert.Equal("ebpfcc: note: ignored: -fno-common -mno-red-zone [EBC0007]\n", result.Error);
    }

    [Fact]
    public void Every_diagnostic_can_be_explained_and_no_code_is_used_twice()
    {
        List<DiagnosticDescriptor> all = [.. DiagnosticCatalogue.All];
        Assert.Equal(all.Count, all.Select(row => row.Id).Distinct().Count());
        Assert.All(all, row => Assert.Matches("^EBC[0-9]{4}$", row.Id));
        Assert.All(all.Take(20), row => Assert.Contains(row.Explanation, CliRun.Run("--explain", row.Id).Output));
        Assert.Equal(ExitStatus.Usage, CliRun.Run("--explain", "EBC9999").ExitCode);
    }

    [Fact]
    public void Unknown_commands_of_help_are_refused()
    {
        Assert.Equal(ExitStatus.Usage, CliRun.Run("help", "nonsense").ExitCode);
        Assert.Equal(0, CliRun.Run("help").ExitCode);
    }

    [Fact]
    public void A_defect_is_status_70_without_a_stack_trace_unless_asked_for()
    {
        var broken = new CommandContext { Output = new StringWriter(), Error = new StringWriter(), OpenInput = () => throw new InvalidOperationException("broken"), OpenOutput = () => Stream.Null, Environment = _ => null };
        Assert.Equal(ExitStatus.Defect, CommandLine.Run(["-E", "-"], broken));
        Assert.Contains("internal error: InvalidOperationException: broken", broken.Error.ToString());
        Assert.DoesNotContain("   at ", broken.Error.ToString());
    }
}
