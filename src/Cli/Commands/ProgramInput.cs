// What the commands besides compiling take: an object of any compiler, or C, which is compiled in the same process. Used by
// verify, run, jit, bench and disasm, so that all of them take the compiler's options and say the same about bad input.
using System.Text;
using Ebpfcc.Cli.Explaining;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Commands;

public static class ProgramInput
{
    private static readonly string[] s_groups = ["Preprocessor", "Language and code", "Diagnostics"];

    /// <summary>
    /// The compiler's options that make sense where C is compiled on the way, as rows of another command's table; hidden in its help.
    /// </summary>
    public static IEnumerable<OptionRow<T>> CompileRows<T>(Func<T, CompileSettings> compile)
        => CompileOptionTable.Rows.Where(row => s_groups.Contains(row.Group))
            .Select(row => new OptionRow<T>(row.Group, row.Names, row.Form, row.Argument, null, (settings, text) => row.Apply(compile(settings), text)));

    /// <summary>True for files that are compiled first: C, or standard input.</summary>
    public static bool IsSource(string file) => file == "-" || Path.GetExtension(file) is ".c" or ".i";

    /// <summary>
    /// The object in a file, compiled first when the file is C. Everything there is to say is rendered; null when it was refused.
    /// </summary>
    public static EbpfObject? Open(string file, CompileSettings compile, CommandContext context) => Open(file, compile, context, out _);

    /// <param name="reporter">Says what is wrong with programs of this input.</param>
    private static EbpfObject? Open(string file, CompileSettings compile, CommandContext context, out RejectionReporter reporter)
    {
        var bag = new DiagnosticBag(compile.Warnings);
        EbpfObject? result = ReadImage(file, compile, context, bag, out reporter) is { } image ? ObjectReader.Read(image, file, bag) : null;
        Render(bag, compile, context);
        return bag.HasErrors ? null : result;
    }

    /// <summary>
    /// The bytes of the object in a file, compiled first when the file is C. What the compiler says is rendered, what is wrong with the
    /// file goes to the bag; null when there is no object.
    /// </summary>
    /// <param name="reporter">Says what is wrong with programs of this input.</param>
    public static byte[]? ReadImage(string file, CompileSettings compile, CommandContext context, DiagnosticBag bag, out RejectionReporter reporter)
    {
        reporter = new RejectionReporter(file, null, null, compile, context);
        if (!IsSource(file))
            return ReadBytes(file, bag);
        compile.Emit = EmitForm.Object;
        IDiagnosticRenderer renderer = context.RendererFor(compile);
        if (compile.Fix && !FixApplication.Run(file, compile, context, renderer))
            return null;
        if (ReadSource(file, context, bag) is not { } source)
            return null;
        Product product = CompilePipeline.Run(source, compile, new RealFileSystem(), context);
        if (compile.Verify is { } kernel)
            product = Relowering.Apply(product, source, compile, context, kernel);
        renderer.Render(product.Diagnostics, product.SourceMap);
        reporter = new RejectionReporter(file, source, product, compile, context);
        return product.Succeeded ? product.Object : null;
    }

    /// <summary>Opens and loads: maps made, relocations resolved. Failures of single programs are in the result, not rendered.</summary>
    public static LoadedObject? Load(string file, CompileSettings compile, CommandContext context, LoadOptions options, out RejectionReporter reporter)
    {
        // What is loaded is verified: code that loses its proof is lowered again.
        compile.Verify ??= KernelVersion.V6_18;
        if (Open(file, compile, context, out reporter) is not { } source)
            return null;
        var bag = new DiagnosticBag(compile.Warnings);
        LoadedObject? loaded = ProgramLoader.Load(source, options with { Subject = file }, bag);
        Render(bag, compile, context);
        return bag.HasErrors ? null : loaded;
    }

    /// <summary>Renders why a program is rejected.</summary>
    public static void RenderRejection(RejectionReporter reporter, LoadedProgram program, Rejection rejection, VerifierOptions options, CompileSettings compile, CommandContext context)
    {
        (Diagnostic diagnostic, SourceMap map) = reporter.Describe(program, rejection, options);
        context.RendererFor(compile).Render([diagnostic], map);
    }

    /// <summary>The bytes of a file; null, and an error in the bag, when it cannot be read.</summary>
    public static byte[]? ReadBytes(string file, DiagnosticBag bag)
    {
        byte[]? bytes = InputFile.Read(file, out string? error);
        if (bytes is null)
            bag.Add(Diagnostic.Create(CliDiagnostics.CannotRead, SourceSpan.None, error) with { Subject = file });
        return bytes;
    }

    public static void Render(DiagnosticBag bag, CompileSettings compile, CommandContext context)
    {
        if (bag.Items.Count == 0)
            return;
        context.RendererFor(compile).Render(bag.Items, new SourceMap());
    }

    /// <summary>A source file, or standard input for "-"; null, and an error in the bag, when it cannot be read.</summary>
    public static SourceText? ReadSource(string file, CommandContext context, DiagnosticBag bag)
    {
        string? error;
        if (file == "-")
        {
            using Stream input = context.OpenInput();
            if (InputFile.ReadAll(input, out error) is { } bytes)
                return new SourceText("<stdin>", SourceEncoding.Decode(bytes));
        }
        else if (new RealFileSystem().ReadFile(file, out error) is { } text)
        {
            return new SourceText(file, text);
        }
        bag.Add(Diagnostic.Create(CliDiagnostics.CannotRead, SourceSpan.None, error ?? "no such file") with { Subject = file });
        return null;
    }

    /// <summary>Refuses a name that no program of the file has.</summary>
    public static int NoSuchProgram(string file, string name, IEnumerable<string> names, CompileSettings compile, CommandContext context)
    {
        var bag = new DiagnosticBag();
        bag.Add(Diagnostic.Create(CliDiagnostics.NoSuchProgram, SourceSpan.None, name, string.Join(", ", names)) with { Subject = file });
        Render(bag, compile, context);
        return ExitStatus.Refused;
    }

    /// <summary>Says why programs could not be loaded, of all or of the one that was chosen; false when there was one.</summary>
    public static bool ReportFailures(LoadedObject loaded, string? only, CompileSettings compile, CommandContext context)
    {
        var bag = new DiagnosticBag();
        foreach (FailedProgram failed in loaded.Failures)
        {
            if (only is null || failed.Name == only)
                bag.Add(failed.Reason with { Subject = failed.Reason.Subject ?? failed.Name });
        }
        Render(bag, compile, context);
        return !bag.HasErrors;
    }

    /// <summary>Wrong words on the command line.</summary>
    public static int Usage(CommandContext context, string command, string message)
    {
        context.Error.WriteLine($"ebpfcc {command}: error: {message} [{CliDiagnostics.Usage.Id}]");
        context.Error.WriteLine($"'ebpfcc {command} --help' shows the options");
        return ExitStatus.Usage;
    }
}
