// Answers the isconstant questions that are still open once inlining and propagation have done their work: with no, unless the
// operand is a constant. What hangs on the answer is folded by the passes behind this one (after LLVM's LowerConstantIntrinsics).
namespace Ebpfcc.Ir.Passes;

public static class ConstantQuestions
{
    public static bool Run(Function function)
    {
        bool changed = false;
        foreach (BasicBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction.Opcode != IrOpcode.IsConstant)
                    continue;
                instruction.ReplaceAllUsesWith(Constant.I1(instruction.GetOperand(0) is Constant));
                instruction.Erase();
                changed = true;
            }
        }
        return changed;
    }
}
