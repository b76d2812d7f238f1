// The way out of SSA and back: a value whose definition is about to be duplicated (jump threading, unrolling) is put into a
// stack object, the rewriting then need not care about phis, and Mem2Reg makes new SSA of it.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

internal static class Demotion
{
    /// <summary>Stores an instruction's result in a new stack object and loads it at every use outside its block.</summary>
    public static AllocaInstruction DemoteUsesOutsideBlock(Instruction value) => DemoteUsesOutside(value, block => ReferenceEquals(block, value.Block));

    /// <summary>
    /// Stores an instruction's result in a new stack object and loads it at every use outside a region. Phis on edges out of the
    /// region use the value inside.
    /// </summary>
    public static AllocaInstruction DemoteUsesOutside(Instruction value, Func<BasicBlock, bool> isInside)
    {
        BasicBlock block = value.Block!;
        AllocaInstruction slot = block.Function!.Entry.Prepend(new AllocaInstruction(value.Type.Bytes(), value.Type.Bytes()) { Name = value.Name });
        foreach (Instruction user in value.Users.ToArray())
        {
            if (user is PhiInstruction phi)
            {
                for (int i = 0; i < phi.OperandCount; i++)
                {
                    if (!ReferenceEquals(phi.GetOperand(i), value) || isInside(phi.GetIncomingBlock(i)))
                        continue;
                    phi.SetOperand(i, LoadBefore(phi.GetIncomingBlock(i).Terminator!, slot, value));
                    // A block with several edges into the phi's block must bring one value along all of them.
                    for (int j = i + 1; j < phi.OperandCount; j++)
                    {
                        if (ReferenceEquals(phi.GetOperand(j), value) && ReferenceEquals(phi.GetIncomingBlock(j), phi.GetIncomingBlock(i)))
                            phi.SetOperand(j, phi.GetOperand(i));
                    }
                }
            }
            else if (!isInside(user.Block!))
            {
                for (int i = 0; i < user.OperandCount; i++)
                {
                    if (ReferenceEquals(user.GetOperand(i), value))
                        user.SetOperand(i, LoadBefore(user, slot, value));
                }
            }
        }
        var store = new StoreInstruction(slot, value, slot.Alignment);
        if (value is PhiInstruction)
            block.InsertBefore(block.FirstNonPhi!, store);
        else
            block.InsertAfter(value, store);
        return slot;
    }

    /// <summary>Whether anything but its own block and the phis on edges out of it uses a value.</summary>
    public static bool IsUsedOutsideBlock(Instruction value) => IsUsedOutside(value, block => ReferenceEquals(block, value.Block));

    /// <summary>Whether anything outside a region, other than phis on edges out of it, uses a value.</summary>
    public static bool IsUsedOutside(Instruction value, Func<BasicBlock, bool> isInside)
    {
        foreach (Instruction user in value.Users)
        {
            if (user is PhiInstruction phi)
            {
                for (int i = 0; i < phi.OperandCount; i++)
                {
                    if (ReferenceEquals(phi.GetOperand(i), value) && !isInside(phi.GetIncomingBlock(i)))
                        return true;
                }
            }
            else if (!isInside(user.Block!))
            {
                return true;
            }
        }
        return false;
    }

    private static LoadInstruction LoadBefore(Instruction position, AllocaInstruction slot, Instruction value)
        => position.Block!.InsertBefore(position, new LoadInstruction(value.Type, slot, slot.Alignment) { Location = position.Location });
}
