// Global value numbering by a scoped hash table over the dominator tree (Briggs, Cooper, Simpson, "Value Numbering", 1997): a
// pure computation that was made on every path here is used again. For the kernel's verifier this is a gift: the value that
// is checked and the value that is used become one.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public sealed class CommonSubexpressions
{
    private readonly Dictionary<Key, Instruction> _table = [];
    private readonly Stack<(Key Key, Instruction? Previous)> _undo = new();
    private readonly Dictionary<(IrType, UInt128), int> _constantNumbers = [];
    private readonly Dictionary<Value, int> _globalNumbers = new(ReferenceEqualityComparer.Instance);
    private readonly int _count;
    private bool _changed;

    private readonly record struct Key(int Operation, int First, int Second, int Third, object? Extra);

    private CommonSubexpressions(int count) => _count = count;

    public static bool Run(Function function)
    {
        DominatorTree dominators = DominatorTree.Of(function);
        var pass = new CommonSubexpressions(function.NumberValues());
        pass.Walk(function.Entry, dominators);
        return pass._changed;
    }

    private void Walk(BasicBlock entry, DominatorTree dominators)
    {
        var stack = new Stack<(BasicBlock Block, int Child, int Mark)>();
        stack.Push((entry, -1, 0));
        while (stack.TryPop(out (BasicBlock Block, int Child, int Mark) top))
        {
            int mark = top.Mark;
            if (top.Child < 0)
            {
                mark = _undo.Count;
                LearnFromEdge(top.Block, dominators);
                VisitBlock(top.Block);
            }
            int next = top.Child + 1;
            if (next < dominators.Children(top.Block).Count)
            {
                stack.Push((top.Block, next, mark));
                stack.Push((dominators.Children(top.Block)[next], -1, 0));
                continue;
            }
            while (_undo.Count > mark)
            {
                (Key key, Instruction? previous) = _undo.Pop();
                if (previous is null)
                    _table.Remove(key);
                else
                    _table[key] = previous;
            }
        }
    }

    private void VisitBlock(BasicBlock block)
    {
        foreach (Instruction instruction in block.Instructions)
        {
            if (!instruction.IsSpeculatable())
                continue;
            Key key = KeyOf(instruction);
            if (_table.TryGetValue(key, out Instruction? earlier))
            {
                earlier.Name ??= instruction.Name;
                instruction.ReplaceAllUsesWith(earlier);
                instruction.Erase();
                _changed = true;
                continue;
            }
            _undo.Push((key, null));
            _table[key] = instruction;
        }
    }

    // condbr c, in, out        in (entered by this edge only): c is true, and x is 5 where c says x == 5. Values of the
    // verifier's kind (scalars and null) only: a pointer is never replaced by an equal pointer of another origin.
    private void LearnFromEdge(BasicBlock block, DominatorTree dominators)
    {
        if (block.Predecessors.Count != 1 || block.Predecessors[0].Terminator is not CondBranchInstruction { Condition: Instruction condition } branch)
            return;
        if (ReferenceEquals(branch.IfTrue, branch.IfFalse))
            return;
        bool isTrue = ReferenceEquals(branch.IfTrue, block);
        ReplaceDominatedUses(condition, Constant.I1(isTrue), block, dominators);
        if (condition is CompareInstruction compare && compare.GetOperand(1) is Constant constant && compare.GetOperand(0) is Instruction or Parameter
            && compare.Predicate == (isTrue ? ComparePredicate.Eq : ComparePredicate.Ne))
        {
            ReplaceDominatedUses(compare.GetOperand(0), constant, block, dominators);
        }
    }

    private void ReplaceDominatedUses(Value value, Constant known, BasicBlock block, DominatorTree dominators)
    {
        // Facts about values used everywhere cost more to apply than they are worth.
        if (value.Users.Count is < 2 or > 100)
            return;
        for (int i = value.Users.Count - 1; i >= 0; i--)
        {
            if (i >= value.Users.Count)
                continue;
            Instruction user = value.Users[i];
            for (int operand = user.OperandCount - 1; operand >= 0; operand--)
            {
                if (!ReferenceEquals(user.GetOperand(operand), value))
                    continue;
                BasicBlock where = user is PhiInstruction phi ? phi.GetIncomingBlock(operand) : user.Block!;
                if (!dominators.Dominates(block, where))
                    continue;
                user.SetOperand(operand, known);
                _changed = true;
            }
        }
    }

    private Key KeyOf(Instruction instruction)
    {
        int operation = (int)instruction.Opcode | (int)instruction.Type << 8;
        if (instruction is CompareInstruction compare)
            operation |= (int)compare.Predicate << 16;
        object? extra = instruction is CoreRelocationInstruction core ? (core.Kind, core.Root, core.AccessPath, core.LocalValue) : null;
        int first = instruction.OperandCount > 0 ? NumberOf(instruction.GetOperand(0)) : 0;
        int second = instruction.OperandCount > 1 ? NumberOf(instruction.GetOperand(1)) : 0;
        int third = instruction.OperandCount > 2 ? NumberOf(instruction.GetOperand(2)) : 0;
        if (instruction.Opcode.IsCommutative() && first > second)
            (first, second) = (second, first);
        return new Key(operation, first, second, third, extra);
    }

    /// <summary>One number per distinct operand; an undefined value is never the same as another.</summary>
    private int NumberOf(Value value)
    {
        switch (value)
        {
            case Instruction or Parameter:
                return value.Number;
            case Constant constant:
                (IrType, UInt128) key = (constant.Type, constant.Bits);
                if (!_constantNumbers.TryGetValue(key, out int number))
                    _constantNumbers[key] = number = _count + _constantNumbers.Count + _globalNumbers.Count;
                return number;
            default:
                if (!_globalNumbers.TryGetValue(value, out int global))
                    _globalNumbers[value] = global = _count + _constantNumbers.Count + _globalNumbers.Count;
                return global;
        }
    }
}
