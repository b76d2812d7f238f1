// ebpfcc explore FILE -o report.html: C, IR after each pass, eBPF, the verifier's state and native code side by side.
using System.Text;
using Ebpfcc.Cli.Exploration;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Cli.Rendering;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Commands;

public static class ExploreCommand
{
    private sealed class Settings
    {
        public CompileSettings Compile { get; } = new();
        public string? File;
        public string? Program;
        public string? Output;
        public KernelVersion Kernel = KernelVersion.V6_18;
        public bool Help;
    }

    private static readonly OptionRow<Settings>[] s_options =
    [
        new("Page", ["-o"], OptionForm.JoinedOrSeparate, "FILE", "write the page to FILE (the input's name with .html; - for standard output)", (settings, text) => Set(() => settings.Output = text)),
        new("Page", ["--prog"], OptionForm.EqualsOrSeparate, "NAME", "show only this program's code", (settings, text) => Set(() => settings.Program = text)),
        new("Page", ["--kernel"], OptionForm.EqualsOrSeparate, "VERSION", "verify by the rules of 5.15, 6.1, 6.6, 6.12 or 6.18 (default)", SetKernel),
        new("Page", ["--help", "-h"], OptionForm.Flag, null, "show this help", (settings, _) => Set(() => settings.Help = true)),
        .. ProgramInput.CompileRows<Settings>(settings => settings.Compile),
    ];

    public static int Run(IReadOnlyList<string> arguments, CommandContext context)
    {
        var settings = new Settings();
        var parser = new OptionParser<Settings>(s_options) { Positional = static (chosen, word) => chosen.File = word, MaximumPositional = 1 };
        if (parser.Parse(arguments, settings) is { } wrong)
            return ProgramInput.Usage(context, "explore", wrong);
        if (settings.Help)
        {
            context.Output.WriteLine("usage: ebpfcc explore FILE.{c,o} [-o REPORT.html] [--prog NAME] [--kernel VERSION] [compiler's options]");
            OptionHelp.Print(context.Output, s_options);
            return ExitStatus.Done;
        }
        if (settings.File is not { } file)
            return ProgramInput.Usage(context, "explore", "name the C file or object to show");

        var bag = new DiagnosticBag(settings.Compile.Warnings);
        var record = new IrRecord();
        IReadOnlyList<Diagnostic> said = [];
        SourceMap? map = null;
        byte[]? image;
        if (ProgramInput.IsSource(file))
        {
            if (ProgramInput.ReadSource(file, context, bag) is not { } source)
            {
                ProgramInput.Render(bag, settings.Compile, context);
                return ExitStatus.Refused;
            }
            settings.Compile.Emit = EmitForm.Object;
            Product product = CompilePipeline.Run(source, settings.Compile, new RealFileSystem(), context, record);
            IDiagnosticRenderer renderer = CompileCommand.CreateRenderer(settings.Compile, context);
            renderer.Render(product.Diagnostics, product.SourceMap);
            renderer.Finish();
            (said, map, image) = (product.Diagnostics, product.SourceMap, product.Object);
        }
        else
        {
            image = ProgramInput.ReadBytes(file, bag);
        }
        string? page = image is null ? null : Explore(file, image, settings.Kernel, settings.Program, record, said, map, bag);
        ProgramInput.Render(bag, settings.Compile, context);
        if (page is null || bag.HasErrors)
            return ExitStatus.Refused;
        string output = settings.Output ?? (file == "-" ? "-" : Path.GetFileNameWithoutExtension(file) + ".html");
        if (output == "-")
        {
            context.Output.Write(page);
            return ExitStatus.Done;
        }
        if (AtomicFile.Write(output, Encoding.UTF8.GetBytes(page)) is { } error)
        {
            bag = new DiagnosticBag();
            bag.Add(Diagnostic.Create(CliDiagnostics.CannotWrite, SourceSpan.None, error) with { Subject = output });
            ProgramInput.Render(bag, settings.Compile, context);
            return ExitStatus.Refused;
        }
        context.Output.WriteLine($"wrote {output}");
        return ExitStatus.Done;
    }

    /// <summary>The page for an object and what is known of its making; null, with the reason in the bag, when it cannot be read.</summary>
    internal static string? Explore(string file, byte[] image, KernelVersion kernel, string? only, IrRecord record, IReadOnlyList<Diagnostic> said, SourceMap? map, DiagnosticBag bag)
    {
        // ARM32 code holds 32-bit addresses of maps: they must lie where such addresses reach.
        using GuestArena? arena = GuestArena.TryCreate(out _);
        var environment = arena is null ? new ExecutionEnvironment() : new ExecutionEnvironment { Allocator = arena };
        if (ObjectReader.Read(image, file, bag) is not { } source)
            return null;
        using LoadedObject? loaded = ProgramLoader.Load(source, new LoadOptions { Subject = file, Environment = environment, DescribeUnimplementedMaps = true }, bag);
        if (loaded is null)
            return null;
        if (only is not null && loaded.Programs.All(program => program.Name != only) && loaded.Failures.All(failed => failed.Name != only))
        {
            bag.Add(Diagnostic.Create(CliDiagnostics.NoSuchProgram, SourceSpan.None, only, string.Join(", ", loaded.Programs.Select(program => program.Name))) with { Subject = file });
            return null;
        }
        var builder = new ExploreReportBuilder(file, map);
        if (map is not null)
            builder.Key(file == "-" ? "<stdin>" : file, 1);
        builder.Add(said);
        foreach (LoadedProgram program in loaded.Programs)
        {
            if (only is null || program.Name == only)
                builder.Add(program, kernel, environment);
        }
        foreach (FailedProgram failed in loaded.Failures)
        {
            if (only is null || failed.Name == only)
                builder.Add(failed);
        }
        return ExplorePage.Write(builder.Build(record), builder);
    }

    private static string? Set(Action apply)
    {
        apply();
        return null;
    }

    private static string? SetKernel(Settings settings, string text)
    {
        KernelVersion? version = KernelVersions.Parse(text);
        settings.Kernel = version ?? settings.Kernel;
        return version is null ? KernelVersions.Unknown(text) : null;
    }
}
