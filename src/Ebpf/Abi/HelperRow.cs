// The columns of the helper table.
namespace Ebpfcc.Ebpf.Abi;

/// <summary>
/// What a helper demands of an argument: a kind in the low byte, modifiers above. Kinds and modifiers follow the kernel's
/// <c>enum bpf_arg_type</c> and its type flags.
/// </summary>
[Flags]
public enum HelperArgument : uint
{
    /// <summary>Any initialised register.</summary>
    Anything = 1,

    /// <summary>A number; no pointer of any kind.</summary>
    Scalar = 2,

    /// <summary>A map, known when the program is loaded.</summary>
    ConstMap = 3,

    /// <summary>Memory of the map's key size.</summary>
    MapKey = 4,

    /// <summary>Memory of the map's value size.</summary>
    MapValue = 5,

    /// <summary>Memory whose size is the next argument's (or, with <see cref="FixedSize"/>, the row's).</summary>
    Memory = 6,

    /// <summary>The size of the memory before it, in bytes, never zero.</summary>
    Size = 7,

    /// <summary>The size of the memory before it, in bytes, possibly zero.</summary>
    SizeOrZero = 8,

    /// <summary>The program's context, unmodified.</summary>
    Context = 9,

    SpinLock = 10,
    SockCommon = 11,
    Socket = 12,

    /// <summary>A pointer to the kernel structure that <see cref="HelperRow.ArgumentTypes"/> names.</summary>
    BtfPointer = 13,

    /// <summary>Memory that a ring buffer reservation returned.</summary>
    RingbufMemory = 14,

    /// <summary>The constant size of a reservation.</summary>
    AllocationSize = 15,

    /// <summary>A sock_common by BTF or any of the socket pointers.</summary>
    BtfSockCommon = 16,

    PercpuBtfPointer = 17,

    /// <summary>A function of the program, as callback.</summary>
    Function = 18,

    /// <summary>A pointer into the stack.</summary>
    Stack = 19,

    /// <summary>A zero-terminated string in a read-only map value.</summary>
    ConstString = 20,

    Timer = 21,

    /// <summary>The place of a kernel pointer in a map value or allocated object.</summary>
    KptrSlot = 22,

    Dynptr = 23,

    /// <summary>Mask of the kinds above.</summary>
    KindMask = 0xff,

    /// <summary>The pointer may be null.</summary>
    Nullable = 0x100,

    /// <summary>The memory need not be initialised; the helper fills it.</summary>
    Uninit = 0x200,

    /// <summary>The helper only reads the memory.</summary>
    ReadOnly = 0x400,

    /// <summary>The helper writes the memory.</summary>
    Writes = 0x800,

    /// <summary>The size is <see cref="HelperRow.ArgumentSizes"/>, not an argument.</summary>
    FixedSize = 0x1000,

    /// <summary>The memory must be aligned to its size.</summary>
    Aligned = 0x2000,

    /// <summary>The reference the argument holds ends with the call.</summary>
    Release = 0x4000,

    /// <summary>Of a <see cref="Dynptr"/>: one over a ring buffer reservation (with <see cref="Uninit"/>: it becomes one).</summary>
    RingbufDynptr = 0x8000,

    /// <summary>Of a <see cref="Dynptr"/> to be made: over the program's own memory.</summary>
    LocalDynptr = 0x10000,
}

/// <summary>What a helper returns in R0: a kind in the low byte, modifiers above.</summary>
[Flags]
public enum HelperReturn : ushort
{
    Integer = 1,
    Void = 2,
    MapValue = 3,
    Socket = 4,
    TcpSock = 5,
    SockCommon = 6,

    /// <summary>Memory of the size that the <see cref="HelperArgument.AllocationSize"/> argument gives.</summary>
    RingbufMemory = 7,

    DynptrMemory = 8,
    MemoryOrBtfPointer = 9,

    /// <summary>A pointer to the kernel structure that <see cref="HelperRow.ReturnBtfType"/> names.</summary>
    BtfPointer = 10,

    /// <summary>Mask of the kinds above.</summary>
    KindMask = 0xff,

    /// <summary>May be null.</summary>
    OrNull = 0x100,

