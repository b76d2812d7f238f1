// Blocks that do the same and end the same become one: returns of one value, constants handed to one join. Only blocks without
// any instruction but their terminator are merged, so that no memory access or call loses its own place in the source.
//
//   a: ret 1                 a: ret 1
//   b: ret 1          =>     (what led to b leads to a)
namespace Ebpfcc.Ir.Passes;

public static class MergeReturns
{
    public static bool Run(Function function)
    {
        // In subprograms every return goes on in the caller: one shared return would be a place where the verifier compares the
        // states of all paths, and fails to prune them. Programs end there.
        if (function.Section is null)
            return false;
        var seen = new Dictionary<(IrType, UInt128), BasicBlock>();
        var byValue = new Dictionary<Value, BasicBlock>(ReferenceEqualityComparer.Instance);
        var merged = new HashSet<BasicBlock>(ReferenceEqualityComparer.Instance);
        foreach (BasicBlock block in function.Blocks)
        {
            if (ReferenceEquals(block, function.Entry) || block.First is not ReturnInstruction exit)
                continue;
            BasicBlock? first;
            if (exit.ReturnValue is Constant constant)
            {
                if (seen.TryAdd((constant.Type, constant.Bits), block))
                    continue;
                first = seen[(constant.Type, constant.Bits)];
            }
            else if (exit.ReturnValue is null)
            {
                if (seen.TryAdd((IrType.Void, 0), block))
                    continue;
                first = seen[(IrType.Void, 0)];
            }
            else
            {
                if (byValue.TryAdd(exit.ReturnValue, block))
                    continue;
                first = byValue[exit.ReturnValue];
            }
            Redirect(block, first);
            exit.Erase();
            merged.Add(block);
        }
        if (merged.Count == 0)
            return false;
        function.Blocks.RemoveAll(merged.Contains);
        function.Renumber();
        return true;
    }

    private static void Redirect(BasicBlock block, BasicBlock to)
    {
        while (block.Predecessors.Count > 0)
        {
            Terminator terminator = block.Predecessors[0].Terminator!;
            for (int i = 0; i < terminator.Successors.Count; i++)
            {
                if (ReferenceEquals(terminator.Successors[i], block))
                    terminator.SetSuccessor(i, to);
            }
        }
    }
}
