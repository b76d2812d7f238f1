// The engines by the names that --engine takes. The kernel is no engine of ours: it loads the object itself.
using Ebpfcc.Jit.Arm32;
using Ebpfcc.Jit.X64;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;

namespace Ebpfcc.Cli.Running;

internal static class EngineRegistry
{
    public const string Kernel = "kernel", All = "all";

    /// <summary>Names of our engines in the order in which 'all' runs them.</summary>
    public static IReadOnlyList<string> Names { get; } = ["interp", "x64", "arm32"];

    public static IExecutionEngine? Create(string name) => name switch
    {
        "interp" => new Interpreter(),
        "x64" => new X64Engine(),
        "arm32" => new Arm32Engine(FindProgram("qemu-arm-static", "qemu-arm")),
        _ => null,
    };

    /// <summary>Programs of an engine see only memory that it can address.</summary>
    public static ExecutionEnvironment EnvironmentFor(IExecutionEngine engine, Action<string>? trace) => new()
    {
        Allocator = engine is Arm32Engine { WhyUnavailable: null } arm ? arm.Allocator : Runtime.Memory.GuestHeap.Shared,
        TraceSink = trace,
        CountsInstructions = engine is Interpreter,
    };

    private static string? FindProgram(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            {
                string candidate = Path.Combine(folder, name);
                if (File.Exists(candidate))
                    return candidate;
            }
        }
        return null;
    }
}
