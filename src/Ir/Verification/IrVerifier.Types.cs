// Types: the table's rules first, then what single operations demand beyond them.
namespace Ebpfcc.Ir.Verification;

public static partial class IrVerifier
{
    private sealed partial class FunctionChecker
    {
        private void CheckTypes(Instruction instruction)
        {
            IrOpcodeRow row = IrOpcodeTable.Get(instruction.Opcode);
            int count = instruction.OperandCount;
            if (row.IsVariadic ? count < row.Operands.Length : count != row.Operands.Length)
            {
                Report(instruction, $"has {count} operands instead of {row.Operands.Length}");
                return;
            }
            for (int i = 0; i < row.Operands.Length; i++)
            {
                if (!Obeys(instruction.GetOperand(i).Type, row.Operands[i], instruction))
                    Report(instruction, $"operand {i} is {instruction.GetOperand(i).Type.Name()}, not {row.Operands[i]}");
            }
            if (!Obeys(instruction.Type, row.Result, instruction))
                Report(instruction, $"the result is {instruction.Type.Name()}, not {row.Result}");
            CheckSpecial(instruction);
        }

        private static bool Obeys(IrType type, IrTypeRule rule, Instruction instruction) => rule switch
        {
            IrTypeRule.Void => type == IrType.Void,
            IrTypeRule.I1 => type == IrType.I1,
            IrTypeRule.I8 => type == IrType.I8,
            IrTypeRule.I32 => type == IrType.I32,
            IrTypeRule.I64 => type == IrType.I64,
            IrTypeRule.Ptr => type == IrType.Ptr,
            IrTypeRule.Integer => type.IsInteger(),
            IrTypeRule.Any => type != IrType.Void,
            IrTypeRule.AnyOrVoid => true,
            IrTypeRule.SameAsResult => type == instruction.Type,
            IrTypeRule.SameAsFirst => type == instruction.GetOperand(0).Type,
            IrTypeRule.SameAsSecond => type == instruction.GetOperand(1).Type,
            _ => false,
        };

        private void CheckSpecial(Instruction instruction)
        {
            switch (instruction)
            {
                case CallInstruction call:
                    CheckCall(call);
                    break;
                case ReturnInstruction result:
                    IrType expected = function.Signature.ReturnType;
                    if (result.OperandCount > 1 || (result.ReturnValue?.Type ?? IrType.Void) != expected)
                        Report(result, $"the function returns {expected.Name()}");
                    break;
                case PhiInstruction phi:
                    for (int i = 0; i < phi.OperandCount; i++)
                    {
                        if (phi.GetOperand(i).Type != phi.Type)
                            Report(phi, $"operand {i} is {phi.GetOperand(i).Type.Name()}");
                    }
                    break;
                case SwitchInstruction choice:
                    CheckSwitch(choice);
                    break;
                case AllocaInstruction alloca when alloca.Size < 0 || !IsPowerOfTwo(alloca.Alignment):
                    Report(alloca, "has a bad size or alignment");
                    break;
                case MemoryInstruction access when !IsPowerOfTwo(access.Alignment):
                    Report(access, "the alignment is no power of two");
                    break;
                case PacketLoadInstruction { Width: not (8 or 16 or 32) }:
                    Report(instruction, "the width is not 8, 16 or 32");
                    break;
                case ResultInstruction result when result.GetOperand(0) is not InlineAsmInstruction asm || result.Index < 1 || result.Index >= asm.Outputs.Count:
                    Report(result, "does not name a further output of an asm");
                    break;
                case AsmBranchInstruction branch when branch.GetOperand(0) is not InlineAsmInstruction jumping || !ReferenceEquals(jumping.Block, branch.Block) || branch.Successors.Count != branch.Labels.Count + 1:
                    Report(branch, "does not belong to an asm of its block");
                    break;
                case InlineAsmInstruction asm when asm.Inputs.Count != asm.OperandCount:
                    Report(asm, "the inputs and their values differ in number");
                    break;
                default:
                    CheckConversion(instruction);
                    break;
            }
        }

        private void CheckConversion(Instruction instruction)
        {
            switch (instruction.Opcode)
            {
                case IrOpcode.ZExt or IrOpcode.SExt when instruction.Type.Bits() <= instruction.GetOperand(0).Type.Bits():
                    Report(instruction, "does not widen");
                    break;
                case IrOpcode.Trunc when instruction.Type.Bits() >= instruction.GetOperand(0).Type.Bits():
                    Report(instruction, "does not narrow");
                    break;
                case IrOpcode.ByteSwap when instruction.Type.Bits() < 16:
                    Report(instruction, "has no bytes to swap");
                    break;
            }
        }

        private static bool IsPowerOfTwo(int value) => value > 0 && (value & (value - 1)) == 0;

        private void CheckCall(CallInstruction call)
        {
            FunctionSignature signature = call.Signature;
            int fixedCount = signature.ParameterTypes.Count;
            if (call.Type != signature.ReturnType)
                Report(call, "the result differs from the signature");
            if (signature.IsVariadic ? call.ArgumentCount < fixedCount : call.ArgumentCount != fixedCount)
            {
                Report(call, $"has {call.ArgumentCount} arguments for {fixedCount} parameters");
                return;
            }
            for (int i = 0; i < fixedCount; i++)
            {
                if (call.GetArgument(i).Type != signature.ParameterTypes[i])
                    Report(call, $"argument {i} is {call.GetArgument(i).Type.Name()}, not {signature.ParameterTypes[i].Name()}");
            }
        }

        private void CheckSwitch(SwitchInstruction choice)
        {
            var values = new HashSet<UInt128>();
            if (choice.Successors.Count != choice.Cases.Count + 1)
                Report(choice, "cases and targets differ in number");
            foreach (Constant value in choice.Cases)
            {
                if (value.Type != choice.Value.Type)
                    Report(choice, $"case {value} has type {value.Type.Name()}");
                if (!values.Add(value.Bits))
                    Report(choice, $"case {value} occurs twice");
            }
        }
    }
}
