// A basic block: phis first, then instructions, then one terminator; a doubly linked list so that insertion is O(1).
namespace Ebpfcc.Ir;

public sealed class BasicBlock(string? name = null)
{
    private readonly List<BasicBlock> _predecessors = [];

    /// <summary>A name for people; the text form makes it unique.</summary>
    public string? Name { get; set; } = name;

    public Function? Function { get; internal set; }

    /// <summary>Position in the function's block list at the last <see cref="Function.Renumber"/>; a key for side tables.</summary>
    public int Index { get; internal set; }

    public Instruction? First { get; private set; }

    public Instruction? Last { get; private set; }

    public Terminator? Terminator => Last as Terminator;

    /// <summary>Blocks whose terminator leads here, once per edge.</summary>
    public IReadOnlyList<BasicBlock> Predecessors => _predecessors;

    public IReadOnlyList<BasicBlock> Successors => Terminator?.Successors ?? [];

    /// <summary>Loop hints from pragmas, held by the loop's latch or header branch; see <see cref="LoopHint"/>.</summary>
    public LoopHint? LoopHint { get; set; }

    internal void AddPredecessor(BasicBlock block) => _predecessors.Add(block);

    internal void RemovePredecessor(BasicBlock block) => _predecessors.Remove(block);

    /// <summary>The instructions in order. Safe against removal of the current one while iterating.</summary>
    public InstructionRange Instructions => new(First);

    /// <summary>The phis at the block's start. Safe against removal of the current one while iterating.</summary>
    public PhiRange Phis => new(First);

    /// <summary>The first instruction that is no phi.</summary>
    public Instruction? FirstNonPhi
    {
        get
        {
            Instruction? instruction = First;
            while (instruction is PhiInstruction)
                instruction = instruction.Next;
            return instruction;
        }
    }

    public T Append<T>(T instruction) where T : Instruction
    {
        if (Last is Terminator)
            throw new InvalidOperationException("The block already ends in a terminator.");
        Link(instruction, Last, null);
        return instruction;
    }

    public T InsertBefore<T>(Instruction position, T instruction) where T : Instruction
    {
        Link(instruction, position.Previous, position);
        return instruction;
    }

    public T InsertAfter<T>(Instruction position, T instruction) where T : Instruction
    {
        Link(instruction, position, position.Next);
        return instruction;
    }

    /// <summary>Inserts at the start of the block: phis at the very start, others behind the phis.</summary>
    public T Prepend<T>(T instruction) where T : Instruction
    {
        Instruction? position = instruction is PhiInstruction ? First : FirstNonPhi;
        Link(instruction, position is null ? Last : position.Previous, position);
        return instruction;
    }

    /// <summary>Unlinks without dropping operands, so that the instruction can be put elsewhere.</summary>
    public void Remove(Instruction instruction)
    {
        if (!ReferenceEquals(instruction.Block, this))
            throw new InvalidOperationException("The instruction is not in this block.");
        if (instruction is Terminator terminator)
        {
            foreach (BasicBlock successor in terminator.Successors)
                successor.RemovePredecessor(this);
        }
        if (instruction.Previous is null)
            First = instruction.Next;
        else
            instruction.Previous.Next = instruction.Next;
        if (instruction.Next is null)
            Last = instruction.Previous;
        else
            instruction.Next.Previous = instruction.Previous;
        instruction.Previous = instruction.Next = null;
        instruction.Block = null;
    }

    private void Link(Instruction instruction, Instruction? previous, Instruction? next)
    {
        if (instruction.Block is not null)
            throw new InvalidOperationException("The instruction is already in a block.");
        instruction.Block = this;
        instruction.Previous = previous;
        instruction.Next = next;
        if (previous is null)
            First = instruction;
        else
            previous.Next = instruction;
        if (next is null)
            Last = instruction;
        else
            next.Previous = instruction;
        if (instruction is Terminator terminator)
        {
            foreach (BasicBlock successor in terminator.Successors)
                successor.AddPredecessor(this);
        }
    }
}

/// <summary>What <c>#pragma unroll</c> and its relatives ask of a loop; attached to the loop's header block.</summary>
/// <param name="Unroll">Null: no wish; 0: never unroll; int.MaxValue: fully; otherwise the count.</param>
public sealed record LoopHint(int? Unroll);
