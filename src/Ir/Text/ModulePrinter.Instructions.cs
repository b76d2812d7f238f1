// The text form of single instructions; one case per special form, the regular ones by their table row.
namespace Ebpfcc.Ir.Text;

public sealed partial class ModulePrinter
{
    private void WriteInstruction(Instruction instruction)
    {
        IrOpcodeRow row = IrOpcodeTable.Get(instruction.Opcode);
        if (instruction.Type != IrType.Void)
        {
            WriteValue(instruction);
            _text.Append(" = ");
        }
        _text.Append(row.Mnemonic);
        switch (row.Form)
        {
            case IrTextForm.Typed:
                _text.Append(' ').Append(instruction.Type.Name());
                WriteOperands(instruction, 0, instruction.OperandCount);
                break;
            case IrTextForm.Cast:
                _text.Append(' ');
                WriteTyped(instruction.GetOperand(0));
                _text.Append(" to ").Append(instruction.Type.Name());
                break;
            case IrTextForm.Fixed:
                WriteOperands(instruction, 0, instruction.OperandCount);
                break;
            default:
                WriteSpecial(instruction);
                break;
        }
        if (_options.Locations && !instruction.Location.IsNone)
            _text.Append(" loc ").Append(instruction.Location.Position);
        if (_options.SourceComments && _sourceMap?.GetFilePosition(instruction.Location) is { } position)
            _text.Append("  ; ").Append(position.ToString());
    }

    private void WriteOperands(Instruction instruction, int from, int to)
    {
        for (int i = from; i < to; i++)
        {
            _text.Append(i == from ? " " : ", ");
            WriteValue(instruction.GetOperand(i));
        }
    }

    private void WriteSpecial(Instruction instruction)
    {
        switch (instruction)
        {
            case CompareInstruction compare:
                _text.Append(' ').Append(compare.Predicate.Name()).Append(' ').Append(compare.GetOperand(0).Type.Name());
                WriteOperands(compare, 0, 2);
                break;
            case AllocaInstruction alloca:
                _text.Append(' ').Append(alloca.Size).Append(" align ").Append(alloca.Alignment);
                WriteDebug(alloca.DebugType);
                break;
            case LoadInstruction load:
                _text.Append(' ').Append(load.Type.Name());
                WriteOperands(load, 0, 1);
                WriteAccess(load);
                break;
            case StoreInstruction store:
                _text.Append(' ');
                WriteTyped(store.StoredValue);
                _text.Append(", ");
                WriteValue(store.Pointer);
                WriteAccess(store);
                break;
            case BlockMemoryInstruction block:
                WriteOperands(block, 0, 3);
                _text.Append(" align ").Append(block.Alignment);
                if (block.Opcode != IrOpcode.MemSet)
                    _text.Append(" from ").Append(block.SourceAlignment);
                WriteFlag(block.IsVolatile, " volatile");
                break;
            case AtomicRmwInstruction atomic:
                _text.Append(' ').Append(atomic.Operation.Name()).Append(' ').Append(atomic.Type.Name());
                WriteOperands(atomic, 0, 2);
                _text.Append(' ').Append(atomic.Order.Name());
                break;
            case CompareExchangeInstruction exchange:
                _text.Append(' ').Append(exchange.Type.Name());
                WriteOperands(exchange, 0, 3);
                _text.Append(' ').Append(exchange.Order.Name());
                break;
            case PacketLoadInstruction packet:
                _text.Append(' ').Append(packet.Width).Append(' ');
                WriteValue(packet.GetOperand(0));
                _text.Append(", ");
                WriteTyped(packet.GetOperand(1));
                break;
            case CallInstruction call:
                WriteCall(call);
                break;
            case InlineAsmInstruction asm:
                WriteAsm(asm);
                break;
            case ResultInstruction result:
                WriteOperands(result, 0, 1);
                _text.Append(", ").Append(result.Index);
                break;
            case CoreRelocationInstruction core:
                _text.Append(' ').Append(core.Type.Name()).Append(' ').Append((int)core.Kind);
                if (_types is not null)
                    _text.Append(" !").Append(_types.NumberOf(core.Root));
                _text.Append(' ').Append(Quote(core.AccessPath)).Append(" value ").Append(core.LocalValue);
                break;
            case PhiInstruction phi:
                _text.Append(' ').Append(phi.Type.Name());
                for (int i = 0; i < phi.OperandCount; i++)
                {
                    _text.Append(i == 0 ? " [" : ", [");
                    WriteValue(phi.GetOperand(i));
                    _text.Append(", ").Append(_names.Block(phi.GetIncomingBlock(i))).Append(']');
                }
                break;
            case BranchInstruction branch:
                _text.Append(' ').Append(_names.Block(branch.Target));
                break;
            case CondBranchInstruction branch:
                WriteOperands(branch, 0, 1);
                _text.Append(", ").Append(_names.Block(branch.IfTrue)).Append(", ").Append(_names.Block(branch.IfFalse));
                if (branch.Likely is { } likely)
                    _text.Append(likely ? " likely" : " unlikely");
                break;
            case SwitchInstruction choice:
                _text.Append(' ');
                WriteTyped(choice.Value);
                _text.Append(", ").Append(_names.Block(choice.Default)).Append(" [");
                for (int i = 0; i < choice.Cases.Count; i++)
                {
                    _text.Append(i == 0 ? "" : ", ").Append(ConstantText(choice.Cases[i])).Append(": ").Append(_names.Block(choice.GetTarget(i)));
                }
                _text.Append(']');
                break;
            case AsmBranchInstruction branch:
                _text.Append(' ').Append(_names.Block(branch.FallThrough)).Append(" [");
                for (int i = 0; i < branch.Labels.Count; i++)
                    _text.Append(i == 0 ? "" : ", ").Append(Quote(branch.Labels[i])).Append(": ").Append(_names.Block(branch.Successors[i + 1]));
                _text.Append(']');
                break;
            case ReturnInstruction { ReturnValue: { } value }:
                _text.Append(' ');
                WriteTyped(value);
                break;
            default:
                if (instruction.Opcode == IrOpcode.Select)
                {
                    WriteOperands(instruction, 0, 1);
                    _text.Append(", ").Append(instruction.Type.Name());
                    WriteOperands(instruction, 1, 3);
                }
                break;
        }
    }

