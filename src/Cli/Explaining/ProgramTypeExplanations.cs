// What a program's type decides: its helpers, the members of its context, its return values; and the licence.
using System.Globalization;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Runtime.Explanation;

namespace Ebpfcc.Cli.Explaining;

internal static class ProgramTypeExplanations
{
    private const int MaximumNames = 8;

    // ------------------------------------------------------------------------------------------------------------ helpers

    public static void ExplainHelper(Finding finding)
    {
        if (finding.Helper is not { } helper)
        {
            finding.Note("there is no helper with this number");
            return;
        }
        var types = new List<string>();
        foreach (ProgramType type in Enum.GetValues<ProgramType>())
        {
            if (type != ProgramType.Unspec && helper.Programs.Contains(type))
                types.Add(ProgramTypeTable.Get(type).Name);
        }
        if (finding.Message.Contains("cannot pass map_type", StringComparison.Ordinal))
        {
            finding.Note($"{helper.FullName} does not work on maps of this type");
            return;
        }
        finding.Note($"{helper.FullName} is for programs of the types {Listed(types)}; this is a program of type {finding.TypeName}");
        List<string> similar = [.. Similar(finding, helper).Select(static row => row.FullName).Take(3)];
        if (similar.Count > 0)
            finding.Note($"programs of type {finding.TypeName} have {Listed(similar)}");
    }

    private static string Listed(IReadOnlyList<string> words)
        => words.Count <= MaximumNames ? string.Join(", ", words) : $"{string.Join(", ", words.Take(MaximumNames))} and {words.Count - MaximumNames} more";

    /// <summary>Helpers that this program may call and whose names share the most words with another's.</summary>
    private static IEnumerable<HelperRow> Similar(Finding finding, HelperRow helper)
    {
        string[] words = helper.Name.Split('_');
        return HelperTable.Rows.ToArray().Where(row => row.Id != helper.Id && row.Programs.Contains(finding.Type))
            .Select(row => (Row: row, Common: row.Name.Split('_').Intersect(words).Count(static word => word.Length > 2)))
            .Where(entry => entry.Common > 0 && entry.Common * 2 >= words.Length)
            .OrderByDescending(static entry => entry.Common).ThenBy(entry => Math.Abs(entry.Row.Name.Length - helper.Name.Length)).ThenBy(static entry => entry.Row.Id)
            .Select(static entry => entry.Row);
    }

    public static IEnumerable<FixCandidate> RepairHelper(Finding finding, FixSite site)
    {
        if (finding.Helper is not { } helper || Finding.CallAt(site.Node) is not { } call)
            yield break;
        // Only one that does the same to another kind of context may take its place without a thought.
        foreach (HelperRow row in Similar(finding, helper).Where(row => Deed(row).SequenceEqual(Deed(helper)) && row.Parameters.Split(',').Length == helper.Parameters.Split(',').Length))
        {
            if (site.Replace(call.Callee, row.FullName) is { } edits)
                yield return new FixCandidate($"call {row.FullName}", edits);
        }

        static IEnumerable<string> Deed(HelperRow row) => row.Name.Split('_').Where(static word => word is not ("skb" or "xdp" or "sk" or "msg" or "sock"));
    }

    // ------------------------------------------------------------------------------------------------------------- context

    public static void ExplainField(Finding finding)
    {
        ContextLayout layout = ContextLayout.For(finding.Type);
        int offset = finding.Number("off=") ?? -1, size = finding.Number("size=") ?? 0;
        bool isWrite = finding.Instruction.Class is Ebpf.Isa.InstructionClass.St or Ebpf.Isa.InstructionClass.Stx;
        string structure = layout.StructName is { } name ? $"struct {name}" : "the context";
        ContextField? named = NameOf(layout.StructName, offset);
        if (named is null)
        {
            finding.Note(layout.StructName is null ? $"the context of programs of type {finding.TypeName} is an array of arguments or depends on where the program attaches" : $"offset {offset} lies in no member of {structure}");
        }
        else if (isWrite)
        {
            finding.Note($"'{named.Name}' of {structure} may not be written by programs of type {finding.TypeName}; these may: {Listed(Names(layout, ContextAccess.Write))}");
        }
        else if (layout.FieldAt(offset) is { } field && (field.Access & ContextAccess.Read) != 0)
        {
            finding.Note($"'{field.Name}' is read with {size} bytes at offset {offset - field.Offset} of it; it has {field.Size}");
        }
        else
        {
            var types = new List<string>();
            foreach (ProgramType type in Enum.GetValues<ProgramType>())
            {
                if (type != ProgramType.Unspec && ContextLayout.For(type) is { } other && other.StructName == layout.StructName && other.FieldAt(offset) is { } its && (its.Access & ContextAccess.Read) != 0)
                    types.Add(ProgramTypeTable.Get(type).Name);
            }
            finding.Note($"'{named.Name}' of {structure} is for programs of the types {Listed(types)}; this is a program of type {finding.TypeName}");
            if (named.Pointer is ContextPointer.Packet or ContextPointer.PacketEnd)
                finding.Note("this program reads packets with bpf_skb_load_bytes()");
            else
                finding.Note($"it may read: {Listed(Names(layout, ContextAccess.Read))}");
        }
    }

    private static List<string> Names(ContextLayout layout, ContextAccess access)
        => [.. layout.Fields.Where(field => (field.Access & access) != 0).Select(static field => field.Name)];

