// Loads take values that are known to be in memory: stored or loaded before, with nothing in between that may write there. A
// forward data-flow walk in reverse post order; at a join what all predecessors agree on survives,
// at a loop's header what enters the loop and nothing in the loop writes.
//
//   store i32 %x, %p                        memset %k, 0, 16
//   call ... (no pointer to %p's object)    %f = ptradd %k, 4
//   %v = load i32 %p   =>  %x               %v = load i32 %f   =>  0
//
// Only values move, never accesses: no load is made where there was none.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed class MemoryForwarding
{
    // Known places kept per block; more would make blocks with thousands of stores quadratic.
    private const int MaxKnown = 48;

    /// <summary>Memory at an address holds a value, or (for a fill) each of Size bytes holds the byte Value.</summary>
    private readonly record struct Known(Value Pointer, MemoryAddress Address, long Size, Value Value, bool IsFill);

    private readonly AliasAnalysis _aliases = new();
    private readonly IrBuilder _builder = new();
    private bool _changed;

    public static bool Run(Function function)
    {
        var pass = new MemoryForwarding();
        BasicBlock[] order = ControlFlow.ReversePostOrder(function);
        var ends = new List<Known>?[function.Blocks.Count];
        DominatorTree dominators = DominatorTree.Of(function);
        LoopInfo loops = LoopInfo.Of(dominators);
        foreach (BasicBlock block in order)
        {
            List<Known> known = loops.LoopOf(block) is { } loop && ReferenceEquals(loop.Header, block) ? pass.AtLoopStart(loop, ends) : AtStart(block, ends);
            pass.VisitBlock(block, known);
            ends[block.Index] = known;
        }
        return pass._changed;
    }

    private static List<Known> AtStart(BasicBlock block, List<Known>?[] ends)
    {
        var known = new List<Known>();
        foreach (BasicBlock predecessor in block.Predecessors)
        {
            if (ends[predecessor.Index] is null)
                return known;
        }
        if (block.Predecessors.Count == 0)
            return known;
        known.AddRange(ends[block.Predecessors[0].Index]!);
        for (int i = 1; i < block.Predecessors.Count && known.Count > 0; i++)
        {
            List<Known> other = ends[block.Predecessors[i].Index]!;
            known.RemoveAll(entry => !other.Contains(entry));
        }
        return known;
    }

    /// <summary>At a loop's header: what all edges from outside agree on and nothing in the loop writes.</summary>
    private List<Known> AtLoopStart(Loop loop, List<Known>?[] ends)
    {
        List<Known>? known = null;
        foreach (BasicBlock predecessor in loop.Header.Predecessors)
        {
            if (loop.Contains(predecessor))
                continue;
            if (ends[predecessor.Index] is not { } other)
                return [];
            if (known is null)
                known = [.. other];
            else
                known.RemoveAll(entry => !other.Contains(entry));
        }
        if (known is null || known.Count == 0)
            return [];
        foreach (BasicBlock block in loop.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null && known.Count > 0; instruction = instruction.Next)
            {
                if (instruction.MayWriteMemory())
                    ForgetWritten(instruction, known);
            }
        }
        return known;
    }

    private void ForgetWritten(Instruction instruction, List<Known> known)
    {
        switch (instruction)
        {
            case StoreInstruction store:
                Forget(known, MemoryAddress.Of(store.Pointer), store.StoredValue.Type.Bytes());
                if (store.Order > MemoryOrder.Relaxed)
                    known.RemoveAll(entry => _aliases.IsVisibleOutside(entry.Address));
                break;
            case BlockMemoryInstruction block:
                Forget(known, MemoryAddress.Of(block.Pointer), block.Length is Constant constant && constant.Signed >= 0 ? constant.Signed : -1);
                break;
            default:
                known.RemoveAll(entry => IsWrittenBy(instruction, entry));
                break;
        }
    }

    private void VisitBlock(BasicBlock block, List<Known> known)
    {
        foreach (Instruction instruction in block.Instructions)
        {
            switch (instruction)
            {
                case LoadInstruction load:
                    VisitLoad(load, known);
                    break;
                case StoreInstruction store:
                    VisitStore(store, known);
                    break;
                case BlockMemoryInstruction { Opcode: not IrOpcode.MemCompare } memory:
                    long length = memory.Length is Constant constant && constant.Signed >= 0 ? constant.Signed : -1;
                    ForgetWritten(memory, known);
                    if (memory is { Opcode: IrOpcode.MemSet, IsVolatile: false, Source: Constant } && length > 0)
                        Remember(known, new Known(memory.Pointer, MemoryAddress.Of(memory.Pointer), length, memory.Source, true));
                    break;
                default:
                    if (instruction.MayWriteMemory())
                        ForgetWritten(instruction, known);
                    break;
            }
        }
    }

    /// <summary>Calls, assembly and atomics write what is visible outside; atomics also what their pointer reaches.</summary>
    private bool IsWrittenBy(Instruction instruction, Known entry)
        => _aliases.IsVisibleOutside(entry.Address)
            || (instruction is AtomicRmwInstruction or CompareExchangeInstruction
                && _aliases.MayAlias(MemoryAddress.Of(instruction.GetOperand(0)), instruction.Type.Bytes(), entry.Address, entry.Size));

    private void Forget(List<Known> known, MemoryAddress address, long size)
    {
        for (int i = known.Count - 1; i >= 0; i--)
        {
            Known entry = known[i];
            if (!_aliases.MayAlias(address, size, entry.Address, entry.Size))
                continue;
            known.RemoveAt(i);
            // What a write leaves of a fill is still filled.
            if (!entry.IsFill || size < 0 || !address.IsConstant || !entry.Address.IsConstant || !ReferenceEquals(entry.Address.Base, address.Base))
                continue;
            long before = address.Offset - entry.Address.Offset, after = entry.Address.Offset + entry.Size - (address.Offset + size);
            if (before > 0)
                Remember(known, entry with { Size = before });
            if (after > 0)
                Remember(known, entry with { Pointer = s_noPointer, Address = entry.Address with { Offset = address.Offset + size }, Size = after });
        }
    }

    /// <summary>Stands for an address nobody computed: only its base and offset can match.</summary>
    private static readonly Undef s_noPointer = new(IrType.Ptr);

    private static void Remember(List<Known> known, Known entry)
    {
        if (known.Count == MaxKnown)
            known.RemoveAt(0);
        known.Add(entry);
    }

    private void VisitLoad(LoadInstruction load, List<Known> known)
    {
        if (load.Order > MemoryOrder.Relaxed)
        {
            known.RemoveAll(entry => _aliases.IsVisibleOutside(entry.Address));
            return;
        }
        if (load.IsVolatile)
            return;
        MemoryAddress address = MemoryAddress.Of(load.Pointer);
        int size = load.Type.Bytes();
        for (int i = known.Count - 1; i >= 0; i--)
        {
            if (Covers(known[i], load.Pointer, address, size, out long offset) && Extract(known[i], offset, load) is { } value)
            {
                if (value is Instruction { Name: null } named)
                    named.Name = load.Name;
                load.ReplaceAllUsesWith(value);
                load.Erase();
                _changed = true;
                return;
            }
        }
        Remember(known, new Known(load.Pointer, address, size, load, false));
    }

    private void VisitStore(StoreInstruction store, List<Known> known)
    {
        MemoryAddress address = MemoryAddress.Of(store.Pointer);
        int size = store.StoredValue.Type.Bytes();
        bool plain = !store.IsVolatile && store.Order <= MemoryOrder.Relaxed;
        // Storing what is there already.
        if (plain && known.Exists(entry => !entry.IsFill && ReferenceEquals(entry.Value, store.StoredValue) && entry.Size == size
            && Covers(entry, store.Pointer, address, size, out long offset) && offset == 0))
        {
            store.Erase();
            _changed = true;
            return;
        }
        ForgetWritten(store, known);
        if (plain)
            Remember(known, new Known(store.Pointer, address, size, store.StoredValue, false));
    }

    /// <summary>The known bytes contain the accessed ones, from <paramref name="offset"/> on.</summary>
    private static bool Covers(Known entry, Value pointer, MemoryAddress address, long size, out long offset)
    {
        offset = 0;
        if (ReferenceEquals(entry.Pointer, pointer))
            return size <= entry.Size;
        if (!ReferenceEquals(entry.Address.Base, address.Base) || !entry.Address.IsConstant || !address.IsConstant)
            return false;
        offset = address.Offset - entry.Address.Offset;
        return offset >= 0 && offset + size <= entry.Size;
    }

    private Value? Extract(Known entry, long offset, LoadInstruction load)
    {
        IrType type = load.Type;
        Value value = entry.Value;
        if (entry.IsFill)
        {
            UInt128 bits = 0;
            for (int i = 0; i < type.Bytes(); i++)
                bits = (bits << 8) | ((Constant)value).Bits;
            return new Constant(type, bits);
        }
        if (value.Type == type)
            return offset == 0 ? value : null;
        _builder.PositionBefore(load);
        _builder.Location = load.Location;
        if (value.Type == IrType.I64 && type == IrType.Ptr)
            return _builder.IntToPtr(value);
        if (value.Type == IrType.Ptr && type == IrType.I64)
            return _builder.PtrToInt(value);
        // Parts of pointers stay loads: the verifier would not follow the shift. So do parts of values from the outside, which
        // the verifier may know better as narrow loads; parts of constants are constants.
        if (!value.Type.IsInteger() || !type.IsInteger() || type == IrType.I1 || value.Type == IrType.I1)
            return null;
        return value is Constant || entry.Address.Base is AllocaInstruction
            ? _builder.Trunc(_builder.LShr(value, Constant.Of(value.Type, offset * 8)), type)
            : null;
    }
}
