// Directives: what clang -S writes for eBPF and what people write by hand. Unknown ones are errors; a few that only other
// tools need are read and dropped.
using System.Globalization;
using System.Text;
using Ebpfcc.Core.Text;

namespace Ebpfcc.Ebpf.Asm;

public sealed partial class Assembler
{
    private readonly List<AsmSection> _sectionStack = [];
    private AsmSection? _previousSection;

    private void Directive(int first)
    {
        AsmToken token = _scanner.Tokens[first];
        string name = _scanner.TextOf(token).ToString();
        int next = first + 1;
        switch (name)
        {
            case ".byte": Data(next, FixupKind.Data8); break;
            case ".short" or ".hword" or ".2byte" or ".half": Data(next, FixupKind.Data16); break;
            case ".long" or ".word" or ".4byte" or ".int": Data(next, FixupKind.Data32); break;
            case ".quad" or ".8byte" or ".xword" or ".dword": Data(next, FixupKind.Data64); break;
            case ".uleb128" or ".sleb128": Leb128(next, isSigned: name == ".sleb128"); break;
            case ".ascii": Strings(next, terminated: false); break;
            case ".asciz" or ".string": Strings(next, terminated: true); break;
            case ".zero" or ".skip" or ".space": Fill(next); break;
            case ".p2align": Align(next, isPower: true); break;
            case ".align" or ".balign": Align(next, isPower: false); break;
            case ".set" or ".equ":
                if (_scanner.Tokens[next].Kind == AsmTokenKind.Word && _scanner.Tokens[next + 1].IsMark(','))
                    Assignment(_scanner.Tokens[next], next + 2);
                else
                    ReportExpected("a name and a value", _scanner.Tokens[next]);
                break;
            case ".file" or ".ident" or ".addrsig" or ".addrsig_sym" or ".loc" or ".bpf" or ".cfi_sections" or ".cfi_startproc" or ".cfi_endproc" or ".end":
                break;
            case ".globl" or ".global" or ".weak" or ".local" or ".hidden" or ".protected" or ".internal":
                SymbolAttribute(name, next);
                break;
            case ".type": SymbolType(next); break;
            case ".size": SymbolSize(next); break;
            case ".comm" or ".lcomm": Common(next, isLocal: name == ".lcomm"); break;
            case ".text": Switch(EnterSection(".text", "ax", "progbits", 0, isImplicit: true)); break;
            case ".data": Switch(EnterSection(".data", "aw", "progbits", 0, isImplicit: true)); break;
            case ".bss": Switch(EnterSection(".bss", "aw", "nobits", 0, isImplicit: true)); break;
            case ".rodata": Switch(EnterSection(".rodata", "a", "progbits", 0, isImplicit: true)); break;
            case ".section": Section(next); break;
            case ".pushsection":
                _sectionStack.Add(_section);
                Section(next);
                break;
            case ".popsection" when _sectionStack.Count > 0:
                _section = _sectionStack[^1];
                _sectionStack.RemoveAt(_sectionStack.Count - 1);
                break;
            case ".previous" when _previousSection is { } previous:
                Switch(previous);
                break;
            case ".rept": Repeat(first); break;
            case ".if" or ".ifc" or ".ifnc" or ".ifdef" or ".ifndef": If(first); break;
            default:
                _diagnostics.Report(AssemblerDiagnostics.UnknownDirective, _scanner.Span(token), name);
                break;
        }
    }

