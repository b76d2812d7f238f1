// Accesses at constant offsets into stack objects and globals are as aligned as the object and the offset say, whatever the C
// type promised (members of packed structures promise 1). Better alignment spares the backend byte-wise accesses.
//
//   %s = alloca 20 align 8
//   %p = ptradd %s, 4
//   store i32 %x, %p align 1      =>      store i32 %x, %p align 4
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class AlignmentInference
{
    public static bool Run(Function function)
    {
        bool changed = false;
        foreach (BasicBlock block in function.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction is not MemoryInstruction access)
                    continue;
                int known = KnownAlignment(access.Pointer);
                if (known > access.Alignment)
                {
                    access.Alignment = known;
                    changed = true;
                }
                if (access is BlockMemoryInstruction { Opcode: not IrOpcode.MemSet } memory && KnownAlignment(memory.Source) is int source && source > memory.SourceAlignment)
                {
                    memory.SourceAlignment = source;
                    changed = true;
                }
            }
        }
        return changed;
    }

    private static int KnownAlignment(Value pointer)
    {
        MemoryAddress address = MemoryAddress.Of(pointer);
        int alignment = address.Base switch
        {
            AllocaInstruction alloca => alloca.Alignment,
            // A definition elsewhere may be aligned less.
            GlobalVariable { IsDeclaration: false } global => global.Alignment,
            _ => 1,
        };
        if (!address.IsConstant)
            return 1;
        return address.Offset == 0 ? alignment : (int)Math.Min(alignment, address.Offset & -address.Offset);
    }
}
