// Integer arithmetic, conversions, comparisons as values, selects.
using System.Numerics;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

public sealed partial class InstructionSelector
{
    private void SelectInstruction(Instruction instruction)
    {
        if (instruction.Type != IrType.Void && !instruction.HasUsers && !HasEffect(instruction))
            return;
        if (instruction.Opcode == IrOpcode.And && IsFoldedTest(instruction))
            return;
        if (TouchesWide(instruction) && SelectWide(instruction))
            return;
        switch (instruction.Opcode)
        {
            case IrOpcode.Add or IrOpcode.Sub or IrOpcode.Mul or IrOpcode.And or IrOpcode.Or or IrOpcode.Xor
                or IrOpcode.Shl or IrOpcode.LShr or IrOpcode.UDiv or IrOpcode.URem:
                if (!IsFusedCondition(instruction))
                    SelectBinary(instruction);
                break;
            case IrOpcode.AShr:
                SelectArithmeticShift(instruction);
                break;
            case IrOpcode.SDiv or IrOpcode.SRem:
                SelectSignedDivision(instruction);
                break;
            case IrOpcode.Compare:
                if (!IsFusedCondition(instruction))
                    SelectCompareValue(instruction);
                break;
            case IrOpcode.ZExt or IrOpcode.PtrToInt or IrOpcode.IntToPtr:
                break;
            case IrOpcode.Trunc:
                if (!IsAlias(instruction))
                    DefineFrom(instruction, Use(instruction.GetOperand(0)));
                break;
            case IrOpcode.SExt:
                if (!IsAlias(instruction) && !IsFoldedSignedLoad(instruction))
                    SelectSignExtension(instruction);
                break;
            case IrOpcode.PtrAdd:
                SelectPointerAdd(instruction);
                break;
            case IrOpcode.Select:
                SelectSelect(instruction);
                break;
            case IrOpcode.ByteSwap:
                SelectByteSwap(instruction);
                break;
            case IrOpcode.CountLeadingZeros or IrOpcode.CountTrailingZeros or IrOpcode.PopCount:
                SelectBitCount(instruction);
                break;
            case IrOpcode.Alloca or IrOpcode.CoreRelocation or IrOpcode.Fence:
                break;
            case IrOpcode.Load:
                SelectLoad((LoadInstruction)instruction);
                break;
            case IrOpcode.Store:
                SelectStore((StoreInstruction)instruction);
                break;
            case IrOpcode.MemCopy or IrOpcode.MemMove or IrOpcode.MemSet or IrOpcode.MemCompare:
                SelectBlockMemory((BlockMemoryInstruction)instruction);
                break;
            case IrOpcode.AtomicRmw:
                SelectAtomic((AtomicRmwInstruction)instruction);
                break;
            case IrOpcode.CompareExchange:
                SelectCompareExchange((CompareExchangeInstruction)instruction);
                break;
            case IrOpcode.PacketLoad:
                SelectPacketLoad((PacketLoadInstruction)instruction);
                break;
            case IrOpcode.Call:
                SelectCall((CallInstruction)instruction);
                break;
            case IrOpcode.InlineAsm:
                SelectAssembly((InlineAsmInstruction)instruction);
                break;
            case IrOpcode.AsmResult or IrOpcode.Phi:
                break;
            case IrOpcode.Branch or IrOpcode.CondBranch or IrOpcode.Switch or IrOpcode.AsmBranch or IrOpcode.Return or IrOpcode.Unreachable:
                SelectTerminator((Terminator)instruction);
                break;
            default:
                throw Broken($"no rule for {instruction.Opcode}");
        }
    }

    private static bool HasEffect(Instruction instruction) => instruction switch
    {
        LoadInstruction load => load.IsVolatile,
        InlineAsmInstruction assembly => assembly.HasSideEffects || assembly.Outputs.Count > 1,
        _ => instruction.Opcode is IrOpcode.Call or IrOpcode.AtomicRmw or IrOpcode.CompareExchange or IrOpcode.PacketLoad,
    };

    private static EbpfOpcode Family(IrOpcode opcode) => opcode switch
    {
        IrOpcode.Add => EbpfOpcode.Add64Imm,
        IrOpcode.Sub => EbpfOpcode.Sub64Imm,
        IrOpcode.Mul => EbpfOpcode.Mul64Imm,
        IrOpcode.UDiv => EbpfOpcode.Div64Imm,
        IrOpcode.URem => EbpfOpcode.Mod64Imm,
        IrOpcode.SDiv => EbpfOpcode.SDiv64Imm,
        IrOpcode.SRem => EbpfOpcode.SMod64Imm,
        IrOpcode.And => EbpfOpcode.And64Imm,
        IrOpcode.Or => EbpfOpcode.Or64Imm,
        IrOpcode.Xor => EbpfOpcode.Xor64Imm,
        IrOpcode.Shl => EbpfOpcode.Lsh64Imm,
        IrOpcode.LShr => EbpfOpcode.Rsh64Imm,
        IrOpcode.AShr => EbpfOpcode.Arsh64Imm,
        _ => throw new ArgumentOutOfRangeException(nameof(opcode)),
    };

