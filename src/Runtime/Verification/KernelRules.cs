// What changed between the kernels whose verifiers are modelled, as data: a row a rule, with the first of the modelled versions that
// has it and where it comes from. Everything without a row is the same in all of them.
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
