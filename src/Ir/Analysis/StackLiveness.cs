// Where the content of stack objects matters. Between its first use and its last use, along any path, an object is live; a
// write of the whole object ends the wait for older content. Solved with bit sets over blocks in both directions:
//
//   touched   some use may have come before      (forward,  union over predecessors)
//   needed    some use may come later            (backward, union over successors, ended by a full overwrite)
//   live      touched and needed
namespace Ebpfcc.Ir.Analysis;

/// <summary>Objects whose address stays where it can be followed: loads, stores, block operations, arguments of calls.</summary>
public sealed class StackLiveness
{
    private readonly Dictionary<AllocaInstruction, int> _index = new(ReferenceEqualityComparer.Instance);
    private readonly List<(int First, int Last, bool Overwrites)[]> _uses = [];
    private readonly ulong[][] _touchedIn, _neededIn, _neededOut;
    private readonly Function _function;
    private readonly int _words;

    private StackLiveness(Function function, List<AllocaInstruction> allocas)
    {
        _function = function;
        function.NumberValues();
        foreach (AllocaInstruction alloca in allocas)
        {
            if (FindUses(alloca) is not { } uses)
                continue;
            _index[alloca] = Objects.Count;
            Objects.Add(alloca);
            _uses.Add(uses);
        }
        int blocks = function.Blocks.Count;
        _words = (Objects.Count + 63) / 64;
        _touchedIn = NewSets(blocks);
        _neededIn = NewSets(blocks);
        _neededOut = NewSets(blocks);
        Solve();
    }

    public static StackLiveness Of(Function function, List<AllocaInstruction> allocas) => new(function, allocas);

    /// <summary>The objects that could be followed.</summary>
    public List<AllocaInstruction> Objects { get; } = [];

    /// <summary>Both objects' content matters at some point.</summary>
    public bool Interfere(AllocaInstruction a, AllocaInstruction b)
    {
        int i = _index[a], j = _index[b];
        foreach (BasicBlock block in _function.Blocks)
        {
            if (Range(i, block.Index) is { } left && Range(j, block.Index) is { } right && left.First <= right.Last && right.First <= left.Last)
                return true;
        }
        return false;
    }

    /// <summary>The stretch of instruction numbers in a block where an object is live; null when it is not.</summary>
    private (int First, int Last)? Range(int item, int block)
    {
        (int first, int last, _) = _uses[item][block];
        bool isUsed = first != 0;
        bool enters = Has(_touchedIn[block], item) && Has(_neededIn[block], item);
        bool leaves = Has(_neededOut[block], item) && (isUsed || Has(_touchedIn[block], item));
        if (!isUsed && !(enters && leaves))
            return null;
        return (enters ? 0 : first, leaves ? int.MaxValue : last);
    }

    private static bool Has(ulong[] set, int item) => (set[item >> 6] >> (item & 63) & 1) != 0;

    private ulong[][] NewSets(int count)
    {
        var sets = new ulong[count][];
        for (int i = 0; i < count; i++)
            sets[i] = new ulong[_words];
        return sets;
    }

    /// <summary>First and last use in each block (numbers from 1), or null when the address cannot be followed.</summary>
    private (int First, int Last, bool Overwrites)[]? FindUses(AllocaInstruction alloca)
    {
        var uses = new (int First, int Last, bool Overwrites)[_function.Blocks.Count];
        var seen = new HashSet<Instruction>(ReferenceEqualityComparer.Instance);
        var work = new Stack<Instruction>();
        work.Push(alloca);
        while (work.TryPop(out Instruction? address))
        {
            foreach (Instruction user in address.Users)
            {
                if (user.Opcode is IrOpcode.PtrAdd or IrOpcode.Phi or IrOpcode.Select)
                {
                    if (seen.Add(user))
                        work.Push(user);
                }
                else if (user is StoreInstruction store && ReferenceEquals(store.StoredValue, address))
                {
                    if (!AddHolderUses(store, alloca, uses))
                        return null;
                }
                else if (!IsFollowed(user, address))
                {
                    return null;
                }
                Note(ref uses[user.Block!.Index], user.Number + 1, ReferenceEquals(address, alloca) && OverwritesAll(user, alloca));
            }
        }
        return uses;
    }

    /// <summary>
    /// The address was put into another object ("struct context c = { .buffer = &amp;buffer }" for a callback): whoever uses that
    /// object may use this one. False when the other object cannot be followed or the address is read from it again.
    /// </summary>
    private bool AddHolderUses(StoreInstruction store, AllocaInstruction alloca, (int First, int Last, bool Overwrites)[] uses)
    {
        MemoryAddress place = MemoryAddress.Of(store.Pointer);
        if (store.IsVolatile || !place.IsConstant || place.Base is not AllocaInstruction holder || ReferenceEquals(holder, alloca))
            return false;
        var work = new Stack<Instruction>();
        work.Push(holder);
        while (work.TryPop(out Instruction? address))
        {
            foreach (Instruction user in address.Users)
            {
                bool followed = user switch
                {
                    { Opcode: IrOpcode.PtrAdd } => ReferenceEquals(user.GetOperand(0), address),
                    LoadInstruction load => MemoryAddress.Of(load.Pointer) is { IsConstant: true } read && (read.Offset + load.Type.Bytes() <= place.Offset || place.Offset + IrType.Ptr.Bytes() <= read.Offset),
                    BlockMemoryInstruction block => block.Opcode == IrOpcode.MemSet || !ReferenceEquals(block.Source, address),
                    _ => IsFollowed(user, address),
                };
                if (!followed)
                    return false;
                Note(ref uses[user.Block!.Index], user.Number + 1, false);
                if (user.Opcode == IrOpcode.PtrAdd)
                    work.Push(user);
            }
        }
        return true;
    }