    private static bool IsCommutative(IrOpcode opcode) => opcode is IrOpcode.Add or IrOpcode.Mul or IrOpcode.And or IrOpcode.Or or IrOpcode.Xor;

    /// <summary>The immediate of an operation of this width, when the constant has one.</summary>
    private static bool TryImmediate(Value value, int width, out long immediate)
    {
        immediate = 0;
        if (value is not Constant constant)
            return false;
        if (width == 32)
        {
            immediate = (int)constant.Unsigned;
            return true;
        }
        // A 64-bit operation on a narrower type: operands are zero-extended, and so is the constant.
        long bits = CanonicalBits(constant);
        immediate = bits;
        return IntegerArithmetic.FitsInt32(bits);
    }

    private void SelectBinary(Instruction instruction)
    {
        IrOpcode opcode = instruction.Opcode;
        int width = _widths.OperationWidth(instruction.Type);
        Value left = instruction.GetOperand(0), right = instruction.GetOperand(1);
        if (IsCommutative(opcode) && (left is Constant || (right is not Constant && IsLastUse(right) && !IsLastUse(left))))
            (left, right) = (right, left);
        MachineRegister dst = RegisterOf(instruction);

        if (right is Constant constant && SelectSpecialConstant(instruction, dst, left, constant, width))
        {
            FinishDefinition(instruction, dst);
            return;
        }
        // Only the low bits matter to these, so a narrow constant may as well be sign-extended into the immediate.
        bool lowBitsOnly = opcode is IrOpcode.Add or IrOpcode.Sub or IrOpcode.Mul;
        lowBitsOnly |= opcode == IrOpcode.And && _widths.SignificantBits(left) <= instruction.Type.Bits();
        if (lowBitsOnly && right is Constant narrow && narrow.Type.Bits() < 64 && width == 64)
        {
            Materialize(dst, left);
            EmitAlu(Family(opcode), width, dst, narrow.Signed);
        }
        else if (TryImmediate(right, width, out long immediate))
        {
            Materialize(dst, left);
            if (opcode == IrOpcode.Sub && immediate != int.MinValue)
                EmitAlu(EbpfOpcode.Add64Imm, width, dst, -immediate);
            else
                EmitAlu(Family(opcode), width, dst, immediate);
        }
        else
        {
            MachineRegister source = Use(right);
            Materialize(dst, left);
            EmitAlu(Family(opcode), width, dst, source);
        }
        FinishDefinition(instruction, dst);
    }

    /// <summary>A value that nobody reads after its one user: the register that a two-address operation may overwrite.</summary>
    private bool IsLastUse(Value value) => Strip(value) is Instruction { Users.Count: 1 } stripped && ReferenceEquals(stripped, value);

    private bool SelectSpecialConstant(Instruction instruction, MachineRegister dst, Value left, Constant constant, int width)
    {
        switch (instruction.Opcode)
        {
            case IrOpcode.And when width == 64 && constant.Unsigned == uint.MaxValue && _options.HasAlu32:
                Emit(EbpfOpcode.Mov32Reg, dst, Use(left));
                return true;
            case IrOpcode.And when width == 64 && constant.Type.Bits() == 64 && constant.Unsigned == uint.MaxValue:
                Materialize(dst, left);
                ZeroExtend(dst, 32);
                return true;
            case IrOpcode.And when width == 64 && _options.HasAlu32 && constant.Unsigned <= uint.MaxValue && constant.Unsigned > int.MaxValue:
                // The 32-bit operation clears the upper half, as the mask does.
                Materialize(dst, left);
                EmitAlu(EbpfOpcode.And64Imm, 32, dst, (int)constant.Unsigned);
                return true;
            case IrOpcode.UDiv or IrOpcode.Mul when constant.Unsigned == 1:
                EmitIdentity(dst, left, width);
                return true;
            case IrOpcode.UDiv when BitOperations.IsPow2(constant.Unsigned):
                Materialize(dst, left);
                EmitAlu(EbpfOpcode.Rsh64Imm, width, dst, BitOperations.Log2(constant.Unsigned));
                return true;
            case IrOpcode.URem when BitOperations.IsPow2(constant.Unsigned) && constant.Unsigned <= 1UL << 31:
                Materialize(dst, left);
                EmitAlu(EbpfOpcode.And64Imm, width, dst, (int)(constant.Unsigned - 1));
                return true;
            case IrOpcode.UDiv or IrOpcode.URem when constant.IsZero:
                // The machine refuses a constant zero divisor; the result is defined (0, or the dividend).
                if (instruction.Opcode == IrOpcode.UDiv)
                    EmitConstant(dst, 0, narrow: true);
                else
                    EmitIdentity(dst, left, width);
                return true;
            case IrOpcode.Mul when BitOperations.IsPow2(constant.Unsigned):
                Materialize(dst, left);
                EmitAlu(EbpfOpcode.Lsh64Imm, width, dst, BitOperations.Log2(constant.Unsigned));
                return true;
            case IrOpcode.Shl or IrOpcode.LShr when constant.Unsigned >= (ulong)instruction.Type.Bits():
                // Undefined in the IR, refused by the kernel as an immediate: any value will do.
                EmitConstant(dst, 0, narrow: true);
                return true;
            default:
                return false;
        }
    }

