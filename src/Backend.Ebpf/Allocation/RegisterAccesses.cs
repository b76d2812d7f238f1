// The registers an instruction reads and writes, in one list whatever their field.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Allocation;

/// <param name="Slot">0 for dst, 1 for src, 2 + n for operand n of inline assembly.</param>
internal readonly record struct RegisterAccess(MachineRegister Register, RegisterUse Use, bool IsEarly, int Slot)
{
    public bool Reads => (Use & RegisterUse.Read) != 0;

    public bool Writes => (Use & RegisterUse.Write) != 0;
}

internal static class RegisterAccesses
{
    /// <summary>Replaces the list's content by the accesses of an instruction, implicit ones excluded.</summary>
    public static void Collect(MachineInstruction instruction, List<RegisterAccess> accesses)
    {
        accesses.Clear();
        if (instruction.Assembly is { } assembly)
        {
            for (int i = 0; i < assembly.Registers.Length; i++)
                accesses.Add(new RegisterAccess(assembly.Registers[i], assembly.Uses[i], assembly.EarlyClobber[i], 2 + i));
            return;
        }
        RegisterUse dst = instruction.DstUse, src = instruction.SrcUse;
        if (dst != RegisterUse.None)
            accesses.Add(new RegisterAccess(instruction.Dst, dst, false, 0));
        if (src != RegisterUse.None)
            accesses.Add(new RegisterAccess(instruction.Src, src, false, 1));
    }

    public static void Set(MachineInstruction instruction, int slot, MachineRegister register)
    {
        switch (slot)
        {
            case 0: instruction.Dst = register; break;
            case 1: instruction.Src = register; break;
            default: instruction.Assembly!.Registers[slot - 2] = register; break;
        }
    }
}
