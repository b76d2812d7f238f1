// What a register can hold. The low byte says what kind of thing; the flags above qualify it. Kinds, flags and their names in
// messages follow the kernel's register types, because users and tools know those words.
using System.Text;

namespace Ebpfcc.Runtime.Verification;

/// <summary>Kind of a register's content with its qualifying flags.</summary>
[Flags]
internal enum RegisterKind : uint
{
    /// <summary>Nothing was written yet, or a call destroyed it.</summary>
    Uninitialized,

    /// <summary>A number.</summary>
    Scalar,

    /// <summary>The program's context.</summary>
    Context,

    /// <summary>A map itself.</summary>
    Map,
    MapValue,
    MapKey,

    /// <summary>Into the stack of <see cref="RegisterState.Frame"/>.</summary>
    Stack,
    PacketMeta,
    Packet,
    PacketEnd,
    FlowKeys,
    Socket,
    SocketCommon,
    TcpSocket,
    TracepointBuffer,
    XdpSocket,

    /// <summary>A kernel (or allocated) object described by BTF.</summary>
    Object,

    /// <summary>Memory of a known size.</summary>
    Memory,
    Arena,

    /// <summary>A buffer whose size the loader of the program checks.</summary>
    Buffer,

    /// <summary>A function of the program.</summary>
    Function,

    /// <summary>A dynamic pointer handed to a callback or function, immutable.</summary>
    Dynptr,

    KindMask = 0xff,

    MaybeNull = 0x100,
    ReadOnly = 0x200,
    Ringbuf = 0x400,
    User = 0x800,
    Percpu = 0x1000,
    Rcu = 0x2000,
    Untrusted = 0x4000,
    Trusted = 0x8000,

    /// <summary>Allocated by the program (bpf_obj_new).</summary>
    Allocated = 0x10000,

    /// <summary>Owned by a collection, valid while its lock is held.</summary>
    NonOwning = 0x20000,

    /// <summary>A slice of packet data behind a dynptr.</summary>
    SkbSlice = 0x40000,
    XdpSlice = 0x80000,
    FlagMask = 0xffffff00,
}

internal static class RegisterKindExtensions
{
    private static readonly string[] s_names =
    [
        "?", "scalar", "ctx", "map_ptr", "map_value", "map_key", "fp", "pkt_meta", "pkt", "pkt_end", "flow_keys", "sock", "sock_common", "tcp_sock",
        "tp_buffer", "xdp_sock", "ptr_", "mem", "arena", "buf", "func", "dynptr_ptr",
    ];

    public static RegisterKind Base(this RegisterKind kind) => kind & RegisterKind.KindMask;

    public static bool Has(this RegisterKind kind, RegisterKind flag) => (kind & flag) != 0;

    public static bool MayBeNull(this RegisterKind kind) => (kind & RegisterKind.MaybeNull) != 0;

    public static bool IsPacketData(this RegisterKind kind) => kind.Base() is RegisterKind.Packet or RegisterKind.PacketMeta;

    public static bool IsAnyPacket(this RegisterKind kind) => kind is RegisterKind.Packet or RegisterKind.PacketMeta or RegisterKind.PacketEnd;

    public static bool IsSocket(this RegisterKind kind)
        => kind is RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket;

    /// <summary>An object that the program allocated itself, not one of per-CPU memory.</summary>
    public static bool IsOwnObject(this RegisterKind kind)
        => kind.Base() == RegisterKind.Object && kind.Has(RegisterKind.Allocated) && !kind.Has(RegisterKind.Percpu);

    /// <summary>A pointer (or null) into memory that the process which runs the program gave it; not into objects of a kernel.</summary>
    public static bool IsOwnMemory(this RegisterKind kind)
        => kind.Base() is RegisterKind.Context or RegisterKind.Map or RegisterKind.MapValue or RegisterKind.MapKey or RegisterKind.Stack or RegisterKind.PacketMeta
            or RegisterKind.Packet or RegisterKind.PacketEnd or RegisterKind.Memory && (kind & (RegisterKind.User | RegisterKind.Percpu | RegisterKind.Untrusted)) == 0;

    /// <summary>Pointers may be saved to the stack and loaded again whole.</summary>
    public static bool IsSpillable(this RegisterKind kind)
        => kind.Base() is not (RegisterKind.Uninitialized or RegisterKind.Scalar or RegisterKind.TracepointBuffer or RegisterKind.Dynptr);

    /// <summary>The kernel's name: <c>map_value_or_null</c>, <c>rdonly_mem</c>, <c>trusted_ptr_or_null_</c>.</summary>
    public static string Name(this RegisterKind kind)
    {
        RegisterKind flags = kind & RegisterKind.FlagMask;
        if (flags == 0)
            return s_names[(int)kind.Base()];
        var text = new StringBuilder();
        void Prefix(RegisterKind flag, string word)
        {
            if (kind.Has(flag))
                text.Append(word);
        }
        Prefix(RegisterKind.ReadOnly, "rdonly_");
        Prefix(RegisterKind.Ringbuf, "ringbuf_");
        Prefix(RegisterKind.User, "user_");
        Prefix(RegisterKind.Percpu, "percpu_");
        Prefix(RegisterKind.Rcu, "rcu_");
        Prefix(RegisterKind.Untrusted, "untrusted_");
        Prefix(RegisterKind.Trusted, "trusted_");
        text.Append(s_names[(int)kind.Base()]);
        if (kind.MayBeNull())
            text.Append(kind.Base() == RegisterKind.Object ? "or_null_" : "_or_null");
        return text.ToString();
    }
}
