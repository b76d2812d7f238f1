// Copies of blocks with their instructions, for inlining and unrolling. Values defined in the copied blocks are mapped to
// their copies, all others stay what they are.
namespace Ebpfcc.Ir.Passes;

internal sealed class BlockCloner
{
    private readonly Dictionary<Value, Value> _values = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<BasicBlock, BasicBlock> _blocks = new(ReferenceEqualityComparer.Instance);

    /// <summary>Says what a value of the original becomes in the copy.</summary>
    public void Map(Value original, Value copy) => _values[original] = copy;

    public Value Get(Value original) => _values.GetValueOrDefault(original, original);

    public BasicBlock Get(BasicBlock original) => _blocks.GetValueOrDefault(original, original);

    /// <summary>
    /// Copies blocks, in an order where definitions come before uses except through phis (a reverse post order). The copies
    /// belong to no function yet.
    /// </summary>
    public List<BasicBlock> Clone(IReadOnlyList<BasicBlock> originals)
    {
        var copies = new List<BasicBlock>(originals.Count);
        foreach (BasicBlock original in originals)
        {
            var copy = new BasicBlock(original.Name) { LoopHint = original.LoopHint };
            _blocks[original] = copy;
            copies.Add(copy);
        }
        var phis = new List<PhiInstruction>();
        foreach (BasicBlock original in originals)
        {
            BasicBlock target = _blocks[original];
            for (Instruction? instruction = original.First; instruction is not null; instruction = instruction.Next)
            {
                Instruction copy = Copy(instruction);
                copy.Location = instruction.Location;
                copy.Name = instruction.Name;
                target.Append(copy);
                _values[instruction] = copy;
                if (instruction is PhiInstruction phi)
                    phis.Add(phi);
            }
        }
        foreach (PhiInstruction phi in phis)
        {
            var copy = (PhiInstruction)_values[phi];
            for (int i = 0; i < phi.OperandCount; i++)
                copy.AddIncoming(Get(phi.GetOperand(i)), Get(phi.GetIncomingBlock(i)));
        }
        return copies;
    }

    private Value[] Operands(Instruction instruction, int from = 0)
    {
        var operands = new Value[instruction.OperandCount - from];
        for (int i = 0; i < operands.Length; i++)
            operands[i] = Get(instruction.GetOperand(i + from));
        return operands;
    }

    private Instruction Copy(Instruction instruction)
    {
        switch (instruction)
        {
            case CompareInstruction compare:
                return new CompareInstruction(compare.Predicate, Get(compare.GetOperand(0)), Get(compare.GetOperand(1)));
            case AllocaInstruction alloca:
                return new AllocaInstruction(alloca.Size, alloca.Alignment) { DebugType = alloca.DebugType };
            case LoadInstruction load:
                return new LoadInstruction(load.Type, Get(load.Pointer), load.Alignment, load.IsVolatile) { Order = load.Order };
            case StoreInstruction store:
                return new StoreInstruction(Get(store.Pointer), Get(store.StoredValue), store.Alignment, store.IsVolatile) { Order = store.Order };
            case BlockMemoryInstruction block:
                return new BlockMemoryInstruction(block.Opcode, Get(block.Pointer), Get(block.Source), Get(block.Length), block.Alignment, block.IsVolatile)
                {
                    SourceAlignment = block.SourceAlignment,
                    Order = block.Order,
                };
            case AtomicRmwInstruction atomic:
                return new AtomicRmwInstruction(atomic.Operation, Get(atomic.GetOperand(0)), Get(atomic.GetOperand(1)), atomic.Order);
            case CompareExchangeInstruction exchange:
                return new CompareExchangeInstruction(Get(exchange.GetOperand(0)), Get(exchange.GetOperand(1)), Get(exchange.GetOperand(2)), exchange.Order);
            case PacketLoadInstruction packet:
                return new PacketLoadInstruction(packet.Width, Get(packet.GetOperand(0)), Get(packet.GetOperand(1)));
            case CallInstruction call:
                return new CallInstruction(call.Signature, Get(call.Callee), Operands(call, 1));
            case InlineAsmInstruction asm:
                return new InlineAsmInstruction(asm.Template, asm.Outputs, asm.Inputs, asm.Clobbers, asm.HasSideEffects, Operands(asm));
            case ResultInstruction result:
                return new ResultInstruction((InlineAsmInstruction)Get(result.GetOperand(0)), result.Index);
            case CoreRelocationInstruction core:
                return new CoreRelocationInstruction(core.Kind, core.Root, core.AccessPath, core.Type, core.LocalValue);
            case PhiInstruction:
                return new PhiInstruction(instruction.Type);
            case BranchInstruction branch:
                return new BranchInstruction(Get(branch.Target));
            case CondBranchInstruction branch:
                return new CondBranchInstruction(Get(branch.Condition), Get(branch.IfTrue), Get(branch.IfFalse)) { Likely = branch.Likely };
            case SwitchInstruction choice:
                var cases = new (Constant, BasicBlock)[choice.Cases.Count];
                for (int i = 0; i < cases.Length; i++)
                    cases[i] = (choice.Cases[i], Get(choice.GetTarget(i)));
                return new SwitchInstruction(Get(choice.Value), Get(choice.Default), cases);
            case AsmBranchInstruction branch:
                var labels = new (string, BasicBlock)[branch.Labels.Count];
                for (int i = 0; i < labels.Length; i++)
                    labels[i] = (branch.Labels[i], Get(branch.Successors[i + 1]));
                return new AsmBranchInstruction(Get(branch.Asm), Get(branch.FallThrough), labels);
            case ReturnInstruction result:
                return new ReturnInstruction(result.ReturnValue is { } value ? Get(value) : null);
            case UnreachableInstruction:
                return new UnreachableInstruction();
            default:
                return new Instruction(instruction.Opcode, instruction.Type, Operands(instruction));
        }
    }
}
