// What must be given back: references that leak or are used after their release, and spin locks.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Runtime.Explanation;

namespace Ebpfcc.Cli.Explaining;

internal static class ReferenceExplanations
{
    /// <summary>How what a function acquires is given back: a word of its name, and the call with {0} for the pointer.</summary>
    private static readonly (string Word, string Release)[] s_releases =
    [
        ("ringbuf_reserve_dynptr", "bpf_ringbuf_discard_dynptr(&{0}, 0);"),
        ("ringbuf_reserve", "bpf_ringbuf_discard({0}, 0);"),
        ("sk_lookup", "bpf_sk_release({0});"),
        ("skc_lookup", "bpf_sk_release({0});"),
        ("map_lookup_elem", "bpf_sk_release({0});"),
        ("task_from_", "bpf_task_release({0});"),
        ("task_acquire", "bpf_task_release({0});"),
        ("cgroup_from_id", "bpf_cgroup_release({0});"),
        ("cgroup_acquire", "bpf_cgroup_release({0});"),
        ("cpumask_create", "bpf_cpumask_release({0});"),
        ("obj_new", "bpf_obj_drop({0});"),
    ];

    public static void ExplainLeak(Finding finding)
    {
        if (finding.Number("alloc_insn=") is not { } slot || slot < 0 || slot >= finding.Program.Instructions.Length)
        {
            string subject = finding.Subject("the argument");
            finding.NoteOrigin(finding.History, subject);
            if (finding.Helper is { } helper)
                finding.Note($"{helper.FullName} gives back a reference, but {subject} does not hold one here");
            return;
        }
        string name = finding.HelperAt(slot)?.FullName ?? "this call";
        finding.Note(slot, $"{name} acquires the reference here");
        NoteWay(finding, slot);
        finding.Note(Release(finding, slot) is { } release ? $"the program may leave here without giving it back; call '{string.Format(System.Globalization.CultureInfo.InvariantCulture, release, "pointer")}' on this way too" : "the program may leave here without giving it back");
    }

    /// <summary>The last decision on the way to the exit, which is where this way parted from those that release.</summary>
    private static void NoteWay(Finding finding, int acquired)
    {
        for (int i = finding.Trace.End - 1; i >= finding.Trace.First && finding.Trace.SlotAt(i) != acquired; i--)
        {
            if (finding.Trace.EffectAt(i) == Effect.Branch)
            {
                finding.Note(finding.Trace.SlotAt(i), "the way that leaks decides here");
                return;
            }
        }
    }

    private static string? Release(Finding finding, int slot)
    {
        string? name = finding.HelperAt(slot)?.Name ?? (finding.Compiled?.NodeOf(finding.Program, slot) is { } node && Finding.CallAt(node) is { } call && CompiledSource.Core(call.Callee) is BoundFunctionReference { Symbol.Name: var called } ? called : null);
        return name is null ? null : s_releases.FirstOrDefault(row => name.Contains(row.Word, StringComparison.Ordinal)).Release;
    }

    public static IEnumerable<FixCandidate> RepairLeak(Finding finding, FixSite site)
    {
        if (finding.Number("alloc_insn=") is not { } slot || Release(finding, slot) is not { } release || site.Source.NodeOf(finding.Program, slot) is not { } made || FixSite.Of(site.Source, made) is not { } acquired)
            yield break;
        if (Holder(acquired) is not { } holder)
        {
            // Nobody keeps the pointer: give it back at once.
            yield break;
        }
        string call = string.Format(System.Globalization.CultureInfo.InvariantCulture, release, holder.Name);
        foreach (FixCandidate candidate in InFrontOfReturns(acquired, made, [call, $"if ({holder.Name})\n{site.Unit()}{call}"], "give the reference back before leaving"))
            yield return candidate;
    }

    /// <summary>The variable that a call's result goes to.</summary>
    private static VariableSymbol? Holder(FixSite acquired)
    {
        foreach (BoundNode node in acquired.Path.Reverse())
        {
            switch (node)
            {
                case BoundLocalDeclaration declaration: return declaration.Variable;
                case BoundAssignment { Target: BoundVariable variable }: return variable.Symbol;
            }
        }
        return null;
    }

    /// <summary>
    /// A statement in front of one return behind the node, each in turn, then in front of every one that does not have it, and at the
    /// end of the function.
    /// </summary>
    private static IEnumerable<FixCandidate> InFrontOfReturns(FixSite from, BoundNode behind, IReadOnlyList<string> statements, string description)
    {
        var returns = BoundNodes.Descendants(from.Function.Body).OfType<BoundReturn>().Where(each => each.Span.Start.CompareTo(behind.Span.Start) > 0).ToList();
        foreach (string statement in statements)
        {
            foreach (BoundReturn result in returns)
            {
                if (from.InsertBefore(result, statement) is { } edits)
                    yield return new FixCandidate(description, edits);
            }
        }
        foreach (string statement in statements)
        {
            var all = new List<TextEdit>();
            foreach (BoundReturn result in returns)
                all.AddRange(from.InsertBefore(result, statement) ?? []);
            if (returns.Count > 1)
                yield return new FixCandidate(description, all);
        }
    }

    // ------------------------------------------------------------------------------------------------ use after release

