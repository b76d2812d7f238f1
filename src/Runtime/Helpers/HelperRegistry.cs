// The implementations of helper functions by number. An implementation is one function of five 64-bit arguments, in two
// forms: managed, for the interpreter, and callable from native code, for JITs.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Runtime.Helpers;

/// <summary>One implemented helper.</summary>
public sealed unsafe class HelperImplementation
{
    public required int Id { get; init; }

    /// <summary>Its row; null for helpers of an embedder.</summary>
    public HelperRow? Row { get; init; }

    public required delegate*<ulong, ulong, ulong, ulong, ulong, ulong> Managed { get; init; }

    /// <summary>The same function in the platform's C calling convention; never throws.</summary>
    public delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong> Native { get; init; }

    /// <summary>Keeps alive what <see cref="Native"/> points at.</summary>
    internal object? Owner { get; init; }

    /// <summary>A result of zero ends the program (the unwind function of user-space runtimes).</summary>
    public bool UnwindsOnZero { get; init; }
}

/// <summary>An immutable table of helper implementations.</summary>
public sealed partial class HelperRegistry
{
    public const int TailCallId = 12;

    private readonly HelperImplementation?[] _byId;

    private HelperRegistry(HelperImplementation?[] byId) => _byId = byId;

    /// <summary>The helper with this number, or null when it is not implemented.</summary>
    public HelperImplementation? Find(int id) => (uint)id < (uint)_byId.Length ? _byId[id] : null;

    /// <summary>A registry with more helpers, which replace those of the same number.</summary>
    public HelperRegistry With(params ReadOnlySpan<HelperImplementation> more)
    {
        int length = _byId.Length;
        foreach (HelperImplementation helper in more)
            length = Math.Max(length, helper.Id + 1);
        var byId = new HelperImplementation?[length];
        _byId.CopyTo(byId, 0);
        foreach (HelperImplementation helper in more)
            byId[helper.Id] = helper;
        return new HelperRegistry(byId);
    }

    /// <summary>A registry with helpers of the host.</summary>
    public HelperRegistry With(IEnumerable<HostHelper> more) => With([.. more.Select(helper => helper.Implementation)]);

    /// <summary>Why a program that calls this helper is refused.</summary>
    public static string WhyMissing(int id) => HelperTable.Find(id) is { } row
        ? $"the helper {row.FullName} (number {id}) is not implemented in this runtime"
        : $"there is no helper with the number {id}";
}