    /// <summary>An operation that changes nothing still clears what an operation of its width would clear.</summary>
    private void EmitIdentity(MachineRegister dst, Value value, int width)
    {
        if (width == 32 && _widths.SignificantBits(value) > 32)
            Emit(EbpfOpcode.Mov32Reg, dst, Use(value));
        else
            Materialize(dst, value);
    }

    private void SelectArithmeticShift(Instruction instruction)
    {
        int width = _widths.OperationWidth(instruction.Type);
        int bits = instruction.Type.Bits();
        Value value = instruction.GetOperand(0), amount = instruction.GetOperand(1);
        MachineRegister dst = RegisterOf(instruction);
        if (amount is Constant constant)
        {
            int count = (int)Math.Min(constant.Unsigned, (ulong)bits - 1);
            if (bits < width && _widths.SignificantBits(value) >= bits)
            {
                // Sign extension and shift in one: the value goes to the top and comes back shifted.
                Materialize(dst, value);
                EmitAlu(EbpfOpcode.Lsh64Imm, width, dst, width - bits);
                EmitAlu(EbpfOpcode.Arsh64Imm, width, dst, width - bits + count);
            }
            else
            {
                Materialize(dst, value);
                EmitAlu(EbpfOpcode.Arsh64Imm, width, dst, count);
            }
        }
        else
        {
            MachineRegister source = Use(amount);
            EmitCopy(dst, UseSigned(value, width));
            EmitAlu(EbpfOpcode.Arsh64Imm, width, dst, source);
        }
        FinishDefinition(instruction, dst);
    }

    private void SelectSignExtension(Instruction instruction)
    {
        Value value = instruction.GetOperand(0);
        int width = _widths.OperationWidth(instruction.Type);
        MachineRegister dst = RegisterOf(instruction);
        EmitSignExtension(dst, Use(value), value.Type.Bits(), width);
        FinishDefinition(instruction, dst);
    }

