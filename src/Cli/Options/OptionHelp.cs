// Prints a table of options in two columns, group by group.
namespace Ebpfcc.Cli.Options;

public static class OptionHelp
{
    private const int Column = 30;

    public static void Print<T>(TextWriter output, IReadOnlyList<OptionRow<T>> rows)
    {
        string? group = null;
        foreach (OptionRow<T> row in rows)
        {
            if (row.Help is null)
                continue;
            if (row.Group != group)
            {
                output.WriteLine();
                output.WriteLine(row.Group + ":");
                group = row.Group;
            }
            string usage = "  " + row.Usage;
            if (usage.Length > Column - 2)
            {
                output.WriteLine(usage);
                usage = "";
            }
            output.WriteLine(usage.PadRight(Column) + row.Help);
        }
    }
}
