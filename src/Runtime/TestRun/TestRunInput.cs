// What a test run takes and gives, with the words of BPF_PROG_TEST_RUN.
using Ebpfcc.Runtime.Execution;

namespace Ebpfcc.Runtime.TestRun;

/// <summary>One test run.</summary>
public sealed record TestRunInput
{
    /// <summary>The packet, from its Ethernet header, or the memory of a raw program.</summary>
    public byte[] Data { get; init; } = [];

    /// <summary>The UAPI context to start from (fields that the kernel accepts), or null for its defaults.</summary>
    public byte[]? Context { get; init; }

    /// <summary>Runs on the same buffer, one after the other.</summary>
    public int Repeat { get; init; } = 1;

    public int Cpu { get; init; }

    /// <summary>
    /// Socket filters see the packet from its link-layer header on, as they do on packet sockets (those of tcpdump); in the kernel's test
    /// runs they see it from its network header on.
    /// </summary>
    public bool IsFromPacketSocket { get; init; }
}

/// <summary>What came out.</summary>
/// <param name="Errno">0, or the positive error with which the kernel would refuse the run; nothing ran then.</param>
/// <param name="ReturnValue">R0 of the last run; the kernel reports its low 32 bits.</param>
/// <param name="Data">The packet afterwards (flow dissectors: their keys).</param>
/// <param name="Context">The context afterwards; empty when the program type has none.</param>
/// <param name="DurationNs">Average over the repeats.</param>
/// <param name="ExecutedInstructions">Of the last run; 0 where the engine does not count.</param>
public sealed record TestRunResult(int Errno, ulong ReturnValue, byte[] Data, byte[] Context, long DurationNs, long ExecutedInstructions)
{
    /// <summary>Where the last run redirected the packet to.</summary>
    public RedirectTarget Redirect { get; init; }

    /// <summary>Clones that the last run sent.</summary>
    public IReadOnlyList<RedirectTarget> Clones { get; init; } = [];

    internal static TestRunResult Refused(int errno) => new(errno, 0, [], [], 0, 0);
}
