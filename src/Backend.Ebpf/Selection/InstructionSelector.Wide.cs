// 128-bit integers as pairs of registers (low, high). Source of the carries and shifts: Warren, Hacker's Delight, 2-16
// and 2-17; of the product: 8-2.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

public sealed partial class InstructionSelector
{
    private void ReportWide(SourceLocation location, string what)
        => _diagnostics.Report(BackendDiagnostics.WideValue, location.IsNone ? _source.Location : location, what);

    private static bool TouchesWide(Instruction instruction)
    {
        if (instruction.Type == IrType.I128)
            return true;
        return instruction.Opcode switch
        {
            IrOpcode.Trunc or IrOpcode.Store or IrOpcode.PopCount or IrOpcode.CountLeadingZeros or IrOpcode.CountTrailingZeros or IrOpcode.Switch
                or IrOpcode.AtomicRmw or IrOpcode.CompareExchange
                => instruction.GetOperand(instruction.Opcode is IrOpcode.Store or IrOpcode.AtomicRmw or IrOpcode.CompareExchange ? 1 : 0).Type == IrType.I128,
            _ => false,
        };
    }

    private (MachineRegister Low, MachineRegister High) WideRegisters(Value value)
    {
        if (!_registers.TryGetValue(value, out MachineRegister low))
        {
            _registers[value] = low = NewRegister();
            _highHalves[value] = NewRegister();
        }
        return (low, _highHalves[value]);
    }

    private (MachineRegister Low, MachineRegister High) UseWide(Value value) => value switch
    {
        Constant constant => (UseConstant((long)(ulong)constant.Bits, narrow: false), UseConstant((long)(ulong)(constant.Bits >> 64), narrow: false)),
        Undef => (UseConstant(0, narrow: true), UseConstant(0, narrow: true)),
        _ => WideRegisters(value),
    };

    /// <summary>Selects an instruction with a 128-bit result or operand; false leaves it to the ordinary rules.</summary>
    private bool SelectWide(Instruction instruction)
    {
        switch (instruction.Opcode)
        {
            case IrOpcode.Phi:
                return true;
            case IrOpcode.Add or IrOpcode.Sub:
                SelectWideSum(instruction);
                return true;
            case IrOpcode.And or IrOpcode.Or or IrOpcode.Xor:
                SelectWideLogic(instruction);
                return true;
            case IrOpcode.Mul:
                SelectWideProduct(instruction);
                return true;
            case IrOpcode.Shl or IrOpcode.LShr or IrOpcode.AShr:
                SelectWideShift(instruction);
                return true;
            case IrOpcode.ZExt or IrOpcode.SExt:
                SelectWideExtension(instruction);
                return true;
            case IrOpcode.Trunc:
                // The low half is the value; further narrowing is the ordinary matter of unused upper bits.
                DefineFrom(instruction, UseWide(instruction.GetOperand(0)).Low);
                return true;
            case IrOpcode.Select:
                SelectWideSelect(instruction);
                return true;
            case IrOpcode.Load:
                SelectWideLoad((LoadInstruction)instruction);
                return true;
            case IrOpcode.Store:
                SelectWideStore((StoreInstruction)instruction);
                return true;
            case IrOpcode.ByteSwap:
                (MachineRegister low, MachineRegister high) = UseWide(instruction.GetOperand(0));
                (MachineRegister dstLow, MachineRegister dstHigh) = WideRegisters(instruction);
                EmitCopy(dstLow, high);
                EmitCopy(dstHigh, low);
                EbpfOpcode swap = _options.HasV4 ? EbpfOpcode.Bswap64 : _options.BigEndian ? EbpfOpcode.ToLe64 : EbpfOpcode.ToBe64;
                Emit(swap, dstLow);
                Emit(swap, dstHigh);
                return true;
            case IrOpcode.Call:
                return false;
            case IrOpcode.UDiv or IrOpcode.SDiv or IrOpcode.URem or IrOpcode.SRem:
                ReportWide(instruction.Location, "division");
                return true;
            case IrOpcode.AtomicRmw or IrOpcode.CompareExchange:
                return false;
            default:
                ReportWide(instruction.Location, "this use");
                return true;
        }
    }