    private static void Note(ref (int First, int Last, bool Overwrites) use, int number, bool overwrites)
    {
        if (use.First == 0 || number < use.First)
            (use.First, use.Overwrites) = (number, overwrites);
        use.Last = Math.Max(use.Last, number);
    }

    /// <summary>The user does not keep the address: helpers return before they forget, functions may not return pointers.</summary>
    private static bool IsFollowed(Instruction user, Value address) => user switch
    {
        LoadInstruction or CompareInstruction or BlockMemoryInstruction => true,
        StoreInstruction store => !ReferenceEquals(store.StoredValue, address),
        AtomicRmwInstruction or CompareExchangeInstruction => ReferenceEquals(user.GetOperand(0), address),
        CallInstruction { Callee: Constant } => true,
        CallInstruction { Callee: Function callee } call => call.Type != IrType.Ptr && !Captures(call, callee, address, 0),
        _ => false,
    };

    /// <summary>Whether a called function may keep an address that it is given: store it, return it, or do what nobody follows.</summary>
    private static bool Captures(CallInstruction call, Function callee, Value address, int depth)
    {
        const int Deepest = 8; // frames of a program
        if (callee.IsDeclaration)
            return false;
        if (depth > Deepest)
            return true;
        for (int i = 0; i < call.ArgumentCount; i++)
        {
            if (ReferenceEquals(call.GetArgument(i), address) && (i >= callee.Parameters.Count || IsCaptured(callee.Parameters[i], depth, [])))
                return true;
        }
        return false;
    }

    private static bool IsCaptured(Value address, int depth, HashSet<Value> seen)
    {
        if (!seen.Add(address))
            return false;
        foreach (Instruction user in address.Users)
        {
            bool captured = user switch
            {
                { Opcode: IrOpcode.PtrAdd or IrOpcode.Phi or IrOpcode.Select } => IsCaptured(user, depth, seen),
                CallInstruction { Callee: Function callee } call => call.Type == IrType.Ptr || Captures(call, callee, address, depth + 1),
                _ => !IsFollowed(user, address),
            };
            if (captured)
                return true;
        }
        return false;
    }

    private static bool OverwritesAll(Instruction user, AllocaInstruction alloca) => user switch
    {
        StoreInstruction store => store.StoredValue.Type.Bytes() == alloca.Size,
        BlockMemoryInstruction { Opcode: IrOpcode.MemSet or IrOpcode.MemCopy } block => ReferenceEquals(block.Pointer, alloca) && !ReferenceEquals(block.Source, alloca)
            && block.Length is Constant length && length.Signed == alloca.Size,
        _ => false,
    };

    private void Solve()
    {
        BasicBlock[] order = ControlFlow.ReversePostOrder(_function);
        var touchedOut = NewSets(_function.Blocks.Count);
        for (bool changed = true; changed;)
        {
            changed = false;
            foreach (BasicBlock block in order)
            {
                foreach (BasicBlock predecessor in block.Predecessors)
                    changed |= Merge(_touchedIn[block.Index], touchedOut[predecessor.Index]);
                Merge(touchedOut[block.Index], _touchedIn[block.Index]);
                for (int item = 0; item < Objects.Count; item++)
                {
                    if (_uses[item][block.Index].First != 0)
                        touchedOut[block.Index][item >> 6] |= 1UL << (item & 63);
                }
            }
        }
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int i = order.Length - 1; i >= 0; i--)
            {
                int block = order[i].Index;
                foreach (BasicBlock successor in order[i].Successors)
                    changed |= Merge(_neededOut[block], _neededIn[successor.Index]);
                Merge(_neededIn[block], _neededOut[block]);
                for (int item = 0; item < Objects.Count; item++)
                {
                    (int first, _, bool overwrites) = _uses[item][block];
                    if (first == 0)
                        continue;
                    ulong bit = 1UL << (item & 63);
                    if (overwrites)
                        _neededIn[block][item >> 6] &= ~bit;
                    else
                        _neededIn[block][item >> 6] |= bit;
                }
            }
        }
    }

    private static bool Merge(ulong[] into, ulong[] from)
    {
        bool changed = false;
        for (int i = 0; i < into.Length; i++)
        {
            ulong union = into[i] | from[i];
            changed |= union != into[i];
            into[i] = union;
        }
        return changed;
    }
}
