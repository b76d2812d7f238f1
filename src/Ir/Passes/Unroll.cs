// Loop unrolling: fully where the source asks (#pragma unroll) or where the result is small, by a factor where the source names
// one. Older kernels accept no loops at all and newer ones walk them instruction by instruction, so a loop that can go should.
//
//   header: i = phi [0, pre], [i', latch]         copy 0: ... i = 0 ...  latch -> copy 1
//           ...                              =>   copy 1: ... i = 1 ...  latch -> copy 2
//   latch:  i' = i + 1 ; br header                copy 2: ... exit is taken
//
// Exit tests stay in every copy and fold by constant propagation. Values used behind the loop pass through stack objects that
// Mem2Reg dissolves.
using Ebpfcc.Ir.Analysis;

namespace Ebpfcc.Ir.Passes;

public static class Unroll
{
    // Loops nested deeper are left alone.
    private const int MaxDepth = 16;

    // Instructions of the unrolled loop: without being asked, and when asked (clang's limit is the same).
    private const int AutomaticSize = 200, AutomaticCount = 64, RequestedSize = 16 * 1024;

    public static bool Run(Function function, PassContext context)
    {
        bool any = false;
        // Inner loops first. A round unrolls loops that do not hold one another, on one set of analyses; the loops around those
        // come in the next round, when folding has shown their true size.
        for (int round = 0; round < MaxDepth; round++)
        {
            ControlFlow.RemoveUnreachableBlocks(function);
            DominatorTree dominators = DominatorTree.Of(function);
            LoopInfo loops = LoopInfo.Of(dominators);
            if (loops.Loops.Count == 0)
                break;
            var copies = new Dictionary<BasicBlock, List<BasicBlock>>(ReferenceEqualityComparer.Instance);
            var waiting = new HashSet<Loop>(ReferenceEqualityComparer.Instance);
            foreach (Loop loop in loops.Loops)
            {
                if (!waiting.Contains(loop) && !TryUnroll(loop, dominators, context.Options, copies))
                    continue;
                if (loop.Parent is not null)
                    waiting.Add(loop.Parent);
            }
            if (copies.Count == 0)
                break;
            any = true;
            InsertCopies(function, copies);
            Clean(function);
            if (waiting.Count == 0)
                break;
        }
        return any;
    }

    /// <summary>Copies stand behind the last block of their loop.</summary>
    private static void InsertCopies(Function function, Dictionary<BasicBlock, List<BasicBlock>> copies)
    {
        var blocks = new List<BasicBlock>(function.Blocks.Count * 2);
        foreach (BasicBlock block in function.Blocks)
        {
            blocks.Add(block);
            if (!copies.TryGetValue(block, out List<BasicBlock>? made))
                continue;
            blocks.AddRange(made);
            foreach (BasicBlock copy in made)
                function.AdoptBlock(copy);
        }
        function.Blocks.Clear();
        function.Blocks.AddRange(blocks);
        function.Renumber();
    }

    /// <summary>Folds what became constant, so that the loop around sees its true size.</summary>
    private static void Clean(Function function)
    {
        Mem2Reg.Run(function);
        ConstantPropagation.Run(function);
        Simplify.Run(function);
        SimplifyCfg.Run(function);
    }

    private static bool TryUnroll(Loop loop, DominatorTree dominators, OptimizationOptions options, Dictionary<BasicBlock, List<BasicBlock>> copies)
    {
        int? hint = (loop.Header.LoopHint ?? loop.Latches[0].LoopHint)?.Unroll;
        if (options.GivesUp(loop.Header.Function!, ConservativeLowering.UnrollLoops))
            hint = int.MaxValue;
        if (hint is 0 or 1 || loop.Latches.Count != 1 || (hint is null && (options.Level < 1 ? !StepsThroughContext(loop) : options.ForSize)))
            return false;
        int size = 0;
        foreach (BasicBlock block in loop.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                size += instruction is PhiInstruction or BranchInstruction ? 0 : 1;
        }
        int? count = TripCount.Of(loop, dominators);
        if (count is { } full && (hint is null
            ? full <= AutomaticCount && (long)size * full <= AutomaticSize
            : full - 1 <= hint && (long)size * full <= RequestedSize))
        {
            Replicate(loop, dominators, full, isFull: true, copies);
            return true;
        }
        if (hint is not { } factor || factor == int.MaxValue || (long)size * factor > RequestedSize)
            return false;
        Replicate(loop, dominators, factor, isFull: false, copies);
        return true;
    }

