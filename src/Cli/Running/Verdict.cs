// What return values mean, by program type.
using Ebpfcc.Ebpf.Abi;

namespace Ebpfcc.Cli.Running;

internal static class Verdict
{
    private static readonly string[] s_xdp = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"];
    private static readonly string[] s_tc = ["TC_ACT_OK", "TC_ACT_RECLASSIFY", "TC_ACT_SHOT", "TC_ACT_PIPE", "TC_ACT_STOLEN", "TC_ACT_QUEUED", "TC_ACT_REPEAT", "TC_ACT_REDIRECT", "TC_ACT_TRAP"];

    /// <summary>The name of a return value; the number where it has none.</summary>
    public static string Name(int programType, ulong value) => (ProgramType)programType switch
    {
        ProgramType.Xdp when (uint)value < s_xdp.Length => s_xdp[(uint)value],
        ProgramType.SchedCls or ProgramType.SchedAct when (int)value == -1 => "TC_ACT_UNSPEC",
        ProgramType.SchedCls or ProgramType.SchedAct when (uint)value < s_tc.Length => s_tc[(uint)value],
        ProgramType.SocketFilter => (uint)value == 0 ? "DROP" : "KEEP",
        ProgramType.CgroupSkb => (value & 1) == 0 ? "DENY" : "ALLOW",
        _ => ((uint)value).ToString(),
    };

    /// <summary>Does a verdict answer to what --filter-verdict says: a name, with or without its prefix, or a number?</summary>
    public static bool Matches(string name, ulong value, string wanted)
        => string.Equals(name, wanted, StringComparison.OrdinalIgnoreCase) || name.EndsWith("_" + wanted, StringComparison.OrdinalIgnoreCase) || wanted == ((uint)value).ToString();
}
