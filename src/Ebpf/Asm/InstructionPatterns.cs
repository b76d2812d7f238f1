// Finds the row of the opcode table that a statement in LLVM's syntax (or the kernel's) means, without a second grammar: the
// format column is itself read as a statement with sample operands, both are reduced to the same key, and the key is looked up.
//
//    statement    r3 = atomic_fetch_add((u64 *)(r1+8), r3)     if w1 s> -3 goto out
//    key          R=atomic_fetch_add((u64*)(RM),R)             ifWs>NgotoN
//    operands     r3, r1, +8, r3                               w1, -3, out
//
// R and W stand for registers, N for a number or symbol, M for the displacement of a register in parentheses (0 when absent).
using System.Text;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Asm;

/// <summary>One operand of a statement in its order of appearance.</summary>
internal readonly record struct AsmOperand(char Shape, AsmValue Value, AsmToken Token, bool IsRelative);

/// <summary>What an operand's place in a format means.</summary>
internal enum OperandRole : byte { Literal, Dst, Src, Immediate, Jump, Wide, WideUpper, Callee, HighHalf, LowHalf, Displacement, PacketDisplacement }

/// <summary>One way to write a row: the roles of its operands; a literal must have the given value.</summary>
internal sealed record InstructionPattern(OpcodeRow Row, (OperandRole Role, long Literal)[] Operands);

/// <summary>Reduces a statement to its key and operands. Reused from statement to statement.</summary>
internal sealed class StatementKey
{
    private readonly StringBuilder _key = new();

    public List<AsmOperand> Operands { get; } = [];

    public string Key => _key.ToString();

    private static readonly HashSet<string> s_keywords =
    [
        "if", "goto", "gotol", "may_goto", "lock", "call", "callx", "exit", "ll", "s", "skb", "ld_pseudo",
        "u8", "u16", "u32", "u64", "s8", "s16", "s32",
    ];

    /// <summary>Builds the key from the tokens at <paramref name="from"/> on; false after a reported error.</summary>
    public bool Build(AsmScanner scanner, int from, DiagnosticBag diagnostics, Func<AsmToken, AsmValue> symbolValue)
    {
        _key.Clear();
        Operands.Clear();
        List<AsmToken> tokens = scanner.Tokens;
        int depth = 0;
        bool afterFunction = false;
        for (int i = from; tokens[i].Kind != AsmTokenKind.End;)
        {
            AsmToken token = tokens[i];
            AsmToken next = tokens[i + 1];
            bool first = i == from;
            bool function = afterFunction;
            afterFunction = false;
            if (token.Kind == AsmTokenKind.Register)
            {
                bool half = token.Value >= AsmScanner.RegisterHalf;
                long number = half ? token.Value - AsmScanner.RegisterHalf : token.Value;
                if (number > EbpfRegisters.R10)
                {
                    diagnostics.Report(AssemblerDiagnostics.InvalidRegister, scanner.Span(token), scanner.TextOf(token).ToString());
                    return false;
                }
                Add(half ? 'W' : 'R', new AsmValue(number), token);
                i++;
                if (depth > 0 && !half && !Displacement(scanner, ref i, diagnostics, symbolValue))
                    return false;
                continue;
            }
            bool wantsTarget = !first && tokens[i - 1].Kind == AsmTokenKind.Word && scanner.TextOf(tokens[i - 1]) is "goto" or "gotol" or "may_goto" or "call";
            bool relative = wantsTarget && token.Kind == AsmTokenKind.Word && next.Kind == AsmTokenKind.Mark && next.Value is '+' or '-' && scanner.TextOf(token) is "pc";
            if (relative)
                i++;
            bool isWord = token.Kind == AsmTokenKind.Word && !relative;
            if (isWord && !wantsTarget && IsKeyword(scanner, i, first))
            {
                _key.Append(scanner.TextOf(token));
                i++;
                continue;
            }
            // "u8" twice in a row and the like need no separator: no two words of a format stand side by side
            if (relative || isWord || BeginsExpression(tokens, i, first, function || wantsTarget))
            {
                var parser = new AsmExpressionParser(scanner, diagnostics, symbolValue);
                // inside map_val(a + b) the plus separates two operands
                AsmValue? value = function ? parser.ParseUnary(i) : parser.Parse(i);
                if (value is not { } known)
                    return false;
                Add('N', known, token, relative);
                i = parser.Index;
                continue;
            }
            if (token.Kind == AsmTokenKind.Mark)
            {
                depth += token.Value is '(' or '[' ? 1 : token.Value is ')' or ']' ? -1 : 0;
                _key.Append((char)token.Value);
                afterFunction = token.Value == '(' && !first && tokens[i - 1].Kind == AsmTokenKind.Word;
                i++;
                continue;
            }
            _key.Append('?');
            i++;
        }
        return true;
    }

