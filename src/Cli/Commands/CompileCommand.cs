// ebpfcc [options] file.c... : reads the command line, compiles each input, writes the products, renders the diagnostics.
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Cli.Commands;

public static class CompileCommand
{
    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new CompileSettings();
        string? error = Parse(arguments, settings);
        if (error is not null)
            return UsageError(error, settings, context);
        if (settings.ShowHelp)
            return Help(context);
        if (settings.ShowVersion)
        {
            context.Output.WriteLine(VersionText.Banner);
            context.Output.WriteLine("Target: bpf (bpfel); instruction sets v1 to v4");
            return ExitStatus.Done;
        }
        if (settings.Explain is { } code)
            return Explain(code, context);
        if (settings.Verbose)
            context.Error.WriteLine(VersionText.Banner);
        if (settings.Inputs.Count == 0)
            return settings.Verbose ? ExitStatus.Done : UsageError("no input files", settings, context);
        return CompileAll(settings, context);
    }

    /// <summary>Reads a command line into settings; returns what is wrong with it, or null.</summary>
    public static string? Parse(IReadOnlyList<string> arguments, CompileSettings settings)
    {
        OptionParser<CompileSettings>? parser = null;
        parser = new OptionParser<CompileSettings>(CompileOptionTable.Rows)
        {
            Positional = static (s, word) => s.Inputs.Add(word),
            Unknown = (s, word) => CompileOptionTable.AcceptUnknown(s, word, parser!.Suggestion),
        };
        return parser.Parse(ResponseFile.Expand(arguments), settings);
    }

    private static int CompileAll(CompileSettings settings, CommandContext context)
    {
        IDiagnosticRenderer renderer = CreateRenderer(settings, context);
        var driver = new CompilerDriver(settings, context, renderer);
        bool succeeded = driver.Run();
        renderer.Finish();
        return succeeded ? ExitStatus.Done : ExitStatus.Refused;
    }

    public static IDiagnosticRenderer CreateRenderer(CompileSettings settings, CommandContext context) => settings.ErrorFormat switch
    {
        ErrorFormat.Json => new JsonRenderer(context.Error),
        ErrorFormat.Sarif => new SarifRenderer(context.Error),
        _ => new TextRenderer(context.Error, context.UseColor(settings.Color)),
    };

    private static int UsageError(string error, CompileSettings settings, CommandContext context)
    {
        IDiagnosticRenderer renderer = CreateRenderer(settings, context);
        renderer.Render([Diagnostic.Create(error == "no input files" ? CliDiagnostics.NoInput : CliDiagnostics.Usage, SourceSpan.None, error)], new SourceMap());
        if (settings.ErrorFormat != ErrorFormat.Text)
            renderer.Finish();
        return ExitStatus.Usage;
    }

    private static int Help(CommandContext context)
    {
        TextWriter output = context.Output;
        output.WriteLine(VersionText.Banner);
        output.WriteLine();
        output.WriteLine("Usage: ebpfcc [options] file.c... [-o out.o]     compile ('-': standard input; @file: more words)");
        output.WriteLine("       ebpfcc COMMAND ...                        one of the commands below; each has its own --help");
        output.WriteLine();
        output.WriteLine("Commands:");
        foreach (CommandRow command in CommandTable.Rows)
            output.WriteLine($"  {command.Name,-12}{command.Summary}");
        OptionHelp.Print(output, CompileOptionTable.Rows);
        output.WriteLine();
        output.WriteLine("Other -f and -m options are accepted without effect. -O2 -mcpu=v3 -g is the default.");
        output.WriteLine("Exit status: 0 done, 1 the input was refused, 2 wrong usage, 70 a defect of ebpfcc.");
        return ExitStatus.Done;
    }

    private static int Explain(string code, CommandContext context)
    {
        if (DiagnosticCatalogue.Find(code) is not { } row)
        {
            context.Error.WriteLine($"ebpfcc: error: there is no diagnostic '{code}'; codes look like EBC2003 and stand behind each message [{CliDiagnostics.Usage.Id}]");
            return ExitStatus.Usage;
        }
        context.Output.WriteLine($"{row.Id}: {JsonRenderer.SeverityName(row.Severity)}{(row.WarningGroup is { } group ? $" (-W{group}{(row.OnByDefault ? "" : ", off by default")})" : "")}");
        context.Output.WriteLine(row.Format);
        context.Output.WriteLine();
        context.Output.WriteLine(row.Explanation);
        return ExitStatus.Done;
    }
}
