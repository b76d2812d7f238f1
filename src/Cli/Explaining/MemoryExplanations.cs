// Memory other than packets: indexes into map values, sizes given to helpers, stack bytes nobody wrote, alignment.
using System.Globalization;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Frontend.Symbols;
using Ebpfcc.Runtime.Explanation;

namespace Ebpfcc.Cli.Explaining;

internal static class MemoryExplanations
{
    /// <summary>Evaluating it twice does what evaluating it once does.</summary>
    public static bool IsPure(BoundExpression expression)
        => !BoundNodes.Descendants(expression).Any(static node => node is BoundCall or BoundBuiltinCall or BoundAssignment or BoundCompoundAssignment or BoundIncrement or BoundStatementExpression);

    /// <summary>The type the user gave the number, in front of implicit conversions, is signed.</summary>
    public static bool IsSigned(BoundExpression expression) => CompiledSource.Bare(expression).Type.Canonical is IntegerType { IsSigned: true };

    // ------------------------------------------------------------------------------------------------------- indexes

    public static void ExplainBounds(Finding finding)
    {
        ValueFacts pointer = finding.Value;
        string subject = finding.Subject("the pointer");
        bool found = false;
        foreach (ValueStep step in finding.History)
        {
            if (step.Kind != ValueStepKind.Arithmetic || step.OperandRegister < 0 || step.Operand.Kind != ValueKind.Scalar || step.Operand.IsConstant)
                continue;
            IReadOnlyList<ValueStep> history = finding.Trace.HistoryOf(step.OperandRegister, step.Index);
            string name = IndexName(finding, step.Slot) ?? (history.Count > 0 && history[^1].Index >= 0 ? finding.Quote(history[^1].Slot, "the index") : "the index");
            // The number before it was multiplied by the size of an element.
            ValueFacts number = history.Count > 1 && history[0].Kind is ValueStepKind.Narrow or ValueStepKind.Arithmetic && IsScaling(finding, history[0]) ? history[1].Facts : step.Operand;
            if (number.Kind != ValueKind.Scalar)
                number = step.Operand;
            finding.Note(step.Slot, $"{name} is {number.Range} here: the offset may be {step.Operand.Range}");
            finding.NoteOrigin(history, name);
            finding.NoteBounds(history, name);
            found = true;
        }
        int size = pointer.Kind == ValueKind.MapValue && pointer.Target >= 0 && pointer.Target < finding.Program.Maps.Count ? finding.Program.Maps[pointer.Target].Definition.ValueSize : pointer.Kind == ValueKind.Memory ? pointer.Target : 0;
        if (size > 0)
            finding.Note($"{subject} points into {finding.PlaceWords(pointer)}, which has {size} bytes{(found ? "" : $"; this access ends at byte {(finding.Number("off=") ?? 0) + (finding.Number("size=") ?? 0)}")}");
        if (!found)
        {
            finding.NoteOrigin(finding.History, subject);
            return;
        }
        NoteLimit(finding);
    }

    private static void NoteLimit(Finding finding)
    {
        if (!finding.IsLoadedAgain && Limits(finding).FirstOrDefault() is { Text: not null } limit)
            finding.Note($"'if ({limit.Condition})' and leaving then would prove it");
    }

    /// <summary>Pointer arithmetic on memory with a number that may be too much for it.</summary>
    public static bool IsIndexArithmetic(Finding finding)
        => finding.HasPath && finding.Message.Contains("math between", StringComparison.Ordinal) && Operands(finding) is { Pointer.Kind: ValueKind.MapValue or ValueKind.Memory or ValueKind.Stack or ValueKind.Packet };

    /// <summary>Pointer and number of the addition that was refused, and the number's register.</summary>
    private static (ValueFacts Pointer, ValueFacts Number, int Register)? Operands(Finding finding)
    {
        int last = finding.Trace.End - 1;
        if (last < finding.Trace.First || finding.Trace.EffectAt(last) != Ebpf.Isa.Effect.Alu)
            return null;
        ValueFacts destination = finding.Trace.Destination(last), source = finding.Trace.Source(last);
        return destination.IsPointer ? (destination, source, finding.Instruction.Src) : source.IsPointer ? (source, destination, finding.Instruction.Dst) : null;
    }

