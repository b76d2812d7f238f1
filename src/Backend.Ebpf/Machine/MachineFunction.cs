// A function in machine form: blocks, virtual registers, stack objects.
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Machine;

/// <summary>Something that lives in the 512-byte frame.</summary>
public sealed class StackObject(int size, int alignment, AllocaInstruction? variable)
{
    /// <summary>Bytes.</summary>
    public int Size { get; } = size;

    public int Alignment { get; } = alignment;

    /// <summary>The C variable; null for a spill slot.</summary>
    public AllocaInstruction? Variable { get; } = variable;

    /// <summary>Bytes from the frame pointer, negative; set by <see cref="Layout.FrameLayout"/>.</summary>
    public int FrameOffset { get; set; }

    /// <summary>Order of creation.</summary>
    public int Index { get; init; }

    public override string ToString() => $"{(Variable is null ? "spill" : "stack")}{Index}";
}

public sealed class MachineFunction(Function source)
{
    public Function Source { get; } = source;

    public string Name => Source.Symbol;

    /// <summary>Blocks in layout order, the entry first.</summary>
    public List<MachineBlock> Blocks { get; set; } = [];

    /// <summary>R6 holds the context of classic packet loads throughout and is not allocated.</summary>
    public bool ReservesR6 { get; set; }

    public int VirtualRegisterCount { get; private set; }

    public List<StackObject> StackObjects { get; } = [];

    /// <summary>Bytes of stack in use, 0 to 512, a multiple of 8; set by <see cref="Layout.FrameLayout"/>.</summary>
    public int FrameSize { get; set; }

    public MachineRegister NewRegister() => MachineRegister.Virtual(VirtualRegisterCount++);

    public MachineBlock NewBlock(string? name = null)
    {
        var block = new MachineBlock(Blocks.Count, name);
        Blocks.Add(block);
        return block;
    }

    public StackObject NewStackObject(int size, int alignment, AllocaInstruction? variable)
    {
        var created = new StackObject(size, alignment, variable) { Index = StackObjects.Count };
        StackObjects.Add(created);
        return created;
    }

    public void Renumber()
    {
        for (int i = 0; i < Blocks.Count; i++)
            Blocks[i].Index = i;
    }

    /// <summary>Computes the predecessor lists from the jumps.</summary>
    public void ComputePredecessors()
    {
        foreach (MachineBlock block in Blocks)
            block.Predecessors.Clear();
        foreach (MachineBlock block in Blocks)
        {
            (MachineBlock? first, MachineBlock? second) = block.Successors;
            first?.Predecessors.Add(block);
            second?.Predecessors.Add(block);
        }
    }

    public override string ToString() => MachinePrinter.Print(this);
}
