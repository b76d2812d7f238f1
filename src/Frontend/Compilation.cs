// The front end as one function, to be read as its table of contents: text -> tokens -> declarations -> bound tree -> SSA ->
// optimised SSA. No state besides the result; each product can be printed.
using System.Diagnostics;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Parsing;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Frontend.Syntax;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Passes;

namespace Ebpfcc.Frontend;

/// <summary>The products of the front end, in the order they are made.</summary>
public enum CompilationStage : byte { Tokens, Syntax, Bound, Ir, OptimizedIr }

public sealed record CompilationOptions
{
    public PreprocessorOptions Preprocessor { get; init; } = new();

    public BinderOptions Binder { get; init; } = BinderOptions.Default;

    public OptimizationOptions Optimization { get; init; } = new();

    public WarningOptions Warnings { get; init; } = new();

    /// <summary>Errors kept before the rest is dropped; 0: no limit.</summary>
    public int ErrorLimit { get; init; } = 100;

    /// <summary>The last product wanted.</summary>
    public CompilationStage LastStage { get; init; } = CompilationStage.OptimizedIr;

    /// <summary>Called after each stage with its name and duration (<c>--time-passes</c>).</summary>
    public Action<string, TimeSpan>? StageFinished { get; init; }

    /// <summary>Called with the module as lowering left it, before the optimiser changes it in place.</summary>
    public Action<Module>? Lowered { get; init; }

    public PassObserver? PassObserver { get; init; }
}

/// <summary>One translation unit and everything made of it; products of stages that did not run are null.</summary>
public sealed class Compilation
{
    private Compilation(DiagnosticBag diagnostics) => Diagnostics = diagnostics;

    public SourceMap SourceMap { get; } = new();

    public DiagnosticBag Diagnostics { get; }

    public PreprocessedSource? Tokens { get; private set; }

    public ISyntaxTree? Syntax { get; private set; }

    public BoundUnit? Bound { get; private set; }

    public Module? Ir { get; private set; }

    /// <summary>Every stage that was asked for ran without errors.</summary>
    public bool Succeeded => !Diagnostics.HasErrors;

    /// <summary>Compiles one source text as far as the options ask, or until a stage finds errors.</summary>
    public static Compilation Run(SourceText main, CompilationOptions options, IFileSystem files)
    {
        var compilation = new Compilation(new DiagnosticBag(options.Warnings) { ErrorLimit = options.ErrorLimit });
        DiagnosticBag diagnostics = compilation.Diagnostics;
        SourceMap map = compilation.SourceMap;

        PreprocessedSource tokens = compilation.Tokens = Timed("preprocess", () => Preprocessor.Process(main, options.Preprocessor, files, map, diagnostics));
        if (!Continue(CompilationStage.Tokens))
            return compilation;

        ISyntaxTree syntax = compilation.Syntax = Timed("index", () => SyntaxTree.Create(tokens, diagnostics));
        if (!Continue(CompilationStage.Syntax))
            return compilation;

        // Declarations are parsed while they are bound: only those that something reaches.
        BoundUnit bound = compilation.Bound = Timed("parse and bind", () => Binder.Bind(syntax, map, diagnostics, options.Binder));
        if (!Continue(CompilationStage.Bound))
            return compilation;

        Module module = compilation.Ir = Timed("lower", () => Lowering.Lowering.Lower(bound, map, main.Path, diagnostics));
        if (diagnostics.HasErrors)
            return compilation;
        options.Lowered?.Invoke(module);
        if (!Continue(CompilationStage.Ir))
            return compilation;

        Timed("optimise", () =>
        {
            Optimizer.Run(module, options.Optimization, options.PassObserver, diagnostics);
            return true;
        });
        return compilation;

        bool Continue(CompilationStage finished) => !diagnostics.HasErrors && options.LastStage > finished;

        T Timed<T>(string stage, Func<T> run)
        {
            long start = Stopwatch.GetTimestamp();
            T product = run();
            options.StageFinished?.Invoke(stage, Stopwatch.GetElapsedTime(start));
            return product;
        }
    }
}
