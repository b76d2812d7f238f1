// One rejection with everything that is known about it, and the notes and repairs that the rows of ExplanationTable add.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Frontend.Binding;
using Ebpfcc.Runtime.Explanation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Verification;

namespace Ebpfcc.Cli.Explaining;

internal sealed class Finding(LoadedProgram program, Rejection rejection, RejectionTrace trace, SourceView source)
{
    private readonly List<DiagnosticNote> _notes = [];

    public LoadedProgram Program => program;

    public Rejection Rejection => rejection;

    public string Message => rejection.Message;

    public RejectionTrace Trace => trace;

    public SourceView Source => source;

    public IReadOnlyList<DiagnosticNote> Notes => _notes;

    public ProgramType Type => (ProgramType)program.ProgramType;

    public string TypeName => ProgramTypeTable.Get(Type).Name;

    /// <summary>The register that the message names last; -1 when it names none.</summary>
    public int Register { get; } = LastRegister(rejection.Message);

    public EbpfInstruction Instruction => program.Instructions[rejection.Slot];

    /// <summary>The path ends at the rejected instruction, so that its registers are known.</summary>
    public bool HasPath => trace.End > trace.First && trace.SlotAt(trace.End - 1) == rejection.Slot;

    /// <summary>What was known of the register in the message.</summary>
    public ValueFacts Value => Register >= 0 && HasPath ? trace.Register(Register) : default;

    private IReadOnlyList<ValueStep>? _history;

    /// <summary>Where the register of the message has its value from.</summary>
    public IReadOnlyList<ValueStep> History => _history ??= Register >= 0 && HasPath ? trace.HistoryOf(Register) : [];

    /// <summary>The compilation's view; null for objects.</summary>
    public CompiledSource? Compiled => source as CompiledSource;

    /// <summary>The rejected expression; null for objects.</summary>
    public BoundNode? Node => Compiled?.NodeOf(program, rejection.Slot);

    public SourceSpan Span => source.SpanOf(program, rejection.Slot);

    public HelperRow? Helper => trace.Visits.Count == 0 && Instruction.Code != 0x85 ? null : Instruction.Code == 0x85 && Instruction.Src == (int)CallKind.Helper ? HelperTable.Find(Instruction.Immediate) : null;

    public HelperRow? HelperAt(int slot)
        => program.Instructions[slot] is { Code: 0x85, Src: (int)CallKind.Helper } call ? HelperTable.Find(call.Immediate) : null;

    public void Note(int slot, string text) => Note(source.SpanOf(program, slot), text);

    public void Note(SourceSpan span, string text)
    {
        if (!_notes.Exists(note => note.Message == text && note.Span == span))
            _notes.Add(new DiagnosticNote(text, span));
    }

    /// <summary>A note at the rejected expression itself.</summary>
    public void Note(string text) => Note(Span, text);

    /// <summary>The C text at a slot in quotes, or other words when there is none.</summary>
    public string Quote(int slot, string otherwise) => source.TextOf(program, slot) is { } text ? $"'{text}'" : otherwise;

    /// <summary>The C expression that is the pointer, index, size or argument in the message's register, in quotes.</summary>
    public string Subject(string otherwise)
    {
        if (Compiled is null)
            return source.TextOf(program, rejection.Slot) is { } access && access.IndexOfAny(['-', '[']) is > 0 and var end && HasPath && Value.Kind != ValueKind.Uninitialized ? $"'{access[..end]}'" : otherwise;
        return SubjectExpression is { } expression && Compiled.TextOf(expression) is { } text && CompiledSource.IsShort(text) ? $"'{text}'" : otherwise;
    }

    /// <summary>
    /// The C expression behind the message's register: of a call the argument in that register, of an access the pointer that is
    /// followed.
    /// </summary>
    public BoundExpression? SubjectExpression
    {
        get
        {
            if (Compiled is null || Node is not { } node)
                return null;
            if (Register is >= 1 and <= 5 && CallAt(node) is { } call && Instruction.Code == 0x85)
                return Register <= call.Arguments.Count ? CompiledSource.Bare(call.Arguments[Register - 1]) : null;
            if (Instruction.Class is InstructionClass.Alu or InstructionClass.Alu64)
                return BoundNodes.Descendants(node).OfType<BoundPointerArithmetic>().FirstOrDefault() is { } arithmetic ? CompiledSource.Bare(arithmetic.Pointer) : null;
            if (node is BoundBuiltinCall or BoundConversion { Operand: BoundBuiltinCall } && BoundNodes.Descendants(node).OfType<BoundBuiltinCall>().First() is { Arguments: [{ Type.Canonical: Frontend.Symbols.PointerType } target, ..] })
                return CompiledSource.Bare(target);
            return Access is { } access ? PointerOf(access) : null;
        }
    }

