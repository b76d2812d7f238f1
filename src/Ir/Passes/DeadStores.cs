// Deletes stores nobody can read: overwritten later in the block with no read in between, or into stack objects that are only
// written, or still unread when the function returns. Volatile and atomic stores stay. What later stores overwrite at either end
// of a cleared block is not cleared ("struct s x = {}" before its members are set).
//
//   store i32 1, %p ; store i32 2, %p                 =>   store i32 2, %p
//   memset %p, 0, 24 ; store i64 1, %p                =>   memset %p + 8, 0, 16 ; store i64 1, %p
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
            if (instruction is BlockMemoryInstruction { IsVolatile: false, Opcode: not IrOpcode.MemCompare, Length: Constant { Signed: > 0 } } written)
            {
                MemoryAddress address = MemoryAddress.Of(written.Pointer);
                if (address.IsConstant)
                {
                    if (Trim(written, dead, address) is not { } left)
                        continue;
                    instruction = left;
                    if (dead.Count < MaxTracked)
                        dead.Add((MemoryAddress.Of(left.Pointer), ((Constant)left.Length).Signed));
                }
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

    /// <summary>
    /// Erases a block write whose bytes are all overwritten, or shortens a clearing one by whole words at both ends. Returns what
    /// is left of it, or null.
    /// </summary>
    private BlockMemoryInstruction? Trim(BlockMemoryInstruction write, List<(MemoryAddress Address, long Size)> dead, MemoryAddress address)
    {
        const long Word = 8;
        long length = ((Constant)write.Length).Signed, first = 0, last = length;
        while (first < length && CoveredFrom(dead, address.Base, address.Offset + first) is > 0 and var step)
            first += step;
        if (first >= length)
        {
            write.Erase();
            _changed = true;
            return null;
        }
        while (last > first && CoveredBefore(dead, address.Base, address.Offset + last) is > 0 and var step)
            last -= step;
        // Words of the object stay whole: clearing them by pieces costs more.
        first = Math.Max(0, first - ((address.Offset + first) % Word + Word) % Word);
        last = Math.Min(length, last + (Word - ((address.Offset + last) % Word + Word) % Word) % Word);
        if (write.Opcode != IrOpcode.MemSet || (first == 0 && last == length))
            return write;
        Value start = write.Pointer;
        int alignment = write.Alignment;
        if (first > 0)
        {
            start = write.Block!.InsertBefore(write, new Instruction(IrOpcode.PtrAdd, IrType.Ptr, start, Constant.I64(first)) { Location = write.Location });
            alignment = (int)Math.Min(alignment, first & -first);
        }
        var shorter = new BlockMemoryInstruction(IrOpcode.MemSet, start, write.Source, Constant.I64(last - first), alignment) { Location = write.Location };
        write.Block!.InsertBefore(write, shorter);
        write.Erase();
        _changed = true;
        return shorter;
    }

    /// <summary>How many bytes from an offset on one later store overwrites.</summary>
    private static long CoveredFrom(List<(MemoryAddress Address, long Size)> dead, Value root, long offset)
    {
        long most = 0;
        foreach ((MemoryAddress later, long size) in dead)
        {
            if (ReferenceEquals(later.Base, root) && later.Offset <= offset)
                most = Math.Max(most, later.Offset + size - offset);
        }
        return most;
    }

    /// <summary>How many bytes up to an offset one later store overwrites.</summary>
    private static long CoveredBefore(List<(MemoryAddress Address, long Size)> dead, Value root, long offset)
    {
        long most = 0;
        foreach ((MemoryAddress later, long size) in dead)
        {
            if (ReferenceEquals(later.Base, root) && later.Offset + size >= offset)
                most = Math.Max(most, offset - later.Offset);
        }
        return most;
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
