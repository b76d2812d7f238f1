// How a hash table lies in memory, for code generators that write its lookup themselves: the same search as HashMap.Find, without a
// lock, ended by the complement of the bucket's number and begun again at another one's, or where an entry of the stripe was replaced meanwhile.
namespace Ebpfcc.Runtime.Maps;

/// <summary>
/// The table's places. Hash of a key: over its 8-byte words state = rotate((state ^ word) * <see cref="Multiplier"/>), the last word (or
/// the rest, zero-extended) without the rotation; then the upper half xor the lower.
/// </summary>
public sealed record HashTableLayout
{
    public const ulong Multiplier = 0x9E3779B97F4A7C15;
    public const int Rotation = 29;

    /// <summary>Counters lie a cache line apart.</summary>
    public const int VersionShift = 6;

    /// <summary>Offsets in an element: index of the next (or the end mark), hash, use mark, key.</summary>
    public const int NextOffset = 0, HashOffset = 4, UseOffset = 12, KeyOffset = 16;

    /// <summary>32-bit element indices, or end marks.</summary>
    public required nint Buckets { get; init; }

    public required uint BucketMask { get; init; }

    /// <summary>32-bit replacement counters, one per stripe of hashes: the counter of a hash lies at (hash &amp; StripeMask) &lt;&lt; <see cref="VersionShift"/>.</summary>
    public required nint Versions { get; init; }

    public required uint StripeMask { get; init; }

    public required nint Elements { get; init; }

    public required int ElementSize { get; init; }

    public required int ValueOffset { get; init; }

    public required int KeySize { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>A lookup writes 1 to the use mark.</summary>
    public required bool MarksUse { get; init; }
}
