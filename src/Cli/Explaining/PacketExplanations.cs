// Accesses to packets: no check against the packet's end, one that proves too little or is about another pointer, offsets that no
// check can bound, and pointers from before a helper moved the packet.
using System.Globalization;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Runtime.Explanation;

namespace Ebpfcc.Cli.Explaining;

internal static class PacketExplanations
{
    /// <summary>Beyond this offset a comparison proves nothing: packet pointers may not move further.</summary>
    private const int MaximumOffset = 0xffff;

    public static bool IsNegativeOffset(Finding finding) => finding.Message.Contains("min value is negative", StringComparison.Ordinal) && finding.Value.IsPacket;

    public static void ExplainBounds(Finding finding)
    {
        ValueFacts pointer = finding.Value;
        string subject = finding.Subject("the pointer");
        finding.NoteOrigin(finding.History, subject);
        bool isProvable = NoteOffset(finding);
        if (!pointer.IsPacket)
            return;
        NoteComparison(finding, pointer, subject);
        int size = finding.Number("size=") ?? 1, from = finding.Number("off=") ?? pointer.Offset;
        if (pointer.Minimum == pointer.Maximum)
            finding.Note(string.Create(CultureInfo.InvariantCulture, $"this needs {from + size} bytes of the packet behind its start; {Math.Max(pointer.Target, 0)} are known to be there"));
        if (!isProvable)
            return;
        finding.Note(finding.Compiled is not null && finding.Access is { } access && Condition(finding, access) is { } condition && EndOf(finding) is { } end
            ? $"'if ({condition} > {end})' and leaving then would prove it"
            : "comparing the pointer plus the bytes that are used with data_end, and leaving when it is beyond, would prove it");
    }

    /// <summary>The comparison with the packet's end that came closest to being the proof.</summary>
    private static void NoteComparison(Finding finding, ValueFacts pointer, string subject)
    {
        RejectionTrace trace = finding.Trace;
        int? other = null;
        for (int i = trace.End - 1; i >= trace.First; i--)
        {
            if (trace.EffectAt(i) != Effect.Branch)
                continue;
            ValueFacts left = trace.Destination(i), right = trace.Source(i);
            if (!(left.IsPacket && right.Kind == ValueKind.PacketEnd) && !(left.Kind == ValueKind.PacketEnd && right.IsPacket))
                continue;
            ValueFacts compared = left.IsPacket ? left : right;
            if (compared.Id == pointer.Id)
            {
                string proved = pointer.Target > 0 ? $"this check proves {pointer.Target} bytes" : "on the way that was taken this check does not show that there is room";
                finding.Note(trace.SlotAt(i), $"{proved}; the access goes beyond");
                return;
            }
            other ??= i;
        }
        if (other is { } found)
            finding.Note(trace.SlotAt(found), $"this check is about another pointer: {subject} has a different variable offset, so that it proves nothing here");
        else
            finding.Note($"{subject} is never compared with the packet's end on the way here");
    }

    /// <summary>The variable part of the pointer's offset: what it is and how far it can reach.</summary>
    /// <returns>False when no comparison with the packet's end can help.</returns>
    private static bool NoteOffset(Finding finding)
    {
        bool isProvable = true;
        foreach (ValueStep step in finding.History)
        {
            if (step.Kind != ValueStepKind.Arithmetic || step.OperandRegister < 0 || step.Operand.Kind != ValueKind.Scalar || step.Operand.IsConstant)
                continue;
            IReadOnlyList<ValueStep> history = finding.Trace.HistoryOf(step.OperandRegister, step.Index);
            string name = history.Count > 0 && history[^1].Index >= 0 ? finding.Quote(history[^1].Slot, "the offset") : "the offset";
            finding.Note(step.Slot, $"{MemoryExplanations.IndexName(finding, step.Slot) ?? name} is {step.Operand.Range} here, and is added to the pointer");
            finding.NoteOrigin(history, name);
            finding.NoteBounds(history, name);
            if (step.Operand.Minimum < 0)
                finding.Note(step.Slot, $"a negative {name} would point in front of the packet; use an unsigned type or check for it");
            else if (step.Operand.UnsignedMaximum > MaximumOffset)
            {
                finding.Note(step.Slot, "no check against data_end can prove offsets beyond 65535; bound the number first");
                isProvable = false;
            }
        }
        return isProvable;
    }

    private static string? EndOf(Finding finding) => Site(finding)?.DataEnd;

    private static FixSite? Site(Finding finding) => finding is { Compiled: { } source, Node: { } node } ? FixSite.Of(source, node) : null;