    public static void ExplainIndexArithmetic(Finding finding)
    {
        (ValueFacts pointer, ValueFacts number, int register) = Operands(finding)!.Value;
        IReadOnlyList<ValueStep> history = finding.Trace.HistoryOf(register);
        string name = IndexName(finding, finding.Rejection.Slot) ?? (history.Count > 0 && history[^1].Index >= 0 ? finding.Quote(history[^1].Slot, "the index") : "the index");
        ValueFacts before = history.Count > 1 && IsScaling(finding, history[0]) && history[1].Facts.Kind == ValueKind.Scalar ? history[1].Facts : number;
        finding.Note($"{name} is {before.Range} here: the offset may be {number.Range}, which no pointer into {finding.PlaceWords(pointer)} can be moved by");
        finding.NoteOrigin(history, name);
        finding.NoteBounds(history, name);
        NoteLimit(finding);
    }

    private static bool IsScaling(Finding finding, ValueStep step)
        => step.Index >= 0 && finding.Trace.OperationAt(step.Index) is Ebpf.Isa.Operation.Lsh or Ebpf.Isa.Operation.Mul;

    /// <summary>The C expression of the number that is added at a slot, in quotes.</summary>
    public static string? IndexName(Finding finding, int slot)
    {
        if (finding.Compiled is null && finding.Source.TextOf(finding.Program, slot) is { } quoted && quoted.LastIndexOf('[') is > 0 and var open && quoted.EndsWith(']'))
            return $"'{quoted[(open + 1)..^1]}'";
        foreach (BoundNode? node in (BoundNode?[])[finding.Compiled?.NodeOf(finding.Program, slot), finding.Node])
        {
            if (node is null)
                continue;
            foreach (BoundPointerArithmetic index in Finding.IndexesOf(node))
            {
                if (finding.Compiled!.TextOf(CompiledSource.Bare(index.Index)) is { } text && CompiledSource.IsShort(text))
                    return $"'{text}'";
            }
        }
        return null;
    }

    private readonly record struct Limit(BoundPointerArithmetic Index, BoundExpression Number, string Text, long Count, string Condition);

    /// <summary>Indexes of the access with the number of elements they may choose from.</summary>
    private static IEnumerable<Limit> Limits(Finding finding)
    {
        if (finding.Compiled is not { } source || finding.Node is not { } node)
            yield break;
        ValueFacts pointer = Operands(finding)?.Pointer ?? finding.Value;
        var nodes = new List<BoundNode> { node };
        foreach (ValueStep step in finding.History)
        {
            if (step.Kind == ValueStepKind.Arithmetic && source.NodeOf(finding.Program, step.Slot) is { } at && !nodes.Contains(at))
                nodes.Add(at);
        }
        foreach (BoundPointerArithmetic index in nodes.SelectMany(Finding.IndexesOf))
        {
            BoundExpression number = CompiledSource.Bare(index.Index);
            if (!IsPure(number) || source.TextOf(number) is not { } text || !CompiledSource.IsShort(text))
                continue;
            long? count = index.Pointer is BoundConversion { Kind: ConversionKind.ArrayToPointer, Operand.Type.Canonical: ArrayType { Length: > 0 and var length } } ? length : null;
            if (count is null && index.ElementSize > 0 && pointer.Target >= 0)
            {
                long size = pointer.Kind == ValueKind.MapValue && pointer.Target < finding.Program.Maps.Count ? finding.Program.Maps[pointer.Target].Definition.ValueSize : pointer.Kind == ValueKind.Memory ? pointer.Target : 0;
                count = size / index.ElementSize;
            }
            if (count is not > 0)
                continue;
            string bound = count.Value.ToString(CultureInfo.InvariantCulture);
            yield return new Limit(index, number, text, count.Value, IsSigned(number) ? $"{text} < 0 || {text} >= {bound}" : $"{text} >= {bound}");
        }
    }

