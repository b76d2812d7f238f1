// A basic block of the machine form. It ends in at most one conditional branch followed by one unconditional jump, or in
// an exit; falling through is decided only when blocks are placed.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Machine;

public sealed class MachineBlock(int index, string? name)
{
    /// <summary>Position in <see cref="MachineFunction.Blocks"/>; kept true by <see cref="MachineFunction.Renumber"/>.</summary>
    public int Index { get; set; } = index;

    /// <summary>The IR block's name, for people.</summary>
    public string? Name { get; } = name;

    public List<MachineInstruction> Instructions { get; set; } = [];

    public List<MachineBlock> Predecessors { get; } = [];

    /// <summary>Believed to be rarely executed (<c>__builtin_expect</c>, paths that end in unreachable).</summary>
    public bool IsCold { get; set; }

    /// <summary>Number of loops around the block, at most <see cref="MaxLoopDepth"/>.</summary>
    public int LoopDepth { get; set; }

    public const int MaxLoopDepth = 6;

    /// <summary>Index of the first terminator.</summary>
    public int TerminatorIndex
    {
        get
        {
            int i = Instructions.Count;
            while (i > 0 && Instructions[i - 1].IsTerminator)
                i--;
            return i;
        }
    }

    /// <summary>True when the block ends in a jump or an exit, so that nothing may be appended.</summary>
    public bool IsTerminated => Instructions.Count > 0 && Instructions[^1] is { IsTerminator: true, IsConditionalBranch: false };

    /// <summary>Jump targets, the taken side of a conditional branch first. At most two.</summary>
    public (MachineBlock? First, MachineBlock? Second) Successors
    {
        get
        {
            MachineBlock? first = null, second = null;
            for (int i = TerminatorIndex; i < Instructions.Count; i++)
            {
                if (Instructions[i].Target is not { } target || ReferenceEquals(target, first))
                    continue;
                if (first is null)
                    first = target;
                else
                    second = target;
            }
            return (first, second);
        }
    }

    /// <summary>Makes every jump of this block that went to one block go to another.</summary>
    public void Redirect(MachineBlock from, MachineBlock to)
    {
        for (int i = TerminatorIndex; i < Instructions.Count; i++)
        {
            if (ReferenceEquals(Instructions[i].Target, from))
                Instructions[i].Target = to;
        }
    }

    public void AppendJump(MachineBlock target) => Instructions.Add(new MachineInstruction(EbpfOpcode.Ja) { Target = target });

    public override string ToString() => $"bb{Index}";
}
