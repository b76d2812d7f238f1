// Operations on a phi of constants move into the predecessors, where they fold; what is left can be threaded or merged:
//
//   b: x = phi [1, p], [0, q], [y, r]          b: c = phi [true, p], [false, q], [d, r]
//      c = cmp ne x, 0                   =>    r: d = cmp ne y, 0 ; br b
//
// At most one operand may be no constant, and its block must lead here only, so that nothing is computed on other paths. Only
// integers: pointers keep their joins. Operations on what a loop carries can follow each other around it for ever, each moving to
// the latch and meeting the phi of the next: there are no more moves in a run than there were instructions.
namespace Ebpfcc.Ir.Passes;

public sealed partial class Simplify
{
    private int _movesLeft;

    private PhiInstruction? MoveIntoPredecessors(Instruction operation)
    {
        if (operation.OperandCount is 0 or > 2 || operation.GetOperand(0) is not PhiInstruction phi || !ReferenceEquals(phi.Block, operation.Block))
            return null;
        if (!IsOneUse(phi) || !phi.Type.IsInteger() || !operation.Type.IsInteger() || !IsMovable(operation) || phi.OperandCount < 2)
            return null;
        int variable = -1;
        for (int i = 0; i < phi.OperandCount; i++)
        {
            if (phi.GetOperand(i) is Constant)
                continue;
            // A loop's counter, or a second variable operand.
            if (variable >= 0 || phi.GetIncomingBlock(i).Terminator is not BranchInstruction || ReferenceEquals(phi.GetOperand(i), operation))
                return null;
            variable = i;
        }
        if (variable >= 0 && NeedsConstants(operation))
            return null;
        if (--_movesLeft < 0)
            return null;
        var moved = new PhiInstruction(operation.Type) { Location = operation.Location };
        for (int i = 0; i < phi.OperandCount; i++)
        {
            BasicBlock from = phi.GetIncomingBlock(i);
            _builder.PositionBefore(from.Terminator!);
            Value value = Apply(operation, phi.GetOperand(i));
            if (i == variable && value is Instruction made)
                Enqueue(made);
            moved.AddIncoming(value, from);
        }
        operation.Block!.InsertBefore(operation.Block.First!, moved);
        _builder.PositionBefore(operation);
        return moved;
    }

    private static bool IsMovable(Instruction operation) => operation.Opcode switch
    {
        IrOpcode.ZExt or IrOpcode.SExt or IrOpcode.Trunc => true,
        IrOpcode.Compare or IrOpcode.And or IrOpcode.Or or IrOpcode.Xor => operation.GetOperand(1) is Constant,
        _ => NeedsConstants(operation) && operation.GetOperand(1) is Constant,
    };

    /// <summary>Arithmetic on a variable operand stays where it is: the operand may be a loop's counter in another shape.</summary>
    private static bool NeedsConstants(Instruction operation)
        => operation.Opcode is IrOpcode.Add or IrOpcode.Sub or IrOpcode.Mul or IrOpcode.Shl or IrOpcode.LShr or IrOpcode.AShr;

    private Value Apply(Instruction operation, Value operand) => operation switch
    {
        CompareInstruction compare => _builder.Compare(compare.Predicate, operand, compare.GetOperand(1)),
        { OperandCount: 1 } => _builder.Cast(operation.Opcode, operand, operation.Type),
        _ => _builder.Binary(operation.Opcode, operand, operation.GetOperand(1)),
    };
}