    private void Data(int index, FixupKind kind)
    {
        int size = 1 << (kind - FixupKind.Data8);
        while (true)
        {
            AsmToken token = _scanner.Tokens[index];
            var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
            if (parser.Parse(index) is not { } value)
                return;
            index = parser.Index;
            SourceSpan span = _scanner.Span(token);
            int at = _section.Length;
            if (!Reserve(size, span, out Span<byte> bytes))
                return;
            bytes.Clear();
            if (_section.IsCode && (_section.Lines.Count == 0 || _section.Lines[^1].Offset <= at - 8))
                _section.Lines.Add((at, span));
            if (!value.IsConstant)
            {
                _section.Fixups.Add(new Fixup(kind, at, value, span));
            }
            else
            {
                int bits = size * 8;
                if (bits < 64 && (value.Constant < -(1L << (bits - 1)) || value.Constant >= 1L << bits))
                {
                    _diagnostics.Report(AssemblerDiagnostics.OutOfRange, span, "the value", value.Constant, -(1L << (bits - 1)), (1L << bits) - 1);
                    return;
                }
                WriteData(bytes, kind, value.Constant);
            }
            if (!_scanner.Tokens[index].IsMark(','))
                break;
            index++;
        }
        ExpectEnd(index);
    }

    /// <summary>Numbers of variable length, seven bits a byte (DWARF). Their labels must be defined before.</summary>
    private void Leb128(int index, bool isSigned)
    {
        while (true)
        {
            SourceSpan span = _scanner.Span(_scanner.Tokens[index]);
            if (!ConstantAt(ref index, out long value))
                return;
            for (bool more = true; more;)
            {
                byte low = (byte)(value & 0x7f);
                value = isSigned ? value >> 7 : value >>> 7;
                more = isSigned ? value is not (0 or -1) || (low & 0x40) != 0 != value < 0 : value != 0;
                if (!Reserve(1, span, out Span<byte> place))
                    return;
                place[0] = (byte)(low | (more ? 0x80 : 0));
            }
            if (!_scanner.Tokens[index].IsMark(','))
                break;
            index++;
        }
        ExpectEnd(index);
    }

    private void Strings(int index, bool terminated)
    {
        while (true)
        {
            AsmToken token = _scanner.Tokens[index];
            if (StringValue(token) is not { } bytes)
                return;
            if (!Reserve(bytes.Length + (terminated ? 1 : 0), _scanner.Span(token), out Span<byte> place))
                return;
            place.Clear();
            bytes.CopyTo(place);
            if (!_scanner.Tokens[index + 1].IsMark(','))
                break;
            index += 2;
        }
        ExpectEnd(index + 1);
    }

    /// <summary>The bytes of a string token, its escapes resolved; null after a reported error.</summary>
    private byte[]? StringValue(AsmToken token)
    {
        if (token.Kind != AsmTokenKind.String)
        {
            ReportExpected("a string", token);
            return null;
        }
        ReadOnlySpan<char> text = _scanner.TextOf(token)[1..^1];
        var bytes = new List<byte>(text.Length);
        Span<byte> encoded = stackalloc byte[4];
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c != '\\')
            {
                Rune.DecodeFromUtf16(text[i..], out Rune rune, out int used);
                bytes.AddRange(encoded[..rune.EncodeToUtf8(encoded)]);
                i += used - 1;
                continue;
            }
            c = text[++i];
            if (c is >= '0' and <= '7')
            {
                int value = 0;
                for (int digits = 0; digits < 3 && i < text.Length && text[i] is >= '0' and <= '7'; digits++, i++)
                    value = value * 8 + (text[i] - '0');
                i--;
                bytes.Add((byte)value);
            }
            else if (c == 'x')
            {
                int value = 0;
                while (i + 1 < text.Length && char.IsAsciiHexDigit(text[i + 1]))
                    value = (value << 4 | Convert.ToInt32(text[++i].ToString(), 16)) & 0xff;
                bytes.Add((byte)value);
            }
            else
            {
                bytes.Add((byte)(c switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', _ => c }));
            }
        }
        return [.. bytes];
    }

    private bool ConstantAt(ref int index, out long value)
    {
        value = 0;
        AsmToken token = _scanner.Tokens[index];
        var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
        if (parser.Parse(index) is not { } parsed)
            return false;
        index = parser.Index;
        if (Constant(parsed) is not { } constant)
        {
            _diagnostics.Report(AssemblerDiagnostics.NotConstant, _scanner.Span(token), "the operand");
            return false;
        }
        value = constant;
        return true;
    }