    public static IEnumerable<FixCandidate> RepairBounds(Finding finding, FixSite site)
    {
        foreach (Limit limit in Limits(finding))
        {
            if (FixSite.Of(site.Source, limit.Index) is not { } at)
                continue;
            foreach (FixCandidate candidate in at.LeaveIf(limit.Condition, "check the index before it is used"))
                yield return candidate;
            // Memory may change between the check and the use: keep the value.
            foreach (string exit in at.Exits.Take(1))
            {
                if (at.InsertBefore($"unsigned int index = {limit.Text};\nif (index >= {limit.Count})\n{at.Unit()}{exit}") is { } edits && at.Replace(limit.Number, "index") is { } use)
                    yield return new FixCandidate("load the index once and check it", [.. edits, .. use]);
            }
            if ((limit.Count & (limit.Count - 1)) == 0 && at.Replace(limit.Number, $"({limit.Text}) & {limit.Count - 1}") is { } mask)
                yield return new FixCandidate("mask the index", mask);
        }
        foreach (FixCandidate candidate in RepairConstantSize(finding, site))
            yield return candidate;
    }

    /// <summary>A helper that was told of more bytes than there are: the size of what is really there.</summary>
    private static IEnumerable<FixCandidate> RepairConstantSize(Finding finding, FixSite site)
    {
        if (Finding.CallAt(site.Node) is not { } call || finding.Register < 1 || finding.Register >= call.Arguments.Count)
            yield break;
        if (Buffer(call.Arguments[finding.Register - 1]) is { } buffer && site.Source.TextOf(buffer) is { } text && site.Replace(CompiledSource.Bare(call.Arguments[finding.Register]), $"sizeof({text})") is { } edits)
            yield return new FixCandidate("pass the size of the memory", edits);
    }

    // ---------------------------------------------------------------------------------------------------- helper sizes

    public static bool IsHelperSize(Finding finding)
        => finding.Instruction.Code == 0x85 && finding.Value.Kind == ValueKind.Scalar
            && (finding.Message.Contains("var &= const", StringComparison.Ordinal) || finding.Message.Contains("zero-sized", StringComparison.Ordinal) || finding.Message.Contains("min value is negative", StringComparison.Ordinal)
                || finding.Message.Contains("unbounded memory access", StringComparison.Ordinal))
        || (finding.Instruction.Code == 0x85 && IsSizeTooLarge(finding) is not null);

    /// <summary>The size register of a call whose memory argument is too small for it.</summary>
    private static int? IsSizeTooLarge(Finding finding)
    {
        if (finding.Helper is not { } helper || !finding.HasPath || finding.Register < 1 || finding.Register >= helper.Arguments.Length || finding.Value.Kind is not (ValueKind.MapValue or ValueKind.Stack or ValueKind.Memory))
            return null;
        ValueFacts size = finding.Trace.Register(finding.Register + 1);
        return helper.Arguments[finding.Register].Kind() is HelperArgument.Size or HelperArgument.SizeOrZero && size.Kind == ValueKind.Scalar && !size.IsConstant ? finding.Register + 1 : null;
    }

    private static int SizeRegister(Finding finding) => finding.Value.Kind == ValueKind.Scalar ? finding.Register : IsSizeTooLarge(finding) ?? finding.Register;

    public static void ExplainHelperSize(Finding finding)
    {
        int register = SizeRegister(finding);
        ValueFacts size = finding.Trace.Register(register);
        IReadOnlyList<ValueStep> history = finding.Trace.HistoryOf(register);
        BoundExpression? argument = Argument(finding, register);
        string name = argument is not null && finding.Compiled!.TextOf(argument) is { } text && CompiledSource.IsShort(text) ? $"'{text}'" : history.Count > 0 && history[^1].Index >= 0 ? finding.Quote(history[^1].Slot, "the size") : "the size";
        finding.Note($"{name} is {size.Range}; {finding.Helper?.FullName ?? "the helper"} takes it as the number of bytes");
        finding.NoteOrigin(history, name);
        finding.NoteBounds(history, name);
        if (Room(finding, register) is { } room)
            finding.Note($"there is room for {room} bytes: 'if ({Condition(argument, name.Trim('\''), room, finding)})' and leaving then would prove it");
    }

    private static BoundExpression? Argument(Finding finding, int register)
        => finding is { Compiled: not null, Node: { } node } && Finding.CallAt(node) is { } call && register >= 1 && register <= call.Arguments.Count ? CompiledSource.Bare(call.Arguments[register - 1]) : null;

