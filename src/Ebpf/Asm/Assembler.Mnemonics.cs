// The mnemonic syntax of ubpf and the conformance suite: "ldxdw %r0, [%r1+8]", "jeq %r1, 5, +4", "lock fetch add [%r1], %r2".
// Names come from the table's mnemonic column; the operands (register or number) choose among the rows of a name.
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Asm;

public sealed partial class Assembler
{
    private static Dictionary<string, List<OpcodeRow>>? s_mnemonics;

    private static Dictionary<string, List<OpcodeRow>> Mnemonics
    {
        get
        {
            if (s_mnemonics is { } known)
                return known;
            var mnemonics = new Dictionary<string, List<OpcodeRow>>();
            foreach (OpcodeRow row in OpcodeTable.Rows[1..])
            {
                if (row.Mnemonic is null || (row.IsWide && row.DiscriminatorValue != 0))
                    continue;
                Add(row.Mnemonic, row);
                if (row.Operation == Operation.Bswap)
                    Add("b" + row.Mnemonic, row);
            }
            return s_mnemonics = mnemonics;

            void Add(string name, OpcodeRow row)
            {
                if (!mnemonics.TryGetValue(name, out List<OpcodeRow>? rows))
                    mnemonics.Add(name, rows = []);
                rows.Add(row);
            }
        }
    }

    /// <summary>An operand: a register, a register with displacement in brackets, or a value.</summary>
    private readonly record struct MnemonicOperand(char Shape, int Register, AsmValue Value, AsmToken Token)
    {
        public SourceSpan Span(AsmScanner scanner) => scanner.Span(Token);
    }

    /// <summary>Assembles the statement when it is written in this syntax; false when it is not.</summary>
    private bool Mnemonic(int first)
    {
        List<AsmToken> tokens = _scanner.Tokens;
        string name = _scanner.TextOf(tokens[first]).ToString();
        AsmToken second = tokens[first + 1];
        string operation = second.Kind == AsmTokenKind.Word ? _scanner.TextOf(second).ToString() : "";
        if (name == "lock")
        {
            if (second.IsMark('*'))
                return false;
            LockMnemonic(first, operation);
            return true;
        }
        if (name == "call" && operation == "local" && tokens[first + 2].Kind != AsmTokenKind.End)
        {
            var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
            if (parser.Parse(first + 2) is { } target && ExpectEnd(parser.Index))
            {
                OpcodeRow row = OpcodeTable.Get(EbpfOpcode.CallLocal);
                if (target.IsConstant)
                    Emit(row, 0, 0, 0, target.Constant, 0, null, first);
                else
                    Emit(row, 0, 0, 0, -1, 0, new Fixup(FixupKind.Call, 0, target, _scanner.Span(tokens[first + 2])), first);
            }
            return true;
        }
        if (name == "call" && second.Kind == AsmTokenKind.Register && tokens[first + 2].Kind == AsmTokenKind.End)
        {
            if (MnemonicRegister(second, out int target))
                Emit(OpcodeTable.Get(EbpfOpcode.CallReg), target, 0, 0, 0, 0, null, first);
            return true;
        }
        if (name is "call" or "exit" or "may_goto" || !Mnemonics.TryGetValue(name, out List<OpcodeRow>? rows))
            return false;
        _usesMnemonics = true;
        if (ReadOperands(first + 1) is { } operands)
            EncodeMnemonic(name, rows, operands, first);
        return true;
    }

