// The engines by the names that --engine takes. The kernel is no engine of ours: it loads the object itself.
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;

namespace Ebpfcc.Cli.Running;

internal static class EngineRegistry
{
    public const string Kernel = "kernel", All = "all";

    /// <summary>Names of our engines in the order in which 'all' runs them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. EngineTable.Rows.Select(row => row.Name)];

    public static IExecutionEngine? Create(string name, CommandContext context) => EngineTable.Find(name)?.Create(context);

    /// <summary>Programs of an engine see only memory that it can address.</summary>
    public static ExecutionEnvironment EnvironmentFor(IExecutionEngine engine, Action<string>? trace, bool counts = true) => new()
    {
        Allocator = EngineTable.AllocatorOf(engine),
        TraceSink = trace,
        CountsInstructions = engine is Interpreter && counts,
    };
}
