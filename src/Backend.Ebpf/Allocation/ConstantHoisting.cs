// Moves the making of constants and addresses out of loops without calls. Each is made once before the loop; when registers
// run short, the allocator repeats it inside again, so that nothing is lost.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Allocation;

internal static class ConstantHoisting
{
    /// <summary>Constants kept in registers per loop; more would crowd out the loop's own values.</summary>
    private const int Limit = 3;

    /// <param name="function">Blocks in reverse postorder with predecessors, no critical edges.</param>
    public static void Run(MachineFunction function)
    {
        int[]? definitions = null;
        Dictionary<int, MachineRegister>? renamed = null;
        foreach (MachineBlock header in function.Blocks)
        {
            if (header.LoopDepth == 0 || Preheader(header) is not { } before || Members(header) is not { } members)
                continue;
            definitions ??= CountDefinitions(function);
            var made = new Dictionary<(EbpfOpcode, long, GlobalValue?), MachineRegister>();
            foreach (MachineBlock block in members)
            {
                for (int i = 0; i < block.Instructions.Count; i++)
                {
                    MachineInstruction instruction = block.Instructions[i];
                    if (instruction.Pseudo != PseudoOpcode.None || !instruction.IsRematerializable || instruction.Core is not null
                        || !instruction.Dst.IsVirtual || definitions[instruction.Dst.Index] != 1)
                    {
                        continue;
                    }
                    (EbpfOpcode, long, GlobalValue?) key = (instruction.Opcode, instruction.Immediate, instruction.Symbol);
                    if (made.TryGetValue(key, out MachineRegister known))
                        (renamed ??= [])[instruction.Dst.Index] = known;
                    else if (made.Count == Limit)
                        continue;
                    else
                    {
                        made[key] = instruction.Dst;
                        before.Instructions.Insert(before.TerminatorIndex, instruction);
                    }
                    block.Instructions.RemoveAt(i--);
                }
            }
        }
        if (renamed is not null)
            Rename(function, renamed);
    }

    /// <summary>The one block outside of the loop from which it is entered.</summary>
    private static MachineBlock? Preheader(MachineBlock header)
    {
        MachineBlock? outside = null;
        bool isLoop = false;
        foreach (MachineBlock predecessor in header.Predecessors)
        {
            if (predecessor.Index >= header.Index)
                isLoop = true;
            else if (outside is not null)
                return null;
            else
                outside = predecessor;
        }
        return isLoop && outside is not null && outside.Successors.Second is null ? outside : null;
    }

    /// <summary>The loop's blocks in order; null when something in it destroys registers, or it has a second entry.</summary>
    private static List<MachineBlock>? Members(MachineBlock header)
    {
        var members = new HashSet<MachineBlock> { header };
        var pending = new Stack<MachineBlock>();
        foreach (MachineBlock latch in header.Predecessors)
        {
            if (latch.Index >= header.Index && members.Add(latch))
                pending.Push(latch);
        }
        while (pending.TryPop(out MachineBlock? block))
        {
            foreach (MachineBlock predecessor in block.Predecessors)
            {
                if (predecessor.Index < header.Index)
                    return null;
                if (members.Add(predecessor))
                    pending.Push(predecessor);
            }
        }
        foreach (MachineBlock block in members)
        {
            if (block.Instructions.Exists(item => item.Clobbers != 0 || item.Pseudo == PseudoOpcode.InlineAssembly))
                return null;
        }
        var ordered = new List<MachineBlock>(members);
        ordered.Sort((a, b) => a.Index.CompareTo(b.Index));
        return ordered;
    }

    private static int[] CountDefinitions(MachineFunction function)
    {
        var counts = new int[function.VirtualRegisterCount];
        var accesses = new List<RegisterAccess>();
        foreach (MachineBlock block in function.Blocks)
        {
            foreach (MachineInstruction instruction in block.Instructions)
            {
                RegisterAccesses.Collect(instruction, accesses);
                foreach (RegisterAccess access in accesses)
                {
                    if (access.Writes && access.Register.IsVirtual)
                        counts[access.Register.Index]++;
                }
            }
        }
        return counts;
    }

    private static void Rename(MachineFunction function, Dictionary<int, MachineRegister> renamed)
    {
        var accesses = new List<RegisterAccess>();
        foreach (MachineBlock block in function.Blocks)
        {
            foreach (MachineInstruction instruction in block.Instructions)
            {
                RegisterAccesses.Collect(instruction, accesses);
                foreach (RegisterAccess access in accesses)
                {
                    MachineRegister register = access.Register;
                    while (register.IsVirtual && renamed.TryGetValue(register.Index, out MachineRegister other))
                        register = other;
                    if (register != access.Register)
                        RegisterAccesses.Set(instruction, access.Slot, register);
                }
            }
        }
    }
}
