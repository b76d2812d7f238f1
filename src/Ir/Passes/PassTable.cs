// The table of passes. A row names a function over a Function or over the Module; the pipeline is a list of names, because a
// pass may run more than once.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ir.Passes;

/// <summary>What a pass may look at beyond the function it works on.</summary>
public sealed class PassContext(Module module, OptimizationOptions options, DiagnosticBag? diagnostics = null)
{
    public Module Module { get; } = module;

    public OptimizationOptions Options { get; } = options;

    public DiagnosticBag? Diagnostics { get; } = diagnostics;
}

/// <summary>One pass.</summary>
/// <param name="Name">As <c>--print-after</c> spells it.</param>
/// <param name="Description">One sentence.</param>
/// <param name="RunFunction">Works on one function and tells whether it changed anything; or null.</param>
/// <param name="RunModule">Works on the module; or null.</param>
public sealed record PassRow(string Name, string Description, Func<Function, PassContext, bool>? RunFunction, Func<PassContext, bool>? RunModule = null);

public static class PassTable
{
    private static readonly PassRow[] s_rows =
    [
        new("mem2reg", "promotes scalar stack objects to SSA values", (function, _) => Mem2Reg.Run(function)),
        new("sroa", "splits stack objects into the scalars they are accessed as", (function, _) => Sroa.Run(function)),
        new("simplify", "rewrites instructions locally: identities, strength reduction, cast chains, byte swaps", (function, _) => Simplify.Run(function)),
        new("cfg", "folds, merges and forwards blocks", (function, _) => SimplifyCfg.Run(function)),
        new("threading", "lets edges skip blocks whose decision they already make", (function, _) => JumpThreading.Run(function)),
        new("sccp", "propagates constants along executable edges", (function, _) => ConstantPropagation.Run(function)),
        new("signs", "makes signed operations on values that are never negative unsigned", (function, _) => SignElimination.Run(function)),
        new("gvn", "uses a value computed before instead of computing it again", (function, _) => CommonSubexpressions.Run(function)),
        new("forward", "puts values known to be in memory in place of loads", (function, _) => MemoryForwarding.Run(function)),
        new("dse", "deletes stores nobody can read", (function, _) => DeadStores.Run(function)),
        new("unroll", "unrolls loops where the source asks or the result is small", Unroll.Run),
        new("returns", "merges blocks that only return the same", (function, _) => MergeReturns.Run(function)),
        new("stack", "lets stack objects that are never live together share their bytes", (function, _) => StackSharing.Run(function)),
        new("isconstant", "answers the questions of __builtin_constant_p that are still open", (function, _) => ConstantQuestions.Run(function)),
        new("unmerge", "makes accesses through pointers that a join chose on each way, where asked", (function, _) => PointerSplitting.Run(function)),
        new("ranges", "states the ranges of quotients and remainders as comparisons, where asked", (function, _) => RangeStatement.Run(function)),
        new("unalign", "lowers the alignment of stack accesses to that of their place, where asked", (function, _) => StackAlignment.Run(function)),
        new("align", "raises the alignment of accesses to what their object and offset guarantee", (function, _) => AlignmentInference.Run(function)),
        new("stores", "joins neighbouring stores of constants", (function, _) => StoreMerging.Run(function)),
        new("dce", "deletes what nothing needs", (function, _) => DeadCode.Run(function)),
        new("globals", "puts the initial values of unchanging globals in place of loads", null, GlobalFolding.Run),
        new("inline-always", "inlines always_inline functions", null, context => Inliner.Run(context, optional: false)),
        new("inline", "inlines always_inline, small and once-called functions", null, context => Inliner.Run(context, optional: true)),
        new("arguments", "propagates constants into internal functions and drops parameters nobody reads", null, ArgumentElimination.Run),
        new("deadglobals", "deletes functions and variables nobody can reach", null, DeadGlobals.Run),
    ];

    public static IReadOnlyList<PassRow> Rows => s_rows;

    /// <summary>The pass of a name; throws for unknown names.</summary>
    public static PassRow Get(string name)
    {
        foreach (PassRow row in s_rows)
        {
            if (row.Name == name)
                return row;
        }
        throw new ArgumentException($"There is no pass '{name}'.", nameof(name));
    }

    // -O0 still has to load: helper pointers become helper numbers, variables live in registers rather than in 512 bytes of stack,
    // the value that was checked is the value that is used, and pointers are not handed through functions that need not exist.
    // What only makes code faster is left out, so that the code follows the source.
    private static readonly string[] s_required =
    [
        "globals", "cfg", "sroa", "mem2reg", "simplify", "cfg",
        "inline", "deadglobals", "sroa", "mem2reg", "simplify", "isconstant", "sccp", "gvn", "unroll", "simplify", "gvn", "forward", "dse",
        "globals", "simplify", "gvn", "cfg", "align", "dce", "stack", "deadglobals",
    ];

    private static readonly string[] s_standard =
    [
        "globals", "cfg", "sroa", "mem2reg", "simplify", "gvn", "cfg",
        "inline", "deadglobals", "sroa", "mem2reg", "simplify", "cfg",
        "sccp", "arguments", "simplify", "gvn", "threading", "cfg",
        "unroll", "sroa", "mem2reg", "simplify", "gvn", "forward", "dse", "simplify", "isconstant", "sccp", "threading", "cfg",
        "globals", "arguments", "signs", "simplify", "gvn", "forward", "dse", "threading", "returns", "simplify", "cfg", "align", "stores", "dce", "stack", "deadglobals",
    ];

    /// <summary>Passes for functions that give something up, and what; run in front of the last "dce" of a pipeline.</summary>
    private static readonly (string Name, ConservativeLowering For)[] s_conservative =
        [("unmerge", ConservativeLowering.SplitPointers), ("ranges", ConservativeLowering.StateRanges), ("unalign", ConservativeLowering.TrueAlignment)];

    /// <summary>The passes of a level in the order they run.</summary>
    public static IEnumerable<PassRow> Pipeline(OptimizationOptions options)
    {
        string[] names = options.Level == 0 ? s_required : s_standard;
        int last = Array.LastIndexOf(names, "dce");
        for (int i = 0; i < names.Length; i++)
        {
            PassRow row = Get(names[i]);
            if (options.Conservative.Count == 0)
            {
                yield return row;
                continue;
            }
            if (i == last)
            {
                foreach ((string name, ConservativeLowering what) in s_conservative)
                    yield return Get(name) with { RunFunction = (function, context) => options.GivesUp(function, what) && Get(name).RunFunction!(function, context) };
            }
            // A function that wants few passes has those of -O0 only.
            yield return row.RunFunction is { } run && Array.IndexOf(s_required, row.Name) < 0
                ? row with { RunFunction = (function, context) => !options.GivesUp(function, ConservativeLowering.FewPasses) && run(function, context) }
                : row;
        }
    }
}
