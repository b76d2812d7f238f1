// Assembly text to instructions. Two front doors: Assemble for a piece of code whose surroundings someone else owns (inline
// assembly, the conformance plugin, tests), and AssembleFile for a whole source file with sections and directives.
//
// One pass over the statements emits bytes and notes places whose values need a symbol; a second pass over those places
// resolves what is known and leaves the rest as references (Assemble) or relocations (AssembleFile).
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Asm;

/// <summary>What an unresolved place in assembled code waits for.</summary>
public enum SymbolReferenceKind : byte
{
    /// <summary>The offset of a jump.</summary>
    Jump,

    /// <summary>The immediate of a gotol.</summary>
    LongJump,

    /// <summary>The immediate of a call to a function.</summary>
    Call,

    /// <summary>A 64-bit immediate: the address of a map, a variable or a function.</summary>
    Wide,
}

/// <summary>A symbol that the text uses and does not define.</summary>
/// <param name="Slot">The instruction that uses it.</param>
/// <param name="Kind">What of the instruction depends on it.</param>
/// <param name="Symbol">Its name.</param>
/// <param name="Addend">Bytes to add to its address (calls and jumps: none).</param>
/// <param name="Span">Where the text names it.</param>
public sealed record SymbolReference(int Slot, SymbolReferenceKind Kind, string Symbol, long Addend, SourceSpan Span);

/// <summary>Assembled code without surroundings.</summary>
/// <param name="Instructions">The slots.</param>
/// <param name="Spans">Where in the source each slot comes from.</param>
/// <param name="References">Symbols left open.</param>
/// <param name="Labels">The slots of the labels that the text defines.</param>
public sealed record AssembledCode(
    EbpfInstruction[] Instructions, SourceSpan[] Spans, IReadOnlyList<SymbolReference> References, IReadOnlyDictionary<string, int> Labels);

public sealed record AssemblerOptions
{
    public static readonly AssemblerOptions Default = new();

    /// <summary>Later instructions are refused.</summary>
    public CpuVersion Cpu { get; init; } = CpuVersion.V4;

    /// <summary>Jumps to labels that the text does not define become references instead of errors (<c>asm goto</c>).</summary>
    public bool AllowOpenJumps { get; init; }

    /// <summary>A call by name that is a helper's (<c>bpf_map_lookup_elem</c>) becomes a helper call unless a label of that name exists.</summary>
    public bool HelpersByName { get; init; } = true;
}

public sealed partial class Assembler
{
    private readonly AsmScanner _scanner;
    private readonly DiagnosticBag _diagnostics;
    private readonly AssemblerOptions _options;
    private readonly StatementKey _key = new();
    private readonly Dictionary<string, AsmSymbol> _symbols = [];
    private readonly Dictionary<long, int> _localLabels = [];
    private readonly Dictionary<string, AsmSection> _sections = [];
    private readonly List<AsmSection> _sectionOrder = [];
    private readonly Func<AsmToken, AsmValue> _symbolValue;
    private readonly bool _wholeFile;
    private AsmSection _section;

    /// <summary>Offset of the first exit, to which the mnemonic syntax jumps by the name <c>exit</c>.</summary>
    private int _firstExit = -1;

    private bool _usesMnemonics;

    private Assembler(string text, SourceLocation start, DiagnosticBag diagnostics, AssemblerOptions options, bool wholeFile)
    {
        _scanner = new AsmScanner(text, start, diagnostics);
        _diagnostics = diagnostics;
        _options = options;
        _wholeFile = wholeFile;
        _symbolValue = SymbolValue;
        _section = EnterSection(".text", "ax", "progbits", 0, isImplicit: true)!;
    }