    /// <summary>The first byte behind what is accessed, as a C expression.</summary>
    private static string? Condition(Finding finding, BoundExpression access)
    {
        CompiledSource source = finding.Compiled!;
        BoundExpression? pointer = Finding.PointerOf(access);
        // The whole structure when the pointer points at one: headers are checked as a whole.
        if (pointer is BoundVariable { Symbol.Name: var name } && pointer.Type.Canonical is PointerType { Pointee: { Canonical: RecordType { Size: > 0 } } } && access is BoundMember)
            return $"(void *)({name} + 1)";
        if (access is BoundDereference { Pointer: var direct } && CompiledSource.Bare(direct) is BoundVariable { Symbol.Name: var variable })
            return $"(void *)({variable} + 1)";
        return Whole(access) is { } whole && source.TextOf(whole) is { } text && CompiledSource.IsShort(text) ? $"(void *)(&{text} + 1)" : null;
    }

    /// <summary>A bit-field has no address; the structure around it has.</summary>
    private static BoundExpression? Whole(BoundExpression access) => access is BoundMember { Field.IsBitField: true } member ? member.Receiver : access;

    public static IEnumerable<FixCandidate> RepairBounds(Finding finding, FixSite site)
    {
        if (site.DataEnd is not { } end)
            yield break;
        string description = "check the packet's end before the access";
        foreach (BoundExpression access in Finding.Accesses(site.Node).Take(3))
        {
            if (Condition(finding, access) is not { } condition)
                continue;
            foreach (FixCandidate candidate in site.LeaveIf($"{condition} > {end}", description).Concat(site.Guard($"{condition} <= {end}", description)))
                yield return candidate;
            // An index that no check can bound: both checks.
            foreach (BoundPointerArithmetic index in Finding.IndexesOf(access))
            {
                BoundExpression bare = CompiledSource.Bare(index.Index);
                if (finding.Compiled!.TextOf(bare) is { } text && CompiledSource.IsShort(text) && MemoryExplanations.IsPure(bare))
                {
                    string low = MemoryExplanations.IsSigned(bare) ? $"{text} < 0 || " : "";
                    foreach (FixCandidate candidate in site.LeaveIf($"{low}{text} > 1500 || {condition} > {end}", "bound the offset and check the packet's end"))
                        yield return candidate;
                }
            }
        }
        if (PointerVariable(finding) is { } variable && Moved(finding) is { } offset)
        {
            string low = MemoryExplanations.IsSigned(offset.Expression) ? $"{offset.Text} < 0 || " : "";
            foreach (FixCandidate candidate in Bound(finding, offset.Expression, $"{low}{offset.Text} > 1500", variable, end))
                yield return candidate;
        }
        // A helper that reads packet memory: its pointer argument and the size that follows.
        if (Finding.CallAt(site.Node) is not null && finding.SubjectExpression is { } argument && site.Source.TextOf(argument) is { } pointer && finding.Number("size=") is > 0 and var size)
        {
            foreach (FixCandidate candidate in site.LeaveIf(string.Create(CultureInfo.InvariantCulture, $"(void *)({Parenthesized(pointer)}) + {size} > {end}"), description))
                yield return candidate;
        }
    }

    private static string Parenthesized(string text) => text.Replace("\n", " ");

    private static VariableSymbol? PointerVariable(Finding finding) => finding.SubjectExpression is { } expression ? CompiledSource.RootVariable(expression) : null;

    /// <summary>The number that was added to the pointer, where it has a C expression.</summary>
    private static (BoundExpression Expression, string Text)? Moved(Finding finding)
    {
        foreach (ValueStep step in finding.History)
        {
            if (step.Kind != ValueStepKind.Arithmetic || step.OperandRegister < 0 || step.Operand.IsConstant)
                continue;
            if (finding.Compiled!.NodeOf(finding.Program, step.Slot) is not BoundExpression node)
                continue;
            foreach (BoundPointerArithmetic arithmetic in BoundNodes.Descendants(node).OfType<BoundPointerArithmetic>())
            {
                BoundExpression index = CompiledSource.Bare(arithmetic.Index);
                if (CompiledSource.Core(index) is not BoundLiteral && MemoryExplanations.IsPure(index) && finding.Compiled.TextOf(index) is { } text && CompiledSource.IsShort(text))
                    return (index, text);
            }
        }
        return null;
    }

