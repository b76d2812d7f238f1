// What helpers see of the world while a program runs: everything a run would otherwise take from the machine (clock, random
// numbers, the current task) comes from here, so that runs can be repeated exactly.
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Execution;

/// <summary>The task that helpers such as <c>bpf_get_current_pid_tgid</c> report.</summary>
/// <param name="Pid">Thread id, the kernel's pid.</param>
/// <param name="Tgid">Process id.</param>
/// <param name="Comm">At most 15 bytes are visible.</param>
public sealed record GuestTask(uint Pid, uint Tgid, uint Uid, uint Gid, string Comm)
{
    /// <summary>The process that runs us.</summary>
    public static GuestTask Self { get; } = new((uint)System.Environment.ProcessId, (uint)System.Environment.ProcessId, 0, 0, "ebpfcc");
}

/// <summary>The surroundings of a program: shared by all its runs; per-run state is in <see cref="GuestContext"/>.</summary>
public sealed class ExecutionEnvironment
{
    /// <summary>Where memory that programs see comes from.</summary>
    public IGuestAllocator Allocator { get; init; } = GuestHeap.Shared;

    /// <summary>The implementations of helper functions.</summary>
    public HelperRegistry Helpers { get; init; } = HelperRegistry.Default;

    /// <summary>Receives each complete text of <c>bpf_trace_printk</c>; null discards it.</summary>
    public Action<string>? TraceSink { get; init; }

    /// <summary>Nanoseconds since boot (CLOCK_MONOTONIC); null reads the machine's clock.</summary>
    public Func<ulong>? Clock { get; init; }

    /// <summary>Start of the random sequence of <c>bpf_get_prandom_u32</c>; null takes an unpredictable one.</summary>
    public ulong? RandomSeed { get; init; }

    public GuestTask Task { get; init; } = GuestTask.Self;

    private TaskObject? _taskObject;

    /// <summary>The object that stands for the current task where programs take pointers to it.</summary>
    internal Maps.GuestObject TaskObject => LazyInitializer.EnsureInitialized(ref _taskObject, () => new TaskObject(Allocator));

    /// <summary>CPUs that per-CPU maps and perf buffers have places for.</summary>
    public int CpuCount { get; init; } = GuestCpu.Count;

    /// <summary>
    /// Counts executed instructions in <see cref="GuestContext.ExecutedInstructions"/>; costs a little at every taken jump. Sandboxed programs always count.
    /// </summary>
    public bool CountsInstructions { get; init; }
}

/// <summary>A task's memory: larger than any kernel's structure, all zeros.</summary>
internal sealed class TaskObject(IGuestAllocator allocator) : Maps.GuestObject(16384, allocator);
