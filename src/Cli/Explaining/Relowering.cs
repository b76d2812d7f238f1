// It compiles, therefore it loads: when the verifier rejects what was emitted for a function although the source may prove it, the
// function is lowered again, more conservatively, and the result verified again. A ladder of rows by the kind of rejection, the
// cheapest first; what helps is kept for that function only, and other functions stay as they are.
using Ebpfcc.Cli.Options;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Preprocessing;
using Ebpfcc.Ir.Passes;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;
using static Ebpfcc.Ir.Passes.ConservativeLowering;
using V = Ebpfcc.Runtime.Verification.VerifierDiagnostics;

namespace Ebpfcc.Cli.Explaining;

internal static class Relowering
{
    /// <summary>Attempts for one input; each compiles and verifies once.</summary>
    private const int MaximumAttempts = 24;

    /// <param name="GivesUp">What the function gives up.</param>
    /// <param name="Words">The same for people.</param>
    /// <param name="For">The families of rejections that this has a chance to help.</param>
    private sealed record Rung(ConservativeLowering GivesUp, string Words, DiagnosticDescriptor[] For);

    private static readonly Rung[] s_ladder =
    [
        new(UnrollLoops, "loops are unrolled, so that the context is accessed at constant offsets", [V.ContextField]),
        new(SplitPointers, "accesses through merged pointers are made on each way", [V.ContextField, V.PointerArithmetic, V.ScalarDereferenced, V.ArgumentType, V.Other]),
        new(UnrollLoops | SplitPointers, "loops are unrolled and accesses through merged pointers are made on each way", [V.ContextField]),
        new(TrueAlignment, "misaligned stack accesses are made byte by byte", [V.Alignment]),
        new(StateRanges, "ranges of quotients and remainders are stated", [V.MemoryBounds, V.HelperSize, V.PacketBounds, V.PointerArithmetic]),
        new(WholeRegisters, "no 32-bit registers are used", [V.MemoryBounds, V.HelperSize, V.PacketBounds, V.PointerArithmetic, V.ScalarDereferenced, V.PointerLeak]),
        new(FewPasses | StateRanges, "little is optimised", [V.MemoryBounds, V.HelperSize, V.PacketBounds, V.PointerArithmetic, V.ScalarDereferenced, V.ContextField, V.Alignment, V.Other]),
        new(FewPasses | StateRanges | SplitPointers | TrueAlignment | WholeRegisters, "little is optimised and no 32-bit registers are used", [V.MemoryBounds, V.HelperSize, V.PacketBounds, V.PointerArithmetic]),
    ];

    /// <summary>A rejected program and the function in which it happened.</summary>
    private readonly record struct Failure(string Program, string Function, Rejection Rejection);

    /// <summary>
    /// The product itself when it is accepted or nothing helps, otherwise one that is better: at least one program more is accepted and
    /// none less. Remarks on what was done are in its diagnostics when the settings ask for them.
    /// </summary>
    public static Product Apply(Product product, SourceText text, CompileSettings settings, CommandContext context, KernelVersion kernel)
    {
        if (!settings.Relower || product.Object is null || product.Emitted is null)
            return product;
        var options = new VerifierOptions { Kernel = kernel, KernelTypes = KernelInformation.RunningKernelTypes };
        if (Failures(product, text.Path, options, out bool isComplete) is not { } failures)
            return product;
        if (failures.Count == 0)
            return isComplete ? product with { IsVerified = true } : product;
        IReadOnlyDictionary<string, ConservativeLowering> original = settings.Conservative;
        var chosen = new Dictionary<string, ConservativeLowering>(original);
        var remarks = new List<Diagnostic>();
        Product best = product;
        int attempts = 0;
        var hopeless = new HashSet<string>(StringComparer.Ordinal);
        while (failures.Find(failure => !hopeless.Contains(failure.Program)) is { Program: not null } failure)
        {
            hopeless.Add(failure.Program);
            foreach (Rung rung in s_ladder)
            {
                if (!rung.For.Any(family => family.Id == failure.Rejection.Code) || attempts++ >= MaximumAttempts)
                    continue;
                var attempt = new Dictionary<string, ConservativeLowering>(chosen);
                attempt[failure.Function] = attempt.GetValueOrDefault(failure.Function) | rung.GivesUp;
                settings.Conservative = attempt;
                Product again = CompilePipeline.Run(text, settings, new RealFileSystem(), context, isQuiet: true);
                if (!again.Succeeded || again.Object is null || Failures(again, text.Path, options, out _) is not { } left || left.Count >= failures.Count
                    || left.Any(each => failures.TrueForAll(known => known.Program != each.Program)))
                    continue;
                (best, chosen, failures) = (again, attempt, left);
                if (settings.Remarks)
                    remarks.Add(Diagnostic.Create(CliDiagnostics.Relowered, SpanOf(again, failure.Function), failure.Function, rung.Words));
                break;
            }
        }
        settings.Conservative = original;
        return remarks.Count == 0 ? best : best with { Diagnostics = [.. best.Diagnostics, .. remarks] };
    }

    private static SourceSpan SpanOf(Product product, string function)
        => product.Compilation?.Bound?.Functions.FirstOrDefault(each => each.Symbol.Name == function) is { } found ? SourceSpan.At(found.Symbol.Location, function.Length) : SourceSpan.None;

    /// <param name="isComplete">Everything in the object could be loaded, without a word.</param>
    private static List<Failure>? Failures(Product product, string subject, VerifierOptions options, out bool isComplete)
    {
        var bag = new DiagnosticBag();
        isComplete = false;
        using LoadedObject? loaded = ObjectReader.Read(product.Object!, subject, bag) is { } read ? ProgramLoader.Load(read, new LoadOptions { Subject = subject, DescribeUnimplementedMaps = true }, bag) : null;
        if (loaded is null)
            return null;
        isComplete = bag.Items.Count == 0 && loaded.Failures.Count == 0;
        var failures = new List<Failure>();
        foreach (LoadedProgram program in loaded.Programs)
        {
            if (Verifier.Verify(program, options).Rejection is { } rejection)
                failures.Add(new Failure(program.Name, program.Subprograms[SourceView.SubprogramAt(program, rejection.Slot)].Name, rejection));
        }
        return failures;
    }
}
