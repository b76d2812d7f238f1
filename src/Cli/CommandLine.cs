// Finds the command, runs it, and turns whatever escapes it into exit status 70 with a message that says how to report it.
using Ebpfcc.Cli.Commands;
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Cli;

public static class CommandLine
{
    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        try
        {
            CommandRow? command = arguments.Count > 0 ? CommandTable.Find(arguments[0]) : null;
            return command is null
                ? CompileCommand.Run(arguments, context)
                : command.Run([.. arguments.Skip(1)], context);
        }
        catch (Exception exception)
        {
            ReportDefect(exception, arguments, context);
            return ExitStatus.Defect;
        }
        finally
        {
            context.FinishRendering();
            context.Output.Flush();
            context.Error.Flush();
        }
    }

    private static void ReportDefect(Exception exception, IReadOnlyList<string> arguments, CommandContext context)
    {
        TextWriter error = context.Error;
        error.WriteLine(exception is InternalCompilerException ? $"ebpfcc: internal error: {exception.Message}" : $"ebpfcc: internal error: {exception.GetType().Name}: {exception.Message}");
        error.WriteLine($"This is a defect of ebpfcc {VersionText.Number}, not of your program. Please report it with this message, the command line");
        error.WriteLine($"  ebpfcc {string.Join(' ', arguments.Select(Quote))}");
        error.WriteLine("and the preprocessed source (the same command line with -E). EBPFCC_DEBUG=1 in the environment adds a stack trace.");
        if (!string.IsNullOrEmpty(context.Environment("EBPFCC_DEBUG")))
            error.WriteLine(exception.ToString());
    }

    private static string Quote(string argument)
        => argument.Length > 0 && argument.AsSpan().IndexOfAny(" \t\"'$\\*?;&|<>()") < 0 ? argument : "'" + argument.Replace("'", "'\\''") + "'";
}