    /// <summary>Bytes behind the pointer that the size belongs to.</summary>
    private static long? Room(Finding finding, int register)
    {
        if (register < 2 || !finding.HasPath)
            return null;
        ValueFacts pointer = finding.Trace.Register(register - 1);
        long? room = pointer.Kind switch
        {
            ValueKind.MapValue when pointer.Target >= 0 && pointer.Target < finding.Program.Maps.Count => finding.Program.Maps[pointer.Target].Definition.ValueSize - pointer.Offset - pointer.Maximum,
            ValueKind.Memory => pointer.Target - pointer.Offset - pointer.Maximum,
            ValueKind.Stack => -(pointer.Offset + pointer.Maximum),
            _ => null,
        };
        if (Argument(finding, register - 1) is { } argument && Buffer(argument) is { Type.Type.Size: > 0 and var size })
            room = room is > 0 ? Math.Min(room.Value, size) : size;
        return room is > 0 ? room : null;
    }

    /// <summary>The object whose address an argument is.</summary>
    private static BoundExpression? Buffer(BoundExpression argument) => CompiledSource.Core(argument) switch
    {
        BoundAddressOf address => address.Operand,
        BoundExpression { Type.Canonical: ArrayType } array => array,
        _ => null,
    };

    private static bool AllowsZero(Finding finding, int register) => finding.Helper is { } helper && register <= helper.Arguments.Length && helper.Arguments[register - 1].Kind() == HelperArgument.SizeOrZero;

    private static string Condition(BoundExpression? argument, string name, long room, Finding finding)
    {
        bool signed = argument is not null && IsSigned(argument);
        string low = AllowsZero(finding, SizeRegister(finding)) ? (signed ? $"{name} < 0 || " : "") : signed ? $"{name} <= 0 || " : $"{name} == 0 || ";
        return $"{low}{name} > {room}";
    }

    public static IEnumerable<FixCandidate> RepairHelperSize(Finding finding, FixSite site)
    {
        int register = SizeRegister(finding);
        if (Argument(finding, register) is not { } argument || site.Source.TextOf(argument) is not { } text || Room(finding, register) is not { } room)
            yield break;
        string limit = Argument(finding, register - 1) is { } memory && Buffer(memory) is { } buffer && site.Source.TextOf(buffer) is { } name && CompiledSource.IsShort(name) && buffer.Type.Type.Size == room
            ? $"sizeof({name})" : room.ToString(CultureInfo.InvariantCulture);
        bool signed = IsSigned(argument), zero = AllowsZero(finding, register);
        if (CompiledSource.Core(argument) is BoundVariable && !signed && (zero || finding.Trace.Register(register).UnsignedMinimum > 0) && site.InsertBefore($"if ({text} > {limit})\n{site.Unit()}{text} = {limit};") is { } clamp)
            yield return new FixCandidate("clamp the size", clamp);
        if (IsPure(argument))
        {
            string low = zero ? (signed ? $"{text} < 0 || " : "") : signed ? $"{text} <= 0 || " : $"{text} == 0 || ";
            foreach (FixCandidate candidate in site.LeaveIf($"{low}{text} > {(signed ? room.ToString(CultureInfo.InvariantCulture) : limit)}", "check the size"))
                yield return candidate;
        }
        foreach (string exit in site.Exits.Take(1))
        {
            string low = zero ? "" : "size == 0 || ";
            if (site.InsertBefore($"unsigned int size = {text};\nif ({low}size > {limit})\n{site.Unit()}{exit}") is { } edits && site.Replace(argument, "size") is { } use)
                yield return new FixCandidate("keep the size in a variable and check it", [.. edits, .. use]);
        }
        if ((room & (room - 1)) == 0 && zero && site.Replace(argument, $"({text}) & {room - 1}") is { } mask)
            yield return new FixCandidate("mask the size", mask);
    }

    // ---------------------------------------------------------------------------------------------------- nothing written

    /// <summary>The stack bytes of a message "... off -16+4 size 8".</summary>
    private static (int Offset, int Size)? StackBytes(Finding finding)
    {
        string message = finding.Message;
        int at = message.LastIndexOf("off ", StringComparison.Ordinal), plus = at < 0 ? -1 : message.IndexOf('+', at), end = plus < 0 ? -1 : message.IndexOf(' ', plus);
        return end > 0 && int.TryParse(message.AsSpan(at + 4, plus - at - 4), out int offset) && int.TryParse(message.AsSpan(plus + 1, end - plus - 1), out int index)
            ? (offset + index, finding.Number("size ") ?? 1) : null;
    }

