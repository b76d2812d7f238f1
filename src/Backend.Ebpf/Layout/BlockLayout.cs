// Final shape of the code: jumps to jumps and empty blocks disappear, blocks are chained so that the likelier successor
// falls through, and branches are turned around when their taken side comes next.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Layout;

public static class BlockLayout
{
    public static void Run(MachineFunction function, CpuVersion cpu)
    {
        ThreadJumps(function);
        if (MergeEqualBlocks(function))
            ThreadJumps(function);
        RotateLoops(function);
        Place(function);
        FallThrough(function, cpu);
    }

    /// <summary>Follows empty blocks to their end; a ring of empty blocks (an endless loop) stays as it is.</summary>
    private static MachineBlock Final(MachineBlock block)
    {
        MachineBlock start = block;
        for (int steps = 0; block.Instructions is [{ Opcode: EbpfOpcode.Ja, Pseudo: PseudoOpcode.None, Target: { } next }]; steps++)
        {
            if (ReferenceEquals(next, block) || ReferenceEquals(next, start) || steps > 10_000)
                return block;
            block = next;
        }
        return block;
    }

    private static void ThreadJumps(MachineFunction function)
    {
        foreach (MachineBlock block in function.Blocks)
        {
            for (int i = block.TerminatorIndex; i < block.Instructions.Count; i++)
            {
                if (block.Instructions[i].Target is { } target)
                    block.Instructions[i].Target = Final(target);
            }
            // A jump to a bare exit exits at once.
            if (block.Instructions[^1] is { Opcode: EbpfOpcode.Ja, Target.Instructions: [{ Opcode: EbpfOpcode.Exit } exit] })
                block.Instructions[^1] = new MachineInstruction(EbpfOpcode.Exit) { ImplicitUses = exit.ImplicitUses, Location = exit.Location };
            // A branch with both sides equal decides nothing.
            int last = block.Instructions.Count - 1;
            if (last > 0 && block.Instructions[last - 1] is { IsConditionalBranch: true, Pseudo: PseudoOpcode.None } && block.Instructions[last].Target is not null && ReferenceEquals(block.Instructions[last - 1].Target, block.Instructions[last].Target))
                block.Instructions.RemoveAt(last - 1);
        }
    }

    /// <summary>
    /// A jump back to a loop's test becomes the test itself, so that an iteration costs one branch instead of two:
    ///
    ///   test: if c goto done; goto body        test: if c goto done; goto body
    ///   latch: ...; goto test            =>    latch: ...; if c goto done; goto body
    /// </summary>
    private static void RotateLoops(MachineFunction function)
    {
        foreach (MachineBlock latch in function.Blocks)
        {
            if (latch.Instructions[^1] is not { Opcode: EbpfOpcode.Ja, Pseudo: PseudoOpcode.None, Target: { } test } || test.Index > latch.Index
                || (latch.Instructions.Count > 1 && latch.Instructions[^2].IsConditionalBranch)
                || test.Instructions is not [{ IsConditionalBranch: true } branch, { Opcode: EbpfOpcode.Ja or EbpfOpcode.Exit, Pseudo: PseudoOpcode.None } jump])
            {
                continue;
            }
            latch.Instructions[^1] = branch.Clone();
            latch.Instructions.Add(jump.Clone());
        }
    }

    private static bool IsMergeable(MachineInstruction instruction)
        => instruction.Pseudo == PseudoOpcode.FrameAddress
            || (instruction.Pseudo == PseudoOpcode.None && instruction.Row.Effect is Effect.Alu or Effect.LoadImmediate or Effect.Jump or Effect.Exit);

    /// <summary>
    /// Blocks with the same instructions and the same successors become one (mostly "r0 = 1; exit" of early returns), which
    /// lets branches go there directly. Memory accesses and calls stay apart: the verifier wants one kind of pointer each.
    /// </summary>
    private static bool MergeEqualBlocks(MachineFunction function)
    {
        const int Longest = 6;
        var known = new Dictionary<string, MachineBlock>(StringComparer.Ordinal);
        var replaced = new Dictionary<MachineBlock, MachineBlock>();
        var text = new System.Text.StringBuilder();
        for (int i = 1; i < function.Blocks.Count; i++)
        {
            MachineBlock block = function.Blocks[i];
            if (block.Instructions.Count > Longest || !block.Instructions.TrueForAll(IsMergeable))
                continue;
            text.Clear();
            foreach (MachineInstruction instruction in block.Instructions)
                text.Append(MachinePrinter.Print(instruction)).Append('\n');
            string key = text.ToString();
            if (!known.TryGetValue(key, out MachineBlock? first))
                known[key] = block;
            else if (!first.IsCold || block.IsCold)
                replaced[block] = first;
        }
        if (replaced.Count == 0)
            return false;
        foreach (MachineBlock block in function.Blocks)
        {
            for (int i = block.TerminatorIndex; i < block.Instructions.Count; i++)
            {
                if (block.Instructions[i].Target is { } target && replaced.TryGetValue(target, out MachineBlock? same))
                    block.Instructions[i].Target = same;
            }
        }
        return true;
    }