    /// <summary>
    /// Assembles a piece of code. Errors are reported to <paramref name="diagnostics"/>; the result is then null.
    /// </summary>
    /// <param name="start">Where the text's first character lies, for positions; none when it has no place in a source.</param>
    public static AssembledCode? Assemble(string text, DiagnosticBag diagnostics, SourceLocation start = default, AssemblerOptions? options = null)
    {
        int before = diagnostics.ErrorCount;
        var assembler = new Assembler(text, start, diagnostics, options ?? AssemblerOptions.Default, wholeFile: false);
        assembler.ReadStatements(inBlock: false);
        AssembledCode code = assembler.FinishCode();
        return diagnostics.ErrorCount == before ? code : null;
    }

    private void Statement()
    {
        List<AsmToken> tokens = _scanner.Tokens;
        int first = 0;
        while (tokens[first].Kind is AsmTokenKind.Word or AsmTokenKind.Number or AsmTokenKind.Register && tokens[first + 1].IsMark(':'))
        {
            DefineLabel(tokens[first]);
            first += 2;
        }
        AsmToken token = tokens[first];
        if (token.Kind == AsmTokenKind.End)
            return;
        if (token.Kind == AsmTokenKind.Word)
        {
            if (_scanner.TextOf(token)[0] == '.' && !tokens[first + 1].IsMark('='))
            {
                Directive(first);
                return;
            }
            if (tokens[first + 1].IsMark('=') && !tokens[first + 2].IsMark('='))
            {
                Assignment(token, first + 2);
                return;
            }
            if (Mnemonic(first))
                return;
        }
        Instruction(first);
    }

    private string Quote(AsmToken token) => token.Kind == AsmTokenKind.End ? "the end of the statement" : $"'{_scanner.TextOf(token)}'";

    private void ReportExpected(string what, AsmToken found) => _diagnostics.Report(AssemblerDiagnostics.Expected, _scanner.Span(found), what, Quote(found));

    private AsmSymbol Symbol(string name)
        => CollectionsMarshal.GetValueRefOrAddDefault(_symbols, name, out _) ??= new AsmSymbol(name);

    private static string LocalLabelName(long number, int occurrence) => string.Create(CultureInfo.InvariantCulture, $".L#{number}#{occurrence}");

    private void DefineLabel(AsmToken token)
    {
        string name = _scanner.TextOf(token).ToString();
        if (token.Kind == AsmTokenKind.Number)
        {
            int occurrence = _localLabels[token.Value] = _localLabels.GetValueOrDefault(token.Value) + 1;
            name = LocalLabelName(token.Value, occurrence);
        }
        AsmSymbol symbol = Symbol(name);
        if (symbol.IsDefined)
        {
            _diagnostics.Report(AssemblerDiagnostics.Redefined, _scanner.Span(token), name);
            return;
        }
        symbol.Section = _section;
        symbol.Value = _section.Length;
    }

    /// <summary>The value of a word or local label in an expression.</summary>
    private AsmValue SymbolValue(AsmToken token)
    {
        if (token.Kind == AsmTokenKind.LocalLabel)
        {
            int seen = _localLabels.GetValueOrDefault(token.Value);
            bool forward = _scanner.TextOf(token)[^1] == 'f';
            return new AsmValue(0, LocalLabelName(token.Value, forward ? seen + 1 : seen));
        }
        string name = _scanner.TextOf(token).ToString();
        if (name == ".")
        {
            string here = string.Create(CultureInfo.InvariantCulture, $".L#here#{_section.Name}#{_section.Length}");
            AsmSymbol position = Symbol(here);
            position.Section = _section;
            position.Value = _section.Length;
            return new AsmValue(0, here);
        }
        AsmSymbol symbol = Symbol(name);
        if (symbol.IsAbsolute)
            return new AsmValue(symbol.Value);
        symbol.IsUsed = true;
        return new AsmValue(0, name);
    }