    /// <summary>
    /// Below version 4 the machine divides unsigned only: divide the magnitudes and fix the sign, by branches because the
    /// verifier learns from them. Division by zero comes out as the machine defines it (quotient 0, remainder the dividend).
    /// </summary>
    private void SelectSignedDivision(Instruction instruction)
    {
        int width = _widths.OperationWidth(instruction.Type);
        bool remainder = instruction.Opcode == IrOpcode.SRem;
        Value divisor = instruction.GetOperand(1);
        MachineRegister dst = RegisterOf(instruction);
        var constant = divisor as Constant;
        if (constant is { IsZero: true })
        {
            if (remainder)
                EmitCopy(dst, UseSigned(instruction.GetOperand(0), width));
            else
                EmitConstant(dst, 0, narrow: true);
            FinishDefinition(instruction, dst);
            return;
        }
        MachineRegister dividend = UseSigned(instruction.GetOperand(0), width);
        if (_options.HasV4)
        {
            // A constant -1 divisor is a negation: the kernel's 32-bit code for it is exact, but nothing is gained by dividing.
            if (constant is not null && IntegerArithmetic.FitsInt32(constant.Signed))
            {
                EmitCopy(dst, dividend);
                EmitAlu(Family(instruction.Opcode), width, dst, constant.Signed);
            }
            else
            {
                MachineRegister source = UseSigned(divisor, width);
                EmitCopy(dst, dividend);
                EmitAlu(Family(instruction.Opcode), width, dst, source);
            }
            FinishDefinition(instruction, dst);
            return;
        }
        MachineRegister result = CopyToNew(dividend);
        EmitAbsolute(result, width);
        if (constant is not null)
        {
            ulong magnitude = constant.Signed < 0 ? (ulong)-constant.Signed : (ulong)constant.Signed;
            if (width == 32)
                magnitude = (uint)magnitude;
            EmitUnsignedDivision(result, magnitude, width, remainder);
        }
        else
        {
            MachineRegister absolute = CopyToNew(UseSigned(divisor, width));
            EmitAbsolute(absolute, width);
            EmitAlu(remainder ? EbpfOpcode.Mod64Imm : EbpfOpcode.Div64Imm, width, result, absolute);
        }
        // The remainder has the dividend's sign, the quotient the product of both.
        MachineRegister sign = dividend;
        bool inverted = false;
        if (!remainder && constant is null)
        {
            sign = CopyToNew(dividend);
            EmitAlu(EbpfOpcode.Xor64Imm, width, sign, UseSigned(divisor, width));
        }
        else if (!remainder)
        {
            inverted = constant!.Signed < 0;
        }
        MachineBlock negate = NewBlock(), done = NewBlock();
        EmitJump(EbpfOpcode.Jsgt64Imm, width, sign, -1, inverted ? negate : done, inverted ? done : negate);
        SwitchTo(negate);
        EmitNegation(result, width);
        ContinueIn(done);
        EmitCopy(dst, result);
        FinishDefinition(instruction, dst);
    }

    private void EmitUnsignedDivision(MachineRegister dst, ulong divisor, int width, bool remainder)
    {
        if (BitOperations.IsPow2(divisor) && (!remainder || divisor <= 1UL << 31))
        {
            if (remainder)
                EmitAlu(EbpfOpcode.And64Imm, width, dst, (int)(divisor - 1));
            else if (divisor != 1)
                EmitAlu(EbpfOpcode.Rsh64Imm, width, dst, BitOperations.Log2(divisor));
            else
                ZeroExtend(dst, width);
        }
        else if (divisor <= int.MaxValue)
            EmitAlu(remainder ? EbpfOpcode.Mod64Imm : EbpfOpcode.Div64Imm, width, dst, (long)divisor);
        else
            EmitAlu(remainder ? EbpfOpcode.Mod64Imm : EbpfOpcode.Div64Imm, width, dst, UseConstant((long)divisor, narrow: width == 32));
    }

    private void EmitNegation(MachineRegister register, int width) => Emit(width == 32 ? EbpfOpcode.Neg32 : EbpfOpcode.Neg64, register);

    private void EmitAbsolute(MachineRegister register, int width)
    {
        MachineBlock negate = NewBlock(), done = NewBlock();
        EmitJump(EbpfOpcode.Jsgt64Imm, width, register, -1, done, negate);
        SwitchTo(negate);
        EmitNegation(register, width);
        ContinueIn(done);
    }

    /// <summary>A comparison whose result is a number: <c>d = 1; if (c) goto L; d = 0; L:</c></summary>
    private void SelectCompareValue(Instruction instruction)
    {
        MachineRegister dst = RegisterOf(instruction);
        MachineBlock otherwise = NewBlock(), done = NewBlock();
        EmitConstant(dst, 1, narrow: true);
        EmitCondition(instruction, done, otherwise);
        SwitchTo(otherwise);
        EmitConstant(dst, 0, narrow: true);
        ContinueIn(done);
    }

    private void SelectSelect(Instruction instruction)
    {
        Value condition = instruction.GetOperand(0), ifTrue = instruction.GetOperand(1), ifFalse = instruction.GetOperand(2);
        MachineRegister dst = RegisterOf(instruction);
        MachineBlock otherwise = NewBlock(), done = NewBlock();
        Materialize(dst, ifTrue);
        EmitCondition(condition, done, otherwise);
        SwitchTo(otherwise);
        Materialize(dst, ifFalse);
        ContinueIn(done);
        FinishDefinition(instruction, dst);
    }

    private void SelectByteSwap(Instruction instruction)
    {
        MachineRegister dst = RegisterOf(instruction);
        Value value = instruction.GetOperand(0);
        int bits = instruction.Type.Bits();
        Materialize(dst, value);
        if (bits == 8)
            return;
        EbpfOpcode first = _options.HasV4 ? EbpfOpcode.Bswap16 : _options.BigEndian ? EbpfOpcode.ToLe16 : EbpfOpcode.ToBe16;
        Emit(first + BitOperations.Log2((uint)bits / 16), dst);
    }
}