    private static StackVariable? VariableAt(Finding finding, int offset)
    {
        int depth = finding.HasPath && finding.Register is >= 0 and <= 10 && finding.Trace.StackOffset(finding.Register) is not null ? finding.Trace.StackFrame(finding.Register) : finding.HasPath ? finding.Trace.DepthAt(finding.Trace.End - 1) : 0;
        if (finding.Source.Origins(finding.Program, finding.Trace.SubprogramOf(depth)) is not { } origins)
            return null;
        foreach (StackVariable variable in origins.Stack)
        {
            if (offset >= variable.Offset && offset < variable.Offset + variable.Size)
                return variable;
        }
        return null;
    }

    private static (BoundLocalDeclaration Declaration, FixSite Site)? DeclarationOf(Finding finding, StackVariable variable)
    {
        foreach (BoundFunction function in finding.Compiled?.Compilation.Bound?.Functions ?? [])
        {
            foreach (BoundLocalDeclaration declaration in BoundNodes.Descendants(function.Body).OfType<BoundLocalDeclaration>())
            {
                if ((declaration.Variable.Location == variable.Location || declaration.Location == variable.Location) && declaration.Variable.Name == variable.Name && FixSite.Of(finding.Compiled!, declaration) is { } site)
                    return (declaration, site);
            }
        }
        return null;
    }

    public static void ExplainUninitialized(Finding finding)
    {
        if (StackBytes(finding) is not { } bytes)
        {
            finding.Note(finding.Compiled is not null && UnsetVariables(finding).FirstOrDefault() is { Variable.Name: var name }
                ? $"'{name}' has no value on the way that leads here" : $"nothing on the way here has given R{finding.Register} a value");
            if (finding.HasPath && finding.Trace.End - 2 is var last && LastCall(finding, last) is { } call && finding.Register is >= 1 and <= 5)
                finding.Note(call, "calls destroy the argument registers R1 to R5");
            return;
        }
        if (VariableAt(finding, bytes.Offset) is not { Name: { } owner } variable)
        {
            finding.Note(string.Create(CultureInfo.InvariantCulture, $"byte {bytes.Offset} from the frame pointer was never written on the way here"));
            return;
        }
        int at = bytes.Offset - variable.Offset;
        (BoundLocalDeclaration Declaration, FixSite Site)? declared = DeclarationOf(finding, variable);
        string field = declared is { Declaration.Variable.Type: var type } ? FieldWords(type.Canonical, at) : "";
        if (declared is { } where)
            finding.Note(where.Declaration.Span is { IsNone: false } span ? span : Core.Text.SourceSpan.At(variable.Location), string.Create(CultureInfo.InvariantCulture, $"byte {at} of '{owner}'{field} was never written on the way here"));
        finding.Note(finding.Helper is { } helper ? $"{helper.FullName} reads all of it, padding included; '= {{}}' may leave padding as it is, memset does not" : "give it a value where it is declared");
    }

    private static int? LastCall(Finding finding, int from)
    {
        for (int i = from; i >= finding.Trace.First; i--)
        {
            if (finding.Trace.EffectAt(i) == Ebpf.Isa.Effect.Call)
                return finding.Trace.SlotAt(i);
        }
        return null;
    }

    private static string FieldWords(TypeSymbol type, int at)
    {
        if (type is not RecordType { Fields: var fields })
            return "";
        FieldSymbol? before = null;
        foreach (FieldSymbol field in fields)
        {
            if (field.Name is null)
                continue;
            if (at >= field.ByteOffset && at < field.ByteOffset + Math.Max(field.Type.Type.Size, 1))
                return $", member '{field.Name}',";
            if (field.ByteOffset <= at)
                before = field;
        }
        return before is null ? "" : $", padding behind member '{before.Name}',";
    }

    /// <summary>Variables of the rejected expression that are declared without a value.</summary>
    private static IEnumerable<BoundLocalDeclaration> UnsetVariables(Finding finding)
    {
        if (finding.Node is not { } node || finding.Compiled!.FunctionOf(node) is not { } function)
            yield break;
        var used = BoundNodes.Descendants(node).OfType<BoundVariable>().Select(static variable => variable.Symbol).ToHashSet();
        foreach (BoundLocalDeclaration declaration in BoundNodes.Descendants(function.Body).OfType<BoundLocalDeclaration>())
        {
            if (declaration.Initializer is null && used.Contains(declaration.Variable))
                yield return declaration;
        }
    }