    private void Assignment(AsmToken name, int from)
    {
        var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
        if (parser.Parse(from) is not { } value || !ExpectEnd(parser.Index))
            return;
        AsmSymbol symbol = Symbol(_scanner.TextOf(name).ToString());
        if (symbol.IsDefined && !symbol.IsAbsolute)
        {
            _diagnostics.Report(AssemblerDiagnostics.Redefined, _scanner.Span(name), symbol.Name);
        }
        else if (Constant(value) is { } constant)
        {
            symbol.IsAbsolute = true;
            symbol.Value = constant;
        }
        else if (value is { Minus: null, Symbol: { } target } && _symbols[target].Section is { } section)
        {
            symbol.Section = section;
            symbol.Value = _symbols[target].Value + value.Constant;
        }
        else
        {
            _diagnostics.Report(AssemblerDiagnostics.NotConstant, _scanner.Span(name), "the value of an assignment");
        }
    }

    private bool ExpectEnd(int index)
    {
        if (_scanner.Tokens[index].Kind == AsmTokenKind.End)
            return true;
        ReportExpected("the end of the statement", _scanner.Tokens[index]);
        return false;
    }

    /// <summary>The value as a number when its symbols cancel out; null otherwise.</summary>
    private long? Constant(AsmValue value)
    {
        if (value.IsConstant)
            return value.Constant;
        long sum = value.Constant;
        AsmSection? section = null;
        if (value.Symbol is { } plus)
        {
            AsmSymbol symbol = Symbol(plus);
            if (!symbol.IsDefined)
                return null;
            section = symbol.Section;
            sum = unchecked(sum + symbol.Value);
        }
        AsmSection? other = null;
        if (value.Minus is { } minus)
        {
            AsmSymbol symbol = Symbol(minus);
            if (!symbol.IsDefined)
                return null;
            other = symbol.Section;
            sum = unchecked(sum - symbol.Value);
        }
        return section == other ? sum : null;
    }

    // ---- the end of a piece of code ----

    private AssembledCode FinishCode()
    {
        AsmSection code = _sectionOrder[0];
        var references = new List<SymbolReference>();
        foreach (Fixup fixup in code.Fixups)
        {
            if (Resolve(code, fixup) || Unresolvable(fixup))
                continue;
            SymbolReferenceKind kind = fixup.Kind switch
            {
                FixupKind.Jump16 => SymbolReferenceKind.Jump,
                FixupKind.Jump32 => SymbolReferenceKind.LongJump,
                FixupKind.Call => SymbolReferenceKind.Call,
                _ => SymbolReferenceKind.Wide,
            };
            bool isJump = kind is SymbolReferenceKind.Jump or SymbolReferenceKind.LongJump;
            if (fixup.Kind >= FixupKind.Data8 || (isJump && !_options.AllowOpenJumps))
                _diagnostics.Report(AssemblerDiagnostics.UndefinedSymbol, fixup.Span, fixup.Value.Symbol);
            else
                references.Add(new SymbolReference(fixup.Offset / EbpfInstruction.Size, kind, fixup.Value.Symbol!, fixup.Value.Constant, fixup.Span));
        }
        if (code.Length % EbpfInstruction.Size != 0)
            _diagnostics.Report(AssemblerDiagnostics.PartialInstruction, SourceSpan.None, code.Length);
        EbpfInstruction[] instructions = MemoryMarshal.Cast<byte, EbpfInstruction>(code.Bytes[..(code.Length & ~7)]).ToArray();
        var spans = new SourceSpan[instructions.Length];
        int line = 0;
        for (int i = 0; i < spans.Length; i++)
        {
            while (line + 1 < code.Lines.Count && code.Lines[line + 1].Offset <= i * EbpfInstruction.Size)
                line++;
            spans[i] = line < code.Lines.Count ? code.Lines[line].Span : SourceSpan.None;
        }
        var labels = new Dictionary<string, int>();
        foreach (AsmSymbol symbol in _symbols.Values)
        {
            if (symbol.Section == code && !symbol.Name.Contains('#'))
                labels[symbol.Name] = (int)(symbol.Value / EbpfInstruction.Size);
        }
        return new AssembledCode(instructions, spans, references, labels);
    }

