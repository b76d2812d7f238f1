// Expressions of the assembler: integers, symbols, + - * / % << >> & | ^ ~ and parentheses, in C's precedence. A value is
// linear: at most one symbol added and one subtracted, which is what relocations can express.
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Ebpf.Asm;

/// <summary>The value <see cref="Symbol"/> - <see cref="Minus"/> + <see cref="Constant"/>.</summary>
internal readonly record struct AsmValue(long Constant, string? Symbol = null, string? Minus = null)
{
    public bool IsConstant => Symbol is null && Minus is null;
}

/// <summary>Parses one expression out of a statement's tokens, starting at a given index.</summary>
internal ref struct AsmExpressionParser(AsmScanner scanner, DiagnosticBag diagnostics, Func<AsmToken, AsmValue> symbolValue)
{
    private const int MaxDepth = 64;
    private int _depth;

    public int Index { get; private set; }

    /// <summary>A whole expression at <paramref name="index"/>; null after a reported error. <see cref="Index"/> is then behind it.</summary>
    public AsmValue? Parse(int index)
    {
        Index = index;
        return Binary(0);
    }

    /// <summary>Only an operand with its signs.</summary>
    public AsmValue? ParseUnary(int index)
    {
        Index = index;
        return Unary();
    }

    private AsmToken Current => scanner.Tokens[Index];

    private static int Precedence(List<AsmToken> tokens, int index, out int length)
    {
        AsmToken token = tokens[index];
        length = 1;
        if (token.Kind != AsmTokenKind.Mark)
            return -1;
        AsmToken next = tokens[index + 1];
        bool assignment = next.IsMark('=');
        switch ((char)token.Value)
        {
            case '|' when !assignment: return 1;
            case '^' when !assignment: return 2;
            case '&' when !assignment: return 3;
            case '<' when next.IsMark('<') && !tokens[index + 2].IsMark('='): length = 2; return 4;
            case '>' when next.IsMark('>') && !tokens[index + 2].IsMark('='): length = 2; return 4;
            case '+' or '-' when !assignment: return 5;
            case '*' or '/' or '%' when !assignment: return 6;
            default: return -1;
        }
    }

    private AsmValue? Binary(int minimum)
    {
        AsmValue? left = Unary();
        while (left is { } value)
        {
            int precedence = Precedence(scanner.Tokens, Index, out int length);
            if (precedence < 0 || precedence < minimum)
                break;
            AsmToken sign = Current;
            Index += length;
            if (Binary(precedence + 1) is not { } right)
                return null;
            if (Combine((char)sign.Value, value, right) is not { } combined)
            {
                diagnostics.Report(AssemblerDiagnostics.NotConstant, scanner.Span(sign), "the operand of this operator");
                return null;
            }
            left = combined;
        }
        return left;
    }

    private static AsmValue? Combine(char sign, AsmValue left, AsmValue right)
    {
        if (sign == '+' && (left.Symbol is null || right.Symbol is null) && (left.Minus is null || right.Minus is null))
            return new AsmValue(unchecked(left.Constant + right.Constant), left.Symbol ?? right.Symbol, left.Minus ?? right.Minus);
        if (sign == '-' && right.Minus is null && (right.Symbol is null || left.Minus is null))
            return new AsmValue(unchecked(left.Constant - right.Constant), left.Symbol, right.Symbol ?? left.Minus);
        if (!left.IsConstant || !right.IsConstant)
            return null;
        long a = left.Constant, b = right.Constant;
        return new AsmValue(unchecked(sign switch
        {
            '*' => a * b,
            '/' => b switch { 0 => 0, -1 => -a, _ => a / b },
            '%' => b is 0 or -1 ? 0 : a % b,
            '<' => b is < 0 or > 63 ? 0 : a << (int)b,
            '>' => b is < 0 or > 63 ? 0 : a >> (int)b,
            '&' => a & b,
            '|' => a | b,
            _ => a ^ b,
        }));
    }

    private AsmValue? Unary()
    {
        AsmToken token = Current;
        if (++_depth > MaxDepth)
        {
            diagnostics.Report(AssemblerDiagnostics.Expected, scanner.Span(token), "a simpler expression", "deep nesting");
            return null;
        }
        AsmValue? result;
        switch (token.Kind)
        {
            case AsmTokenKind.Number:
                Index++;
                result = new AsmValue(token.Value);
                break;
            case AsmTokenKind.Word or AsmTokenKind.LocalLabel:
                Index++;
                result = symbolValue(token);
                break;
            case AsmTokenKind.Mark when token.Value is '-' or '~' or '+':
                Index++;
                result = Unary();
                if (result is { } operand && token.Value != '+')
                {
                    if (operand is { IsConstant: false })
                    {
                        diagnostics.Report(AssemblerDiagnostics.NotConstant, scanner.Span(token), "the operand of this operator");
                        result = null;
                    }
                    else
                    {
                        result = new AsmValue(token.Value == '-' ? unchecked(-operand.Constant) : ~operand.Constant);
                    }
                }
                break;
            case AsmTokenKind.Mark when token.Value == '(':
                Index++;
                result = Binary(0);
                if (result is not null)
                {
                    if (!Current.IsMark(')'))
                        return Fail("')'");
                    Index++;
                }
                break;
            default:
                return Fail("a number or a symbol");
        }
        _depth--;
        return result;
    }

    private AsmValue? Fail(string expected)
    {
        AsmToken token = Current;
        diagnostics.Report(AssemblerDiagnostics.Expected, scanner.Span(token), expected,
            token.Kind == AsmTokenKind.End ? "the end of the statement" : $"'{scanner.TextOf(token)}'");
        return null;
    }
}
