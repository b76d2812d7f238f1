// Accesses at constant offsets into stack objects are no more aligned than the object and the offset say, whatever a cast promised.
// The kernel refuses misaligned accesses to the stack always; what is not aligned is put together from bytes by the backend.
//
//   %s = alloca 16 align 8
//   %p = ptradd %s, 3
//   %v = load i64 %p align 8      =>      %v = load i64 %p align 1
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class StackAlignment
{
    public static bool Run(Function function)
    {
        bool changed = false;
        foreach (BasicBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction is not MemoryInstruction access)
                    continue;
                changed |= Lower(access.Pointer, access.Alignment, alignment => access.Alignment = alignment);
                if (access is BlockMemoryInstruction { Opcode: not IrOpcode.MemSet } copy)
                    changed |= Lower(copy.Source, copy.SourceAlignment, alignment => copy.SourceAlignment = alignment);
            }
        }
        return changed;
    }

    private static bool Lower(Value pointer, int promised, Action<int> set)
    {
        MemoryAddress address = MemoryAddress.Of(pointer);
        if (address.Base is not AllocaInstruction alloca)
            return false;
        long place = !address.IsConstant ? 1 : address.Offset == 0 ? alloca.Alignment : Math.Min(alloca.Alignment, address.Offset & -address.Offset);
        if (place >= promised)
            return false;
        set((int)place);
        return true;
    }
}