    private List<MnemonicOperand>? ReadOperands(int index)
    {
        var operands = new List<MnemonicOperand>(3);
        List<AsmToken> tokens = _scanner.Tokens;
        if (tokens[index].Kind == AsmTokenKind.End)
            return operands;
        while (true)
        {
            AsmToken token = tokens[index];
            if (token.Kind == AsmTokenKind.Register)
            {
                if (!MnemonicRegister(token, out int register))
                    return null;
                operands.Add(new MnemonicOperand('R', register, default, token));
                index++;
            }
            else if (token.IsMark('['))
            {
                AsmToken inside = tokens[index + 1];
                if (inside.Kind != AsmTokenKind.Register)
                {
                    ReportExpected("a register", inside);
                    return null;
                }
                if (!MnemonicRegister(inside, out int register))
                    return null;
                index += 2;
                AsmValue displacement = default;
                if (!tokens[index].IsMark(']'))
                {
                    if (!tokens[index].IsMark('+') && !tokens[index].IsMark('-'))
                    {
                        ReportExpected("'+', '-' or ']'", tokens[index]);
                        return null;
                    }
                    var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
                    if (parser.Parse(index) is not { } value)
                        return null;
                    displacement = value;
                    index = parser.Index;
                    if (!tokens[index].IsMark(']'))
                    {
                        ReportExpected("']'", tokens[index]);
                        return null;
                    }
                }
                index++;
                operands.Add(new MnemonicOperand('M', register, displacement, inside));
            }
            else
            {
                var parser = new AsmExpressionParser(_scanner, _diagnostics, _symbolValue);
                if (parser.Parse(index) is not { } value)
                    return null;
                operands.Add(new MnemonicOperand('N', 0, value, token));
                index = parser.Index;
            }
            if (tokens[index].Kind == AsmTokenKind.End)
                return operands;
            if (!tokens[index].IsMark(','))
            {
                ReportExpected("','", tokens[index]);
                return null;
            }
            index++;
        }
    }

    private bool MnemonicRegister(AsmToken token, out int register)
    {
        long number = token.Value >= AsmScanner.RegisterHalf ? token.Value - AsmScanner.RegisterHalf : token.Value;
        register = (int)number;
        if (number <= EbpfRegisters.R10)
            return true;
        _diagnostics.Report(AssemblerDiagnostics.InvalidRegister, _scanner.Span(token), _scanner.TextOf(token).ToString());
        return false;
    }

    /// <summary>The operands' shapes that a row takes, in order: <c>RN</c>, <c>RM</c>, <c>RRN</c>, ...</summary>
    private static string Shapes(OpcodeRow row) => row.Effect switch
    {
        Effect.Alu when row.Operation is Operation.Neg or Operation.ToLe or Operation.ToBe or Operation.Bswap => "R",
        Effect.Alu => row.IsRegisterForm ? "RR" : "RN",
        Effect.LoadImmediate => "RN",
        Effect.Load => "RM",
        Effect.Store => row.IsRegisterForm ? "MR" : "MN",
        Effect.Branch => row.IsRegisterForm ? "RRN" : "RNN",
        Effect.Jump => "N",
        Effect.PacketLoad => row.IsRegisterForm ? "RN" : "N",
        _ => "",
    };

    private void EncodeMnemonic(string name, List<OpcodeRow> rows, List<MnemonicOperand> operands, int first)
    {
        foreach (OpcodeRow row in rows)
        {
            string shapes = Shapes(row);
            bool fits = operands.Count == shapes.Length;
            for (int i = 0; i < shapes.Length && fits; i++)
                fits = operands[i].Shape == shapes[i];
            if (fits)
            {
                EncodeMnemonic(row, shapes, operands, first);
                return;
            }
        }
        string takes = string.Join(" or ", rows.Select(row => Describe(Shapes(row))).Distinct());
        _diagnostics.Report(AssemblerDiagnostics.OperandCount, _scanner.Span(_scanner.Tokens[first]), name, takes);
    }

    private static string Describe(string shapes) => shapes.Length == 0 ? "no operands"
        : string.Join(", ", shapes.Select(shape => shape switch { 'R' => "register", 'M' => "[register+offset]", _ => "number" }));