    /// <summary>
    /// The verifier takes accesses to a program's context at constant offsets only: loops that compute them go at every level.
    /// </summary>
    private static bool StepsThroughContext(Loop loop)
    {
        foreach (BasicBlock block in loop.Blocks)
        {
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                if (instruction.Opcode != IrOpcode.PtrAdd || instruction.GetOperand(1) is Constant)
                    continue;
                Value root = instruction.GetOperand(0);
                while (root is Instruction { Opcode: IrOpcode.PtrAdd } step)
                    root = step.GetOperand(0);
                if (root is Parameter { Index: 0, Function.Section: not null })
                    return true;
            }
        }
        return false;
    }

    private static void Replicate(Loop loop, DominatorTree dominators, int count, bool isFull, Dictionary<BasicBlock, List<BasicBlock>> copies)
    {
        BasicBlock header = loop.Header, latch = loop.Latches[0];
        List<BasicBlock> body = InOrder(loop, dominators);
        foreach (BasicBlock block in body)
        {
            foreach (Instruction instruction in block.Instructions)
            {
                if (Demotion.IsUsedOutside(instruction, loop.Contains))
                    Demotion.DemoteUsesOutside(instruction, loop.Contains);
            }
        }
        header.LoopHint = latch.LoopHint = null;
        var headerPhis = header.Phis.ToList();
        // What each header phi becomes in the next copy, as a value of the copy made last.
        Value[] carried = [.. headerPhis.Select(phi => phi.GetIncoming(latch)!)];
        BasicBlock lastHeader = header, lastLatch = latch;
        BasicBlock? second = null;
        var made = new List<BasicBlock>();
        for (int copy = 1; copy < count; copy++)
        {
            var cloner = new BlockCloner();
            List<BasicBlock> blocks = cloner.Clone(body);
            for (int i = 0; i < headerPhis.Count; i++)
            {
                var phi = (PhiInstruction)cloner.Get(headerPhis[i]);
                phi.ReplaceAllUsesWith(carried[i]);
                phi.Erase();
                cloner.Map(headerPhis[i], carried[i]);
            }
            AddExitValues(body, loop, cloner);
            // The original's back edge is what copies are made from: it is turned last.
            if (copy == 1)
                second = cloner.Get(header);
            else
                Redirect(lastLatch, lastHeader, cloner.Get(header));
            for (int i = 0; i < carried.Length; i++)
                carried[i] = cloner.Get(headerPhis[i].GetIncoming(latch)!);
            (lastHeader, lastLatch) = (cloner.Get(header), cloner.Get(latch));
            made.AddRange(blocks);
        }
        if (second is not null)
            Redirect(latch, header, second);
        CloseLoop(loop, headerPhis, carried, lastHeader, lastLatch, isFull, made);
        copies[body.MaxBy(block => block.Index)!] = made;
        if (!isFull)
            header.LoopHint = new LoopHint(0);
    }

    private static List<BasicBlock> InOrder(Loop loop, DominatorTree dominators)
    {
        var body = new List<BasicBlock>(loop.Blocks);
        body.Sort((a, b) => dominators.OrderOf(a).CompareTo(dominators.OrderOf(b)));
        return body;
    }

    /// <summary>Phis behind the loop get the copies' values on the copies' edges.</summary>
    private static void AddExitValues(List<BasicBlock> body, Loop loop, BlockCloner cloner)
    {
        foreach (BasicBlock block in body)
        {
            foreach (BasicBlock successor in block.Successors)
            {
                if (loop.Contains(successor))
                    continue;
                foreach (PhiInstruction phi in successor.Phis)
                    phi.AddIncoming(cloner.Get(phi.GetIncoming(block)!), cloner.Get(block));
            }
        }
    }

    private static void Redirect(BasicBlock from, BasicBlock oldTarget, BasicBlock newTarget)
    {
        Terminator terminator = from.Terminator!;
        for (int i = 0; i < terminator.Successors.Count; i++)
        {
            if (ReferenceEquals(terminator.Successors[i], oldTarget))
                terminator.SetSuccessor(i, newTarget);
        }
    }

    /// <summary>The last copy's back edge: never taken after full unrolling, else it leads to the first copy.</summary>
    private static void CloseLoop(Loop loop, List<PhiInstruction> phis, Value[] carried, BasicBlock lastHeader, BasicBlock lastLatch, bool isFull, List<BasicBlock> made)
    {
        BasicBlock latch = loop.Latches[0];
        if (isFull)
        {
            var never = new BasicBlock("never");
            never.Append(new UnreachableInstruction());
            made.Add(never);
            Redirect(lastLatch, lastHeader, never);
        }
        else
        {
            Redirect(lastLatch, lastHeader, loop.Header);
        }
        for (int i = 0; i < phis.Count; i++)
        {
            for (int j = phis[i].OperandCount - 1; j >= 0; j--)
            {
                if (!ReferenceEquals(phis[i].GetIncomingBlock(j), latch))
                    continue;
                if (isFull)
                {
                    phis[i].RemoveIncoming(j);
                    continue;
                }
                phis[i].SetOperand(j, carried[i]);
                phis[i].SetIncomingBlock(j, lastLatch);
            }
        }
    }
}
