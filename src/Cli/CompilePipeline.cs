// From settings and one source text to the product that the settings ask for: the front end (Compilation), then the back end.
// The only place that knows how options of the command line become options of the stages.
using System.Diagnostics;
using System.Text;
using Ebpfcc.Backend.Ebpf;
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Cli.Exploration;
using Ebpfcc.Cli.Options;
using Ebpfcc.Cli.Output;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Ir.Text;

namespace Ebpfcc.Cli;

/// <summary>What came of one input: text or object bytes, and what was said about it.</summary>
public sealed record Product(IReadOnlyList<Diagnostic> Diagnostics, SourceMap SourceMap, bool Succeeded, StageTimes Times)
{
    public string? Text { get; init; }

    public byte[]? Object { get; init; }

    /// <summary>The object before it was written, with the places its code comes from.</summary>
    public EbpfObject? Emitted { get; init; }

    /// <summary>Every program was loaded and accepted by the verifier already.</summary>
    public bool IsVerified { get; init; }

    /// <summary>The front end's products.</summary>
    public Compilation? Compilation { get; init; }

    public PreprocessedSource? Dependencies { get; init; }
}

public static class CompilePipeline
{
    /// <param name="record">Receives the IR of every stage; null keeps none.</param>
    /// <param name="isQuiet">Prints nothing on the way: an attempt of which only the product matters.</param>
    public static Product Run(SourceText source, CompileSettings settings, IFileSystem files, CommandContext context, IrRecord? record = null, bool isQuiet = false)
    {
        var times = new StageTimes();
        Compilation compilation = Compilation.Run(source, OptionsOf(settings, times, record, context, isQuiet), files);
        string? text = null;
        byte[]? bytes = null;
        EbpfObject? emitted = null;
        if (compilation.Succeeded)
        {
            switch (settings.Emit)
            {
                case EmitForm.Preprocessed:
                    text = PreprocessedPrinter.Print(compilation.Tokens!, !settings.NoLineMarkers);
                    break;
                case EmitForm.Tokens:
                    text = PreprocessedPrinter.Dump(compilation.Tokens!);
                    break;
                case EmitForm.Syntax:
                    text = PrintSyntax(compilation);
                    break;
                case EmitForm.Bound:
                    text = BoundTreePrinter.Print(compilation.Bound!);
                    break;
                case EmitForm.Ir:
                    text = ModulePrinter.Print(compilation.Ir!);
                    break;
                case EmitForm.Mir:
                    text = PrintMachineCode(compilation, settings);
                    break;
                case EmitForm.Object or EmitForm.Assembly or EmitForm.Btf:
                    if (times.Measure("generate code", () => ObjectEmitter.Emit(compilation.Ir!, BackendOptionsOf(settings), compilation.Diagnostics)) is { } result)
                    {
                        emitted = result;
                        if (settings.Emit == EmitForm.Object)
                            bytes = times.Measure("write object", () => ObjectWriter.Write(result));
                        else
                            text = PrintObject(result, settings.Emit);
                    }
                    break;
            }
        }
        if (compilation.Succeeded && settings.Emit is EmitForm.Object or EmitForm.Assembly or EmitForm.Btf && bytes is null && text is null)
            throw new InternalCompilerException("code generation", null, "no object and no error");
        return new Product(compilation.Diagnostics.Items, compilation.SourceMap, compilation.Succeeded, times) { Text = text, Object = bytes, Emitted = emitted, Compilation = compilation, Dependencies = compilation.Tokens };
    }

    /// <summary>The declarations of the user's files; those of system headers are mere context.</summary>
    private static string PrintSyntax(Compilation compilation)
    {
        var text = new StringBuilder();
        foreach (ITopLevelDeclaration declaration in compilation.Syntax!.Declarations)
        {
            if (declaration.IsInUserFile)
                text.Append(SyntaxPrinter.Print(declaration.Syntax, compilation.SourceMap));
        }
        return text.ToString();
    }

    /// <summary>The assembly, or the types as the object holds them.</summary>
    private static string PrintObject(EbpfObject result, EmitForm form)
    {
        if (result.BtfBuilder is { } builder)
        {
            var defects = new DiagnosticBag();
            result.Btf = BtfReader.Read(builder.Build(), "the emitted types", defects)
                ?? throw new InternalCompilerException("code generation", null, defects.Items[0].Message);
        }
        return form == EmitForm.Assembly ? AssemblyPrinter.Print(result) : result.Btf is { } types ? BtfRawPrinter.Print(types) : "";
    }

    private static string PrintMachineCode(Compilation compilation, CompileSettings settings)
    {
        var text = new StringBuilder();
        foreach (Function function in compilation.Ir!.Functions)
        {
            if (!function.IsDeclaration && CodeGenerator.Generate(function, BackendOptionsOf(settings), compilation.Diagnostics) is { } machine)
                text.Append(MachinePrinter.Print(machine, compilation.SourceMap)).Append('\n');
        }
        return text.ToString();
    }