    private void EncodeMnemonic(OpcodeRow row, string shapes, List<MnemonicOperand> operands, int first)
    {
        int dst = 0, src = 0, registers = 0;
        long offset = 0, immediate = 0;
        Fixup? fixup = null;
        for (int i = 0; i < operands.Count; i++)
        {
            MnemonicOperand operand = operands[i];
            bool isTarget = row.IsJump && i == operands.Count - 1;
            if (operand.Shape == 'M')
            {
                if (row.Effect == Effect.Load)
                    src = operand.Register;
                else
                    dst = operand.Register;
                if (!Limited(operand, "the offset", short.MinValue, short.MaxValue, out offset))
                    return;
            }
            else if (operand.Shape == 'R')
            {
                bool isSource = (registers++ > 0 || row.Effect is Effect.Store or Effect.PacketLoad) && row.IsRegisterForm;
                if (isSource)
                    src = operand.Register;
                else
                    dst = operand.Register;
            }
            else if (isTarget)
            {
                bool isLong = row.Immediate == ImmediateUse.Jump;
                if (!operand.Value.IsConstant)
                    fixup = new Fixup(isLong ? FixupKind.Jump32 : FixupKind.Jump16, 0, operand.Value, operand.Span(_scanner));
                else if (!Limited(operand, "the jump distance", isLong ? int.MinValue : short.MinValue, isLong ? int.MaxValue : short.MaxValue, out long distance))
                    return;
                else if (isLong)
                    immediate = distance;
                else
                    offset = distance;
            }
            else if (row.IsWide)
            {
                if (operand.Value.IsConstant)
                    immediate = operand.Value.Constant;
                else
                    fixup = new Fixup(FixupKind.Wide, 0, operand.Value, operand.Span(_scanner));
            }
            else
            {
                // hexadecimal writes bits, decimal writes a signed number: the suite's assemblers agree on that
                bool isHexadecimal = _scanner.TextOf(operand.Token).StartsWith("0x", StringComparison.OrdinalIgnoreCase);
                if (!Limited(operand, "the immediate", int.MinValue, isHexadecimal ? uint.MaxValue : int.MaxValue, out immediate))
                    return;
            }
        }
        Emit(row, dst, src, offset, immediate, immediate >> 32, fixup, first);
    }

    private bool Limited(MnemonicOperand operand, string what, long minimum, long maximum, out long value)
        => Number(new AsmOperand('N', operand.Value, operand.Token, false), what, minimum, maximum, out value);

    /// <summary><c>lock [fetch] add [%r1+8], %r2</c>, with 32 behind the name for a 32-bit operand.</summary>
    private void LockMnemonic(int first, string operation)
    {
        const string Operands = "an operation (add, or, and, xor, xchg, cmpxchg), [register+offset] and a register";
        int index = first + 2;
        bool fetch = operation == "fetch";
        if (fetch && _scanner.Tokens[index].Kind == AsmTokenKind.Word)
            operation = _scanner.TextOf(_scanner.Tokens[index++]).ToString();
        bool narrow = operation.EndsWith("32", StringComparison.Ordinal);
        EbpfOpcode opcode = (narrow ? operation[..^2] : operation) switch
        {
            "add" => fetch ? EbpfOpcode.AtomicFetchAdd32 : EbpfOpcode.AtomicAdd32,
            "or" => fetch ? EbpfOpcode.AtomicFetchOr32 : EbpfOpcode.AtomicOr32,
            "and" => fetch ? EbpfOpcode.AtomicFetchAnd32 : EbpfOpcode.AtomicAnd32,
            "xor" => fetch ? EbpfOpcode.AtomicFetchXor32 : EbpfOpcode.AtomicXor32,
            "xchg" => EbpfOpcode.AtomicXchg32,
            "cmpxchg" => EbpfOpcode.AtomicCmpXchg32,
            _ => EbpfOpcode.Invalid,
        };
        if (opcode == EbpfOpcode.Invalid)
        {
            _diagnostics.Report(AssemblerDiagnostics.OperandCount, _scanner.Span(_scanner.Tokens[first]), "lock", Operands);
            return;
        }
        if (!narrow)
            opcode += EbpfOpcode.AtomicAdd64 - EbpfOpcode.AtomicAdd32;
        if (ReadOperands(index) is not { } operands)
            return;
        if (operands is not [{ Shape: 'M' }, { Shape: 'R' }])
        {
            _diagnostics.Report(AssemblerDiagnostics.OperandCount, _scanner.Span(_scanner.Tokens[first]), "lock", Operands);
            return;
        }
        if (Limited(operands[0], "the offset", short.MinValue, short.MaxValue, out long offset))
            Emit(OpcodeTable.Get(opcode), operands[0].Register, operands[1].Register, offset, 0, 0, null, first);
    }
}
