// The two assembly languages of classic BPF in one grammar: libpcap's listing and the kernel's bpf_asm.
//
//   line     = { label ":" } [ "(" number ")" ] [ mnemonic [ operand ] { [","] target } ]
//   operand  = "#" constant | "#" word | word | "[" constant "]" | "[" word "]" | "[" "x" "+" constant "]" | "M" "[" constant "]"
//            | constant "*" "(" "[" constant "]" "&" constant ")" | "x" | "%x" | "a" | "%a"
//   target   = "jt" constant | "jf" constant | label
//
// jne, jlt and jle are jeq, jge and jgt with the targets exchanged; ldi, ldxi and jmp are ld #, ldx # and ja.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ebpf.Classic;

public sealed partial class ClassicParser
{
    /// <summary>A jump whose distances are not known yet: numbers of instructions, or labels; null falls through.</summary>
    private readonly record struct PendingJump(int Index, string? WhenTrue, string? WhenFalse, int At, int Length);

    private readonly Dictionary<string, int> _labels = [];
    private readonly List<PendingJump> _pending = [];

    private bool ReadAssembly()
    {
        while (true)
        {
            SkipBlank();
            if (_at == _text.Length)
                return ResolveJumps();
            if (Take('('))
            {
                while (char.IsAsciiDigit(Peek()))
                    _at++;
                if (!Take(')'))
                    return FailAt("')'");
                SkipBlank();
            }
            int from = _at;
            string word = TakeWord();
            if (word.Length == 0)
                return FailAt("an instruction");
            if (Take(':'))
            {
                _labels[word] = _code.Count;
                continue;
            }
            if (!ReadInstruction(word.ToLowerInvariant(), from))
                return false;
        }
    }

    private string TakeWord()
    {
        int from = _at;
        while (char.IsAsciiLetterOrDigit(Peek()) || Peek() == '_')
            _at++;
        return _text[from.._at];
    }

    /// <summary>What an operand turned out to be.</summary>
    private readonly record struct ParsedOperand(ClassicOperand Kind, uint K, bool IsAccumulator = false);

    private bool ReadInstruction(string mnemonic, int from)
    {
        (string name, bool swapped) = mnemonic switch
        {
            "jne" or "jneq" => ("jeq", true),
            "jlt" => ("jge", true),
            "jle" => ("jgt", true),
            "jmp" => ("ja", false),
            "ldi" => ("ld", false),
            "ldxi" => ("ldx", false),
            _ => (mnemonic, false),
        };
        bool isKnown = false, isJump = name == "ja";
        foreach (ClassicRow row in ClassicTable.Rows)
            isKnown |= row.Mnemonic == name;
        if (!isKnown)
            return Fail(ClassicDiagnostics.UnknownMnemonic, from, mnemonic.Length, mnemonic.Length > 20 ? mnemonic[..20] : mnemonic);
        SkipBlank(acrossLines: false);
        int operandAt = _at;
        ParsedOperand operand = default;
        if (isJump)
        {
            string target = TakeTarget();
            if (target.Length == 0)
                return FailAt("a label or the number of an instruction");
            _pending.Add(new PendingJump(_code.Count, target, null, operandAt, target.Length));
            return Add(new ClassicInstruction(0x05, 0, 0, 0), from);
        }
        if (!IsLineEnd() && !ReadOperand(name, out operand))
            return false;
        if (FindRow(name, operand) is not { } found)
        {
            string text = _text[operandAt.._at].Trim();
            return Fail(ClassicDiagnostics.BadOperand, operandAt, _at - operandAt, mnemonic, text.Length == 0 ? "of nothing" : $"'{(text.Length > 20 ? text[..20] : text)}'");
        }
        if (found.Operation == ClassicOperation.Branch && !ReadTargets(swapped, from))
            return false;
        SkipBlank(acrossLines: false);
        if (!IsLineEnd())
            return FailAt("the end of the line");
        return Add(new ClassicInstruction(found.Code, 0, 0, operand.K), from);
    }

    private bool IsLineEnd() => Peek() is '\0' or '\n' or '\r';

    private static ClassicRow? FindRow(string mnemonic, ParsedOperand operand)
    {
        // bpf_asm leaves the b of ldxb away: there is no other load of this form.
        if (mnemonic == "ldx" && operand.Kind == ClassicOperand.HeaderLength)
            mnemonic = "ldxb";
        foreach (ClassicRow row in ClassicTable.Rows)
        {
            if (row.Mnemonic != mnemonic)
                continue;
            bool isConstant = operand.Kind is ClassicOperand.Decimal && row.Operand is ClassicOperand.Decimal or ClassicOperand.Hexadecimal;
            // "ret a" and "ret" are the same instruction.
            bool isSame = row.Operand == operand.Kind && (!operand.IsAccumulator || mnemonic == "ret");
            if (operand.Kind == ClassicOperand.Decimal ? isConstant : isSame)
                return row;
        }
        return null;
    }