    private void Fill(int index)
    {
        SourceSpan span = _scanner.Span(_scanner.Tokens[index]);
        if (!ConstantAt(ref index, out long count))
            return;
        long value = 0;
        if (_scanner.Tokens[index].IsMark(','))
        {
            index++;
            if (!ConstantAt(ref index, out value))
                return;
        }
        if (ExpectEnd(index) && Reserve(count, span, out Span<byte> bytes))
            bytes.Fill((byte)value);
    }

    private void Align(int index, bool isPower)
    {
        SourceSpan span = _scanner.Span(_scanner.Tokens[index]);
        if (!ConstantAt(ref index, out long amount))
            return;
        long alignment = isPower ? amount is >= 0 and <= 16 ? 1L << (int)amount : 0 : amount;
        if (alignment is < 1 or > 65536 || (alignment & (alignment - 1)) != 0)
        {
            _diagnostics.Report(AssemblerDiagnostics.OutOfRange, span, "the alignment", amount, isPower ? 0 : 1, isPower ? 16 : 65536);
            return;
        }
        _section.Alignment = Math.Max(_section.Alignment, (int)alignment);
        if (Reserve(-_section.Length & (alignment - 1), span, out Span<byte> bytes))
            bytes.Clear();
    }

    private string? NameAt(int index)
    {
        AsmToken token = _scanner.Tokens[index];
        if (token.Kind is AsmTokenKind.Word or AsmTokenKind.Register)
            return _scanner.TextOf(token).ToString();
        if (token.Kind == AsmTokenKind.String)
            return StringValue(token) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;
        ReportExpected("a name", token);
        return null;
    }

    private void SymbolAttribute(string directive, int index)
    {
        while (true)
        {
            if (NameAt(index) is not { } name)
                return;
            AsmSymbol symbol = Symbol(name);
            switch (directive)
            {
                case ".globl" or ".global": symbol.IsGlobal = true; break;
                case ".weak": symbol.IsWeak = true; break;
                case ".hidden" or ".protected" or ".internal": symbol.IsHidden = directive == ".hidden"; break;
                default: symbol.IsLocal = true; break;
            }
            if (!_scanner.Tokens[index + 1].IsMark(','))
                break;
            index += 2;
        }
        ExpectEnd(index + 1);
    }

    private void SymbolType(int index)
    {
        if (NameAt(index) is not { } name)
            return;
        List<AsmToken> tokens = _scanner.Tokens;
        index++;
        if (tokens[index].IsMark(','))
            index++;
        if (tokens[index].IsMark('@') || tokens[index].IsMark('%'))
            index++;
        if (NameAt(index) is { } type && ExpectEnd(index + 1))
            Symbol(name).Type = type;
    }

    private void SymbolSize(int index)
    {
        if (NameAt(index) is not { } name)
            return;
        if (!_scanner.Tokens[index + 1].IsMark(','))
        {
            ReportExpected("','", _scanner.Tokens[index + 1]);
            return;
        }
        var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
        if (parser.Parse(index + 2) is { } size && ExpectEnd(parser.Index))
        {
            Symbol(name).Size = size;
            Symbol(name).SizeSpan = _scanner.Span(_scanner.Tokens[index]);
        }
    }

    private void Common(int index, bool isLocal)
    {
        if (NameAt(index) is not { } name || !_scanner.Tokens[index + 1].IsMark(','))
            return;
        AsmToken token = _scanner.Tokens[index];
        index += 2;
        if (!ConstantAt(ref index, out long size))
            return;
        long alignment = 1;
        if (_scanner.Tokens[index].IsMark(','))
        {
            index++;
            if (!ConstantAt(ref index, out alignment))
                return;
        }
        AsmSymbol symbol = Symbol(name);
        if (symbol.IsDefined)
        {
            _diagnostics.Report(AssemblerDiagnostics.Redefined, _scanner.Span(token), name);
            return;
        }
        AsmSection current = _section;
        _section = EnterSection(".bss", "aw", "nobits", 0, isImplicit: true)!;
        alignment = Math.Clamp(alignment, 1, 4096);
        alignment = 1L << (63 - System.Numerics.BitOperations.LeadingZeroCount((ulong)alignment));
        _section.Alignment = Math.Max(_section.Alignment, (int)alignment);
        if (Reserve(-_section.Length & (alignment - 1), _scanner.Span(token), out Span<byte> padding))
        {
            padding.Clear();
            symbol.Section = _section;
            symbol.Value = _section.Length;
            symbol.IsGlobal |= !isLocal && !symbol.IsLocal;
            symbol.Type = "object";
            symbol.Size = new AsmValue(size);
            if (Reserve(size, _scanner.Span(token), out Span<byte> bytes))
                bytes.Clear();
        }
        _section = current;
    }

