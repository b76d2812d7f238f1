// Instructions that end a block. They own the edges of the control-flow graph and keep predecessor lists true.
namespace Ebpfcc.Ir;

/// <summary>Base of everything that ends a block.</summary>
public abstract class Terminator(IrOpcode opcode, BasicBlock[] successors, params Value[] operands) : Instruction(opcode, IrType.Void, operands)
{
    private BasicBlock[] _successors = successors;

    public override bool IsTerminator => true;

    /// <summary>Edge targets; a block may appear more than once.</summary>
    public IReadOnlyList<BasicBlock> Successors => _successors;

    /// <summary>Redirects one edge and updates predecessor lists; phis are the caller's business.</summary>
    public void SetSuccessor(int index, BasicBlock target)
    {
        if (Block is not null)
        {
            _successors[index].RemovePredecessor(Block);
            target.AddPredecessor(Block);
        }
        _successors[index] = target;
    }

    private protected void RemoveSuccessorAt(int index)
    {
        if (Block is not null)
            _successors[index].RemovePredecessor(Block);
        _successors = [.. _successors.AsSpan(0, index), .. _successors.AsSpan(index + 1)];
    }
}

public sealed class BranchInstruction(BasicBlock target) : Terminator(IrOpcode.Branch, [target])
{
    public BasicBlock Target => Successors[0];
}

public sealed class CondBranchInstruction(Value condition, BasicBlock ifTrue, BasicBlock ifFalse)
    : Terminator(IrOpcode.CondBranch, [ifTrue, ifFalse], condition)
{
    public Value Condition => GetOperand(0);

    public BasicBlock IfTrue => Successors[0];

    public BasicBlock IfFalse => Successors[1];

    /// <summary>From <c>__builtin_expect</c>: true, false or not known.</summary>
    public bool? Likely { get; set; }
}

/// <summary>Switch over an integer: successor 0 is the default, successor i+1 belongs to <see cref="Cases"/>[i].</summary>
public sealed class SwitchInstruction(Value value, BasicBlock defaultTarget, IReadOnlyList<(Constant Value, BasicBlock Target)> cases)
    : Terminator(IrOpcode.Switch, [defaultTarget, .. cases.Select(c => c.Target)], value)
{
    private readonly List<Constant> _cases = [.. cases.Select(c => c.Value)];

    public Value Value => GetOperand(0);

    public BasicBlock Default => Successors[0];

    /// <summary>Case values, all distinct.</summary>
    public IReadOnlyList<Constant> Cases => _cases;

    public BasicBlock GetTarget(int caseIndex) => Successors[caseIndex + 1];

    public void RemoveCase(int caseIndex)
    {
        _cases.RemoveAt(caseIndex);
        RemoveSuccessorAt(caseIndex + 1);
    }
}

/// <summary>
/// The edges out of an <c>asm goto</c>, which is operand 0 and stands in the same block: successor 0 is where control goes on
/// when the assembly does not jump, successor i+1 belongs to label i. Nothing with an effect may stand between the two.
/// </summary>
public sealed class AsmBranchInstruction(Value asm, BasicBlock fallThrough, IReadOnlyList<(string Name, BasicBlock Target)> labels)
    : Terminator(IrOpcode.AsmBranch, [fallThrough, .. labels.Select(label => label.Target)], asm)
{
    public InlineAsmInstruction Asm => (InlineAsmInstruction)GetOperand(0);

    public BasicBlock FallThrough => Successors[0];

    /// <summary>The labels' names, as the template spells them (<c>%l[name]</c>).</summary>
    public IReadOnlyList<string> Labels { get; } = [.. labels.Select(label => label.Name)];
}

public sealed class ReturnInstruction(Value? value) : Terminator(IrOpcode.Return, [], value is null ? [] : [value])
{
    public Value? ReturnValue => OperandCount > 0 ? GetOperand(0) : null;
}

/// <summary>Control never gets here (after a call that does not return, <c>__builtin_unreachable</c>).</summary>
public sealed class UnreachableInstruction() : Terminator(IrOpcode.Unreachable, []);