    /// <summary>The memory may not be written.</summary>
    ReadOnly = 0x200,

    /// <summary>A trusted pointer, to be used without a null check.</summary>
    Trusted = 0x400,
}

[Flags]
public enum HelperFlags : ushort
{
    None = 0,

    /// <summary>Only for programs under a GPL-compatible licence.</summary>
    GplOnly = 1,

    /// <summary>Memory arguments may point into the packet.</summary>
    PacketAccess = 2,

    /// <summary>Only in sleepable programs.</summary>
    MightSleep = 4,

    /// <summary>Clobbers R0 only (JITs that inline it keep R1 to R5).</summary>
    FastCall = 8,

    /// <summary>Invalidates every packet pointer.</summary>
    ChangesPacketData = 16,

    /// <summary>Returns a reference that must be released.</summary>
    Acquire = 32,

    /// <summary>Calls its function argument before it returns.</summary>
    SyncCallback = 64,

    /// <summary>Its function argument is called later.</summary>
    AsyncCallback = 128,

    /// <summary>Outside tracing programs it needs CAP_BPF.</summary>
    CapBpf = 256,

    /// <summary>Outside tracing programs it needs CAP_PERFMON.</summary>
    CapPerfmon = 512,
}

/// <summary>A different prototype of the same helper for some program types.</summary>
public sealed record HelperVariant(ProgramTypes Programs, HelperReturn Return, HelperArgument[] Arguments)
{
    public byte[] ArgumentSizes { get; init; } = [];

    public string[] ArgumentTypes { get; init; } = [];
}

/// <summary>
/// One helper function.
/// </summary>
/// <param name="Id">The immediate of its call.</param>
/// <param name="Name">Its name without <c>bpf_</c>.</param>
/// <param name="ReturnType">Return type in C.</param>
/// <param name="Parameters">Parameter list in C, without parentheses; may end in <c>...</c>.</param>
/// <param name="Return">What R0 holds afterwards.</param>
/// <param name="Flags">Further properties.</param>
/// <param name="Programs">The program types that may call it.</param>
/// <param name="Arguments">R1 upwards; at most five.</param>
public sealed record HelperRow(
    int Id, string Name, string ReturnType, string Parameters, HelperReturn Return, HelperFlags Flags, ProgramTypes Programs, HelperArgument[] Arguments)
{
    /// <summary>Bytes of the fixed-size memory arguments, by argument index; shorter than the arguments or empty when there are none.</summary>
    public byte[] ArgumentSizes { get; init; } = [];

    /// <summary>Kernel structures of the BTF pointer arguments in their order; <c>*</c> when the verifier finds it elsewhere.</summary>
    public string[] ArgumentTypes { get; init; } = [];

    public string? ReturnBtfType { get; init; }

    /// <summary>Other prototypes, for the program types they name.</summary>
    public HelperVariant[] Variants { get; init; } = [];

    /// <summary>The name with its prefix: <c>bpf_map_lookup_elem</c>.</summary>
    public string FullName => "bpf_" + Name;

    /// <summary>The C declaration, without semicolon.</summary>
    public string Signature => $"{ReturnType}{(ReturnType.EndsWith('*') ? "" : " ")}bpf_{Name}({Parameters})";

    public bool Has(HelperFlags flag) => (Flags & flag) != 0;

    /// <summary>The row as a program of this type sees it: itself, or itself with a variant's prototype.</summary>
    public HelperRow For(ProgramType type)
    {
        foreach (HelperVariant variant in Variants)
        {
            if (variant.Programs.Contains(type))
                return this with { Return = variant.Return, Arguments = variant.Arguments, ArgumentSizes = variant.ArgumentSizes, ArgumentTypes = variant.ArgumentTypes };
        }
        return this;
    }
}

public static class HelperColumns
{
    public static HelperArgument Kind(this HelperArgument argument) => argument & HelperArgument.KindMask;

    public static bool Is(this HelperArgument argument, HelperArgument modifier) => (argument & modifier) != 0;

    public static HelperReturn Kind(this HelperReturn kind) => kind & HelperReturn.KindMask;

    public static bool Is(this HelperReturn kind, HelperReturn modifier) => (kind & modifier) != 0;
}