    private void Add(char shape, AsmValue value, AsmToken token, bool relative = false)
    {
        _key.Append(shape);
        Operands.Add(new AsmOperand(shape, value, token, relative));
    }

    /// <summary>A register in parentheses has a displacement, written or not, unless an operator follows it.</summary>
    private bool Displacement(AsmScanner scanner, ref int i, DiagnosticBag diagnostics, Func<AsmToken, AsmValue> symbolValue)
    {
        AsmToken token = scanner.Tokens[i];
        if (token.IsMark('+') || token.IsMark('-'))
        {
            var parser = new AsmExpressionParser(scanner, diagnostics, symbolValue);
            AsmValue? value = parser.Parse(i + 1);
            if (value is not { } known)
                return false;
            if (token.IsMark('-'))
            {
                if (!known.IsConstant)
                {
                    diagnostics.Report(AssemblerDiagnostics.NotConstant, scanner.Span(token), "the displacement");
                    return false;
                }
                known = new AsmValue(unchecked(-known.Constant));
            }
            i = parser.Index;
            Add('M', known, token);
        }
        else
        {
            Add('M', default, token);
        }
        return true;
    }

    private static bool IsKeyword(AsmScanner scanner, int index, bool first)
    {
        AsmToken token = scanner.Tokens[index];
        AsmToken next = scanner.Tokens[index + 1];
        // names of functions and byte swaps are words only where an operand follows; otherwise they are symbols
        if (next.IsMark('(') || next.Kind == AsmTokenKind.Register)
            return true;
        if (first)
            return true;
        bool afterAssignment = scanner.Tokens[index - 1].IsMark('=');
        return !afterAssignment && s_keywords.Contains(scanner.TextOf(token).ToString());
    }

    private static bool BeginsExpression(List<AsmToken> tokens, int index, bool first, bool expected)
    {
        AsmToken token = tokens[index];
        if (first)
            return false;
        if (token.Kind is AsmTokenKind.Number or AsmTokenKind.LocalLabel)
            return true;
        if (token.Kind != AsmTokenKind.Mark)
            return false;
        AsmToken next = tokens[index + 1];
        AsmToken before = tokens[index - 1];
        bool operand = expected || before.Kind == AsmTokenKind.Mark && before.Value is not (')' or ']');
        bool begins = next.Kind is AsmTokenKind.Number or AsmTokenKind.Word or AsmTokenKind.LocalLabel || (next.Kind == AsmTokenKind.Mark && next.Value is '(' or '-' or '~' or '+');
        return token.Value switch
        {
            '-' or '+' or '~' => operand && begins,
            // a cast or a memory operand has a word or a register behind its parenthesis
            '(' => operand && (next.Kind == AsmTokenKind.Number || (next.Kind == AsmTokenKind.Mark && next.Value is '-' or '~' or '(')),
            _ => false,
        };
    }
}

/// <summary>The keys of all rows.</summary>
internal static class InstructionPatterns
{
    private static Dictionary<string, List<InstructionPattern>>? s_patterns;

    public static IReadOnlyList<InstructionPattern>? Find(string key) => (s_patterns ??= Build()).GetValueOrDefault(key);

