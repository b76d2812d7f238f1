// Statements in LLVM's syntax: the statement's key finds the row of the opcode table, the pattern says what each operand is,
// and the operands fill the instruction's fields or leave a place to be filled in.
using System.Runtime.InteropServices;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Asm;

public sealed partial class Assembler
{
    private void Instruction(int first)
    {
        List<AsmToken> tokens = _scanner.Tokens;
        if (!_key.Build(_scanner, first, _diagnostics, _symbolValue))
            return;
        IReadOnlyList<InstructionPattern>? patterns = InstructionPatterns.Find(_key.Key);
        InstructionPattern? pattern = patterns is null ? null : Choose(patterns);
        if (pattern is null)
        {
            AsmToken last = tokens[^1];
            string text = _scanner.Text[tokens[first].Start..last.Start].TrimEnd();
            _diagnostics.Report(AssemblerDiagnostics.UnknownInstruction, _scanner.Span(tokens[first].Start, text.Length), text.Length > 80 ? text[..80] + "..." : text);
            return;
        }
        Encode(pattern, first);
    }

    /// <summary>The first pattern whose literals the operands have.</summary>
    private InstructionPattern? Choose(IReadOnlyList<InstructionPattern> patterns)
    {
        foreach (InstructionPattern pattern in patterns)
        {
            bool fits = true;
            for (int i = 0; i < pattern.Operands.Length && fits; i++)
            {
                (OperandRole role, long literal) = pattern.Operands[i];
                AsmOperand operand = _key.Operands[i];
                fits = role != OperandRole.Literal || (operand.Value.IsConstant && operand.Value.Constant == literal);
            }
            if (fits)
                return pattern;
        }
        return null;
    }

    private void Encode(InstructionPattern pattern, int first)
    {
        OpcodeRow row = pattern.Row;
        int dst = -1, src = -1;
        long offset = 0, immediate = 0, upper = 0;
        Fixup? fixup = null;
        for (int i = 0; i < pattern.Operands.Length; i++)
        {
            AsmOperand operand = _key.Operands[i];
            SourceSpan span = _scanner.Span(operand.Token);
            OperandRole role = pattern.Operands[i].Role;
            switch (role)
            {
                case OperandRole.Dst:
                case OperandRole.Src:
                    ref int register = ref role == OperandRole.Dst ? ref dst : ref src;
                    if (register >= 0 && register != operand.Value.Constant)
                    {
                        _diagnostics.Report(AssemblerDiagnostics.DifferentRegisters, span, row.Format.Replace("%%", "%", StringComparison.Ordinal));
                        return;
                    }
                    register = (int)operand.Value.Constant;
                    break;
                case OperandRole.Displacement:
                    if (!Number(operand, "the offset", short.MinValue, short.MaxValue, out offset))
                        return;
                    break;
                case OperandRole.Immediate or OperandRole.PacketDisplacement:
                    if (!Number(operand, "the immediate", int.MinValue, uint.MaxValue, out immediate))
                        return;
                    break;
                case OperandRole.HighHalf or OperandRole.LowHalf:
                    if (!Number(operand, "the address space", 0, ushort.MaxValue, out long half))
                        return;
                    immediate |= role == OperandRole.HighHalf ? half << 16 : half;
                    break;
                case OperandRole.WideUpper:
                    if (!Number(operand, "the offset", int.MinValue, uint.MaxValue, out upper))
                        return;
                    break;
                case OperandRole.Wide:
                    if (operand.Value.IsConstant)
                        immediate = operand.Value.Constant;
                    else
                        fixup = new Fixup(FixupKind.Wide, _section.Length, operand.Value, span);
                    break;
                case OperandRole.Jump:
                    bool isLong = row.Immediate == ImmediateUse.Jump;
                    if (!operand.Value.IsConstant)
                        fixup = new Fixup(isLong ? FixupKind.Jump32 : FixupKind.Jump16, _section.Length, operand.Value, span);
                    else if (!Number(operand, "the jump distance", isLong ? int.MinValue : short.MinValue, isLong ? int.MaxValue : short.MaxValue, out long distance))
                        return;
                    else if (isLong)
                        immediate = distance;
                    else
                        offset = distance;
                    break;
                case OperandRole.Callee:
                    if (!Callee(operand, span, ref row, ref immediate, ref fixup))
                        return;
                    break;
            }
        }
        // ld_pseudo shows the lower half alone; map_val and the like name the upper half themselves
        if (row.IsWide && pattern.Operands[^1].Role != OperandRole.WideUpper)
        {
            bool lowerOnly = pattern.Operands.Length == 3 && IntegerArithmetic.FitsInt32(immediate);
            upper = lowerOnly ? 0 : immediate >> 32;
        }
        Emit(row, Math.Max(dst, 0), Math.Max(src, 0), offset, immediate, upper, fixup, first);
    }