    private bool ReadOperand(string mnemonic, out ParsedOperand operand)
    {
        operand = default;
        bool isMarked = Take('#');
        SkipBlank(acrossLines: false);
        if (!isMarked && Take('['))
            return ReadBrackets(out operand);
        if (!isMarked && Take('%') || char.IsAsciiLetter(Peek()) || Peek() == '_')
        {
            int from = _at;
            string word = TakeWord().ToLowerInvariant();
            if (word is "x" or "a")
            {
                operand = new ParsedOperand(word == "x" ? ClassicOperand.Index : ClassicOperand.None, 0, word == "a");
                return true;
            }
            if (word == "m")
            {
                SkipBlank(acrossLines: false);
                if (!Take('['))
                    return FailAt("'['");
                return ReadBracketConstant(ClassicOperand.Cell, out operand);
            }
            if (word is "len" or "pktlen")
                operand = new ParsedOperand(ClassicOperand.PacketLength, 0);
            else if (ClassicExtensions.Find(word) is { } extension)
                operand = new ParsedOperand(ClassicOperand.Offset, extension.Offset);
            else
            {
                _at = from;
                return FailAt("an operand");
            }
            return true;
        }
        if (!TakeConstant(out uint value))
            return false;
        SkipBlank(acrossLines: false);
        if (isMarked || mnemonic is not ("ldx" or "ldxb") || Peek() != '*')
        {
            operand = new ParsedOperand(ClassicOperand.Decimal, value);
            return true;
        }
        return ReadHeaderLength(value, out operand);
    }

    /// <summary>Behind the 4 of <c>4*([14]&amp;0xf)</c>.</summary>
    private bool ReadHeaderLength(uint factor, out ParsedOperand operand)
    {
        operand = default;
        foreach (char c in "*([")
        {
            SkipBlank(acrossLines: false);
            if (!Take(c))
                return FailAt($"'{c}'");
        }
        if (!ReadBracketConstant(ClassicOperand.HeaderLength, out operand))
            return false;
        SkipBlank(acrossLines: false);
        if (!Take('&'))
            return FailAt("'&'");
        SkipBlank(acrossLines: false);
        if (!TakeConstant(out uint mask))
            return false;
        SkipBlank(acrossLines: false);
        if (!Take(')'))
            return FailAt("')'");
        if (factor != 4 || mask != 15)
            operand = operand with { Kind = ClassicOperand.Target }; // no operand of any load
        return true;
    }

    private bool ReadBracketConstant(ClassicOperand kind, out ParsedOperand operand)
    {
        operand = default;
        SkipBlank(acrossLines: false);
        if (!TakeConstant(out uint k))
            return false;
        SkipBlank(acrossLines: false);
        operand = new ParsedOperand(kind, k);
        return Take(']') || FailAt("']'");
    }

    private bool ReadBrackets(out ParsedOperand operand)
    {
        operand = default;
        SkipBlank(acrossLines: false);
        Take('%');
        if (!char.IsAsciiLetter(Peek()))
            return ReadBracketConstant(ClassicOperand.Offset, out operand);
        int from = _at;
        string word = TakeWord().ToLowerInvariant();
        SkipBlank(acrossLines: false);
        if (word == "x")
        {
            if (Take('+'))
                return ReadBracketConstant(ClassicOperand.IndexedOffset, out operand);
            operand = new ParsedOperand(ClassicOperand.IndexedOffset, 0);
            return Take(']') || FailAt("'+'");
        }
        if (ClassicExtensions.Find(word) is not { } extension)
        {
            _at = from;
            return FailAt("an offset");
        }
        operand = new ParsedOperand(ClassicOperand.Offset, extension.Offset);
        return Take(']') || FailAt("']'");
    }

    /// <summary>A label, or the number of an instruction; empty when there is neither.</summary>
    private string TakeTarget()
    {
        SkipBlank(acrossLines: false);
        int from = _at;
        if (Take('-') && !char.IsAsciiDigit(Peek()))
        {
            _at = from;
            return "";
        }
        TakeWord();
        return _text[from.._at];
    }

    private bool ReadTargets(bool swapped, int from)
    {
        string? whenTrue = null, whenFalse = null;
        for (int i = 0; i < 2; i++)
        {
            SkipBlank(acrossLines: false);
            if (Take(','))
                SkipBlank(acrossLines: false);
            if (IsLineEnd())
                break;
            int at = _at;
            string word = TakeWord();
            bool isFalse = i == 1;
            if (word is "jt" or "jf")
            {
                isFalse = word == "jf";
                word = TakeTarget();
            }
            if (word.Length == 0)
            {
                _at = at;
                return FailAt("a label");
            }
            if (isFalse)
                whenFalse = word;
            else
                whenTrue = word;
        }
        if (whenTrue is null && whenFalse is null)
            return FailAt("a target of the jump");
        _pending.Add(swapped ? new PendingJump(_code.Count, whenFalse, whenTrue, from, _at - from) : new PendingJump(_code.Count, whenTrue, whenFalse, from, _at - from));
        return true;
    }

    private bool ResolveJumps()
    {
        foreach (PendingJump jump in _pending)
        {
            bool isConditional = _code[jump.Index].Row!.Operation == ClassicOperation.Branch;
            if (!Distance(jump, jump.WhenTrue, isConditional, out uint whenTrue) || !Distance(jump, jump.WhenFalse, isConditional, out uint whenFalse))
                return false;
            _code[jump.Index] = isConditional
                ? _code[jump.Index] with { JumpTrue = (byte)whenTrue, JumpFalse = (byte)whenFalse }
                : _code[jump.Index] with { K = whenTrue };
        }
        return true;
    }

    private bool Distance(PendingJump jump, string? target, bool isConditional, out uint distance)
    {
        distance = 0;
        if (target is null)
            return true;
        if (!_labels.TryGetValue(target, out int index) && !int.TryParse(target, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out index))
            return Fail(ClassicDiagnostics.UnknownLabel, jump.At, jump.Length, target.Length > 40 ? target[..40] : target);
        if (index <= jump.Index)
            return Fail(ClassicDiagnostics.BackwardJump, jump.At, jump.Length, index);
        distance = (uint)(index - jump.Index - 1);
        return !isConditional || distance <= byte.MaxValue || Fail(ClassicDiagnostics.OutOfRange, jump.At, jump.Length, "the distance", distance, 0, byte.MaxValue);
    }
}
