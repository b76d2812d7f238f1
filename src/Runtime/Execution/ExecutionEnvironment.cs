// What helpers see of the world while a program runs.
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Execution;

/// <summary>The surroundings of a program: shared by all its runs; per-run state hangs on the current thread.</summary>
public sealed class ExecutionEnvironment
{
    public required IGuestAllocator Allocator { get; init; }
}
