// How often a loop's header runs, when that can be computed: the loop is played through with the constants its phis start
// from, evaluating only what depends on them, until an exit that every iteration passes is taken. Pointers that start at a
// constant distance from one common base are played as that distance: within an object they compare as their offsets do.
namespace Ebpfcc.Ir.Analysis;

public sealed class TripCount
{
    private const int MaxIterations = 4096;

    private readonly Loop _loop;
    private readonly BasicBlock _latch;
    private Value? _base;
    private readonly Dictionary<Value, Constant?> _known = new(ReferenceEqualityComparer.Instance);

    private TripCount(Loop loop)
    {
        _loop = loop;
        _latch = loop.Latches[0];
    }

    /// <summary>Runs of the header until the exit is taken for certain (other exits may leave earlier); null when unknown.</summary>
    public static int? Of(Loop loop, DominatorTree dominators)
    {
        if (loop.Latches.Count != 1)
            return null;
        int? least = null;
        foreach (BasicBlock block in loop.Blocks)
        {
            if (block.Terminator is not CondBranchInstruction branch || loop.Contains(branch.IfTrue) == loop.Contains(branch.IfFalse))
                continue;
            if (!dominators.Dominates(block, loop.Latches[0]))
                continue;
            if (new TripCount(loop).Play(branch) is { } count && (least is null || count < least))
                least = count;
        }
        return least;
    }

    private int? Play(CondBranchInstruction exit)
    {
        bool leavesOn = !_loop.Contains(exit.IfTrue);
        var phis = new List<PhiInstruction>();
        foreach (PhiInstruction phi in _loop.Header.Phis)
        {
            phis.Add(phi);
            _known[phi] = InitialValue(phi);
        }
        for (int count = 1; count <= MaxIterations; count++)
        {
            if (Evaluate(exit.Condition, 0) is not { } condition)
                return null;
            if (!condition.IsZero == leavesOn)
                return count;
            var next = new Constant?[phis.Count];
            for (int i = 0; i < next.Length; i++)
                next[i] = Evaluate(phis[i].GetIncoming(_latch)!, 0);
            _known.Clear();
            for (int i = 0; i < next.Length; i++)
                _known[phis[i]] = next[i];
        }
        return null;
    }

    /// <summary>The one constant that flows in from outside.</summary>
    private Constant? InitialValue(PhiInstruction phi)
    {
        Constant? initial = null;
        for (int i = 0; i < phi.OperandCount; i++)
        {
            if (_loop.Contains(phi.GetIncomingBlock(i)))
                continue;
            if (Distance(phi.GetOperand(i)) is not { } constant || (initial is not null && !initial.IsSameAs(constant)))
                return null;
            initial = constant;
        }
        return initial;
    }

    /// <summary>A constant; of a pointer its distance from the one base that all pointers of the loop's exit have.</summary>
    private Constant? Distance(Value value)
    {
        if (value is Constant constant)
            return constant.Type == IrType.Ptr ? null : constant;
        if (value.Type != IrType.Ptr || MemoryAddress.Of(value) is not { IsConstant: true, Offset: >= 0 } address || address.Base is Instruction { Block: { } block } && _loop.Contains(block))
            return null;
        _base ??= address.Base;
        return ReferenceEquals(_base, address.Base) ? Constant.I64(address.Offset) : null;
    }

    private Constant? Evaluate(Value value, int depth)
    {
        if (value is Constant constant)
            return constant.Type == IrType.Ptr ? null : constant;
        if (value.Type == IrType.Ptr && (value is not Instruction { Block: { } home } || !_loop.Contains(home)))
            return Distance(value);
        if (value is not Instruction instruction || depth > 32)
            return null;
        if (_known.TryGetValue(value, out Constant? known))
            return known;
        Constant? result = null;
        if (instruction is not PhiInstruction && instruction.IsSpeculatable() && instruction.OperandCount > 0 && _loop.Contains(instruction.Block!))
            result = Compute(instruction, depth + 1);
        _known[value] = result;
        return result;
    }

    private Constant? Compute(Instruction instruction, int depth)
    {
        Constant? first = Evaluate(instruction.GetOperand(0), depth);
        if (first is null)
            return null;
        IrOpcode opcode = instruction.Opcode;
        if (opcode == IrOpcode.Select)
            return Evaluate(instruction.GetOperand(first.IsZero ? 2 : 1), depth);
        if (opcode.IsCast())
            return ConstantFolder.FoldCast(opcode, instruction.Type, first);
        if (instruction.OperandCount == 1)
            return ConstantFolder.FoldUnary(opcode, instruction.Type, first);
        if (instruction.OperandCount != 2 || Evaluate(instruction.GetOperand(1), depth) is not { } second)
            return null;
        if (opcode == IrOpcode.PtrAdd)
            return second.Type == IrType.I64 && unchecked(first.Signed + second.Signed) is >= 0 and var distance ? Constant.I64(distance) : null;
        return instruction is CompareInstruction compare ? ConstantFolder.FoldCompare(compare.Predicate, first, second)
            : opcode.IsBinary() ? ConstantFolder.Fold(opcode, instruction.Type, first, second) : null;
    }
}