    private void SelectWideSum(Instruction instruction)
    {
        bool add = instruction.Opcode == IrOpcode.Add;
        (MachineRegister aLow, MachineRegister aHigh) = UseWide(instruction.GetOperand(0));
        (MachineRegister bLow, MachineRegister bHigh) = UseWide(instruction.GetOperand(1));
        (MachineRegister low, MachineRegister high) = WideRegisters(instruction);
        EbpfOpcode family = add ? EbpfOpcode.Add64Imm : EbpfOpcode.Sub64Imm;
        EmitCopy(high, aHigh);
        EmitAlu(family, 64, high, bHigh);
        EmitCopy(low, aLow);
        EmitAlu(family, 64, low, bLow);
        // Carry: the low sum is below an addend. Borrow: the minuend is below the subtrahend.
        MachineBlock adjust = NewBlock(), done = NewBlock();
        if (add)
            EmitUnsigned(ComparePredicate.Ult, low, bLow, adjust, done);
        else
            EmitUnsigned(ComparePredicate.Ult, aLow, bLow, adjust, done);
        SwitchTo(adjust);
        EmitAlu(EbpfOpcode.Add64Imm, 64, high, add ? 1 : -1);
        ContinueIn(done);
    }

    private void EmitUnsigned(ComparePredicate predicate, MachineRegister left, MachineRegister right, MachineBlock ifTrue, MachineBlock ifFalse)
    {
        EbpfOpcode family = BranchFamily(predicate, ref ifTrue, ref ifFalse);
        EmitJump(family, 64, left, right, ifTrue, ifFalse);
    }

    private void SelectWideLogic(Instruction instruction)
    {
        (MachineRegister aLow, MachineRegister aHigh) = UseWide(instruction.GetOperand(0));
        (MachineRegister bLow, MachineRegister bHigh) = UseWide(instruction.GetOperand(1));
        (MachineRegister low, MachineRegister high) = WideRegisters(instruction);
        EmitCopy(low, aLow);
        EmitAlu(Family(instruction.Opcode), 64, low, bLow);
        EmitCopy(high, aHigh);
        EmitAlu(Family(instruction.Opcode), 64, high, bHigh);
    }

