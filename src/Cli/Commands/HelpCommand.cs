// ebpfcc help [COMMAND]: the same as ebpfcc COMMAND --help.
namespace Ebpfcc.Cli.Commands;

public static class HelpCommand
{
    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        if (arguments.Count == 0)
            return CompileCommand.Run(["--help"], context);
        if (CommandTable.Find(arguments[0]) is { } command && command.Name != "help")
            return command.Run(["--help"], context);
        context.Error.WriteLine($"ebpfcc: error: there is no command '{arguments[0]}'; the commands are: {string.Join(", ", CommandTable.Rows.Select(row => row.Name))}");
        return ExitStatus.Usage;
    }
}
