// Loads from globals whose content is known yield the initial value. Known is the content of const objects, and of static
// objects that nobody stores to and whose address goes nowhere. This is what turns the helper idiom into a direct call:
//
//   static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
//   %f = load ptr @bpf_map_lookup_elem ; call %f(...)      =>      call 1(...)
//
// const volatile objects are the loader's to set, so loads from volatile objects and volatile loads stay.
namespace Ebpfcc.Ir.Passes;

public static class GlobalFolding
{
    public static bool Run(PassContext context)
    {
        bool changed = false;
        HashSet<GlobalValue> relocated = FindRelocationTargets(context.Module);
        foreach (GlobalVariable global in context.Module.Globals)
        {
            if (global.IsDeclaration || global.IsVolatile || global.Linkage == Linkage.Weak || !global.HasUsers)
                continue;
            if (global.IsConstant || (global.Linkage == Linkage.Internal && !global.IsUsed && !relocated.Contains(global) && IsOnlyRead(global)))
                changed |= FoldLoads(global, global, 0);
        }
        return changed;
    }

    /// <summary>What the initial values of globals point to.</summary>
    internal static HashSet<GlobalValue> FindRelocationTargets(Module module)
    {
        var targets = new HashSet<GlobalValue>(ReferenceEqualityComparer.Instance);
        foreach (GlobalVariable global in module.Globals)
        {
            foreach (InitializerRelocation relocation in global.Relocations)
                targets.Add(relocation.Target);
        }
        return targets;
    }

    /// <summary>Every use of the address ends in a load.</summary>
    private static bool IsOnlyRead(Value address)
    {
        foreach (Instruction user in address.Users)
        {
            bool reads = user switch
            {
                LoadInstruction => true,
                CompareInstruction => true,
                BlockMemoryInstruction block => block.Opcode == IrOpcode.MemCompare || (block.Opcode is IrOpcode.MemCopy or IrOpcode.MemMove && !ReferenceEquals(block.Pointer, address)),
                _ => user.Opcode == IrOpcode.PtrAdd && ReferenceEquals(user.GetOperand(0), address) && IsOnlyRead(user),
            };
            if (!reads)
                return false;
        }
        return true;
    }

    private static bool FoldLoads(GlobalVariable global, Value address, long offset)
    {
        bool changed = false;
        for (int i = address.Users.Count - 1; i >= 0; i--)
        {
            if (i >= address.Users.Count)
                continue;
            Instruction user = address.Users[i];
            if (user is LoadInstruction { IsVolatile: false } load)
            {
                if (InitialValue(global, offset, load.Type) is not { } value)
                    continue;
                load.ReplaceAllUsesWith(value);
                load.Erase();
                changed = true;
            }
            else if (user.Opcode == IrOpcode.PtrAdd && ReferenceEquals(user.GetOperand(0), address) && user.GetOperand(1) is Constant step)
            {
                changed |= FoldLoads(global, user, unchecked(offset + step.Signed));
                if (!user.HasUsers)
                    user.Erase();
            }
        }
        return changed;
    }

    /// <summary>What a load from a global's initial content yields; null when that is no constant or address.</summary>
    internal static Value? InitialValue(GlobalVariable global, long offset, IrType type)
    {
        int size = type.Bytes();
        if (offset < 0 || offset > global.Size - size)
            return null;
        foreach (InitializerRelocation relocation in global.Relocations)
        {
            if (relocation.Offset == offset && type == IrType.Ptr && relocation.Addend == 0)
                return relocation.Target;
            if (relocation.Offset < offset + size && offset < relocation.Offset + 8)
                return null;
        }
        UInt128 bits = 0;
        for (int i = size - 1; i >= 0; i--)
            bits = (bits << 8) | (global.InitialBytes is { } bytes && offset + i < bytes.Length ? bytes[offset + i] : (byte)0);
        return new Constant(type, bits);
    }
}
