// The CPUs that programs see. Per-CPU maps have one value for each; a thread that runs a program is "on" one of them.
namespace Ebpfcc.Runtime.Execution;

public static class GuestCpu
{
    /// <summary>Number of possible CPUs: the machine's processors.</summary>
    public static int Count { get; } = Math.Max(1, System.Environment.ProcessorCount);

    /// <summary>The CPU of the current thread's run.</summary>
    public static int Current => GuestContext.CurrentOrNull?.Cpu ?? 0;
}
