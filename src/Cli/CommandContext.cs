// What a command may touch of the world outside: streams and the environment. Tests give it string writers.
using System.Text;

namespace Ebpfcc.Cli;

public sealed class CommandContext
{
    public required TextWriter Output { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Opens standard input and output for bytes.</summary>
    public required Func<Stream> OpenInput { get; init; }

    public required Func<Stream> OpenOutput { get; init; }

    /// <summary>The value of an environment variable, or null.</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>Standard error is a terminal, so that colours make sense.</summary>
    public bool ErrorIsTerminal { get; init; }

    private Rendering.IDiagnosticRenderer? _renderer;

    /// <summary>The one renderer of this run, made at its first use: machines want one document.</summary>
    public Rendering.IDiagnosticRenderer RendererFor(Options.CompileSettings settings) => _renderer ??= Commands.CompileCommand.CreateRenderer(settings, this);

    /// <summary>Ends the document of diagnostics, when one was begun.</summary>
    public void FinishRendering()
    {
        if (_renderer is not (null or Rendering.TextRenderer))
            _renderer.Finish();
        _renderer = null;
    }

    public static CommandContext FromConsole()
    {
        var encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        return new CommandContext
        {
            Output = new StreamWriter(Console.OpenStandardOutput(), encoding, 4096),
            Error = new StreamWriter(Console.OpenStandardError(), encoding, 4096),
            OpenInput = Console.OpenStandardInput,
            OpenOutput = Console.OpenStandardOutput,
            Environment = System.Environment.GetEnvironmentVariable,
            ErrorIsTerminal = !Console.IsErrorRedirected,
        };
    }

    /// <summary>Colours as the user asked: always, never, or where they can be seen.</summary>
    public bool UseColor(ColorMode mode) => mode switch
    {
        ColorMode.Always => true,
        ColorMode.Never => false,
        _ => ErrorIsTerminal && string.IsNullOrEmpty(Environment("NO_COLOR")) && Environment("TERM") != "dumb",
    };
}

public enum ColorMode { Auto, Always, Never }
