// Why programs are rejected, one row per family: what recognises it (the kernel's message, what the registers held, how they came to
// it), which notes explain it, and which repairs are worth trying. The first row that applies explains a rejection; the rows'
// functions are in files by topic.
using Ebpfcc.Core.Diagnostics;
using static Ebpfcc.Runtime.Verification.VerifierDiagnostics;

namespace Ebpfcc.Cli.Explaining;

/// <param name="Family">The diagnostic that is reported, with its text for --explain.</param>
/// <param name="Applies">Recognises the family.</param>
/// <param name="Explain">Adds the notes.</param>
/// <param name="Repair">Candidates, the best first; null when the source cannot be repaired by a small edit.</param>
internal sealed record ExplanationRow(DiagnosticDescriptor Family, Func<Finding, bool> Applies, Action<Finding> Explain, Func<Finding, FixSite, IEnumerable<FixCandidate>>? Repair = null);

internal static class ExplanationTable
{
    public static IReadOnlyList<ExplanationRow> Rows { get; } =
    [
        new(DanglingPacket, PacketExplanations.IsDangling, PacketExplanations.ExplainDangling, PacketExplanations.RepairDangling),
        new(Reference, ReferenceExplanations.IsUseAfterRelease, ReferenceExplanations.ExplainUseAfterRelease, ReferenceExplanations.RepairUseAfterRelease),
        new(LostPointer, PointerExplanations.IsLost, PointerExplanations.ExplainLost, PointerExplanations.RepairLost),
        new(PacketBounds, InFamily(PacketBounds), PacketExplanations.ExplainBounds, PacketExplanations.RepairBounds),
        new(PacketBounds, PacketExplanations.IsNegativeOffset, PacketExplanations.ExplainBounds, PacketExplanations.RepairBounds),
        new(MaybeNull, InFamily(MaybeNull), PointerExplanations.ExplainNull, PointerExplanations.RepairNull),
        new(HelperSize, MemoryExplanations.IsHelperSize, MemoryExplanations.ExplainHelperSize, MemoryExplanations.RepairHelperSize),
        new(Uninitialized, InFamily(Uninitialized), MemoryExplanations.ExplainUninitialized, MemoryExplanations.RepairUninitialized),
        new(MemoryBounds, MemoryExplanations.IsIndexArithmetic, MemoryExplanations.ExplainIndexArithmetic, MemoryExplanations.RepairBounds),
        new(MemoryBounds, InFamily(MemoryBounds), MemoryExplanations.ExplainBounds, MemoryExplanations.RepairBounds),
        new(ModifiedContext, PointerExplanations.IsModifiedContext, PointerExplanations.ExplainModifiedContext, PointerExplanations.RepairModifiedContext),
        new(ScalarDereferenced, InFamily(ScalarDereferenced), PointerExplanations.ExplainScalar, PointerExplanations.RepairScalar),
        new(WrongHelper, InFamily(WrongHelper), ProgramTypeExplanations.ExplainHelper, ProgramTypeExplanations.RepairHelper),
        new(ContextField, InFamily(ContextField), ProgramTypeExplanations.ExplainField, ProgramTypeExplanations.RepairField),
        new(ReturnValue, InFamily(ReturnValue), ProgramTypeExplanations.ExplainReturn, ProgramTypeExplanations.RepairReturn),
        new(License, InFamily(License), ProgramTypeExplanations.ExplainLicense, ProgramTypeExplanations.RepairLicense),
        new(Alignment, InFamily(Alignment), MemoryExplanations.ExplainAlignment, MemoryExplanations.RepairAlignment),
        new(Reference, InFamily(Reference), ReferenceExplanations.ExplainLeak, ReferenceExplanations.RepairLeak),
        new(Runtime.Verification.VerifierDiagnostics.Lock, InFamily(Runtime.Verification.VerifierDiagnostics.Lock), ReferenceExplanations.ExplainLock, ReferenceExplanations.RepairLock),
        new(Loop, InFamily(Loop), CostExplanations.ExplainLoop, CostExplanations.RepairLoop),
        new(TooComplex, InFamily(TooComplex), CostExplanations.ExplainComplexity, CostExplanations.RepairComplexity),
        new(StackSize, InFamily(StackSize), CostExplanations.ExplainStack, CostExplanations.RepairStack),
        new(PointerArithmetic, InFamily(PointerArithmetic), PointerExplanations.ExplainArithmetic, PointerExplanations.RepairArithmetic),
        new(ArgumentType, InFamily(ArgumentType), PointerExplanations.ExplainArgument, PointerExplanations.RepairArgument),
    ];

    /// <summary>The row that explains a rejection; null when its message alone has to do.</summary>
    public static ExplanationRow? Find(Finding finding)
    {
        foreach (ExplanationRow row in Rows)
        {
            if (row.Applies(finding))
                return row;
        }
        return null;
    }

    /// <summary>The messages that belong to a family.</summary>
    private static Func<Finding, bool> InFamily(DiagnosticDescriptor family) => finding => finding.Rejection.Code == family.Id;
}

/// <summary>The families that have explanations of their own; for tests.</summary>
public static class ExplanationFamilies
{
    public static IReadOnlyList<string> Codes { get; } = [.. ExplanationTable.Rows.Select(static row => row.Family.Id).Distinct()];
}