    /// <summary>What a call calls: a number is a helper, <c>pc+3</c> a function of the program, a name either.</summary>
    private bool Callee(AsmOperand operand, SourceSpan span, ref OpcodeRow row, ref long immediate, ref Fixup? fixup)
    {
        if (operand.Value.IsConstant)
        {
            if (operand.IsRelative)
                row = OpcodeTable.Get(EbpfOpcode.CallLocal);
            return Number(operand, operand.IsRelative ? "the call distance" : "the helper number", int.MinValue, uint.MaxValue, out immediate);
        }
        row = OpcodeTable.Get(EbpfOpcode.CallLocal);
        immediate = -1;
        fixup = new Fixup(FixupKind.Call, _section.Length, operand.Value, span);
        return true;
    }

    private bool Number(AsmOperand operand, string what, long minimum, long maximum, out long value)
    {
        value = 0;
        if (Constant(operand.Value) is not { } constant)
        {
            _diagnostics.Report(AssemblerDiagnostics.NotConstant, _scanner.Span(operand.Token), what);
            return false;
        }
        value = constant;
        if (value >= minimum && value <= maximum)
            return true;
        // 0xfffffffffffffff8 is the same 64-bit pattern as -8, which the field can hold
        _diagnostics.Report(AssemblerDiagnostics.OutOfRange, _scanner.Span(operand.Token), what, constant, minimum, maximum);
        return false;
    }

    private void Emit(OpcodeRow row, int dst, int src, long offset, long immediate, long upper, Fixup? fixup, int first)
    {
        SourceSpan span = _scanner.Span(_scanner.Tokens[first].Start, Math.Max(1, _scanner.Tokens[^1].Start - _scanner.Tokens[first].Start));
        if (row.Since > _options.Cpu)
        {
            _diagnostics.Report(AssemblerDiagnostics.NeedsCpu, span, _scanner.TextOf(_scanner.Tokens[first]).ToString(), "v" + (int)row.Since);
            return;
        }
        int at = _section.Length;
        if (!Reserve(row.Slots * EbpfInstruction.Size, span, out Span<byte> bytes))
            return;
        EbpfInstruction instruction = OpcodeTable.Encode(row.Opcode, dst, src, (int)offset, unchecked((int)immediate));
        Write(bytes, instruction);
        if (row.IsWide)
            Write(bytes[EbpfInstruction.Size..], new EbpfInstruction(0, 0, 0, 0, unchecked((int)upper)));
        _section.Lines.Add((at, span));
        if (row.Operation == Operation.Exit && _firstExit < 0)
            _firstExit = at;
        if (fixup is { } place)
            _section.Fixups.Add(place with { Offset = at });
    }

    private static void Write(Span<byte> bytes, EbpfInstruction instruction) => MemoryMarshal.Write(bytes, in instruction);

    private bool Reserve(long count, SourceSpan span, out Span<byte> bytes)
    {
        if (_section.TryReserve(count, out bytes))
            return true;
        _diagnostics.Report(AssemblerDiagnostics.TooLarge, span, AsmSection.MaxSize);
        return false;
    }
}