    // sample operands: registers by number, numbers by value
    private const int Dst = 1, Src = 2, LiteralBase = 1000;

    private static Dictionary<string, List<InstructionPattern>> Build()
    {
        var patterns = new Dictionary<string, List<InstructionPattern>>(OpcodeTable.Rows.Length * 2);
        var key = new StatementKey();
        foreach (OpcodeRow row in OpcodeTable.Rows[1..])
        {
            Add(patterns, key, row, row.Format);
            if (row.KernelFormat is { } kernel && !row.IsWide)
                Add(patterns, key, row, kernel);
            // the other register width where the text leaves a choice
            if (row is { Operation: Operation.Load, Width: < 64 })
                Add(patterns, key, row, row.Format.Replace("%d", "%D", StringComparison.Ordinal));
            if (row is { Operation: Operation.Store, Width: < 64, IsRegisterForm: true })
                Add(patterns, key, row, row.Format.Replace("%s", "%S", StringComparison.Ordinal));
            if (row is { Effect: Effect.Atomic, Width: 32 })
                Add(patterns, key, row, row.Format.Replace("%S", "%s", StringComparison.Ordinal));
            if (row.Operation is Operation.LoadAcquire or Operation.StoreRelease && row.Width < 64)
                Add(patterns, key, row, row.Format.Replace("%D", "%d", StringComparison.Ordinal).Replace("%S", "%s", StringComparison.Ordinal));
            if (row.IsWide)
                Add(patterns, key, row, $"ld_pseudo %d, {LiteralBase + row.DiscriminatorValue}, %w");
        }
        return patterns;
    }

    private static void Add(Dictionary<string, List<InstructionPattern>> patterns, StatementKey key, OpcodeRow row, string format)
    {
        var sample = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                sample.Append(format[i]);
                continue;
            }
            i++;
            sample.Append(format[i] switch
            {
                '%' => "%",
                'd' => "r1",
                's' => "r2",
                'D' => "w1",
                'S' => "w2",
                'm' => $"+ {(int)OperandRole.Displacement}",
                'o' => $"+ {(int)OperandRole.PacketDisplacement}",
                'i' => $"{(int)OperandRole.Immediate}",
                'j' => $"{(int)OperandRole.Jump}",
                'w' => $"{(int)OperandRole.Wide}",
                'v' => $"{(int)OperandRole.Wide} + {(int)OperandRole.WideUpper}",
                'a' => $"{(int)OperandRole.HighHalf}",
                'b' => $"{(int)OperandRole.LowHalf}",
                _ => $"{(int)OperandRole.Callee}",
            });
        }
        var diagnostics = new DiagnosticBag();
        var scanner = new AsmScanner(sample.ToString(), SourceLocation.None, diagnostics);
        if (!scanner.NextStatement() || !key.Build(scanner, 0, diagnostics, _ => default) || diagnostics.HasErrors)
            throw new InternalCompilerException("InstructionPatterns", null, $"the format '{format}' does not parse");
        var operands = new (OperandRole, long)[key.Operands.Count];
        for (int i = 0; i < operands.Length; i++)
        {
            AsmOperand operand = key.Operands[i];
            long value = operand.Value.Constant;
            operands[i] = operand.Shape switch
            {
                'N' when value >= LiteralBase => (OperandRole.Literal, value - LiteralBase),
                'N' => ((OperandRole)value, 0),
                'M' => value == 0 ? (OperandRole.Literal, 0) : ((OperandRole)value, 0),
                _ => value switch { Dst => (OperandRole.Dst, 0), Src => (OperandRole.Src, 0), _ => (OperandRole.Literal, value) },
            };
        }
        string text = key.Key;
        if (!patterns.TryGetValue(text, out List<InstructionPattern>? list))
            patterns.Add(text, list = []);
        if (!list.Exists(pattern => pattern.Row == row))
            list.Add(new InstructionPattern(row, operands));
    }
}
