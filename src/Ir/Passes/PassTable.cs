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

    /// <summary>The passes of a level in the order they run.</summary>
    public static IEnumerable<PassRow> Pipeline(OptimizationOptions options)
    {
        yield return Get("mem2reg");
    }
}
