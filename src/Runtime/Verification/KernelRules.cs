// What changed between the kernels whose verifiers are modelled, as data: a row a rule, with the first of the modelled versions that
// has it and where it comes from. Everything without a row is the same in all of them.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

/// <summary>A rule or feature that not every modelled kernel has.</summary>
internal enum KernelRule
{
    /// <summary>Helpers that only read stack memory leave what is known of it.</summary>
    HelperReadsKeepStack,

    /// <summary>may_goto to the next instruction is allowed.</summary>
    MayGotoNowhere,

    /// <summary>Privileged programs may read stack that nobody wrote.</summary>
    UninitializedStackReads,

    /// <summary>A lookup in an array with a constant index inside it is never null.</summary>
    ArrayLookupsNeverFail,

    /// <summary>ldsx, movsx, bswap, signed division, gotol.</summary>
    Version4Instructions,

    /// <summary>may_goto, and casts between address spaces.</summary>
    MayGoto,

    /// <summary>load_acquire and store_release.</summary>
    OrderedAccesses,
}

/// <param name="Rule">The rule.</param>
/// <param name="Since">The first modelled kernel with it.</param>
/// <param name="Source">The release it came with, and what says so.</param>
internal sealed record KernelRuleRow(KernelRule Rule, KernelVersion Since, string Source);

internal static class KernelRules
{
    private static readonly KernelRuleRow[] s_rows =
    [
        new(KernelRule.HelperReadsKeepStack, KernelVersion.V6_18, "6.14: access types of helper arguments; 6.12 clobbers for every helper access (check_stack_range_initialized)"),
        new(KernelRule.MayGotoNowhere, KernelVersion.V6_18, "6.14: may_goto 0; 6.12 rejects offset 0 (do_check)"),
        new(KernelRule.UninitializedStackReads, KernelVersion.V6_6, "6.3: reads of uninitialised stack for privileged programs"),
        new(KernelRule.ArrayLookupsNeverFail, KernelVersion.V6_18, "6.14: null checks of array lookups are elided"),
        new(KernelRule.Version4Instructions, KernelVersion.V6_6, "6.6: instruction set version 4"),
        new(KernelRule.MayGoto, KernelVersion.V6_12, "6.9: cond_break and arenas"),
        new(KernelRule.OrderedAccesses, KernelVersion.V6_18, "6.15: load-acquire and store-release"),
    ];

    /// <summary>Helpers by number: those above a kernel's highest do not exist in it (include/uapi/linux/bpf.h of each release).</summary>
    public static int LastHelper(KernelVersion version) => version switch { KernelVersion.V5_15 => 175, KernelVersion.V6_1 => 209, _ => 211 };

    public static IReadOnlyList<KernelRuleRow> Rows => s_rows;

    private const ProgramTypes All = ProgramTypes.EveryButInfrared;

    /// <summary>Helpers that later kernels let more program types call than their rows say: 6.16 made what only asks about the task a helper of every type.</summary>
    private static readonly (string Helper, ProgramTypes Programs, KernelVersion Since)[] s_wider =
    [
        ("get_current_uid_gid", All, KernelVersion.V6_18), ("get_current_comm", All, KernelVersion.V6_18), ("get_cgroup_classid", All, KernelVersion.V6_18),
        ("perf_event_read", All, KernelVersion.V6_18), ("current_task_under_cgroup", All, KernelVersion.V6_18), ("perf_event_read_value", All, KernelVersion.V6_18),
        ("send_signal", All, KernelVersion.V6_18), ("send_signal_thread", All, KernelVersion.V6_18), ("get_task_stack", All, KernelVersion.V6_18), ("copy_from_user", All, KernelVersion.V6_18),
        ("task_storage_get", All, KernelVersion.V6_18), ("task_storage_delete", All, KernelVersion.V6_18), ("get_branch_snapshot", All, KernelVersion.V6_18), ("find_vma", All, KernelVersion.V6_18),
        ("copy_from_user_task", All, KernelVersion.V6_18),
        ("get_netns_cookie", ProgramTypes.SocketFilter | ProgramTypes.Tc | ProgramTypes.CgroupSkb, KernelVersion.V6_18),
    ];

    /// <summary>May programs of the type call the helper in this kernel, though its row does not say so?</summary>
    public static bool Allows(this KernelVersion version, HelperRow helper, ProgramType type)
    {
        foreach ((string name, ProgramTypes programs, KernelVersion since) in s_wider)
        {
            if (version >= since && name == helper.Name)
                return programs.Contains(type);
        }
        return false;
    }

    /// <summary>Does this kernel have the rule?</summary>
    public static bool Has(this KernelVersion version, KernelRule rule) => version >= s_rows[(int)rule].Since;

    /// <summary>What a kernel that does not know an instruction says about it; null when it knows it.</summary>
    public static string? Unknown(this KernelVersion version, EbpfInstruction instruction, OpcodeRow row)
    {
        // Older kernels see what these are made of: reserved fields of older instructions, or codes that did not exist.
        if (!version.Has(KernelRule.Version4Instructions) && row.Since == CpuVersion.V4 && row.Group != ConformanceGroup.Linux)
        {
            return row.Operation switch
            {
                Operation.MovSx => "BPF_MOV uses reserved fields",
                Operation.SDiv or Operation.SMod => "BPF_ALU uses reserved fields",
                Operation.Bswap or Operation.LoadSx or Operation.Ja => $"unknown opcode {instruction.Code:x2}",
                _ => null,
            };
        }
        if (!version.Has(KernelRule.MayGoto) && row.Operation is Operation.MayGoto)
            return $"unknown opcode {instruction.Code:x2}";
        if (!version.Has(KernelRule.MayGoto) && row.Operation == Operation.AddrSpaceCast)
            return "BPF_MOV uses reserved fields";
        return !version.Has(KernelRule.OrderedAccesses) && row.Operation is Operation.LoadAcquire or Operation.StoreRelease
            ? $"BPF_ATOMIC uses invalid atomic opcode {instruction.Immediate:x2}" : null;
    }
}
