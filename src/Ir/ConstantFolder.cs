// Results of pure instructions whose operands are constants. Nothing here looks at other instructions: combining is the
// business of the simplifier.
namespace Ebpfcc.Ir;

public static class ConstantFolder
{
    /// <summary>The constant a pure operation yields for constant operands, or null when it cannot be computed here.</summary>
    public static Constant? Fold(IrOpcode opcode, IrType type, Value left, Value right)
    {
        if (left is not Constant a || right is not Constant b)
            return null;
        if (opcode is IrOpcode.Shl or IrOpcode.LShr or IrOpcode.AShr && b.Bits >= (UInt128)type.Bits())
            return null;
        return new Constant(type, IrArithmetic.Binary(opcode, type, a.Bits, b.Bits));
    }

    public static Constant? FoldUnary(IrOpcode opcode, IrType type, Value value)
        => value is not Constant a ? null : opcode == IrOpcode.IsConstant ? Constant.I1(true) : new Constant(type, IrArithmetic.Unary(opcode, type, a.Bits));

    public static Constant? FoldCast(IrOpcode opcode, IrType to, Value value)
        => value is Constant a ? new Constant(to, IrArithmetic.Cast(opcode, a.Type, to, a.Bits)) : null;

    public static Constant? FoldCompare(ComparePredicate predicate, Value left, Value right)
        => left is Constant a && right is Constant b ? Constant.I1(IrArithmetic.Compare(predicate, a.Type, a.Bits, b.Bits)) : null;

    /// <summary>Folds a whole instruction.</summary>
    public static Constant? Fold(Instruction instruction)
    {
        ReadOnlySpan<Value> operands = instruction.Operands;
        foreach (Value operand in operands)
        {
            if (operand is not Constant)
                return null;
        }
        IrOpcode opcode = instruction.Opcode;
        if (opcode.IsBinary())
            return Fold(opcode, instruction.Type, operands[0], operands[1]);
        if (opcode.IsCast())
            return FoldCast(opcode, instruction.Type, operands[0]);
        return opcode switch
        {
            IrOpcode.Compare => FoldCompare(((CompareInstruction)instruction).Predicate, operands[0], operands[1]),
            IrOpcode.ByteSwap or IrOpcode.CountLeadingZeros or IrOpcode.CountTrailingZeros or IrOpcode.PopCount or IrOpcode.IsConstant
                => FoldUnary(opcode, instruction.Type, operands[0]),
            IrOpcode.Select => (Constant)(((Constant)operands[0]).IsZero ? operands[2] : operands[1]),
            IrOpcode.PtrAdd => new Constant(IrType.Ptr, unchecked(((Constant)operands[0]).Bits + ((Constant)operands[1]).Bits)),
            _ => null,
        };
    }
}
