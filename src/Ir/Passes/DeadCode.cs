// Dead code elimination by marking (Cytron et al. 1991, section 7.1, without control dependence): what must stay is live, what
// live instructions use is live, the rest goes, including phis that only feed each other.
namespace Ebpfcc.Ir.Passes;

public static class DeadCode
{
    public static bool Run(Function function)
    {
        var live = new bool[function.NumberValues()];
        var work = new Stack<Instruction>();
        int instructions = 0, marked = 0;
        foreach (BasicBlock block in function.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                instructions++;
                if (instruction.MustKeep())
                    Mark(instruction);
            }
        }
        while (work.TryPop(out Instruction? instruction))
        {
            foreach (Value operand in instruction.Operands)
            {
                if (operand is Instruction used)
                    Mark(used);
            }
        }
        if (marked == instructions)
            return false;
        foreach (BasicBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (!live[instruction.Number])
                    instruction.DropOperands();
            }
        }
        foreach (BasicBlock block in function.Blocks)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (!live[instruction.Number])
                    instruction.Erase();
            }
        }
        return true;

        void Mark(Instruction instruction)
        {
            if (live[instruction.Number])
                return;
            live[instruction.Number] = true;
            marked++;
            work.Push(instruction);
        }
    }

    /// <summary>Erases an instruction nobody uses, and then what only it used.</summary>
    internal static void EraseIfUnused(Instruction root)
    {
        if (root.HasUsers || root.MustKeep())
            return;
        var work = new Stack<Instruction>();
        work.Push(root);
        while (work.TryPop(out Instruction? instruction))
        {
            if (instruction.Block is null || instruction.HasUsers || instruction.MustKeep())
                continue;
            foreach (Value operand in instruction.Operands)
            {
                if (operand is Instruction used)
                    work.Push(used);
            }
            instruction.Erase();
        }
    }
}
