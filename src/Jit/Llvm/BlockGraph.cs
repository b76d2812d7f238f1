// The basic blocks of one function in reverse postorder, with what is known of registers where a block begins: which are live,
// and which hold pointers. The latter decides how a value is represented in LLVM IR, not what it means: LLVM's alias analysis and
// its loop passes see through address arithmetic on pointers, not through arithmetic on integers that become pointers.
//
// Forward data flow, optimistic, greatest fixed point: a register holds a pointer where all ways into the block agree
// (Kildall 1973; Cooper, Harvey and Kennedy's order of visits).
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Llvm.Interop;

namespace Ebpfcc.Jit.Llvm;

/// <summary>A straight run of instructions, and what it has become.</summary>
internal sealed class Block(int start, int last)
{
    public int Start { get; } = start;

    /// <summary>Slot of the last instruction.</summary>
    public int Last { get; } = last;

    /// <summary>Where it may go, without repetition: the block behind it, a jump's target, or both in this order.</summary>
    public Block[] Successors { get; set; } = [];

    /// <summary>It may go where no block of the function is, which only unreachable ones do.</summary>
    public bool LeavesFunction { get; set; }

    /// <summary>Blocks that lead here.</summary>
    public List<Block> Predecessors { get; } = [];

    /// <summary>Registers that hold a value that is still needed, one bit each.</summary>
    public int LiveIn { get; set; }

    /// <summary>Registers that hold pointers at the beginning and at the end, one bit each.</summary>
    public int PointersIn { get; set; }

    public int PointersOut { get; set; } = ~0;

    /// <summary>Its label, and the label under which its code ends: translations may have blocks of their own.</summary>
    public LLVMBasicBlockRef Label { get; set; }

    public LLVMBasicBlockRef End { get; set; }

    /// <summary>The registers behind it.</summary>
    public Operand[] Exit { get; set; } = [];

    /// <summary>Registers whose values depend on the way taken here.</summary>
    public List<(int Register, Operand Phi)> Phis { get; } = [];
}

/// <param name="loadsContextPointer">Whether the load at a slot reads a pointer from the context.</param>
internal sealed class BlockGraph(ProgramShape shape, Func<int, bool> loadsContextPointer)
{
    private const int FramePointer = 1 << EbpfRegisters.R10;

    /// <summary>The reachable blocks of a function in reverse postorder; the first one begins the function.</summary>
    /// <param name="pointerArguments">Registers that hold pointers when the function is entered.</param>
    public List<Block> Build(FunctionShape function, int pointerArguments)
    {
        List<Block> order = Order(Cut(function));
        foreach (Block block in order)
        {
            foreach (Block successor in block.Successors)
                successor.Predecessors.Add(block);
            (int reads, int writes) = ProgramShape.Effects(shape.Instructions[block.Start], shape.Rows[block.Start]);
            block.LiveIn = (shape.LiveOut[block.Start] & ~writes) | reads;
        }
        bool changed;
        do
        {
            changed = false;
            foreach (Block block in order)
            {
                int pointers = block == order[0] ? pointerArguments | FramePointer : ~0;
                foreach (Block predecessor in block.Predecessors)
                    pointers &= predecessor.PointersOut;
                block.PointersIn = pointers;
                for (int slot = block.Start; slot <= block.Last; slot += shape.Rows[slot].Slots)
                    pointers = Transfer(slot, pointers);
                changed |= pointers != block.PointersOut;
                block.PointersOut = pointers;
            }
        }
        while (changed);
        return order;
    }

    /// <summary>Helpers whose result is an address.</summary>
    public static bool ReturnsPointer(int helper)
        => HelperTable.Find(helper) is { } row && row.Return.Kind() is not (HelperReturn.Integer or HelperReturn.Void);

    /// <summary>Cuts a function at leaders and behind jumps; returns its first block, connected to the others.</summary>
    private Block Cut(FunctionShape function)
    {
        var at = new Dictionary<int, Block>();
        for (int start = function.Start; start < function.End;)
        {
            int slot = start, last;
            do
            {
                last = slot;
                slot += shape.Rows[slot].Slots;
            }
            while (slot < function.End && !shape.Leaders[slot] && shape.Rows[last].Effect is not (Effect.Branch or Effect.Jump or Effect.Exit));
            at[start] = new Block(start, last);
            start = slot;
        }
        foreach (Block block in at.Values)
        {
            OpcodeRow row = shape.Rows[block.Last];
            Block? behind = at.GetValueOrDefault(block.Last + row.Slots);
            Block? target = row.IsJump ? at.GetValueOrDefault(ProgramShape.JumpTarget(block.Last, shape.Instructions[block.Last], row)) : null;
            Block?[] successors = row.Effect switch
            {
                Effect.Exit => [],
                Effect.Jump => [target],
                Effect.Branch when target != behind => [behind, target],
                _ => [behind],
            };
            block.LeavesFunction = successors.Contains(null);
            block.Successors = [.. successors.OfType<Block>()];
        }
        return at[function.Start];
    }

    /// <summary>Depth first without recursion; a block is done when all behind it are.</summary>
    private static List<Block> Order(Block entry)
    {
        var order = new List<Block>();
        var seen = new HashSet<Block> { entry };
        var path = new Stack<(Block Block, int Next)>();
        path.Push((entry, 0));
        while (path.TryPop(out (Block Block, int Next) top))
        {
            if (top.Block.LeavesFunction)
                throw new InternalCompilerException("LLVM translation", null, $"control leaves the function that begins at slot {entry.Start} behind slot {top.Block.Last}");
            if (top.Next == top.Block.Successors.Length)
            {
                order.Add(top.Block);
                continue;
            }
            path.Push((top.Block, top.Next + 1));
            Block successor = top.Block.Successors[top.Next];
            if (seen.Add(successor))
                path.Push((successor, 0));
        }
        order.Reverse();
        return order;
    }

    private int Transfer(int slot, int pointers)
    {
        EbpfInstruction instruction = shape.Instructions[slot];
        OpcodeRow row = shape.Rows[slot];
        int dst = 1 << instruction.Dst;
        bool dstIsPointer = (pointers & dst) != 0, srcIsPointer = row.IsRegisterForm && (pointers >> instruction.Src & 1) != 0;
        switch (row.Effect)
        {
            case Effect.Alu when row.Width == 64 && row.Operation is Operation.Mov or Operation.AddrSpaceCast:
                return Set(srcIsPointer && row.Width == 64);
            case Effect.Alu when row.Width == 64 && row.Operation == Operation.Add:
                return Set(dstIsPointer != srcIsPointer);
            case Effect.Alu when row.Width == 64 && row.Operation == Operation.Sub:
                return Set(dstIsPointer && !srcIsPointer);
            case Effect.Alu:
                return Set(false);
            case Effect.LoadImmediate:
                return Set(row.Opcode is not (EbpfOpcode.LoadImm64 or EbpfOpcode.LoadFunction or EbpfOpcode.LoadBtfId));
            case Effect.Load:
                return Set(loadsContextPointer(slot));
            case Effect.Call:
                pointers &= ~ProgramShape.CallerSaved;
                return row.Opcode == EbpfOpcode.CallHelper && ReturnsPointer(instruction.Immediate) ? pointers | 1 : pointers;
            case Effect.PacketLoad:
                return pointers & ~ProgramShape.CallerSaved;
            default:
                return pointers & ~ProgramShape.Effects(instruction, row).Writes;
        }

        int Set(bool isPointer) => isPointer ? pointers | dst : pointers & ~dst;
    }
}
