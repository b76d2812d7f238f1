// Linux's extensions of classic BPF: absolute loads at SKF_AD_OFF and beyond give facts about the packet instead of its bytes
// (Documentation/networking/filter.rst, linux/filter.h). A row says how an eBPF program gets the same: from a field of its
// context, from a helper of the UAPI, or, where eBPF programs cannot get it in Linux, from a helper of this runtime alone.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Ebpf.Classic;

/// <param name="Number">SKF_AD_*: the distance from <see cref="ClassicExtensions.Base"/>.</param>
/// <param name="Name">As linux/filter.h has it, behind SKF_AD_.</param>
/// <param name="Word">As libpcap writes it in brackets.</param>
/// <param name="OtherWord">As the kernel's bpf_asm writes it.</param>
/// <param name="Field">The field of struct __sk_buff that holds it, or null.</param>
/// <param name="IsNetworkOrder">The field is a 16-bit number in network order.</param>
/// <param name="Helper">The helper that returns it; 0 for fields.</param>
/// <param name="TakesRegisters">The helper's arguments are the context, A and X.</param>
public sealed record ClassicExtension(
    int Number, string Name, string Word, string OtherWord, string? Field = null, bool IsNetworkOrder = false, int Helper = 0, bool TakesRegisters = false)
{
    public uint Offset => unchecked((uint)(ClassicExtensions.Base + Number));

    /// <summary>Registers it uses besides what every load does. A filter on a packet without a device ends with A.</summary>
    public ClassicRegisters Reads => TakesRegisters || Name == "ALU_XOR_X" ? ClassicRegisters.A | ClassicRegisters.X : Name == "IFINDEX" ? ClassicRegisters.A : ClassicRegisters.None;

    /// <summary>Only this runtime has the helper: Linux uses functions that eBPF programs may not call.</summary>
    public bool IsInternal => Helper >= ClassicExtensions.FirstInternalHelper;
}

public static class ClassicExtensions
{
    /// <summary>SKF_AD_OFF.</summary>
    public const int Base = -0x1000;

    public const int FirstInternalHelper = 1001;

    private const int PrandomU32 = 7, SmpProcessorId = 8;

    private static readonly ClassicExtension[] s_rows =
    [
        new(0, "PROTOCOL", "proto", "proto", "protocol", IsNetworkOrder: true),
        new(4, "PKTTYPE", "type", "type", "pkt_type"),
        new(8, "IFINDEX", "ifidx", "ifidx", "ifindex"),
        new(12, "NLATTR", "nla", "nla", Helper: 1001, TakesRegisters: true),
        new(16, "NLATTR_NEST", "nlan", "nlan", Helper: 1002, TakesRegisters: true),
        new(20, "MARK", "mark", "mark", "mark"),
        new(24, "QUEUE", "queue", "queue", "queue_mapping"),
        new(28, "HATYPE", "hatype", "hatype", Helper: 1003),
        new(32, "RXHASH", "rxhash", "rxhash", "hash"),
        new(36, "CPU", "cpu", "cpu", Helper: SmpProcessorId),
        new(40, "ALU_XOR_X", "xor_x", "xor_x"),
        new(44, "VLAN_TAG", "vlan_tci", "vlan_tci", "vlan_tci"),
        new(48, "VLAN_TAG_PRESENT", "vlanp", "vlan_avail", "vlan_present"),
        new(52, "PAY_OFFSET", "poff", "poff", Helper: 1004),
        new(56, "RANDOM", "random", "rand", Helper: PrandomU32),
        new(60, "VLAN_TPID", "vlan_tpid", "vlan_tpid", "vlan_proto", IsNetworkOrder: true),
    ];

    /// <summary>The helpers that only this runtime has, as the verifier needs to know them.</summary>
    public static IReadOnlyDictionary<int, HelperRow> InternalHelpers { get; } = new Dictionary<int, HelperRow>
    {
        [1001] = Internal(1001, "skb_get_nlattr", "struct __sk_buff *skb, __u32 a, __u32 x", HelperArgument.Context, HelperArgument.Scalar, HelperArgument.Scalar),
        [1002] = Internal(1002, "skb_get_nlattr_nest", "struct __sk_buff *skb, __u32 a, __u32 x", HelperArgument.Context, HelperArgument.Scalar, HelperArgument.Scalar),
        [1003] = Internal(1003, "skb_get_hatype", "struct __sk_buff *skb", HelperArgument.Context),
        [1004] = Internal(1004, "skb_get_pay_offset", "struct __sk_buff *skb", HelperArgument.Context),
    };

    public static IReadOnlyList<ClassicExtension> Rows => s_rows;

    /// <summary>The extension that an absolute load at <paramref name="k"/> means; null for bytes of the packet.</summary>
    public static ClassicExtension? Find(uint k)
    {
        int number = unchecked((int)k - Base);
        return number is >= 0 and < 64 && number % 4 == 0 ? s_rows[number / 4] : null;
    }

    public static ClassicExtension? Find(ReadOnlySpan<char> word)
    {
        foreach (ClassicExtension row in s_rows)
        {
            if (word.SequenceEqual(row.Word) || word.SequenceEqual(row.OtherWord))
                return row;
        }
        return null;
    }

    private static HelperRow Internal(int id, string name, string parameters, params HelperArgument[] arguments)
        => new(id, name, "__u32", parameters, HelperReturn.Integer, HelperFlags.None, ProgramTypes.None, arguments);
}