    /// <summary>The member at an offset of a structure, for whichever program type knows it.</summary>
    private static ContextField? NameOf(string? structure, int offset)
    {
        foreach (ProgramType type in Enum.GetValues<ProgramType>())
        {
            if (structure is not null && ContextLayout.For(type) is { } layout && layout.StructName == structure && layout.FieldAt(offset) is { } field)
                return field;
        }
        return null;
    }

    public static IEnumerable<FixCandidate> RepairField(Finding finding, FixSite site)
    {
        _ = finding;
        // *(u8 *)&ctx->member: the whole member, cut by the compiler.
        foreach (BoundDereference access in BoundNodes.Descendants(site.Node).OfType<BoundDereference>())
        {
            if (CompiledSource.Core(access.Pointer) is BoundAddressOf { Operand: BoundMember whole } && site.Source.TextOf(whole) is { } text && FixSite.Of(site.Source, access) is { } at
                && at.Replace(access, $"({Frontend.Symbols.TypePrinter.Print(access.Type.Unqualified)}){text}") is { } edits)
                yield return new FixCandidate("read the whole member", edits);
        }
    }

    // --------------------------------------------------------------------------------------------------------- return value

    public static void ExplainReturn(Finding finding)
    {
        IReadOnlyList<ValueStep> history = finding.HasPath ? finding.Trace.HistoryOf(0) : [];
        finding.NoteOrigin(history, "the return value");
        finding.NoteBounds(history, "the return value");
        string range = Range(finding) is { } allowed ? string.Create(CultureInfo.InvariantCulture, $"{allowed.Minimum}..{allowed.Maximum}") : "a certain range";
        ValueFacts value = finding.HasPath ? finding.Trace.Register(0) : default;
        finding.Note(value.Kind == ValueKind.Scalar ? $"the program may return {value.Range}; programs of type {finding.TypeName} must return {range}" : $"programs of type {finding.TypeName} must return a number in {range}");
    }

    /// <summary>The range in a message "... should have been in [0, 1]".</summary>
    private static ReturnRange? Range(Finding finding)
    {
        int at = finding.Message.LastIndexOf('['), comma = finding.Message.LastIndexOf(','), end = finding.Message.LastIndexOf(']');
        return at >= 0 && at < comma && comma < end && int.TryParse(finding.Message.AsSpan(at + 1, comma - at - 1), NumberStyles.Integer, CultureInfo.InvariantCulture, out int low)
            && int.TryParse(finding.Message.AsSpan(comma + 1, end - comma - 1).Trim(), NumberStyles.Integer, CultureInfo.InvariantCulture, out int high) ? new ReturnRange(low, high) : ProgramTypeTable.Get(finding.Type).Returns;
    }

    public static IEnumerable<FixCandidate> RepairReturn(Finding finding, FixSite site)
    {
        if (Range(finding) is not { } range)
            yield break;
        BoundFunction function = site.Source.FindFunction(finding.Program.Name) ?? site.Function;
        var returns = BoundNodes.Descendants(function.Body).OfType<BoundReturn>().Where(static each => each.Value is not null).ToList();
        // The one that is at fault first, then any other.
        foreach (BoundReturn result in returns.OrderByDescending(each => ReferenceEquals(each, site.Node) || site.Path.Contains(each)))
        {
            BoundExpression value = CompiledSource.Bare(result.Value!);
            if (site.Source.TextOf(value) is not { } text || FixSite.Of(site.Source, value) is not { } at)
                continue;
            string replacement = CompiledSource.Core(value) is BoundLiteral or BoundUnary { Operator: BoundUnaryOperator.Minus } ? range.Minimum.ToString(CultureInfo.InvariantCulture)
                : range is { Minimum: 0, Maximum: >= 1 } ? $"({text}) ? 1 : 0" : range.Minimum.ToString(CultureInfo.InvariantCulture);
            if (at.Replace(value, replacement) is { } edits)
                yield return new FixCandidate($"return {replacement}", edits);
        }
    }

    // ------------------------------------------------------------------------------------------------------------- licence

    public static void ExplainLicense(Finding finding)
    {
        if (finding.Helper is { } helper)
            finding.Note($"{helper.FullName} may be called by programs with a GPL-compatible licence only");
        finding.Note(finding.Program.License.Length == 0 ? "this object states no licence" : $"this object's licence is \"{finding.Program.License}\"");
    }

    public static IEnumerable<FixCandidate> RepairLicense(Finding finding, FixSite site)
    {
        if (site.Source.ExtentOf(site.Function.Body) is not { } extent)
            yield break;
        Frontend.Symbols.VariableSymbol? stated = site.Source.Compilation.Bound!.Globals.FirstOrDefault(static each => each.Attributes.Section == "license");
        if (stated is null)
        {
            string text = extent.File.Content, gap = text.Length > 0 && text[^1] == '\n' ? "\n" : "\n\n";
            yield return new FixCandidate("state the licence (if it is yours to give)", [new TextEdit(extent.File, text.Length, 0, gap + "char LICENSE[] SEC(\"license\") = \"GPL\";\n")]);
        }
        else if (stated.Initializer is { } initializer && initializer.Entries is [{ Value: { } value }] && site.Replace(value, "\"GPL\"") is { } edits)
        {
            yield return new FixCandidate("state a GPL-compatible licence (if it is yours to give)", edits);
        }
    }
}
