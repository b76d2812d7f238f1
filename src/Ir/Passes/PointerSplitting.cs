// An access through a pointer that a join chose among several is made in front of the join, on each way with the pointer of that
// way. The verifier takes accesses to contexts at constant offsets from the unmoved pointer only, and one instruction for one
// kind of pointer only.
//
//   a: p1 = ptradd ctx, 8  ; br j                  a: v1 = load (ptradd ctx, 8)  ; br j
//   b: p2 = ptradd ctx, 32 ; br j            =>    b: v2 = load (ptradd ctx, 32) ; br j
//   j: p = phi [p1, a], [p2, b] ; v = load p       j: v = phi [v1, a], [v2, b]
//
// Only accesses that follow the join at once, with nothing between that could touch memory; a pointer chosen by a select gets
// branches first.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class PointerSplitting
{
    public static bool Run(Function function)
    {
        bool changed = false;
        foreach (Instruction select in Selects(function))
        {
            Branch(select);
            changed = true;
        }
        foreach (BasicBlock block in function.Blocks.ToArray())
        {
            while (FindAccess(block) is { } found)
            {
                Split(block, found.Phi, found.Access, found.Offset);
                changed = true;
            }
        }
        return changed;
    }

    private static List<Instruction> Selects(Function function)
    {
        var selects = new List<Instruction>();
        foreach (BasicBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction is { Opcode: IrOpcode.Select, Type: IrType.Ptr } && instruction.Users.Any(user => user is LoadInstruction or StoreInstruction or { Opcode: IrOpcode.PtrAdd }))
                    selects.Add(instruction);
            }
        }
        return selects;
    }

    /// <summary>select c, a, b  becomes  condbr c, yes, no; join: phi [a, yes], [b, no].</summary>
    private static void Branch(Instruction select)
    {
        BasicBlock before = select.Block!;
        BasicBlock join = ControlFlow.SplitBehind(select, "join");
        BasicBlock yes = new("yes"), no = new("no");
        Function function = before.Function!;
        foreach (BasicBlock block in (BasicBlock[])[join, no, yes])
            function.PlaceBlockAfter(before, block);
        before.Append(new CondBranchInstruction(select.GetOperand(0), yes, no) { Location = select.Location });
        yes.Append(new BranchInstruction(join) { Location = select.Location });
        no.Append(new BranchInstruction(join) { Location = select.Location });
        var phi = new PhiInstruction(IrType.Ptr) { Name = select.Name, Location = select.Location };
        phi.AddIncoming(select.GetOperand(1), yes);
        phi.AddIncoming(select.GetOperand(2), no);
        join.Prepend(phi);
        select.ReplaceAllUsesWith(phi);
        select.Erase();
    }

    /// <summary>The first access of a block through a phi of the same block that may move in front of it.</summary>
    private static (PhiInstruction Phi, MemoryInstruction Access, long Offset)? FindAccess(BasicBlock block)
    {
        for (Instruction? instruction = block.FirstNonPhi; instruction is not null and not Terminator; instruction = instruction.Next)
        {
            if (instruction is LoadInstruction { IsVolatile: false } or StoreInstruction { IsVolatile: false })
            {
                var access = (MemoryInstruction)instruction;
                MemoryAddress address = MemoryAddress.Of(access.Pointer);
                bool isReady = access is not StoreInstruction store || store.StoredValue is not Instruction value || !ReferenceEquals(value.Block, block) || value is PhiInstruction;
                if (address is { IsConstant: true, Base: PhiInstruction phi } && ReferenceEquals(phi.Block, block) && isReady && phi.OperandCount > 1)
                    return (phi, access, address.Offset);
            }
            if (instruction is MemoryInstruction or CallInstruction or { Opcode: IrOpcode.InlineAsm or IrOpcode.Fence or IrOpcode.PacketLoad } && instruction is not LoadInstruction { IsVolatile: false })
                return null;
        }
        return null;
    }

    private static void Split(BasicBlock block, PhiInstruction phi, MemoryInstruction access, long offset)
    {
        PhiInstruction? result = access is LoadInstruction ? new PhiInstruction(access.Type) { Name = access.Name, Location = access.Location } : null;
        for (int i = 0; i < phi.OperandCount; i++)
        {
            BasicBlock from = phi.GetIncomingBlock(i);
            // On an edge that is not the only way out the access has a block of its own.
            if (from.Successors.Count > 1)
            {
                for (int edge = 0; edge < from.Successors.Count; edge++)
                {
                    if (!ReferenceEquals(from.Successors[edge], block))
                        continue;
                    from = ControlFlow.SplitEdge(from, edge, "way");
                    break;
                }
            }
            var builder = new IrBuilder { Location = access.Location };
            builder.PositionBefore(from.Terminator!);
            Value pointer = offset == 0 ? phi.GetOperand(i) : builder.PtrAdd(phi.GetOperand(i), offset);
            if (access is StoreInstruction store)
                builder.Store(pointer, store.StoredValue is PhiInstruction stored && ReferenceEquals(stored.Block, block) ? stored.GetIncoming(from)! : store.StoredValue, access.Alignment);
            else
                result!.AddIncoming(builder.Load(access.Type, pointer, access.Alignment), from);
        }
        if (result is not null)
        {
            block.Prepend(result);
            access.ReplaceAllUsesWith(result);
        }
        access.Erase();
    }
}