    /// <summary>Reports values that no reference can carry.</summary>
    private bool Unresolvable(Fixup fixup)
    {
        if (fixup.Value is { Symbol: { } symbol, Minus: null } && !symbol.StartsWith(".L#", StringComparison.Ordinal))
            return false;
        string name = fixup.Value.Symbol ?? fixup.Value.Minus ?? "";
        if (name.StartsWith(".L#", StringComparison.Ordinal))
            name = name.Split('#')[1];
        _diagnostics.Report(AssemblerDiagnostics.UndefinedSymbol, fixup.Span, name);
        return true;
    }

    /// <summary>
    /// Fills in what is known: constants, and jumps and calls inside a section. True when the place needs nothing more (also
    /// after a reported error).
    /// </summary>
    private bool Resolve(AsmSection section, Fixup fixup)
    {
        Span<byte> place = section.Bytes[fixup.Offset..];
        switch (fixup.Kind)
        {
            case FixupKind.Jump16 or FixupKind.Jump32 or FixupKind.Call:
                AsmSymbol? target = fixup.Value.Minus is null ? Symbol(fixup.Value.Symbol!) : null;
                if (fixup.Kind == FixupKind.Call && target is { IsDefined: false } && _options.HelpersByName && HelperTable.Find(target.Name) is { } helper && fixup.Value.Constant == 0)
                {
                    target.IsUsed = false;
                    Write(place, OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: helper.Id));
                    return true;
                }
                // a global function may be replaced when linking: its call keeps the relocation
                if (target is { IsDefined: false, Name: "exit" } && _usesMnemonics && _firstExit >= 0 && fixup.Kind != FixupKind.Call)
                    return FillDistance(place, fixup, _firstExit);
                if (target?.Section != section || (_wholeFile && fixup.Kind == FixupKind.Call && (target.IsGlobal || target.IsWeak)))
                    return false;
                return FillDistance(place, fixup, target.Value + fixup.Value.Constant);
            case FixupKind.Wide:
                if (Constant(fixup.Value) is not { } wide)
                    return false;
                BinaryPrimitives.WriteInt32LittleEndian(place[4..], (int)wide);
                BinaryPrimitives.WriteInt32LittleEndian(place[12..], (int)(wide >> 32));
                return true;
            default:
                if (Constant(fixup.Value) is not { } value)
                    return false;
                WriteData(place, fixup.Kind, value);
                return true;
        }
    }

    private bool FillDistance(Span<byte> place, Fixup fixup, long target)
    {
        long distance = target - fixup.Offset - EbpfInstruction.Size;
        string name = fixup.Value.Symbol!;
        if (distance % EbpfInstruction.Size != 0)
        {
            _diagnostics.Report(AssemblerDiagnostics.BadTarget, fixup.Span, name, "inside an instruction");
            return true;
        }
        distance /= EbpfInstruction.Size;
        EbpfInstruction instruction = MemoryMarshal.Read<EbpfInstruction>(place);
        if (fixup.Kind != FixupKind.Jump16)
            Write(place, instruction.WithImmediate((int)distance));
        else if (IntegerArithmetic.FitsInt16(distance))
            Write(place, instruction.WithOffset((short)distance));
        else
            _diagnostics.Report(AssemblerDiagnostics.OutOfRange, fixup.Span, "the jump distance", distance, short.MinValue, short.MaxValue);
        return true;
    }

    private static void WriteData(Span<byte> place, FixupKind kind, long value)
    {
        switch (kind)
        {
            case FixupKind.Data8: place[0] = (byte)value; break;
            case FixupKind.Data16: BinaryPrimitives.WriteInt16LittleEndian(place, (short)value); break;
            case FixupKind.Data32: BinaryPrimitives.WriteInt32LittleEndian(place, (int)value); break;
            default: BinaryPrimitives.WriteInt64LittleEndian(place, value); break;
        }
    }
}
