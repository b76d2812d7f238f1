// Pointers that may be null, that are numbers for the verifier, that lost their meaning on the way, and those that may not be moved.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Runtime.Explanation;

namespace Ebpfcc.Cli.Explaining;

internal static class PointerExplanations
{
    /// <summary>When a helper returns null, by a word of its name.</summary>
    private static readonly (string Word, string Reason)[] s_nulls =
    [
        ("map_lookup", "returns null when the key is not in the map; the verifier assumes that of arrays too"),
        ("ringbuf_reserve", "returns null when the buffer is full"),
        ("sk_lookup", "returns null when there is no such socket"),
        ("skc_lookup", "returns null when there is no such socket"),
        ("sk_fullsock", "returns null for sockets that are not full"),
        ("tcp_sock", "returns null when it is no TCP socket"),
        ("storage_get", "returns null when there is no storage, unless it may be created"),
        ("get_local_storage", "returns null when there is no storage"),
        ("per_cpu_ptr", "returns null when there is no such CPU"),
        ("dynptr_data", "returns null when the slice does not lie in the memory"),
        ("kptr_xchg", "returns the old pointer, which may be null"),
    ];

    public static void ExplainNull(Finding finding)
    {
        string subject = finding.Subject("the pointer");
        ValueStep? origin = finding.History.Count > 0 ? finding.History[^1] : null;
        if (origin is { Kind: ValueStepKind.Call } call && finding.HelperAt(call.Slot) is { } helper)
        {
            string reason = s_nulls.FirstOrDefault(row => helper.Name.Contains(row.Word, StringComparison.Ordinal)).Reason ?? "may return null";
            finding.Note(call.Slot, $"{subject} comes from {helper.FullName} here, which {reason}");
            NoteOtherCheck(finding, call.Index, subject);
        }
        else
        {
            finding.NoteOrigin(finding.History, subject);
        }
        finding.Note($"{(subject == "the pointer" ? "comparing it with null" : $"'if (!{subject.Trim('\'')})'")} and leaving then would prove that there is something");
    }

    /// <summary>A check of another lookup's result between the call and the use.</summary>
    private static void NoteOtherCheck(Finding finding, int made, string subject)
    {
        for (int i = finding.Trace.End - 1; i > made; i--)
        {
            if (finding.Trace.EffectAt(i) == Ebpf.Isa.Effect.Branch && finding.Trace.Destination(i) is { MayBeNull: true } other && other.Id != finding.Value.Id)
            {
                finding.Note(finding.Trace.SlotAt(i), $"this check is about another pointer than {subject}");
                return;
            }
        }
    }

    public static IEnumerable<FixCandidate> RepairNull(Finding finding, FixSite site)
    {
        var pointers = new List<string>();
        if (finding.SubjectExpression is { } expression && MemoryExplanations.IsPure(expression) && site.Source.TextOf(expression) is { } text && CompiledSource.IsShort(text) && CompiledSource.Core(expression) is not BoundAddressOf)
            pointers.Add(text);
        foreach (BoundExpression access in Finding.Accesses(site.Node))
        {
            if (CompiledSource.RootVariable(access) is { Type.Canonical: PointerType } variable)
                pointers.Add(variable.Name);
        }
        if (finding.SubjectExpression is { } subject && CompiledSource.RootVariable(subject) is { Type.Canonical: PointerType } root)
            pointers.Add(root.Name);
        foreach (BoundVariable used in BoundNodes.Descendants(site.Node).OfType<BoundVariable>())
        {
            if (used.Symbol is { Type.Canonical: PointerType, IsGlobal: false })
                pointers.Add(used.Symbol.Name);
        }
        foreach (string pointer in pointers.Distinct().Take(3))
        {
            foreach (FixCandidate candidate in site.LeaveIf($"!{pointer}", $"check '{pointer}' for null").Concat(site.Guard(pointer, $"check '{pointer}' for null")))
                yield return candidate;
        }
    }

    // ------------------------------------------------------------------------------------------------------ just numbers

    public static bool IsLost(Finding finding)
        => finding.Message.Contains("invalid mem access 'scalar'", StringComparison.Ordinal) && LossOf(finding) is not null
            || finding.Message.Contains("same insn cannot be used with different pointers", StringComparison.Ordinal)
            || finding.Message.Contains("partial copy of pointer", StringComparison.Ordinal)
            || finding.Message.Contains("32-bit pointer arithmetic", StringComparison.Ordinal) || finding.Message.Contains("bitwise operator", StringComparison.Ordinal);

    /// <summary>The step that made a number of a pointer.</summary>
    private static (ValueStep Lost, ValueFacts Before)? LossOf(Finding finding)
    {
        IReadOnlyList<ValueStep> history = finding.History;
        for (int i = 0; i < history.Count; i++)
        {
            ValueStep step = history[i];
            if (step.Index < 0 || step.Facts.Kind != ValueKind.Scalar || step.Kind is not (ValueStepKind.Narrow or ValueStepKind.Arithmetic))
                continue;
            ValueFacts before = i + 1 < history.Count ? history[i + 1].Facts : default;
            if (before.IsPointer && before.Kind != ValueKind.Uninitialized)
                return (step, before);
            ValueFacts source = finding.Trace.EffectAt(step.Index) == Ebpf.Isa.Effect.Alu ? finding.Trace.Source(step.Index) : default;
            if (step.Kind == ValueStepKind.Narrow && source.IsPointer && finding.Trace.OperationAt(step.Index) is Ebpf.Isa.Operation.Mov)
                return (step, source);
        }
        return null;
    }

    public static void ExplainLost(Finding finding)
    {
        string subject = finding.Subject("the pointer");
        if (LossOf(finding) is { } loss)
        {
            finding.NoteOrigin(finding.History, subject);
            finding.Note(loss.Lost.Slot, loss.Lost.Kind == ValueStepKind.Narrow
                ? $"only the low 32 bits of the pointer ({loss.Before.Name}) are kept here: for the verifier {subject} is a number from here on"
                : $"this arithmetic makes a number of the pointer ({loss.Before.Name})");
            finding.Note("keep pointers in variables of pointer type or of 64 bits (long, not int)");
        }
        else if (finding.Message.Contains("same insn", StringComparison.Ordinal))
        {
            finding.Note($"one instruction is reached with different kinds of pointers, now {finding.Value.Name}; give each kind an access of its own");
        }
        else
        {
            finding.NoteOrigin(finding.History, subject);
            finding.Note(finding.Message.Contains("bitwise", StringComparison.Ordinal) ? "pointers can be moved by additions and subtractions only: compute the number first, then add it to the pointer"
                : "what is computed with 32 bits of a pointer is no pointer any more; keep pointers in variables of pointer type or of 64 bits");
        }
    }

    /// <summary>Variables of 32 bits on the way become 64 bits wide, and so do casts: each by itself, then all of them.</summary>
    public static IEnumerable<FixCandidate> RepairLost(Finding finding, FixSite site)
    {
        var all = new List<TextEdit>();
        foreach (BoundNode node in BoundNodes.Descendants(site.Function.Body))
        {
            if (Widen(site, node) is not { } candidate)
                continue;
            yield return candidate;
            all.AddRange(candidate.Edits);
        }
        if (all.Count > 1)
            yield return new FixCandidate("keep the pointer in 64 bits", all);
    }

    private static FixCandidate? Widen(FixSite site, BoundNode node)
    {
        if (node is BoundLocalDeclaration { Variable: { Type.Canonical: IntegerType { Size: 4 } } variable } declaration && MentionsPointer(declaration) && site.Source.Map.GetFilePosition(variable.Location) is { } name)
        {
            // The type is what stands between the indentation and the name.
            int line = name.File.GetOffset(name.Line, 1) ?? 0, start = line + FixSite.Indent(name.File, name.Offset).Length;
            if (start < name.Offset && !name.File.Content.AsSpan(start, name.Offset - start).ContainsAny(",;({"))
                return new FixCandidate($"give '{variable.Name}' 64 bits", [new TextEdit(name.File, start, name.Offset - start, "unsigned long ")]);
        }
        if (node is BoundConversion { IsImplicit: false, Type.Canonical: IntegerType { Size: 4 } } cast && CompiledSource.Core(cast.Operand).Type.Canonical is PointerType
            && site.Source.TextOf(cast.Operand) is { } text && site.Replace(cast, $"(unsigned long){text}") is { } edits)
            return new FixCandidate("cast to 64 bits", edits);
        return null;

        static bool MentionsPointer(BoundLocalDeclaration declaration)
            => declaration.Initializer is { Entries: [{ Value: var value }] }
                && BoundNodes.Descendants(value).OfType<BoundExpression>().Any(static each => each.Type.Canonical is PointerType || each is BoundMember { Field.Name: "data" or "data_end" or "data_meta" });
    }

    public static void ExplainScalar(Finding finding)
    {
        string subject = finding.Subject("the pointer");
        ValueStep? origin = finding.History.Count > 0 ? finding.History[^1] : null;
        if (finding.Value.Kind == ValueKind.Scalar)
        {
            finding.NoteOrigin(finding.History, subject);
            if (origin is { Kind: ValueStepKind.Load or ValueStepKind.ContextLoad or ValueStepKind.Call })
                finding.Note($"{subject} is a number for the verifier: what it points at has to be read with bpf_probe_read_kernel() or BPF_CORE_READ() (of user memory: bpf_probe_read_user())");
            else if (origin is { Kind: ValueStepKind.Constant })
                finding.Note($"{subject} is {finding.Value.Range}: no pointer at all");
            return;
        }
        finding.NoteOrigin(finding.History, subject);
        finding.Note($"{subject} is a {finding.Value.Name}, which cannot be accessed like memory");
    }

    public static IEnumerable<FixCandidate> RepairScalar(Finding finding, FixSite site)
    {
        foreach (BoundExpression access in Finding.Accesses(site.Node))
        {
            if (access.Type.Canonical is RecordType or ArrayType || site.Source.TextOf(access) is not { } text || !CompiledSource.IsShort(text) || FixSite.Of(site.Source, access) is not { } at)
                continue;
            // Arguments of system calls point into the process.
            string[] helpers = ["bpf_probe_read_kernel", "bpf_probe_read_user"];
            foreach (string helper in finding.Program.Section.Contains("sys_enter", StringComparison.Ordinal) ? helpers.Reverse() : helpers)
            {
                if (at.Replace(access, $"({{ typeof({text}) value = 0; {helper}(&value, sizeof(value), &{text}); value; }})") is { } edits)
                    yield return new FixCandidate($"read it with {helper}", edits);
            }
        }
    }

    // ------------------------------------------------------------------------------------------------ pointers that may not move

    public static bool IsModifiedContext(Finding finding)
        => finding.Message.Contains("ctx", StringComparison.Ordinal) && (finding.Message.Contains("dereference of modified", StringComparison.Ordinal) || finding.Message.Contains("variable ctx access", StringComparison.Ordinal)
            || finding.Message.Contains("negative offset ctx", StringComparison.Ordinal));

    public static void ExplainModifiedContext(Finding finding)
    {
        foreach (ValueStep step in finding.History)
        {
            if (step.Kind == ValueStepKind.Arithmetic)
                finding.Note(step.Slot, step.OperandRegister >= 0 && !step.Operand.IsConstant ? $"a number that is not constant ({step.Operand.Range}) is added to the context pointer here" : "the context pointer is moved here");
        }
        finding.Note("the context's members may be accessed only at constant offsets from the pointer the program was given, and only that pointer goes to helpers");
    }

    public static IEnumerable<FixCandidate> RepairModifiedContext(Finding finding, FixSite site)
    {
        // The argument of a helper: the context itself.
        if (finding.SubjectExpression is { } argument && site.Context is { } context && site.Replace(argument, context.Name) is { } edits)
            yield return new FixCandidate("pass the context itself", edits);
        // array[index] with few elements: one constant offset each.
        foreach (BoundPointerArithmetic index in Finding.IndexesOf(site.Node))
        {
            if (index.Pointer is not BoundConversion { Kind: ConversionKind.ArrayToPointer, Operand: var array } || array.Type.Canonical is not ArrayType { Length: > 0 and <= 8 and var length }
                || site.Path.OfType<BoundDereference>().LastOrDefault() is null && BoundNodes.Descendants(site.Node).OfType<BoundDereference>().FirstOrDefault(each => CompiledSource.Core(each.Pointer) == index) is null)
                continue;
            BoundExpression? element = BoundNodes.Descendants(site.Node).OfType<BoundDereference>().FirstOrDefault(each => CompiledSource.Core(each.Pointer) == index);
            if (element is null || site.Source.TextOf(array) is not { } name || site.Source.TextOf(CompiledSource.Bare(index.Index)) is not { } number || FixSite.Of(site.Source, element) is not { } at)
                continue;
            string choice = $"{name}[{length - 1}]";
            for (long i = length - 2; i >= 0; i--)
                choice = $"({number}) == {i} ? {name}[{i}] : {choice}";
            if (at.Replace(element, $"({choice})") is { } chosen)
                yield return new FixCandidate("choose among constant offsets", chosen);
        }
    }

    public static void ExplainArithmetic(Finding finding)
    {
        string subject = finding.Subject("the pointer");
        finding.NoteOrigin(finding.History, subject);
        ValueFacts value = finding.Value;
        if (value.MayBeNull)
            finding.Note($"{subject} may be null ({value.Name}): check it before moving it");
        else if (value.IsPointer)
            finding.Note($"a pointer of this kind ({value.Name}) may {(value.Kind is ValueKind.PacketEnd or ValueKind.Map or ValueKind.Context ? "not be moved at all" : "only be moved by a bounded number")}");
        else if (value.Kind == ValueKind.Scalar)
            finding.Note($"the number is {value.Range}: too much for a pointer; bound it first");
    }

    public static IEnumerable<FixCandidate> RepairArithmetic(Finding finding, FixSite site)
    {
        if (finding.Value.MayBeNull || finding.Message.Contains("null-check", StringComparison.Ordinal))
        {
            foreach (BoundPointerArithmetic arithmetic in BoundNodes.Descendants(site.Node).OfType<BoundPointerArithmetic>())
            {
                if (CompiledSource.RootVariable(arithmetic) is { Type.Canonical: PointerType } variable)
                {
                    foreach (FixCandidate candidate in site.LeaveIf($"!{variable.Name}", $"check '{variable.Name}' for null"))
                        yield return candidate;
                }
            }
            foreach (FixCandidate candidate in RepairNull(finding, site))
                yield return candidate;
        }
        foreach (BoundPointerArithmetic index in Finding.IndexesOf(site.Node))
        {
            BoundExpression number = CompiledSource.Bare(index.Index);
            if (MemoryExplanations.IsPure(number) && site.Source.TextOf(number) is { } text && CompiledSource.IsShort(text))
            {
                string low = MemoryExplanations.IsSigned(number) ? $"{text} < 0 || " : "";
                foreach (long limit in (long[])[1500, 64])
                {
                    foreach (FixCandidate candidate in site.LeaveIf($"{low}{text} > {limit}", "bound the number that is added"))
                        yield return candidate;
                }
            }
        }
    }

    public static void ExplainArgument(Finding finding)
    {
        string subject = finding.Subject("the argument");
        finding.NoteOrigin(finding.History, subject);
        if (finding.Helper is { } helper && finding.Register is >= 1 and <= 5)
            finding.Note($"{subject} is {Words(finding.Value)}, argument {finding.Register} of '{helper.Signature}'");
    }

    private static string Words(ValueFacts value) => value.Kind switch
    {
        ValueKind.Scalar => $"a number ({value.Range})",
        ValueKind.Uninitialized => "nothing yet",
        _ => $"a {value.Name}",
    };

    /// <summary>The context where it is wanted, an address where memory is wanted.</summary>
    public static IEnumerable<FixCandidate> RepairArgument(Finding finding, FixSite site)
    {
        if (finding.SubjectExpression is not { } argument || finding.Helper is not { } helper || finding.Register < 1 || finding.Register > helper.Arguments.Length)
            yield break;
        if (helper.Arguments[finding.Register - 1].Kind() == HelperArgument.Context)
        {
            BoundFunction? entry = site.Source.FindFunction(finding.Program.Name);
            if (entry?.Symbol.Parameters is [{ Name: { Length: > 0 } context }] && site.Replace(argument, context) is { } passed)
                yield return new FixCandidate("pass the context", passed);
        }
        else if (CompiledSource.Core(argument) is BoundVariable variable && site.Replace(argument, $"&{variable.Symbol.Name}") is { } address)
        {
            yield return new FixCandidate($"pass the address of '{variable.Symbol.Name}'", address);
        }
    }
}
