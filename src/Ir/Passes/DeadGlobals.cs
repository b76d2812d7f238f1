// Deletes functions and variables nobody can reach. Roots are what other objects or the loader see: definitions that are not
// static, what is marked used, and what stands in a section of its own choice (programs, maps, the licence).
namespace Ebpfcc.Ir.Passes;

public static class DeadGlobals
{
    public static bool Run(PassContext context)
    {
        Module module = context.Module;
        var live = new HashSet<GlobalValue>(ReferenceEqualityComparer.Instance);
        var work = new Stack<GlobalValue>();
        foreach (GlobalVariable global in module.Globals)
            Root(global);
        foreach (Function function in module.Functions)
            Root(function);
        while (work.TryPop(out GlobalValue? value))
        {
            if (value is GlobalVariable global)
            {
                foreach (InitializerRelocation relocation in global.Relocations)
                    Mark(relocation.Target);
                continue;
            }
            foreach (BasicBlock block in ((Function)value).Blocks)
            {
                for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                {
                    foreach (Value operand in instruction.Operands)
                    {
                        if (operand is GlobalValue used)
                            Mark(used);
                    }
                }
            }
        }
        int before = module.Globals.Count + module.Functions.Count;
        foreach (Function function in module.Functions)
        {
            if (!live.Contains(function))
                Empty(function);
        }
        module.Functions.RemoveAll(function => !live.Contains(function));
        module.Globals.RemoveAll(global => !live.Contains(global));
        return module.Globals.Count + module.Functions.Count != before;

        void Root(GlobalValue value)
        {
            if (value.IsUsed || (!value.IsDeclaration && (value.Linkage != Linkage.Internal || value.Section is not null)))
                Mark(value);
        }

        void Mark(GlobalValue value)
        {
            if (live.Add(value))
                work.Push(value);
        }
    }

    /// <summary>Drops a body, so that what it used no longer counts it as a user.</summary>
    private static void Empty(Function function)
    {
        foreach (BasicBlock block in function.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                instruction.DropOperands();
        }
        function.Blocks.Clear();
    }
}