    public static bool IsUseAfterRelease(Finding finding) => finding.Value.Kind is ValueKind.Scalar or ValueKind.Uninitialized && finding.Message.Contains("invalid mem access 'scalar'", StringComparison.Ordinal) && ReleasedAt(finding) is not null;

    private static int? ReleasedAt(Finding finding)
    {
        ValueStep? made = null;
        foreach (ValueStep step in finding.History)
        {
            if (step.Facts.Reference != 0)
                made = step;
        }
        if (made is not { } known)
            return null;
        for (int i = finding.Trace.End - 2; i > known.Index; i--)
        {
            if (finding.Trace.EffectAt(i) == Effect.Call && finding.HelperAt(finding.Trace.SlotAt(i)) is { } helper && Array.Exists(helper.Arguments, static argument => argument.Is(HelperArgument.Release)))
                return finding.Trace.SlotAt(i);
        }
        return null;
    }

    public static void ExplainUseAfterRelease(Finding finding)
    {
        string subject = finding.Subject("the pointer");
        finding.NoteOrigin(finding.History, subject);
        int slot = ReleasedAt(finding)!.Value;
        finding.Note(slot, $"{finding.HelperAt(slot)!.FullName} gives it back here: {subject} means nothing from here on");
        finding.Note("use it before it is given back");
    }

    /// <summary>The release moves behind the use; in front of a return the value is kept first.</summary>
    public static IEnumerable<FixCandidate> RepairUseAfterRelease(Finding finding, FixSite site)
    {
        if (ReleasedAt(finding) is not { } slot || site.Source.NodeOf(finding.Program, slot) is not { } node || FixSite.Of(site.Source, node) is not { Statement: { } release } from || site.Statement is not { } use)
            yield break;
        if (from.StatementText(release) is not { } text || from.Delete(release) is not { } deletion)
            yield break;
        if (use is BoundReturn { Value: { } value } && site.Source.TextOf(CompiledSource.Bare(value)) is { } result && site.InsertBefore($"int result = {result};\n{text}") is { } before && site.Replace(CompiledSource.Bare(value), "result") is { } kept)
            yield return new FixCandidate("use it before it is given back", [.. deletion, .. before, .. kept]);
        else if (site.InsertAfter(use, text) is { } after)
            yield return new FixCandidate("use it before it is given back", [.. deletion, .. after]);
    }

    // ------------------------------------------------------------------------------------------------------------- locks

    public static void ExplainLock(Finding finding)
    {
        for (int i = finding.Trace.End - 1; i >= finding.Trace.First; i--)
        {
            if (finding.Trace.EffectAt(i) == Effect.Call && finding.HelperAt(finding.Trace.SlotAt(i))?.Name == "spin_lock" && finding.Trace.SlotAt(i) != finding.Rejection.Slot)
            {
                finding.Note(finding.Trace.SlotAt(i), "the lock is taken here");
                break;
            }
        }
        finding.Note(finding.Message.Contains("function calls", StringComparison.Ordinal) ? "nothing but bpf_spin_unlock may be called while the lock is held: do the call before or after"
            : finding.Message.Contains("missing", StringComparison.Ordinal) ? "the program may leave here with the lock held: unlock on every way out"
            : finding.Message.Contains("two", StringComparison.Ordinal) ? "only one lock can be held at a time" : "locks are taken and released in pairs, one at a time");
    }

    public static IEnumerable<FixCandidate> RepairLock(Finding finding, FixSite site)
    {
        foreach (BoundCall call in BoundNodes.Descendants(site.Function.Body).OfType<BoundCall>())
        {
            if (Name(call) != "bpf_spin_lock" || call.Arguments is not [{ } argument] || site.Source.TextOf(CompiledSource.Bare(argument)) is not { } text || FixSite.Of(site.Source, call) is not { } locked)
                continue;
            string unlock = $"bpf_spin_unlock({text});";
            if (finding.Message.Contains("missing", StringComparison.Ordinal))
            {
                foreach (FixCandidate candidate in InFrontOfReturns(locked, call, [unlock], "unlock before leaving"))
                    yield return candidate;
            }
            // A call while the lock is held: it goes in front of the lock, or the lock ends in front of it.
            if (site.Statement is { } inside && locked.Statement is { } taking && !ReferenceEquals(inside, taking))
            {
                if (site.StatementText(inside) is { } moved && site.Delete(inside) is { } deletion && inside is BoundExpressionStatement && locked.InsertBefore(moved) is { } before)
                    yield return new FixCandidate("call it before the lock is taken", [.. before, .. deletion]);
                BoundCall? release = BoundNodes.Descendants(site.Function.Body).OfType<BoundCall>().FirstOrDefault(each => Name(each) == "bpf_spin_unlock" && each.Span.Start.CompareTo(site.Node.Span.Start) > 0);
                if (release is not null && FixSite.Of(site.Source, release) is { Statement: { } releasing } last && last.Delete(releasing) is { } gone && site.InsertBefore(unlock) is { } earlier)
                    yield return new FixCandidate("unlock before the call", [.. earlier, .. gone]);
            }
        }
    }

    private static string? Name(BoundCall call) => CompiledSource.Core(call.Callee) switch
    {
        BoundFunctionReference function => function.Symbol.Name,
        BoundVariable variable => variable.Symbol.Name,
        BoundDereference { Pointer: var pointer } => CompiledSource.RootVariable(pointer)?.Name,
        _ => null,
    };
}