    // ---- sections ----

    private void Switch(AsmSection? section)
    {
        if (section is null)
            return;
        _previousSection = _section;
        _section = section;
    }

    /// <summary><c>.section name[,"flags"[,@type[,entry size]]]</c>. A name may contain slashes, plus and question marks.</summary>
    private void Section(int index)
    {
        List<AsmToken> tokens = _scanner.Tokens;
        if (tokens[index].Kind == AsmTokenKind.End || tokens[index].IsMark(','))
        {
            ReportExpected("a section name", tokens[index]);
            return;
        }
        string name;
        if (tokens[index].Kind == AsmTokenKind.String)
        {
            if (NameAt(index) is not { } quoted)
                return;
            name = quoted;
            index++;
        }
        else
        {
            int begin = tokens[index].Start;
            while (tokens[index].Kind != AsmTokenKind.End && !tokens[index].IsMark(','))
                index++;
            name = _scanner.Text[begin..tokens[index].Start].TrimEnd();
        }
        string? flags = null;
        string type = "";
        long entrySize = 0;
        if (tokens[index].IsMark(','))
        {
            index++;
            if (StringValue(tokens[index]) is not { } bytes)
                return;
            flags = Encoding.UTF8.GetString(bytes);
            index++;
            if (tokens[index].IsMark(','))
            {
                index++;
                if (tokens[index].IsMark('@') || tokens[index].IsMark('%'))
                    index++;
                if (tokens[index].Kind == AsmTokenKind.End)
                {
                    ReportExpected("a section type", tokens[index]);
                    return;
                }
                type = tokens[index].Kind == AsmTokenKind.Number ? tokens[index].Value.ToString(CultureInfo.InvariantCulture) : _scanner.TextOf(tokens[index]).ToString();
                index++;
                if (tokens[index].IsMark(','))
                {
                    index++;
                    if (!ConstantAt(ref index, out entrySize))
                        return;
                }
            }
        }
        if (ExpectEnd(index))
            Switch(EnterSection(name, flags ?? DefaultFlags(name), type, (int)entrySize, flags is null));
    }

    private static string DefaultFlags(string name)
        => name.StartsWith(".debug", StringComparison.Ordinal) || name.StartsWith(".BTF", StringComparison.Ordinal) || name is ".llvm_addrsig" or ".comment" ? ""
            : name.StartsWith(".data", StringComparison.Ordinal) || name.StartsWith(".bss", StringComparison.Ordinal) || name is ".maps" or "maps" ? "aw"
            : name.StartsWith(".rodata", StringComparison.Ordinal) || name is "license" or "version" ? "a" : "ax";

    private AsmSection? EnterSection(string name, string flags, string type, int entrySize, bool isImplicit)
    {
        if (_sections.TryGetValue(name, out AsmSection? section))
        {
            if (!isImplicit && section.IsImplicit)
                (section.Flags, section.Type, section.EntrySize, section.IsImplicit) = (flags, type, entrySize, false);
            return section;
        }
        section = new AsmSection(name)
        {
            Flags = flags,
            Type = type.Length > 0 ? type : name.StartsWith(".bss", StringComparison.Ordinal) ? "nobits" : "progbits",
            EntrySize = entrySize,
            IsImplicit = isImplicit,
        };
        _sections.Add(name, section);
        _sectionOrder.Add(section);
        return section;
    }
}