    public static IEnumerable<FixCandidate> RepairUninitialized(Finding finding, FixSite site)
    {
        var declarations = new List<(BoundLocalDeclaration Declaration, FixSite Site)>();
        if (StackBytes(finding) is { } bytes && VariableAt(finding, bytes.Offset) is { } variable && DeclarationOf(finding, variable) is { } found)
            declarations.Add(found);
        foreach (BoundLocalDeclaration unset in UnsetVariables(finding))
        {
            if (FixSite.Of(site.Source, unset) is { } at)
                declarations.Add((unset, at));
        }
        foreach ((BoundLocalDeclaration declaration, FixSite at) in declarations)
        {
            string name = declaration.Variable.Name;
            bool isScalar = declaration.Variable.Type.Canonical is not (RecordType or ArrayType);
            if (declaration.Initializer is null && BehindDeclarator(site, declaration) is { } place)
                yield return new FixCandidate($"give '{name}' a value", [new TextEdit(place.File, place.Offset, 0, isScalar ? " = 0" : " = {}")]);
            if (!isScalar && declaration.Initializer is null && at.InsertAfter(declaration, $"__builtin_memset(&{name}, 0, sizeof({name}));") is { } edits)
                yield return new FixCandidate($"clear '{name}', padding included", edits);
        }
    }

    /// <summary>Behind a variable's name and array brackets in its declaration.</summary>
    private static (Core.Text.SourceText File, int Offset)? BehindDeclarator(FixSite site, BoundLocalDeclaration declaration)
    {
        if (site.Source.Map.IsInExpansion(declaration.Variable.Location) || site.Source.Map.GetFilePosition(declaration.Variable.Location) is not { } position)
            return null;
        string text = position.File.Content;
        int at = position.Offset + declaration.Variable.Name.Length;
        while (at < text.Length && text[at] == '[' && text.IndexOf(']', at) is > 0 and var close)
            at = close + 1;
        return text.AsSpan(position.Offset).StartsWith(declaration.Variable.Name) ? (position.File, at) : null;
    }

    // ----------------------------------------------------------------------------------------------------------- alignment

    public static void ExplainAlignment(Finding finding)
    {
        int size = finding.Number("size ") ?? 0;
        finding.Note($"the access has {size} bytes, and its address need not be a multiple of {size}");
        if (finding.HasPath && finding.Trace.StackOffset(finding.Register < 0 ? finding.Instruction.Dst : finding.Register) is { } offset && VariableAt(finding, offset + finding.Instruction.Offset) is { Name: { } name } variable)
            finding.Note(Core.Text.SourceSpan.At(variable.Location), $"'{name}' lies here; __attribute__((aligned(8))) gives it an aligned place");
        finding.Note("read it byte by byte, or copy it with memcpy, or align what is accessed");
    }

    public static IEnumerable<FixCandidate> RepairAlignment(Finding finding, FixSite site)
    {
        foreach (BoundExpression access in BoundNodes.Descendants(site.Node).OfType<BoundDereference>())
        {
            VariableSymbol? variable = CompiledSource.RootVariable(access);
            if (variable is not null && FixSite.Of(site.Source, access) is { } at && access.Type.Canonical is IntegerType { Size: > 1 } integer && site.Source.TextOf(access) is { } text && CompiledSource.Core(((BoundDereference)access).Pointer) is var pointer
                && site.Source.TextOf(CompiledSource.Bare(((BoundDereference)access).Pointer)) is { } address
                && at.Replace(access, $"({{ {TypePrinter.Print(access.Type.Canonical)} copy; __builtin_memcpy(&copy, {address}, {integer.Size}); copy; }})") is { } edits)
                yield return new FixCandidate("copy it byte by byte", edits);
        }
        foreach (BoundVariable used in BoundNodes.Descendants(site.Node).OfType<BoundVariable>())
        {
            BoundLocalDeclaration? declaration = BoundNodes.Descendants(site.Function.Body).OfType<BoundLocalDeclaration>().FirstOrDefault(each => each.Variable == used.Symbol);
            if (declaration is not null && BehindDeclarator(site, declaration) is { } place)
                yield return new FixCandidate($"align '{used.Symbol.Name}'", [new TextEdit(place.File, place.Offset, 0, " __attribute__((aligned(8)))")]);
        }
    }
}