    /// <summary>
    /// Schoolbook with 32-bit digits:  a = a1*2^32 + a0, b = b1*2^32 + b0;  the cross products' carries go up.
    /// </summary>
    private void SelectWideProduct(Instruction instruction)
    {
        (MachineRegister aLow, MachineRegister aHigh) = UseWide(instruction.GetOperand(0));
        (MachineRegister bLow, MachineRegister bHigh) = UseWide(instruction.GetOperand(1));
        (MachineRegister low, MachineRegister high) = WideRegisters(instruction);
        MachineRegister a0 = CopyToNew(aLow), a1 = CopyToNew(aLow), b0 = CopyToNew(bLow), b1 = CopyToNew(bLow);
        ZeroExtend(a0, 32);
        ZeroExtend(b0, 32);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, a1, 32);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, b1, 32);
        MachineRegister p00 = CopyToNew(a0);
        EmitAlu(EbpfOpcode.Mul64Imm, 64, p00, b0);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, p00, 32);
        MachineRegister middle = CopyToNew(a1);
        EmitAlu(EbpfOpcode.Mul64Imm, 64, middle, b0);
        EmitAlu(EbpfOpcode.Add64Imm, 64, middle, p00);
        MachineRegister cross = CopyToNew(a0);
        EmitAlu(EbpfOpcode.Mul64Imm, 64, cross, b1);
        MachineRegister middleLow = CopyToNew(middle);
        ZeroExtend(middleLow, 32);
        EmitAlu(EbpfOpcode.Add64Imm, 64, cross, middleLow);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, cross, 32);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, middle, 32);
        EmitCopy(high, a1);
        EmitAlu(EbpfOpcode.Mul64Imm, 64, high, b1);
        EmitAlu(EbpfOpcode.Add64Imm, 64, high, middle);
        EmitAlu(EbpfOpcode.Add64Imm, 64, high, cross);
        MachineRegister upper = CopyToNew(aHigh);
        EmitAlu(EbpfOpcode.Mul64Imm, 64, upper, bLow);
        EmitAlu(EbpfOpcode.Add64Imm, 64, high, upper);
        MachineRegister other = CopyToNew(aLow);
        EmitAlu(EbpfOpcode.Mul64Imm, 64, other, bHigh);
        EmitAlu(EbpfOpcode.Add64Imm, 64, high, other);
        EmitCopy(low, aLow);
        EmitAlu(EbpfOpcode.Mul64Imm, 64, low, bLow);
    }

    private void SelectWideShift(Instruction instruction)
    {
        (MachineRegister aLow, MachineRegister aHigh) = UseWide(instruction.GetOperand(0));
        (MachineRegister low, MachineRegister high) = WideRegisters(instruction);
        bool left = instruction.Opcode == IrOpcode.Shl;
        EbpfOpcode right = instruction.Opcode == IrOpcode.AShr ? EbpfOpcode.Arsh64Imm : EbpfOpcode.Rsh64Imm;
        if (instruction.GetOperand(1) is Constant amount)
        {
            EmitWideShift(low, high, aLow, aHigh, left, right, (int)(amount.Unsigned & 127));
            return;
        }
        // Variable: move by 64 first when bit 6 is set, then by the rest, with the bits that cross over shifted in two
        // steps because a shift by 64 - 0 is none.
        MachineRegister count = CopyToNew(UseWide(instruction.GetOperand(1)).Low);
        EmitCopy(low, aLow);
        EmitCopy(high, aHigh);
        MachineBlock far = NewBlock(), near = NewBlock();
        EmitJump(EbpfOpcode.Jset64Imm, 64, count, 64, far, near);
        SwitchTo(far);
        if (left)
        {
            EmitCopy(high, low);
            EmitConstant(low, 0, narrow: true);
        }
        else
        {
            EmitCopy(low, high);
            EmitFill(high, right);
        }
        ContinueIn(near);
        EmitAlu(EbpfOpcode.And64Imm, 64, count, 63);
        MachineRegister complement = CopyToNew(count);
        EmitAlu(EbpfOpcode.Xor64Imm, 64, complement, 63);
        MachineRegister crossing = CopyToNew(left ? low : high);
        EmitAlu(left ? EbpfOpcode.Rsh64Imm : EbpfOpcode.Lsh64Imm, 64, crossing, 1);
        EmitAlu(left ? EbpfOpcode.Rsh64Imm : EbpfOpcode.Lsh64Imm, 64, crossing, complement);
        EmitAlu(left ? EbpfOpcode.Lsh64Imm : right, 64, high, count);
        EmitAlu(left ? EbpfOpcode.Lsh64Imm : EbpfOpcode.Rsh64Imm, 64, low, count);
        EmitAlu(EbpfOpcode.Or64Imm, 64, left ? high : low, crossing);
    }

    /// <summary>What comes in at the top: zeros, or copies of the sign bit.</summary>
    private void EmitFill(MachineRegister high, EbpfOpcode right)
    {
        if (right == EbpfOpcode.Arsh64Imm)
            EmitAlu(right, 64, high, 63);
        else
            EmitConstant(high, 0, narrow: true);
    }

    private void EmitWideShift(MachineRegister low, MachineRegister high, MachineRegister aLow, MachineRegister aHigh, bool left, EbpfOpcode right, int amount)
    {
        if (amount >= 64)
        {
            EmitCopy(left ? high : low, left ? aLow : aHigh);
            if (amount > 64)
                EmitAlu(left ? EbpfOpcode.Lsh64Imm : right, 64, left ? high : low, amount - 64);
            if (left)
                EmitConstant(low, 0, narrow: true);
            else
            {
                EmitCopy(high, aHigh);
                EmitFill(high, right);
            }
            return;
        }
        EmitCopy(low, aLow);
        EmitCopy(high, aHigh);
        if (amount == 0)
            return;
        MachineRegister crossing = CopyToNew(left ? aLow : aHigh);
        EmitAlu(left ? EbpfOpcode.Rsh64Imm : EbpfOpcode.Lsh64Imm, 64, crossing, 64 - amount);
        EmitAlu(left ? EbpfOpcode.Lsh64Imm : EbpfOpcode.Rsh64Imm, 64, low, amount);
        EmitAlu(left ? EbpfOpcode.Lsh64Imm : right, 64, high, amount);
        EmitAlu(EbpfOpcode.Or64Imm, 64, left ? high : low, crossing);
    }

    private void SelectWideExtension(Instruction instruction)
    {
        (MachineRegister low, MachineRegister high) = WideRegisters(instruction);
        Value value = instruction.GetOperand(0);
        if (instruction.Opcode == IrOpcode.ZExt)
        {
            Materialize(low, value);
            EmitConstant(high, 0, narrow: true);
            return;
        }
        EmitCopy(low, UseSigned(value, 64));
        EmitCopy(high, low);
        EmitAlu(EbpfOpcode.Arsh64Imm, 64, high, 63);
    }

    private void SelectWideSelect(Instruction instruction)
    {
        (MachineRegister low, MachineRegister high) = WideRegisters(instruction);
        MachineBlock otherwise = NewBlock(), done = NewBlock();
        (MachineRegister trueLow, MachineRegister trueHigh) = UseWide(instruction.GetOperand(1));
        EmitCopy(low, trueLow);
        EmitCopy(high, trueHigh);
        EmitCondition(instruction.GetOperand(0), done, otherwise);
        SwitchTo(otherwise);
        (MachineRegister falseLow, MachineRegister falseHigh) = UseWide(instruction.GetOperand(2));
        EmitCopy(low, falseLow);
        EmitCopy(high, falseHigh);
        ContinueIn(done);
    }

    private void SelectWideLoad(LoadInstruction load)
    {
        (MachineRegister low, MachineRegister high) = WideRegisters(load);
        Address address = BlockAddress(load.Pointer);
        Address lowAddress = address.Plus(_options.BigEndian ? 8 : 0), highAddress = address.Plus(_options.BigEndian ? 0 : 8);
        int part = Math.Clamp(load.Alignment, 1, 8);
        if (part == 8 || load.IsVolatile)
        {
            EmitLoad(low, 8, lowAddress);
            EmitLoad(high, 8, highAddress);
            return;
        }
        EmitLoadParts(low, 8, part, lowAddress);
        EmitLoadParts(high, 8, part, highAddress);
    }

    private void SelectWideStore(StoreInstruction store)
    {
        (MachineRegister low, MachineRegister high) = UseWide(store.StoredValue);
        Address address = BlockAddress(store.Pointer);
        Address lowAddress = address.Plus(_options.BigEndian ? 8 : 0), highAddress = address.Plus(_options.BigEndian ? 0 : 8);
        int part = store.IsVolatile ? 8 : Math.Clamp(store.Alignment, 1, 8);
        if (part == 8)
        {
            EmitStore(8, lowAddress, low);
            EmitStore(8, highAddress, high);
            return;
        }
        EmitStoreParts(low, 8, part, lowAddress);
        EmitStoreParts(high, 8, part, highAddress);
    }

    private void EmitWideCompare(ComparePredicate predicate, Value left, Value right, MachineBlock ifTrue, MachineBlock ifFalse)
    {
        (MachineRegister aLow, MachineRegister aHigh) = UseWide(left);
        (MachineRegister bLow, MachineRegister bHigh) = UseWide(right);
        MachineBlock second = NewBlock();
        if (predicate is ComparePredicate.Eq or ComparePredicate.Ne)
        {
            if (predicate == ComparePredicate.Ne)
                (ifTrue, ifFalse) = (ifFalse, ifTrue);
            EmitUnsigned(ComparePredicate.Eq, aLow, bLow, second, ifFalse);
            SwitchTo(second);
            EmitUnsigned(ComparePredicate.Eq, aHigh, bHigh, ifTrue, ifFalse);
            return;
        }
        // Unequal high halves decide, strictly and with the predicate's sign; equal ones leave it to the low halves, unsigned.
        ComparePredicate strict = predicate switch
        {
            ComparePredicate.Ule => ComparePredicate.Ult,
            ComparePredicate.Uge => ComparePredicate.Ugt,
            ComparePredicate.Sle => ComparePredicate.Slt,
            ComparePredicate.Sge => ComparePredicate.Sgt,
            _ => predicate,
        };
        ComparePredicate unsigned = predicate switch
        {
            ComparePredicate.Slt => ComparePredicate.Ult,
            ComparePredicate.Sle => ComparePredicate.Ule,
            ComparePredicate.Sgt => ComparePredicate.Ugt,
            ComparePredicate.Sge => ComparePredicate.Uge,
            _ => predicate,
        };
        MachineBlock equal = NewBlock();
        EmitUnsigned(ComparePredicate.Eq, aHigh, bHigh, equal, second);
        SwitchTo(second);
        EmitUnsigned(strict, aHigh, bHigh, ifTrue, ifFalse);
        SwitchTo(equal);
        EmitUnsigned(unsigned, aLow, bLow, ifTrue, ifFalse);
    }
}