    /// <summary>
    /// Greedy chains: after each block an unplaced successor that no other unplaced block leads to (loops' latches apart); when
    /// there is none, the next unplaced block in the order given (reverse postorder). Cold blocks come at the end.
    /// </summary>
    private static void Place(MachineFunction function)
    {
        List<MachineBlock> blocks = function.Blocks;
        var reachable = new HashSet<MachineBlock> { blocks[0] };
        var pending = new Stack<MachineBlock>();
        pending.Push(blocks[0]);
        while (pending.TryPop(out MachineBlock? block))
        {
            (MachineBlock? first, MachineBlock? second) = block.Successors;
            if (first is not null && reachable.Add(first))
                pending.Push(first);
            if (second is not null && reachable.Add(second))
                pending.Push(second);
        }
        function.Blocks = blocks = blocks.FindAll(reachable.Contains);
        function.Renumber();
        function.ComputePredecessors();
        var placed = new HashSet<MachineBlock>();
        var order = new List<MachineBlock>(blocks.Count);
        for (int pass = 0; pass < 2; pass++)
        {
            foreach (MachineBlock start in blocks)
            {
                if (pass == 0 && start.IsCold && order.Count > 0)
                    continue;
                for (MachineBlock? block = start; block is not null && placed.Add(block); block = Follower(block, placed))
                    order.Add(block);
            }
        }
        function.Blocks = order;
        function.Renumber();
    }

    private static MachineBlock? Follower(MachineBlock block, HashSet<MachineBlock> placed)
    {
        (MachineBlock? first, MachineBlock? second) = block.Successors;
        MachineBlock? best = null;
        foreach (MachineBlock? candidate in new[] { second, first })
        {
            if (candidate is null || placed.Contains(candidate) || candidate.IsCold != block.IsCold)
                continue;
            bool skips = IsSkippedWhenDifferent(block, candidate);
            if (candidate.Predecessors.Exists(other => other.Index < candidate.Index && !placed.Contains(other) && other.IsCold == block.IsCold
                && !(skips && (ReferenceEquals(other, first) || ReferenceEquals(other, second)))))
            {
                continue;
            }
            if (skips)
                return candidate;
            // The verifier follows the side that falls through first, and prunes the other against what it saw: a side that only
            // hands a value to the join (what an "if" without "else" leaves of its skipped body) is the special case of the other.
            // The order given already keeps loops and bodies together: otherwise the earlier block is the better follower.
            if (best is null || (IsHandOver(candidate), candidate.Index).CompareTo((IsHandOver(best), best.Index)) < 0)
                best = candidate;
        }
        return best;
    }

    /// <summary>
    /// In loops, <c>if (a == b) x = 1;</c> falls through to its end and leaves the seldom side out of line, for the same reason:
    /// "equal" knows more than "different", and a loop walked with the more special state first is walked twice.
    /// </summary>
    private static bool IsSkippedWhenDifferent(MachineBlock block, MachineBlock end)
    {
        if (block.LoopDepth == 0 || block.Instructions.Count < 2 || block.Instructions[^2] is not { IsConditionalBranch: true, Pseudo: PseudoOpcode.None })
            return false;
        (MachineBlock? first, MachineBlock? second) = block.Successors;
        MachineBlock? middle = ReferenceEquals(first, end) ? second : first;
        Operation? test = OpcodeTable.Get(block.Instructions[^2].Opcode).Operation;
        bool endsWhenTaken = ReferenceEquals(block.Instructions[^2].Target, end);
        return middle is not null && middle.Predecessors.Count == 1 && IsHandOver(middle) && ReferenceEquals(middle.Instructions[^1].Target, end)
            && test == (endsWhenTaken ? Operation.Jne : Operation.Jeq);
    }

    /// <summary>Only copies and constants before a jump.</summary>
    private static bool IsHandOver(MachineBlock block)
    {
        if (block.Instructions[^1] is not { Opcode: EbpfOpcode.Ja, Pseudo: PseudoOpcode.None })
            return false;
        for (int i = 0; i < block.Instructions.Count - 1; i++)
        {
            MachineInstruction instruction = block.Instructions[i];
            if (!(instruction.IsCopy || instruction.IsRematerializable || instruction.IsAllocatorMove))
                return false;
        }
        return true;
    }

