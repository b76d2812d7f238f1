// A program type that a host defines for itself, as data: the sections that select it, the context its programs get with the
// rules of each field, what they may return, and which helpers they may call. The verifier reads it as it reads the rows of the
// kernel's program types.
namespace Ebpfcc.Ebpf.Abi;

/// <summary>
/// A program type of a host's own.
/// </summary>
/// <param name="Name">Its name, and the ELF section that selects it: <c>SEC("NAME")</c> or <c>SEC("NAME/anything")</c>.</param>
/// <param name="Context">
/// The structure behind R1. Packet pointers are best declared with 8 bytes; with 4 bytes they are rewritten as in the kernel's own
/// contexts.
/// </param>
public sealed record HostProgramType(string Name, ContextLayout Context)
{
    /// <summary>What programs may return, compared as 32-bit signed numbers; null allows everything.</summary>
    public ReturnRange? Returns { get; init; }

    /// <summary>
    /// Numbers of the kernel's helpers that programs may call; null allows what XDP programs may call and does not look at their
    /// context, and tail calls. Helpers that the host adds are allowed in any case.
    /// </summary>
    public IReadOnlySet<int>? Helpers { get; init; }

    /// <summary>Programs may write the packet that their context points at.</summary>
    public bool MayWritePacket { get; init; }

    public bool Allows(HelperRow helper)
    {
        if (Helpers is not null)
            return Helpers.Contains(helper.Id);
        const int TailCall = 12;
        return helper.Id == TailCall
            || helper.Programs.Contains(ProgramType.Xdp) && !Array.Exists(helper.Arguments, argument => argument.Kind() == HelperArgument.Context);
    }

    public bool Matches(ReadOnlySpan<char> section)
    {
        if (section.StartsWith("?"))
            section = section[1..];
        return section.StartsWith(Name) && (section.Length == Name.Length || section[Name.Length] == '/');
    }
}