    private void WriteAccess(MemoryInstruction access)
    {
        _text.Append(" align ").Append(access.Alignment);
        WriteFlag(access.IsVolatile, " volatile");
        if (access.Order != MemoryOrder.NotAtomic)
            _text.Append(' ').Append(access.Order.Name());
    }

    private void WriteCall(CallInstruction call)
    {
        FunctionSignature signature = call.Signature;
        _text.Append(' ').Append(signature.ReturnType.Name()).Append(" (");
        for (int i = 0; i < signature.ParameterTypes.Count; i++)
            _text.Append(i == 0 ? "" : ", ").Append(signature.ParameterTypes[i].Name());
        if (signature.IsVariadic)
            _text.Append(signature.ParameterTypes.Count > 0 ? ", ..." : "...");
        _text.Append(") ");
        if (call.Callee is Constant or Undef)
            WriteTyped(call.Callee);
        else
            WriteValue(call.Callee);
        _text.Append('(');
        for (int i = 0; i < call.ArgumentCount; i++)
        {
            if (i > 0)
                _text.Append(", ");
            if (i < signature.ParameterTypes.Count)
                WriteValue(call.GetArgument(i));
            else
                WriteTyped(call.GetArgument(i));
        }
        _text.Append(')');
    }

    private void WriteAsm(InlineAsmInstruction asm)
    {
        WriteFlag(asm.HasSideEffects, " sideeffect");
        _text.Append(' ').Append(Quote(asm.Template));
        for (int i = 0; i < asm.Outputs.Count; i++)
        {
            _text.Append(" out ");
            WriteAsmOperand(asm.Outputs[i]);
        }
        for (int i = 0; i < asm.Inputs.Count; i++)
        {
            _text.Append(" in ");
            WriteAsmOperand(asm.Inputs[i]);
            _text.Append(' ');
            WriteTyped(asm.GetOperand(i));
        }
        foreach (string clobber in asm.Clobbers)
            _text.Append(" clobber ").Append(Quote(clobber));
    }

    private void WriteAsmOperand(AsmOperand operand)
    {
        _text.Append(Quote(operand.Constraint)).Append(' ');
        if (operand.SymbolicName is { } name)
            _text.Append('[').Append(NameText(name)).Append("] ");
        _text.Append(operand.Type.Name());
    }
}