    /// <summary>The lvalue that the rejected instruction reads or writes.</summary>
    public BoundExpression? Access => Node is { } node ? Accesses(node).FirstOrDefault() : null;

    /// <summary>The call that a node is or, when the code of an argument is at fault, belongs to.</summary>
    public static BoundCall? CallAt(BoundNode node) => BoundNodes.Descendants(node).OfType<BoundCall>().FirstOrDefault();

    /// <summary>Lvalues behind pointers below a node, the outermost first.</summary>
    public static IEnumerable<BoundExpression> Accesses(BoundNode node)
        => BoundNodes.Descendants(node).OfType<BoundExpression>().Where(static each => each is BoundMember or BoundDereference && each.IsLValue && PointerOf(each) is not null);

    /// <summary>The pointer expression at the root of an lvalue; null when it lies in a variable.</summary>
    public static BoundExpression? PointerOf(BoundExpression lvalue)
    {
        while (true)
        {
            switch (lvalue)
            {
                case BoundMember member: lvalue = member.Receiver; break;
                case BoundDereference dereference:
                    BoundExpression pointer = CompiledSource.Bare(dereference.Pointer);
                    // An array in a structure behind a pointer: the pointer is further inside.
                    if (pointer is BoundPointerArithmetic { Pointer: var array } && CompiledSource.Core(array) is { IsLValue: true } inner and (BoundMember or BoundDereference) && PointerOf(inner) is { } outer)
                        return outer;
                    return pointer is BoundPointerArithmetic indexed ? CompiledSource.Bare(indexed.Pointer) : pointer;
                case BoundConversion conversion: lvalue = conversion.Operand; break;
                default: return null;
            }
        }
    }

    /// <summary>The index expressions that an lvalue's address depends on, outermost first.</summary>
    public static IEnumerable<BoundPointerArithmetic> IndexesOf(BoundNode node)
        => BoundNodes.Descendants(node).OfType<BoundPointerArithmetic>().Where(static each => CompiledSource.Core(each.Index) is not BoundLiteral);

    /// <summary>Says where a value came from: the last step of its history.</summary>
    public void NoteOrigin(IReadOnlyList<ValueStep> history, string subject)
    {
        if (history.Count == 0)
            return;
        ValueStep origin = history[^1];
        if (origin.Kind == ValueStepKind.Argument)
            return;
        string? text = origin.Kind switch
        {
            ValueStepKind.Call when HelperAt(origin.Slot) is { } helper => $"{subject} comes from {helper.FullName} here",
            ValueStepKind.Call => $"{subject} comes from this call",
            ValueStepKind.ContextLoad => Quote(origin.Slot, subject) is var loaded && loaded != subject ? $"{subject} comes from {loaded}, loaded here" : $"{subject} is loaded from the context here",
            ValueStepKind.Load => $"{subject} is loaded here from {PlaceWords(origin.Operand)}{Width(origin)}",
            ValueStepKind.Constant => $"{subject} is set here",
            _ => null,
        };
        if (text is not null)
            Note(origin.Slot, text);

        string Width(ValueStep step) => step.Facts.Kind == ValueKind.Scalar && !step.Facts.IsConstant ? $": it may be {step.Facts.Range}" : "";
    }

    /// <summary>What a pointer points into, in words.</summary>
    public string PlaceWords(ValueFacts pointer) => pointer.Kind switch
    {
        ValueKind.Packet or ValueKind.PacketMeta => "the packet",
        ValueKind.MapValue => pointer.Target >= 0 && pointer.Target < program.Maps.Count ? $"the value of map '{program.Maps[pointer.Target].Definition.Name}'" : "a map's value",
        ValueKind.Stack => "the stack",
        ValueKind.Context => "the context",
        ValueKind.Memory => "memory of a known size",
        ValueKind.Object => "a kernel object",
        ValueKind.Socket => "a socket",
        _ => "memory",
    };

