// The integer constant expressions of #if (C11 6.10.1, 6.6): precedence climbing over 64-bit values that know their
// signedness. Operands that are not evaluated (after || && ?:) may divide by zero.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Frontend.Preprocessing;

public sealed partial class Preprocessor
{
    private const int MaximumConditionDepth = 256;

    private readonly record struct PpValue(ulong Bits, bool IsUnsigned)
    {
        public bool IsTrue => Bits != 0;

        public static PpValue Of(bool value) => new(value ? 1UL : 0UL, false);
    }

    private PpToken _conditionToken;
    private bool _conditionFailed;

    /// <summary>Evaluates the rest of an <c>#if</c> line; a mistake is reported and counts as false.</summary>
    private bool EvaluateCondition(Frame frame)
    {
        _conditionFailed = false;
        NextConditionToken();
        if (_conditionToken.Kind == PpTokenKind.EndOfDirective)
        {
            _bag.Report(PreprocessorDiagnostics.BadConditionExpression, _conditionToken.Location, "expected value");
            return false;
        }
        PpValue value = Ternary(0, isEvaluated: true);
        if (!_conditionFailed && _conditionToken.Kind is not (PpTokenKind.EndOfDirective or PpTokenKind.EndOfFile))
            FailCondition(_conditionToken.Kind == PpTokenKind.RightParen ? "missing '('" : "token is not a valid binary operator");
        while (_top != frame)
            PopFrame();
        return !_conditionFailed && value.IsTrue;
    }

    private void NextConditionToken() => Lex(out _conditionToken);

    private PpValue FailCondition(string problem)
    {
        if (!_conditionFailed && !_aborted)
            _bag.Report(PreprocessorDiagnostics.BadConditionExpression, SpanOf(_conditionToken), problem);
        _conditionFailed = true;
        return default;
    }

    private PpValue Ternary(int depth, bool isEvaluated)
    {
        PpValue condition = Binary(depth, 1, isEvaluated);
        if (_conditionFailed || _conditionToken.Kind != PpTokenKind.Question)
            return condition;
        if (depth > MaximumConditionDepth)
            return FailCondition("too many nested operators");
        NextConditionToken();
        PpValue ifTrue = Ternary(depth + 1, isEvaluated && condition.IsTrue);
        while (!_conditionFailed && _conditionToken.Kind == PpTokenKind.Comma)
        {
            NextConditionToken();
            ifTrue = Ternary(depth + 1, isEvaluated && condition.IsTrue);
        }
        if (_conditionFailed)
            return default;
        if (_conditionToken.Kind != PpTokenKind.Colon)
            return FailCondition("expected ':'");
        NextConditionToken();
        PpValue ifFalse = Ternary(depth + 1, isEvaluated && !condition.IsTrue);
        return new PpValue((condition.IsTrue ? ifTrue : ifFalse).Bits, ifTrue.IsUnsigned || ifFalse.IsUnsigned);
    }

    private static int Precedence(PpTokenKind kind) => kind switch
    {
        PpTokenKind.Star or PpTokenKind.Slash or PpTokenKind.Percent => 10,
        PpTokenKind.Plus or PpTokenKind.Minus => 9,
        PpTokenKind.LessLess or PpTokenKind.GreaterGreater => 8,
        PpTokenKind.Less or PpTokenKind.Greater or PpTokenKind.LessEqual or PpTokenKind.GreaterEqual => 7,
        PpTokenKind.EqualEqual or PpTokenKind.ExclamationEqual => 6,
        PpTokenKind.Ampersand => 5,
        PpTokenKind.Caret => 4,
        PpTokenKind.Bar => 3,
        PpTokenKind.AmpersandAmpersand => 2,
        PpTokenKind.BarBar => 1,
        _ => 0,
    };

    private PpValue Binary(int depth, int minimum, bool isEvaluated)
    {
        PpValue left = Unary(depth, isEvaluated);
        while (!_conditionFailed)
        {
            PpTokenKind kind = _conditionToken.Kind;
            int precedence = Precedence(kind);
            if (precedence < minimum || precedence == 0)
                break;
            PpToken operation = _conditionToken;
            NextConditionToken();
            bool rightIsEvaluated = isEvaluated && kind switch
            {
                PpTokenKind.AmpersandAmpersand => left.IsTrue,
                PpTokenKind.BarBar => !left.IsTrue,
                _ => true,
            };
            PpValue right = Binary(depth, precedence + 1, rightIsEvaluated);
            if (_conditionFailed)
                break;
            left = Apply(operation, left, right, rightIsEvaluated);
        }
        return left;
    }

