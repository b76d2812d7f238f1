// What a program finds behind its context pointer and how it may touch it: for every program type the fields of its UAPI
// structure (linux/bpf.h) with the rules of the kernel's is_valid_access functions (net/core/filter.c, kernel/bpf/cgroup.c,
// kernel/trace/bpf_trace.c of Linux 6.12).
namespace Ebpfcc.Ebpf.Abi;

/// <summary>What a loaded context field is, when it is not a number.</summary>
public enum ContextPointer : byte
{
    None,
    Packet, PacketEnd, PacketMeta,
    Socket, SocketOrNull, SockCommonOrNull,
    FlowKeys,

    /// <summary>A kernel structure by BTF (<see cref="ContextField.BtfType"/>).</summary>
    BtfPointer,
}

/// <summary>How a context field may be accessed. Without further flags: with exactly its size, at its offset.</summary>
[Flags]
public enum ContextAccess : byte
{
    None = 0,
    Read = 1,
    Write = 2,

    /// <summary>Reads may be narrower than the field (a power of two, aligned), anywhere in it.</summary>
    Narrow = 4,

    /// <summary>Reads may be narrower, but only of the field's first bytes.</summary>
    NarrowAtStart = 8,

    /// <summary>Any aligned size, reading and writing.</summary>
    AnySize = 16,

    /// <summary>Pairs of elements may be accessed with 8 bytes where the offset is a multiple of 8.</summary>
    Pairs = 32,

    /// <summary>A 2-byte field that may also be read with 4 bytes.</summary>
    FourBytesToo = 64,
}

/// <summary>
/// One field, or one array of fields.
/// </summary>
/// <param name="Name">Its C name.</param>
/// <param name="Offset">Bytes from the context pointer.</param>
/// <param name="Size">Bytes of one element.</param>
/// <param name="Access">What is allowed.</param>
/// <param name="Pointer">What a read gives.</param>
public sealed record ContextField(string Name, int Offset, int Size, ContextAccess Access, ContextPointer Pointer = ContextPointer.None)
{
    /// <summary>Elements of an array; 1 for others.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Bytes that the smallest read must have.</summary>
    public int MinimumSize { get; init; } = 1;

    /// <summary>The attach types (a bit each) for which it may be read; all by default.</summary>
    public ulong ReadFor { get; init; } = ulong.MaxValue;

    /// <summary>The attach types (a bit each) for which it may be written, when <see cref="Access"/> allows writing at all.</summary>
    public ulong WriteFor { get; init; } = ulong.MaxValue;

    public string? BtfType { get; init; }

    public int End => Offset + Size * Count;

    /// <summary>True when an access of this size at this offset from the context is allowed.</summary>
    /// <param name="signExtends">A sign-extending load, which pointers do not allow.</param>
    public bool Allows(int offset, int size, bool isWrite, bool signExtends, AttachType? attach)
    {
        if ((Access & (isWrite ? ContextAccess.Write : ContextAccess.Read)) == 0 || (((isWrite ? WriteFor : ReadFor) >> (int)(attach ?? 0) & 1) == 0))
            return false;
        if (size <= 0 || offset < Offset || offset + size > End || offset % size != 0)
            return (Access & ContextAccess.FourBytesToo) != 0 && !isWrite && size == 4 && offset == Offset;
        if (Pointer != ContextPointer.None && signExtends)
            return false;
        if ((Access & ContextAccess.AnySize) != 0)
            return true;
        int inside = (offset - Offset) % Size;
        if (size == Size)
            return inside == 0;
        if (size == 8 && (Access & ContextAccess.Pairs) != 0)
            return true;
        if (isWrite || size > Size || size < MinimumSize)
            return false;
        return (Access & ContextAccess.Narrow) != 0 || ((Access & ContextAccess.NarrowAtStart) != 0 && inside == 0);
    }
}

/// <summary>The context of one program type.</summary>
public sealed class ContextLayout
{
    private static readonly ContextLayout?[] s_cache = new ContextLayout?[64];

    /// <param name="structName">The C structure.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="fields">In order of their offsets.</param>
    public ContextLayout(string? structName, int size, params ContextField[] fields)
    {
        StructName = structName;
        Size = size;
        Fields = fields;
    }

    /// <summary>The C structure; null when the context is an array of arguments.</summary>
    public string? StructName { get; }

    /// <summary>Bytes; accesses must end within them.</summary>
    public int Size { get; }

    /// <summary>In order of their offsets.</summary>
    public IReadOnlyList<ContextField> Fields { get; }

    /// <summary>The layout for a program type.</summary>
    public static ContextLayout For(ProgramType type) => s_cache[(int)type] ??= ContextLayouts.Make(type);

    /// <summary>The field that holds the byte at an offset; null for padding and beyond the end.</summary>
    public ContextField? FieldAt(int offset)
    {
        foreach (ContextField field in Fields)
        {
            if (offset >= field.Offset && offset < field.End)
                return field;
        }
        return null;
    }

    public ContextField? Find(string name)
    {
        foreach (ContextField field in Fields)
        {
            if (field.Name == name)
                return field;
        }
        return null;
    }

    /// <summary>
    /// The field that an access is allowed to touch; null when the access is not allowed ("invalid bpf_context access").
    /// </summary>
    public ContextField? Access(int offset, int size, bool isWrite, AttachType? attach = null, bool signExtends = false)
        => FieldAt(offset) is { } field && field.Allows(offset, size, isWrite, signExtends, attach) ? field : null;
}