    /// <summary>Bounds the offset in front of the arithmetic and checks the end in front of the access.</summary>
    private static IEnumerable<FixCandidate> Bound(Finding finding, BoundExpression offset, string condition, VariableSymbol pointer, string end)
    {
        if (finding.Compiled is not { } source || FixSite.Of(source, offset) is not { } at || Site(finding) is not { } access || access.Function != at.Function)
            yield break;
        bool isRecord = pointer.Type.Canonical is PointerType { Pointee.Canonical: RecordType };
        foreach (string exit in access.Exits)
        {
            IReadOnlyList<TextEdit>? first = at.InsertBefore($"if ({condition})\n{at.Unit()}{exit}");
            if (first is not null)
                yield return new FixCandidate("bound the offset", first);
            if (first is not null && isRecord && access.InsertBefore($"if ((void *)({pointer.Name} + 1) > {end})\n{at.Unit()}{exit}") is { } second)
                yield return new FixCandidate("bound the offset and check the packet's end", [.. first, .. second]);
        }
    }

    // ---------------------------------------------------------------------------------- pointers from before the packet moved

    public static bool IsDangling(Finding finding)
        => finding.Message.Contains("invalid mem access 'scalar'", StringComparison.Ordinal) && finding.Value.Kind == ValueKind.Scalar && MovedAt(finding) is not null;

    /// <summary>The call behind which the packet pointer means nothing: after the pointer was made, before the access.</summary>
    private static int? MovedAt(Finding finding)
    {
        ValueStep? made = null;
        foreach (ValueStep step in finding.History)
        {
            if (step.Facts.IsPacket || step.Facts.Kind == ValueKind.PacketEnd)
            {
                made = step;
                break;
            }
        }
        if (made is not { } known)
            return null;
        for (int i = known.Index + 1; i < finding.Trace.End; i++)
        {
            if (finding.Trace.EffectAt(i) == Effect.Call && finding.HelperAt(finding.Trace.SlotAt(i)) is { } helper && helper.Has(HelperFlags.ChangesPacketData))
                return finding.Trace.SlotAt(i);
        }
        return null;
    }

    public static void ExplainDangling(Finding finding)
    {
        string subject = finding.Subject("the pointer");
        ValueStep made = finding.History.First(static step => step.Facts.IsPacket || step.Facts.Kind == ValueKind.PacketEnd);
        finding.Note(made.Slot, $"{subject} points into the packet since here");
        int call = MovedAt(finding)!.Value;
        finding.Note(call, $"{finding.HelperAt(call)!.FullName} may move the packet: pointers into it from before are invalid from here on");
        finding.Note($"load data and data_end from the context again after the call, and check the bounds again");
    }

    /// <summary>Computes every packet pointer that the access needs again, from its initialiser, in front of the access.</summary>
    public static IEnumerable<FixCandidate> RepairDangling(Finding finding, FixSite site)
    {
        if (PointerVariable(finding) is not { } target || site.DataEnd is not { } end)
            yield break;
        var lines = new List<string>();
        var scope = site.Scope.Reverse().ToList();
        var needed = new HashSet<VariableSymbol>();
        Need(target);
        foreach ((VariableSymbol symbol, _) in scope)
        {
            if (symbol.Name == end || $"(void *){symbol.Name}" == end)
                Need(symbol);
        }
        foreach ((VariableSymbol symbol, BoundExpression? initial) in scope)
        {
            if (needed.Contains(symbol) && (initial ?? Assigned(symbol)) is { } value && site.Source.TextOf(CompiledSource.Bare(value)) is { } text)
                lines.Add($"{symbol.Name} = {text};");
        }
        if (lines.Count == 0)
            yield break;
        bool isRecord = target.Type.Canonical is PointerType { Pointee.Canonical: RecordType { Size: > 0 } };
        string? beyond = isRecord ? $"(void *)({target.Name} + 1)" : finding.Access is { } access ? Condition(finding, access) : null;
        if (beyond is null)
            yield break;
        foreach (string exit in site.Exits)
        {
            string text = $"{string.Join('\n', lines)}\nif ({beyond} > {end})\n{site.Unit()}{exit}";
            if (site.InsertBefore(text) is { } edits)
                yield return new FixCandidate("load the packet's pointers again after the call", edits);
        }

        BoundExpression? Assigned(VariableSymbol symbol) => BoundNodes.Descendants(site.Function.Body).OfType<BoundAssignment>()
            .FirstOrDefault(assignment => assignment.Target is BoundVariable variable && variable.Symbol == symbol)?.Value;

        void Need(VariableSymbol symbol)
        {
            if (symbol is ParameterSymbol || !needed.Add(symbol))
                return;
            BoundExpression? value = scope.Find(entry => entry.Symbol == symbol).Initial ?? Assigned(symbol);
            if (value is null)
                return;
            foreach (BoundVariable used in BoundNodes.Descendants(value).OfType<BoundVariable>())
                Need(used.Symbol);
        }
    }
}