    private PpValue Apply(in PpToken operation, PpValue left, PpValue right, bool isEvaluated)
    {
        bool unsigned = left.IsUnsigned || right.IsUnsigned;
        ulong a = left.Bits, b = right.Bits;
        switch (operation.Kind)
        {
            case PpTokenKind.Star: return new PpValue(unchecked(a * b), unsigned);
            case PpTokenKind.Slash or PpTokenKind.Percent:
                if (b == 0)
                {
                    if (isEvaluated)
                    {
                        _bag.Report(PreprocessorDiagnostics.DivisionByZero, SpanOf(operation));
                        _conditionFailed = true;
                    }
                    return new PpValue(0, unsigned);
                }
                bool divide = operation.Kind == PpTokenKind.Slash;
                if (unsigned)
                    return new PpValue(divide ? a / b : a % b, true);
                if (b == ulong.MaxValue)
                    return new PpValue(divide ? unchecked(0 - a) : 0, false);
                return new PpValue((ulong)(divide ? (long)a / (long)b : (long)a % (long)b), false);
            case PpTokenKind.Plus: return new PpValue(unchecked(a + b), unsigned);
            case PpTokenKind.Minus: return new PpValue(unchecked(a - b), unsigned);
            case PpTokenKind.LessLess: return new PpValue(b >= 64 ? 0 : a << (int)b, left.IsUnsigned);
            case PpTokenKind.GreaterGreater:
                return left.IsUnsigned
                    ? new PpValue(b >= 64 ? 0 : a >> (int)b, true)
                    : new PpValue((ulong)((long)a >> (int)Math.Min(b, 63)), false);
            case PpTokenKind.Less: return PpValue.Of(unsigned ? a < b : (long)a < (long)b);
            case PpTokenKind.Greater: return PpValue.Of(unsigned ? a > b : (long)a > (long)b);
            case PpTokenKind.LessEqual: return PpValue.Of(unsigned ? a <= b : (long)a <= (long)b);
            case PpTokenKind.GreaterEqual: return PpValue.Of(unsigned ? a >= b : (long)a >= (long)b);
            case PpTokenKind.EqualEqual: return PpValue.Of(a == b);
            case PpTokenKind.ExclamationEqual: return PpValue.Of(a != b);
            case PpTokenKind.Ampersand: return new PpValue(a & b, unsigned);
            case PpTokenKind.Caret: return new PpValue(a ^ b, unsigned);
            case PpTokenKind.Bar: return new PpValue(a | b, unsigned);
            case PpTokenKind.AmpersandAmpersand: return PpValue.Of(left.IsTrue && right.IsTrue);
            default: return PpValue.Of(left.IsTrue || right.IsTrue);
        }
    }

    private PpValue Unary(int depth, bool isEvaluated)
    {
        if (depth > MaximumConditionDepth)
            return FailCondition("too many nested operators");
        PpToken token = _conditionToken;
        switch (token.Kind)
        {
            case PpTokenKind.Plus or PpTokenKind.Minus or PpTokenKind.Tilde or PpTokenKind.Exclamation:
                NextConditionToken();
                PpValue operand = Unary(depth + 1, isEvaluated);
                return token.Kind switch
                {
                    PpTokenKind.Minus => operand with { Bits = unchecked(0 - operand.Bits) },
                    PpTokenKind.Tilde => operand with { Bits = ~operand.Bits },
                    PpTokenKind.Exclamation => PpValue.Of(!operand.IsTrue),
                    _ => operand,
                };
            case PpTokenKind.LeftParen:
                NextConditionToken();
                PpValue inner = Ternary(depth + 1, isEvaluated);
                if (_conditionFailed)
                    return default;
                if (_conditionToken.Kind != PpTokenKind.RightParen)
                    return FailCondition("expected ')'");
                NextConditionToken();
                return inner;
            case PpTokenKind.Number:
                if (!ParseNumber(_names.GetSpan(token), out PpValue number))
                    return FailCondition(_names.GetSpan(token).Contains('.') ? "floating point literal" : "invalid integer constant");
                NextConditionToken();
                return number;
            case PpTokenKind.Character:
                if (!ParseCharacter(_names.GetSpan(token), out PpValue character))
                    return FailCondition("invalid character constant");
                NextConditionToken();
                return character;
            case PpTokenKind.Identifier when token.Id == _known.Defined:
                return DefinedOperator();
            case PpTokenKind.Identifier:
                bool isTrue = token.Id == _known.True && _options.StandardVersion.CompareTo("202311L") >= 0;
                if (isEvaluated && !isTrue && (token.Flags & PpTokenFlags.SystemHeader) == 0)
                    _bag.Report(PreprocessorDiagnostics.Undefined, SpanOf(token), _names.GetText(token.Id));
                NextConditionToken();
                if (_conditionToken.Kind == PpTokenKind.LeftParen)
                {
                    _conditionToken = token;
                    return FailCondition($"function-like macro '{_names.GetText(token.Id)}' is not defined");
                }
                return PpValue.Of(isTrue);
            case PpTokenKind.EndOfDirective or PpTokenKind.EndOfFile:
                return FailCondition("expected value");
            default:
                return FailCondition("invalid token at start");
        }
    }

