// What loading needs beside the object.
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Loading;

public sealed record LoadOptions
{
    /// <summary>The object's name, for diagnostics.</summary>
    public string Subject { get; init; } = "object";

    public ExecutionEnvironment Environment { get; init; } = new();

    /// <summary>Opens the types of the kernel that programs are loaded for; asked only when a program needs them.</summary>
    public Func<BtfReader?> KernelTypes { get; init; } = KernelInformation.RunningKernelTypes;

    /// <summary>Values of the kernel's configuration (<c>CONFIG_HZ</c> to <c>1000</c>); null reads the running kernel's.</summary>
    public IReadOnlyDictionary<string, string>? KernelConfiguration { get; init; }

    /// <summary>The version that <c>LINUX_KERNEL_VERSION</c> says: major, minor and patch in the bytes of one number.</summary>
    public uint KernelVersion { get; init; } = KernelInformation.RunningVersion;

    /// <summary>Maps to use instead of making them, by name: pinned ones, or those of an object loaded before.</summary>
    public IReadOnlyDictionary<string, IMap> ExistingMaps { get; init; } = new Dictionary<string, IMap>();

    /// <summary>
    /// The only function of an object whose code is all in .text is a program without a type, called as <c>u64 prog(void *mem, u64 len)</c>;
    /// without this it is refused for want of a type.
    /// </summary>
    public bool TakesUntypedPrograms { get; init; }

    /// <summary>Program types of the host, asked before the kernel's by section name.</summary>
    public IReadOnlyList<Ebpf.Abi.HostProgramType> HostTypes { get; init; } = [];

    /// <summary>BPF_F_* flags added to every program.</summary>
    public uint ProgramFlags { get; init; }

    /// <summary>The type of programs whose section says none; null refuses them.</summary>
    public Ebpf.Abi.ProgramType? OtherwiseType { get; init; }

    /// <summary>
    /// Maps of types without an implementation here, and maps whose size user space must still set, become descriptions (<see cref="DescribedMap"/>): programs that use them can be
    /// verified, not run.
    /// </summary>
    public bool DescribeUnimplementedMaps { get; init; }
}