    /// <summary>
    /// Says where a number's range was lost on its way from its origin, and which comparisons on the path concerned it, a copy of it,
    /// or the same C expression loaded another time.
    /// </summary>
    public void NoteBounds(IReadOnlyList<ValueStep> history, string subject)
    {
        for (int i = history.Count - 2; i >= 0; i--)
        {
            ValueStep older = history[i + 1], newer = history[i];
            if (older.Facts.Kind != ValueKind.Scalar || newer.Facts.Kind != ValueKind.Scalar)
                continue;
            if (newer.Kind == ValueStepKind.Narrow && older.Facts.Minimum < 0 && older.Facts.Maximum < uint.MaxValue && newer.Facts.Minimum >= 0 && newer.Facts.Maximum > older.Facts.Maximum)
                Note(newer.Slot, $"only the low bits are kept here: a negative number becomes a large one, {newer.Facts.Range}");
            else if (newer.Kind == ValueStepKind.Arithmetic && newer.Facts.UnsignedMaximum > older.Facts.UnsignedMaximum && older.Facts.UnsignedMaximum < long.MaxValue)
                Note(newer.Slot, $"after this arithmetic it is {newer.Facts.Range}; before it was {older.Facts.Range}");
        }
        NoteChecks(history, subject);
    }

    /// <summary>The value was checked in memory and loaded again: a further check of the same kind would not help.</summary>
    public bool IsLoadedAgain { get; private set; }

    private void NoteChecks(IReadOnlyList<ValueStep> history, string subject)
    {
        if (history.Count == 0)
            return;
        const int MaximumBranches = 200;
        ValueStep root = history[^1];
        string? rootText = root.Slot < program.Instructions.Length ? source.TextOf(program, root.Slot) : null;
        int looked = 0;
        for (int i = trace.End - 1; i >= trace.First && looked < MaximumBranches; i--)
        {
            if (trace.EffectAt(i) != Effect.Branch || trace.Destination(i).Kind != ValueKind.Scalar)
                continue;
            looked++;
            IReadOnlyList<ValueStep> compared = trace.HistoryOf(trace.InstructionAt(i).Dst, i);
            if (compared.Count == 0)
                continue;
            if (compared[^1].Index == root.Index && compared[^1].Kind == root.Kind)
            {
                ValueFacts after = trace.After(i);
                if (history.Any(step => step.Index > i && step.Kind == ValueStepKind.Arithmetic && trace.OperationAt(step.Index) != Operation.Mul))
                    Note(trace.SlotAt(i), $"{subject} is compared here, and changed after that");
                else if (after.Kind == ValueKind.Scalar && !after.IsConstant)
                    Note(trace.SlotAt(i), $"this comparison leaves it at {(trace.InstructionAt(i).Class == InstructionClass.Jmp32 ? after.LowRange : after.Range)}");
                return;
            }
            if (rootText is not null && compared[^1].Kind == ValueStepKind.Load && root.Kind == ValueStepKind.Load && source.TextOf(program, compared[^1].Slot) == rootText)
            {
                IsLoadedAgain = true;
                Note(trace.SlotAt(i), $"the check is here, but '{rootText}' is loaded from memory again afterwards and may have changed; keep it in a variable");
                return;
            }
        }
    }

    private static int LastRegister(string message)
    {
        int last = message.LastIndexOf('\n') + 1;
        for (int i = last; i + 1 < message.Length; i++)
        {
            if (message[i] == 'R' && char.IsAsciiDigit(message[i + 1]) && (i == last || !char.IsLetterOrDigit(message[i - 1])))
                return message[i + 1] == '1' && i + 2 < message.Length && message[i + 2] == '0' ? 10 : message[i + 1] - '0';
        }
        return -1;
    }

    /// <summary>The number behind a word of the message: <c>off=12</c>.</summary>
    public int? Number(string word)
    {
        int at = Message.IndexOf(word, StringComparison.Ordinal);
        if (at < 0)
            return null;
        int end = at + word.Length;
        while (end < Message.Length && (char.IsAsciiDigit(Message[end]) || (Message[end] == '-' && end == at + word.Length)))
            end++;
        return int.TryParse(Message.AsSpan(at + word.Length, end - at - word.Length), out int value) ? value : null;
    }
}