    private static void FallThrough(MachineFunction function, CpuVersion cpu)
    {
        for (int i = 0; i < function.Blocks.Count; i++)
        {
            MachineBlock? next = i + 1 < function.Blocks.Count ? function.Blocks[i + 1] : null;
            List<MachineInstruction> instructions = function.Blocks[i].Instructions;
            if (instructions[^1].Opcode != EbpfOpcode.Ja || instructions[^1].Pseudo != PseudoOpcode.None)
                continue;
            if (ReferenceEquals(instructions[^1].Target, next))
            {
                instructions.RemoveAt(instructions.Count - 1);
                continue;
            }
            if (instructions.Count <= 1 || !instructions[^2].IsConditionalBranch || !ReferenceEquals(instructions[^2].Target, next))
                continue;
            if (!TryInvert(instructions[^2], cpu))
            {
                // No opposite (v1, JSET): the other side comes next if it stands right behind, unless this side wants to fall
                // into it. The jumps of both are still explicit.
                MachineBlock? behind = i + 2 < function.Blocks.Count ? function.Blocks[i + 2] : null;
                if (behind is not null && ReferenceEquals(behind, instructions[^1].Target) && !ReferenceEquals(next!.Successors.First, behind) && !ReferenceEquals(next.Successors.Second, behind))
                {
                    (function.Blocks[i + 1], function.Blocks[i + 2]) = (function.Blocks[i + 2], function.Blocks[i + 1]);
                    instructions.RemoveAt(instructions.Count - 1);
                }
            }
            else
            {
                MachineBlock other = instructions[^1].Target!;
                instructions[^2].Target = other;
                instructions.RemoveAt(instructions.Count - 1);
            }
        }
        function.Renumber();
    }

    /// <summary>Makes a branch its opposite; where v1 has no "less" branch for it, a &lt;= b becomes b &gt;= a.</summary>
    private static bool TryInvert(MachineInstruction branch, CpuVersion cpu)
    {
        if (branch.Pseudo != PseudoOpcode.None || Inverse(branch.Opcode) is not { } inverse)
            return false;
        if (OpcodeTable.Get(inverse).Since > cpu)
        {
            EbpfOpcode mirrored = inverse switch
            {
                EbpfOpcode.Jlt64Reg => EbpfOpcode.Jgt64Reg,
                EbpfOpcode.Jle64Reg => EbpfOpcode.Jge64Reg,
                EbpfOpcode.Jslt64Reg => EbpfOpcode.Jsgt64Reg,
                EbpfOpcode.Jsle64Reg => EbpfOpcode.Jsge64Reg,
                _ => EbpfOpcode.Invalid,
            };
            if (mirrored == EbpfOpcode.Invalid)
                return false;
            inverse = mirrored;
            (branch.Dst, branch.Src) = (branch.Src, branch.Dst);
        }
        branch.Opcode = inverse;
        return true;
    }

    /// <summary>The branch taken exactly when the given one is not; JSET has none.</summary>
    public static EbpfOpcode? Inverse(EbpfOpcode branch)
    {
        Operation? opposite = OpcodeTable.Get(branch).Operation switch
        {
            Operation.Jeq => Operation.Jne,
            Operation.Jne => Operation.Jeq,
            Operation.Jgt => Operation.Jle,
            Operation.Jle => Operation.Jgt,
            Operation.Jge => Operation.Jlt,
            Operation.Jlt => Operation.Jge,
            Operation.Jsgt => Operation.Jsle,
            Operation.Jsle => Operation.Jsgt,
            Operation.Jsge => Operation.Jslt,
            Operation.Jslt => Operation.Jsge,
            _ => null,
        };
        if (opposite is null)
            return null;
        int form = ((int)branch - (int)EbpfOpcode.Jeq64Imm) & 3;
        EbpfOpcode family = opposite switch
        {
            Operation.Jeq => EbpfOpcode.Jeq64Imm,
            Operation.Jne => EbpfOpcode.Jne64Imm,
            Operation.Jgt => EbpfOpcode.Jgt64Imm,
            Operation.Jge => EbpfOpcode.Jge64Imm,
            Operation.Jlt => EbpfOpcode.Jlt64Imm,
            Operation.Jle => EbpfOpcode.Jle64Imm,
            Operation.Jsgt => EbpfOpcode.Jsgt64Imm,
            Operation.Jsge => EbpfOpcode.Jsge64Imm,
            Operation.Jslt => EbpfOpcode.Jslt64Imm,
            _ => EbpfOpcode.Jsle64Imm,
        };
        return family + form;
    }
}
