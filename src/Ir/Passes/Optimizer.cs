// The optimiser's entry point: runs the rows of PassTable that the level asks for, in order, until the pipeline is through.
// A crash inside a pass is reported with the pass and the function it was working on.
using System.Diagnostics;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ir.Verification;

namespace Ebpfcc.Ir.Passes;

/// <summary>How much the optimiser does.</summary>
public sealed record OptimizationOptions
{
    /// <summary>0 to 3, as -O0 to -O3. BPF needs mem2reg and always_inline at every level.</summary>
    public int Level { get; init; } = 2;

    /// <summary>-Os: no unrolling but where the source asks, smaller inlining budget.</summary>
    public bool ForSize { get; init; }

    /// <summary>-fno-inline: only always_inline functions are inlined.</summary>
    public bool NoInline { get; init; }

    /// <summary>What functions give up for the verifier's sake, by symbol.</summary>
    public IReadOnlyDictionary<string, ConservativeLowering> Conservative { get; init; } = new Dictionary<string, ConservativeLowering>();

    /// <summary>The function gives up what the flag says.</summary>
    public bool GivesUp(Function function, ConservativeLowering what) => Conservative.Count > 0 && (Conservative.GetValueOrDefault(function.Symbol) & what) != 0;

    /// <summary>Check the IR after each pass (<c>--verify-each</c>); always before the first and after the last in any case.</summary>
    public bool VerifyEach { get; init; }
}

/// <summary>Watches passes run: for <c>--print-after</c> and <c>--time-passes</c>.</summary>
public abstract class PassObserver
{
    /// <summary>Called after each pass over the whole module.</summary>
    /// <param name="changed">Whether the pass changed anything.</param>
    public virtual void AfterPass(PassRow pass, Module module, bool changed, TimeSpan elapsed) { }
}

public static class Optimizer
{
    /// <summary>Optimises a module in place.</summary>
    /// <param name="diagnostics">Receives users' mistakes found here (recursion into always_inline functions); may be null.</param>
    /// <exception cref="InternalCompilerException">A pass broke; names pass and function.</exception>
    public static void Run(Module module, OptimizationOptions? options = null, PassObserver? observer = null, DiagnosticBag? diagnostics = null)
    {
        options ??= new OptimizationOptions();
        IrVerifier.Verify(module, "lowering");
        var context = new PassContext(module, options, diagnostics);
        foreach (PassRow pass in PassTable.Pipeline(options))
            RunPass(pass, context, observer);
        if (!options.VerifyEach)
            IrVerifier.Verify(module, "the optimiser");
    }

    /// <summary>Runs one pass over a module.</summary>
    /// <returns>Whether it changed anything.</returns>
    public static bool RunPass(PassRow pass, PassContext context, PassObserver? observer = null)
    {
        long start = Stopwatch.GetTimestamp();
        bool changed = false;
        string? function = null;
        try
        {
            if (pass.RunModule is { } runModule)
            {
                changed = runModule(context);
            }
            else
            {
                foreach (Function body in context.Module.Functions)
                {
                    if (body.IsDeclaration)
                        continue;
                    function = body.Symbol;
                    changed |= pass.RunFunction!(body, context);
                }
                function = null;
            }
        }
        catch (Exception exception) when (exception is not InternalCompilerException and not OutOfMemoryException)
        {
            throw new InternalCompilerException(pass.Name, function, exception.Message, exception);
        }
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        if (context.Options.VerifyEach)
            IrVerifier.Verify(context.Module, pass.Name);
        observer?.AfterPass(pass, context.Module, changed, elapsed);
        return changed;
    }
}
