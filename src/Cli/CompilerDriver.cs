// Compiles the inputs of one command line: chooses how far to go, runs the front end and the back end, writes products.
using System.Diagnostics;
using System.Text;
using Ebpfcc.Cli.Commands;
using Ebpfcc.Cli.Explaining;
using Ebpfcc.Cli.Exploration;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli;

public sealed class CompilerDriver(CompileSettings settings, CommandContext context, IDiagnosticRenderer renderer)
{
    private readonly RealFileSystem _files = new();
    private readonly List<Diagnostic> _own = [];

    /// <summary>Compiles everything; false when something was refused.</summary>
    public bool Run()
    {
        foreach (string word in WarningWords.Apply(settings.WarningWords, settings.Warnings, DiagnosticCatalogue.All))
            Report(CliDiagnostics.UnknownWarning, word);
        if (settings.Ignored.Count > 0)
            Report(CliDiagnostics.IgnoredOptions, string.Join(' ', settings.Ignored.Distinct()));
        if (settings.Inputs.Count > 1 && settings is { Output: not null, Emit: not (EmitForm.Nothing or EmitForm.Dependencies) })
            Report(CliDiagnostics.CannotLink);
        if (settings is { DumpHtml: not null, Inputs.Count: > 1 } or { DumpHtml: not null, Emit: not EmitForm.Object })
            Report(CliDiagnostics.Usage, "--dump-html describes one input that becomes an object");
        if (settings is { BigEndian: true, Emit: EmitForm.Ir or EmitForm.Mir or EmitForm.Assembly or EmitForm.Btf or EmitForm.Object })
            Report(CliDiagnostics.BigEndian);
        bool succeeded = FlushOwn();
        if (!succeeded && settings.BigEndian)
            return false;
        foreach (string input in settings.Inputs)
        {
            if (!succeeded && settings.Output is not null)
                break;
            succeeded &= CompileOne(input);
        }
        return succeeded;
    }

    private bool CompileOne(string input)
    {
        if (Path.GetExtension(input) is ".o" or ".s" or ".S" or ".a" or ".cpp" or ".cc" or ".ll" or ".bc")
        {
            Report(CliDiagnostics.NotCompilable, input, input);
            return FlushOwn();
        }
        if (settings.Fix && settings.Emit == EmitForm.Object && !FixApplication.Run(input, settings, context, renderer))
            return false;
        var bag = new DiagnosticBag();
        if (ProgramInput.ReadSource(input, context, bag) is not { } source)
        {
            _own.AddRange(bag.Items);
            return FlushOwn();
        }
        IrRecord? record = settings.DumpHtml is null ? null : new IrRecord();
        Product product = CompilePipeline.Run(source, settings, _files, context, record);
        if (settings.Verify is { } rules)
            product = Relowering.Apply(product, source, settings, context, rules);
        renderer.Render(product.Diagnostics, product.SourceMap);
        if (!product.Succeeded)
            return false;
        if (record is not null && product.Object is { } explored && !WritePage(input, explored, product, record))
            return FlushOwn();
        if (settings.TimePasses)
            product.Times.Print(context.Error);
        if (settings.Verify is { } kernel && product.Object is not null && !Verify(product, source, kernel))
            return false;
        if (product.Dependencies is { } dependencies && settings.WriteDependencies
            && !Write(settings.DependencyFile ?? Path.ChangeExtension(settings.Output ?? DefaultOutput(input), ".d"), Encoding.UTF8.GetBytes(DependencyText(input, dependencies))))
            return FlushOwn();
        if (settings.Emit == EmitForm.Dependencies)
            WriteText(settings.Output, DependencyText(input, product.Dependencies!));
        else if (product.Text is { } text)
            WriteText(settings.Output ?? (settings.Emit == EmitForm.Assembly ? DefaultOutput(input) : null), text);
        else if (product.Object is { } bytes)
            WriteObject(settings.Output ?? DefaultOutput(input), bytes);
        return FlushOwn();
    }

    private bool WritePage(string input, byte[] image, Product product, IrRecord record)
    {
        var bag = new DiagnosticBag();
        string? page = ExploreCommand.Explore(input, image, settings.Verify ?? KernelVersion.V6_18, null, record, product.Diagnostics, product.SourceMap, bag);
        _own.AddRange(bag.Items);
        return page is not null && Write(settings.DumpHtml!, Encoding.UTF8.GetBytes(page));
    }

    /// <summary>False when a program of the object would be rejected; then nothing is written.</summary>
    private bool Verify(Product product, SourceText source, KernelVersion kernel)
    {
        IReadOnlyList<Diagnostic> findings = ProductVerification.Check(product, source, settings, context, kernel);
        renderer.Render(findings, product.SourceMap);
        return findings.All(finding => finding.Severity != DiagnosticSeverity.Error);
    }

    /// <summary>As gcc: the input's name in the current folder, with the product's extension.</summary>
    private string DefaultOutput(string input)
        => input == "-" ? "-" : Path.GetFileNameWithoutExtension(input) + (settings.Emit == EmitForm.Assembly ? ".s" : ".o");

    private void WriteText(string? path, string text)
    {
        if (path is null or "-")
            context.Output.Write(text);
        else
            Write(path, Encoding.UTF8.GetBytes(text));
    }

    private void WriteObject(string path, byte[] bytes)
    {
        if (path != "-")
        {
            Write(path, bytes);
            return;
        }
        using Stream output = context.OpenOutput();
        output.Write(bytes);
    }

    private bool Write(string path, byte[] bytes)
    {
        if (AtomicFile.Write(path, bytes) is { } error)
        {
            Report(CliDiagnostics.CannotWrite, path, error);
            return false;
        }
        if (settings.Verbose)
            context.Error.WriteLine($"wrote {path} ({bytes.Length} bytes)");
        return true;
    }

    private string DependencyText(string input, PreprocessedSource source)
    {
        string target = settings.Emit == EmitForm.Dependencies ? Path.GetFileNameWithoutExtension(input) + ".o" : settings.Output ?? DefaultOutput(input);
        return DependencyFile.Print(
            settings.DependencyTargets.Count > 0 ? settings.DependencyTargets : [target],
            source.Dependencies.Where(file => !settings.OmitSystemDependencies || !source.SystemDependencies.Contains(file)),
            settings.PhonyDependencies);
    }

    private void Report(DiagnosticDescriptor descriptor, string? subject = null, params ReadOnlySpan<object?> arguments)
    {
        Diagnostic diagnostic = Diagnostic.Create(descriptor, SourceSpan.None, arguments.Length > 0 ? arguments : [subject]) with { Subject = arguments.Length > 0 ? subject : null };
        if (settings.Warnings.Apply(descriptor) is { } severity)
            _own.Add(diagnostic with { Severity = severity });
    }

    /// <summary>Renders what the driver itself had to say; false when there was an error.</summary>
    private bool FlushOwn()
    {
        renderer.Render(_own, new SourceMap());
        bool fine = _own.All(diagnostic => diagnostic.Severity != DiagnosticSeverity.Error);
        _own.Clear();
        return fine;
    }
}