    private static BackendOptions BackendOptionsOf(CompileSettings settings)
        => new((CpuVersion)settings.Cpu, settings.DebugInfo, settings.BigEndian)
        {
            WholeRegisterFunctions = [.. settings.Conservative.Where(static entry => (entry.Value & ConservativeLowering.WholeRegisters) != 0).Select(static entry => entry.Key)],
        };

    private static CompilationOptions OptionsOf(CompileSettings settings, StageTimes times, IrRecord? record, CommandContext context, bool isQuiet)
    {
        List<PassObserver> observers = [];
        if (settings.TimePasses)
            observers.Add(times.Passes);
        if (settings.PrintAfter.Count > 0 && !isQuiet)
            observers.Add(new PassPrinter(settings.PrintAfter, context.Output.Write));
        if (record is not null)
            observers.Add(record);
        Action<Module>? lowered = record is null ? null : record.AfterLowering;
        if (!isQuiet && (settings.PrintAfter.Contains("lowering") || settings.PrintAfter.Contains("all")))
            lowered += module => context.Output.Write($"; after lowering\n{ModulePrinter.Print(module)}");
        return new CompilationOptions
        {
            Preprocessor = PreprocessorOptionsOf(settings, context),
            Binder = new BinderOptions { BindEverything = settings.Emit == EmitForm.Nothing, Gnu89Inline = settings.Gnu89Inline || settings.Standard is "gnu89" or "gnu90" },
            Optimization = new OptimizationOptions { Level = settings.OptimizationLevel, ForSize = settings.OptimizeForSize, VerifyEach = settings.VerifyEach, NoInline = settings.NoInline, Conservative = settings.Conservative },
            Warnings = settings.Warnings,
            ErrorLimit = settings.ErrorLimit,
            LastStage = settings.Emit switch
            {
                EmitForm.Tokens or EmitForm.Preprocessed or EmitForm.Dependencies => CompilationStage.Tokens,
                EmitForm.Syntax => CompilationStage.Syntax,
                EmitForm.Bound => CompilationStage.Bound,
                EmitForm.Nothing => CompilationStage.Ir,
                _ => CompilationStage.OptimizedIr,
            },
            StageFinished = times.Add,
            Lowered = lowered,
            PassObserver = observers.Count == 0 ? null : new PassObservers(observers),
        };
    }

    private static PreprocessorOptions PreprocessorOptionsOf(CompileSettings settings, CommandContext context) => new()
    {
        Macros = [.. settings.Macros.Select(macro => new MacroOption(macro.Definition, macro.IsUndefinition))],
        ForcedIncludes = settings.ForcedIncludes,
        QuoteDirectories = settings.QuoteDirectories,
        IncludeDirectories = settings.IncludeDirectories,
        SystemDirectories = settings.SystemDirectories,
        AfterDirectories = settings.AfterDirectories,
        StandardDirectories = settings.NoStandardIncludes ? [] : IncludePaths.Standard(Directory.Exists),
        UseEmbeddedHeaders = !settings.NoBuiltinIncludes && !settings.NoStandardIncludes,
        CpuVersion = settings.Cpu,
        BigEndian = settings.BigEndian,
        Optimize = settings.OptimizationLevel > 0,
        NoInline = settings.NoInline,
        StrictAnsi = !settings.Standard.StartsWith("gnu", StringComparison.Ordinal),
        StandardVersion = StandardVersion(settings.Standard),
        SourceDateEpoch = long.TryParse(context.Environment("SOURCE_DATE_EPOCH"), out long epoch) ? epoch : null,
    };

    /// <summary>The value of __STDC_VERSION__.</summary>
    private static string StandardVersion(string standard) => standard switch
    {
        _ when standard.EndsWith("89", StringComparison.Ordinal) || standard.EndsWith("90", StringComparison.Ordinal) => "199409L",
        _ when standard.EndsWith("99", StringComparison.Ordinal) || standard.EndsWith("9x", StringComparison.Ordinal) => "199901L",
        _ when standard.EndsWith("11", StringComparison.Ordinal) || standard.EndsWith("1x", StringComparison.Ordinal) => "201112L",
        _ when standard.EndsWith("23", StringComparison.Ordinal) || standard.EndsWith("2x", StringComparison.Ordinal) => "202311L",
        _ => "201710L",
    };
}

/// <summary>How long each stage and pass took.</summary>
public sealed class StageTimes
{
    private readonly List<(string Name, TimeSpan Time)> _stages = [];

    public PassTimes Passes { get; } = new();

    /// <summary>Runs a stage of the back end.</summary>
    public T Measure<T>(string stage, Func<T> run)
    {
        long start = Stopwatch.GetTimestamp();
        T product = run();
        Add(stage, Stopwatch.GetElapsedTime(start));
        return product;
    }

    public void Add(string stage, TimeSpan time) => _stages.Add((stage, time));

    public void Print(TextWriter output)
    {
        foreach ((string name, TimeSpan time) in _stages)
            output.WriteLine($"{time.TotalMilliseconds,9:F3} ms  {name}");
        output.WriteLine($"{_stages.Sum(row => row.Time.TotalMilliseconds),9:F3} ms  total; passes of the optimiser:");
        output.Write(Passes.Format());
    }
}
