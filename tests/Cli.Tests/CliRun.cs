// Runs the command line inside the test process.
using System.Text;

namespace Ebpfcc.Cli.Tests;

/// <summary>What one run of the command line did.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Error);

internal static class CliRun
{
    public static CliResult Run(params string[] arguments) => Run(arguments, "", _ => null);

    public static CliResult Run(string[] arguments, string input, Func<string, string?> environment)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        var context = new CommandContext
        {
            Output = output,
            Error = error,
            OpenInput = () => new MemoryStream(Encoding.UTF8.GetBytes(input)),
            OpenOutput = () => new MemoryStream(),
            Environment = environment,
        };
        int exitCode = CommandLine.Run(arguments, context);
        return new CliResult(exitCode, output.ToString(), error.ToString());
    }
}

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ebpfcc-test").FullName;

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, string text)
    {
        string path = System.IO.Path.Combine(Path, name);
        File.WriteAllText(path, text);
        return path;
    }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
