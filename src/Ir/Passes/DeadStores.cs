// Deletes stores nobody can read: overwritten later in the block with no read in between, or into stack objects that are only
// written, or still unread when the function returns. Volatile and atomic stores stay.
//
//   store i32 1, %p ; store i32 2, %p   =>   store i32 2, %p
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed class DeadStores
{
    private const int MaxTracked = 48;

    private readonly AliasAnalysis _aliases = new();
    private bool _changed;

    public static bool Run(Function function)
    {
        var pass = new DeadStores();
        var allocas = new List<AllocaInstruction>();
        foreach (Instruction instruction in function.Entry.Instructions)
        {
            if (instruction is AllocaInstruction alloca)
                allocas.Add(alloca);
        }
        foreach (AllocaInstruction alloca in allocas)
            pass._changed |= EraseIfOnlyWritten(alloca);
        foreach (BasicBlock block in function.Blocks)
            pass.VisitBlock(block);
        return pass._changed;
    }

    private static bool EraseIfOnlyWritten(AllocaInstruction alloca)
    {
        var writers = new List<Instruction>();
        if (!IsOnlyWritten(alloca, writers))
            return false;
        for (int i = writers.Count - 1; i >= 0; i--)
            writers[i].Erase();
        alloca.Erase();
        return true;
    }

    private static bool IsOnlyWritten(Value address, List<Instruction> writers)
    {
        foreach (Instruction user in address.Users)
        {
            switch (user)
            {
                case StoreInstruction { IsVolatile: false, Order: <= MemoryOrder.Relaxed } store when !ReferenceEquals(store.StoredValue, address):
                case BlockMemoryInstruction { IsVolatile: false, Opcode: not IrOpcode.MemCompare } block
                    when ReferenceEquals(block.Pointer, address) && !ReferenceEquals(block.Source, address):
                    writers.Add(user);
                    break;
                case { Opcode: IrOpcode.PtrAdd } when ReferenceEquals(user.GetOperand(0), address):
                    writers.Add(user);
                    if (!IsOnlyWritten(user, writers))
                        return false;
                    break;
                default:
                    return false;
            }
        }
        return true;
    }

    private void VisitBlock(BasicBlock block)
    {
        // Bytes that are written before they are read again, seen from here on.
        var dead = new List<(MemoryAddress Address, long Size)>();
        // After a return no stack object is read any more; those that somebody reads below in this block are listed. A read
        // through an unknown pointer, or by a call, reads every object whose address went somewhere.
        bool returns = block.Terminator is ReturnInstruction, unknownRead = false;
        var read = new HashSet<Value>(ReferenceEqualityComparer.Instance);
        Instruction? previous;
        for (Instruction? instruction = block.Last; instruction is not null; instruction = previous)
        {
            previous = instruction.Previous;
            if (instruction is StoreInstruction { IsVolatile: false, Order: <= MemoryOrder.Relaxed } store)
            {
                MemoryAddress address = MemoryAddress.Of(store.Pointer);
                long size = store.StoredValue.Type.Bytes();
                if ((returns && address.Base is AllocaInstruction alloca && !read.Contains(alloca) && !(unknownRead && _aliases.Escapes(alloca))) || IsCovered(dead, address, size))
                {
                    store.Erase();
                    _changed = true;
                    continue;
                }
                if (address.IsConstant && dead.Count < MaxTracked)
                    dead.Add((address, size));
                continue;
            }
            if (!instruction.MayReadMemory())
                continue;
            if (instruction is LoadInstruction or BlockMemoryInstruction)
            {
                NoteReads(instruction, dead, read, ref unknownRead);
                continue;
            }
            dead.RemoveAll(entry => _aliases.IsVisibleOutside(entry.Address) || instruction is AtomicRmwInstruction or CompareExchangeInstruction);
            read.Add(instruction.OperandCount > 0 ? MemoryAddress.Of(instruction.GetOperand(0)).Base : instruction);
            unknownRead = true;
        }
    }

    private static bool IsCovered(List<(MemoryAddress Address, long Size)> dead, MemoryAddress address, long size)
    {
        if (!address.IsConstant)
            return false;
        foreach ((MemoryAddress later, long laterSize) in dead)
        {
            if (ReferenceEquals(later.Base, address.Base) && later.Offset <= address.Offset && address.Offset + size <= later.Offset + laterSize)
                return true;
        }
        return false;
    }

    private void NoteReads(Instruction instruction, List<(MemoryAddress Address, long Size)> dead, HashSet<Value> read, ref bool unknownRead)
    {
        if (instruction is not BlockMemoryInstruction block)
        {
            unknownRead |= Note(instruction.GetOperand(0), instruction.Type.Bytes());
            return;
        }
        long length = block.Length is Constant constant && constant.Signed >= 0 ? constant.Signed : -1;
        if (block.Opcode != IrOpcode.MemSet)
            unknownRead |= Note(block.Source, length);
        if (block.Opcode == IrOpcode.MemCompare)
            unknownRead |= Note(block.Pointer, length);

        bool Note(Value pointer, long size)
        {
            MemoryAddress address = MemoryAddress.Of(pointer);
            read.Add(address.Base);
            dead.RemoveAll(entry => _aliases.MayAlias(address, size, entry.Address, entry.Size));
            return address.Base is not (AllocaInstruction or GlobalValue);
        }
    }
}
