// Promotes stack objects that are only loaded and stored as a whole to SSA values. Phis go where Cytron et al. put them
// ("Efficiently Computing Static Single Assignment Form", 1991): at the iterated dominance frontier of the stores, pruned to
// blocks where the object is live; one walk over the dominator tree renames everything.
//
//   %x = alloca 4                    entry:
//   store i32 1, %x                    condbr %c, then, join
//   condbr %c, then, join            then:
//   then:                      =>      br join
//     store i32 2, %x ; br join      join:
//   join:                              %x = phi i32 [1, entry], [2, then]
//     %v = load i32 %x                 ...%x
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class Mem2Reg
{
    public static bool Run(Function function)
    {
        ControlFlow.RemoveUnreachableBlocks(function);
        List<AllocaInstruction> promotable = FindPromotable(function);
        if (promotable.Count == 0)
            return false;
        new Promotion(function, promotable).Run();
        return true;
    }

    private static List<AllocaInstruction> FindPromotable(Function function)
    {
        var promotable = new List<AllocaInstruction>();
        foreach (Instruction instruction in function.Entry.Instructions)
        {
            if (instruction is AllocaInstruction alloca && IsPromotable(alloca))
                promotable.Add(alloca);
        }
        return promotable;
    }

    /// <summary>All uses are plain loads and stores of one type (I64 and Ptr count as one: they have the same bits).</summary>
    public static bool IsPromotable(AllocaInstruction alloca)
    {
        IrType type = IrType.Void;
        foreach (Instruction user in alloca.Users)
        {
            IrType accessed;
            switch (user)
            {
                case LoadInstruction { IsVolatile: false, Order: <= MemoryOrder.Relaxed } load:
                    accessed = load.Type;
                    break;
                case StoreInstruction { IsVolatile: false, Order: <= MemoryOrder.Relaxed } store when !ReferenceEquals(store.StoredValue, alloca):
                    accessed = store.StoredValue.Type;
                    break;
                default:
                    return false;
            }
            if (accessed.Bytes() > alloca.Size)
                return false;
            if (type == IrType.Void)
                type = accessed;
            else if (type != accessed && !(IsWord(type) && IsWord(accessed)))
                return false;
        }
        return true;

        static bool IsWord(IrType type) => type is IrType.I64 or IrType.Ptr;
    }

    private sealed class Promotion(Function function, List<AllocaInstruction> allocas)
    {
        private readonly Dictionary<AllocaInstruction, int> _slots = new(ReferenceEqualityComparer.Instance);
        private readonly Dictionary<PhiInstruction, int> _phis = new(ReferenceEqualityComparer.Instance);
        private readonly DominatorTree _dominators = DominatorTree.Of(function);
        private readonly IrType[] _types = new IrType[allocas.Count];
        private readonly Value?[] _current = new Value?[allocas.Count];

        public void Run()
        {
            for (int slot = 0; slot < allocas.Count; slot++)
            {
                _slots[allocas[slot]] = slot;
                _types[slot] = TypeOf(allocas[slot]);
                PlacePhis(slot);
            }
            Rename();
            foreach (AllocaInstruction alloca in allocas)
                alloca.Erase();
        }

        private static IrType TypeOf(AllocaInstruction alloca)
        {
            IrType type = IrType.I64;
            foreach (Instruction user in alloca.Users)
            {
                type = user is StoreInstruction store ? store.StoredValue.Type : user.Type;
                if (type == IrType.Ptr)
                    break;
            }
            return type;
        }

        private void PlacePhis(int slot)
        {
            AllocaInstruction alloca = allocas[slot];
            var stores = new HashSet<BasicBlock>(ReferenceEqualityComparer.Instance);
            bool oneBlock = true;
            BasicBlock? only = null;
            foreach (Instruction user in alloca.Users)
            {
                if (user is StoreInstruction)
                    stores.Add(user.Block!);
                oneBlock &= only is null || ReferenceEquals(only, user.Block);
                only = user.Block;
            }
            if (oneBlock || stores.Count == 0)
                return;
            HashSet<BasicBlock> live = FindLiveBlocks(alloca, stores);
            foreach (BasicBlock block in _dominators.IteratedFrontier(stores))
            {
                if (live.Contains(block))
                    _phis[block.Prepend(new PhiInstruction(_types[slot]) { Name = alloca.Name })] = slot;
            }
        }

        /// <summary>Blocks at whose start the object's value is still wanted: a load comes before any store.</summary>
        private static HashSet<BasicBlock> FindLiveBlocks(AllocaInstruction alloca, HashSet<BasicBlock> stores)
        {
            var live = new HashSet<BasicBlock>(ReferenceEqualityComparer.Instance);
            var work = new Stack<BasicBlock>();
            foreach (Instruction user in alloca.Users)
            {
                if (user is LoadInstruction && !live.Contains(user.Block!) && (!stores.Contains(user.Block!) || IsLoadedFirst(alloca, user.Block!)))
                {
                    live.Add(user.Block!);
                    work.Push(user.Block!);
                }
            }
            while (work.TryPop(out BasicBlock? block))
            {
                foreach (BasicBlock predecessor in block.Predecessors)
                {
                    if (!stores.Contains(predecessor) && live.Add(predecessor))
                        work.Push(predecessor);
                }
            }
            return live;
        }

        private static bool IsLoadedFirst(AllocaInstruction alloca, BasicBlock block)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction is MemoryInstruction access && ReferenceEquals(access.Pointer, alloca))
                    return instruction is LoadInstruction;
            }
            return false;
        }

        /// <summary>
        /// Walks the dominator tree with the current value of every object; values set in a subtree are undone when it is left.
        /// </summary>
        private void Rename()
        {
            var undo = new Stack<(int Slot, Value? Value)>();
            var stack = new Stack<(BasicBlock Block, int Child, int Mark)>();
            stack.Push((function.Entry, -1, 0));
            while (stack.TryPop(out (BasicBlock Block, int Child, int Mark) top))
            {
                int mark = top.Mark;
                if (top.Child < 0)
                {
                    mark = undo.Count;
                    RenameBlock(top.Block, undo);
                }
                int next = top.Child + 1;
                if (next < _dominators.Children(top.Block).Count)
                {
                    stack.Push((top.Block, next, mark));
                    stack.Push((_dominators.Children(top.Block)[next], -1, 0));
                    continue;
                }
                while (undo.Count > mark)
                {
                    (int slot, Value? value) = undo.Pop();
                    _current[slot] = value;
                }
            }
        }

        private void RenameBlock(BasicBlock block, Stack<(int Slot, Value? Value)> undo)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (instruction is PhiInstruction phi)
                {
                    if (_phis.TryGetValue(phi, out int slot))
                        Set(slot, phi, undo);
                }
                else if (instruction is LoadInstruction { Pointer: AllocaInstruction loaded } load && _slots.TryGetValue(loaded, out int from))
                {
                    Value value = _current[from] ?? new Undef(_types[from]);
                    load.ReplaceAllUsesWith(Convert(value, load.Type, load));
                    load.Erase();
                }
                else if (instruction is StoreInstruction { Pointer: AllocaInstruction stored } store && _slots.TryGetValue(stored, out int to))
                {
                    if (store.StoredValue is { Name: null } value and Instruction)
                        value.Name = stored.Name;
                    Set(to, Convert(store.StoredValue, _types[to], store), undo);
                    store.Erase();
                }
            }
            foreach (BasicBlock successor in block.Successors)
            {
                foreach (PhiInstruction phi in successor.Phis)
                {
                    if (_phis.TryGetValue(phi, out int slot))
                        phi.AddIncoming(_current[slot] ?? new Undef(_types[slot]), block);
                }
            }
        }

        private void Set(int slot, Value value, Stack<(int Slot, Value? Value)> undo)
        {
            undo.Push((slot, _current[slot]));
            _current[slot] = value;
        }

        private static Value Convert(Value value, IrType type, Instruction position)
        {
            if (value.Type == type)
                return value;
            var builder = new IrBuilder { Location = position.Location };
            builder.PositionBefore(position);
            return value is Undef ? new Undef(type) : type == IrType.Ptr ? builder.IntToPtr(value) : builder.PtrToInt(value);
        }
    }
}