    /// <summary><c>defined X</c> or <c>defined(X)</c>: the name is not expanded.</summary>
    private PpValue DefinedOperator()
    {
        LexRaw(out _conditionToken);
        bool parenthesized = _conditionToken.Kind == PpTokenKind.LeftParen;
        if (parenthesized)
            LexRaw(out _conditionToken);
        if (_conditionToken.Kind != PpTokenKind.Identifier)
            return FailCondition("macro name missing");
        bool isDefined = GetMacro(_conditionToken.Id) is not null;
        if (parenthesized)
        {
            LexRaw(out _conditionToken);
            if (_conditionToken.Kind != PpTokenKind.RightParen)
                return FailCondition("missing ')' after 'defined'");
        }
        NextConditionToken();
        return PpValue.Of(isDefined);
    }

    /// <summary>An integer constant: decimal, octal, hexadecimal or binary with suffixes u, l, ll in any order and case.</summary>
    private static bool ParseNumber(ReadOnlySpan<char> text, out PpValue value)
    {
        value = default;
        int radix = 10;
        if (text.Length > 1 && text[0] == '0')
        {
            radix = text[1] is 'x' or 'X' ? 16 : text[1] is 'b' or 'B' ? 2 : 8;
            text = text[(radix == 8 ? 1 : 2)..];
        }
        ulong bits = 0;
        bool overflow = false;
        int i = 0;
        for (; i < text.Length; i++)
        {
            int digit = text[i] switch
            {
                >= '0' and <= '9' => text[i] - '0',
                >= 'a' and <= 'f' when radix == 16 => text[i] - 'a' + 10,
                >= 'A' and <= 'F' when radix == 16 => text[i] - 'A' + 10,
                _ => 99,
            };
            if (digit == 99)
                break;
            if (digit >= radix)
                return false;
            UInt128 next = (UInt128)bits * (uint)radix + (uint)digit;
            overflow |= next > ulong.MaxValue;
            bits = (ulong)next;
        }
        if (i == 0 && radix is 16 or 2 && text.Length == 0)
            return false;
        ReadOnlySpan<char> suffix = text[i..];
        bool unsigned = false;
        while (suffix.Length > 0)
        {
            if (suffix[0] is 'u' or 'U' && !unsigned)
            {
                unsigned = true;
                suffix = suffix[1..];
            }
            else if (suffix.StartsWith("ll") || suffix.StartsWith("LL"))
                suffix = suffix[2..];
            else if (suffix[0] is 'l' or 'L')
                suffix = suffix[1..];
            else
                return false;
        }
        value = new PpValue(bits, unsigned || bits > long.MaxValue);
        return !overflow;
    }

    /// <summary>A character constant as a signed int; several characters shift together as gcc and clang do.</summary>
    private static bool ParseCharacter(ReadOnlySpan<char> text, out PpValue value)
    {
        value = default;
        int first = text.IndexOf('\'') + 1;
        bool wide = first > 1;
        long result = 0;
        int count = 0;
        for (int i = first; i < text.Length - 1; count++)
        {
            long code = text[i++];
            if (code == '\\' && i < text.Length - 1)
            {
                char escape = text[i++];
                switch (escape)
                {
                    case 'n': code = '\n'; break;
                    case 't': code = '\t'; break;
                    case 'r': code = '\r'; break;
                    case 'a': code = 7; break;
                    case 'b': code = 8; break;
                    case 'f': code = 12; break;
                    case 'v': code = 11; break;
                    case 'e' or 'E': code = 27; break;
                    case 'x':
                        code = 0;
                        while (i < text.Length - 1 && Uri.IsHexDigit(text[i]))
                            code = (code << 4) | (uint)Convert.ToInt32(text[i++].ToString(), 16);
                        break;
                    case >= '0' and <= '7':
                        code = escape - '0';
                        for (int k = 0; k < 2 && i < text.Length - 1 && text[i] is >= '0' and <= '7'; k++)
                            code = code * 8 + text[i++] - '0';
                        break;
                    default: code = escape; break;
                }
            }
            result = wide ? code : count == 0 ? (sbyte)code : (int)((result << 8) | (code & 0xff));
        }
        if (count == 0)
            return false;
        value = new PpValue((ulong)result, false);
        return true;
    }
}
