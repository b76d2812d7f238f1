// What a virtual machine is made with.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Helpers;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Embedding;

/// <summary>How programs are executed.</summary>
public enum EngineKind
{
    /// <summary>Native code where this machine and the program allow it, otherwise the interpreter.</summary>
    Auto,

    /// <summary>The interpreter, on any machine.</summary>
    Interpreter,

    /// <summary>x86-64 code; a program that cannot run so is refused.</summary>
    X64,
}

/// <summary>Settings of a <see cref="Vm"/>.</summary>
public sealed record VmOptions
{
    /// <summary>How programs are executed.</summary>
    public EngineKind Engine { get; init; }

    /// <summary>The kernel whose verifier's rules apply.</summary>
    public KernelVersion Kernel { get; init; } = KernelVersion.V6_18;

    /// <summary>
    /// Programs run without the verifier, in a sandbox that checks every access and counts fuel; null (the default) runs verified
    /// programs only.
    /// </summary>
    public SandboxOptions? Sandbox { get; init; }

    /// <summary>Helpers of the host, beside the kernel's. The machine disposes of them.</summary>
    public IReadOnlyList<HostHelper> Helpers { get; init; } = [];

    /// <summary>Program types of the host, beside the kernel's.</summary>
    public IReadOnlyList<HostProgramType> ProgramTypes { get; init; } = [];

    /// <summary>CPUs that programs see: values of per-CPU maps, and the number of programs that run at the same time. 0: the machine's processors.</summary>
    public int CpuCount { get; init; }

    /// <summary>Receives what <c>bpf_printk</c> writes; may be called from several threads.</summary>
    public Action<string>? TraceSink { get; init; }

    /// <summary>Nanoseconds since boot; null reads the machine's clock.</summary>
    public Func<ulong>? Clock { get; init; }

    /// <summary>Makes <c>bpf_get_prandom_u32</c> repeatable.</summary>
    public ulong? RandomSeed { get; init; }

    /// <summary>The task that helpers report.</summary>
    public GuestTask Task { get; init; } = GuestTask.Self;
}

/// <summary>How one object is loaded.</summary>
public sealed record ModuleOptions
{
    /// <summary>Its name in messages.</summary>
    public string Name { get; init; } = "module";

    /// <summary>Maps to use in the place of the object's own, by name: how several modules share maps.</summary>
    public IReadOnlyDictionary<string, Map> Maps { get; init; } = new Dictionary<string, Map>();
}
