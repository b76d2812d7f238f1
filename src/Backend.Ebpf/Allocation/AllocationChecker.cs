// Proof that an allocation is right, by code that shares nothing with the allocator (the idea of the checker of
// regalloc2 and Cranelift): run the allocated code symbolically, with the set of virtual registers whose current value
// each machine register and stack slot holds. Every operand must find its virtual register in the set of the place it was
// given. At joins the sets are intersected; iteration to a fixed point covers all paths.
//
// Symbols: n >= 0 is virtual register n; -1 - n is "what the code itself put into machine register Rn".
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Backend.Ebpf.Allocation;

public sealed class AllocationChecker
{
    private static readonly int[] s_nothing = [];

    private readonly MachineFunction _function;
    private readonly Dictionary<StackObject, int> _slots = [];
    private readonly Dictionary<int, MachineInstruction> _definitions = [];
    private readonly List<RegisterAccess> _accesses = [];
    private readonly int _places;

    private AllocationChecker(MachineFunction function)
    {
        _function = function;
        foreach (StackObject item in function.StackObjects)
        {
            if (item.Variable is null)
                _slots[item] = EbpfRegisters.Count + _slots.Count;
        }
        _places = EbpfRegisters.Count + _slots.Count;
        foreach (MachineBlock block in function.Blocks)
        {
            foreach (MachineInstruction instruction in block.Instructions)
            {
                if (!instruction.IsAllocatorMove && instruction.VirtualDst.IsVirtual && instruction.IsRematerializable)
                    _definitions[instruction.VirtualDst.Index] = instruction;
            }
        }
    }

    /// <summary>Throws <see cref="InternalCompilerException"/> when an operand may read a wrong value.</summary>
    /// <param name="function">Allocated, coalesced copies still in place.</param>
    public static void Check(MachineFunction function) => new AllocationChecker(function).Run();

    /// <summary>Removes the marks that only the checker needs, and moves of a register to itself.</summary>
    public static void DropMarks(MachineFunction function)
    {
        foreach (MachineBlock block in function.Blocks)
            block.Instructions.RemoveAll(instruction => instruction.IsCoalesced || (instruction.IsCopy && instruction.Dst == instruction.Src));
    }

    private static int Fixed(int register) => -1 - register;

    private static int Symbol(MachineRegister register) => register.IsVirtual ? register.Index : Fixed(register.Number);

    private void Run()
    {
        var entry = new int[_places][];
        Array.Fill(entry, s_nothing);
        for (int register = EbpfRegisters.R1; register <= EbpfRegisters.R5; register++)
            entry[register] = [Fixed(register)];
        entry[EbpfRegisters.R10] = [Fixed(EbpfRegisters.R10)];
        var known = new int[_function.Blocks.Count][][];
        known[0] = entry;
        var pending = new SortedSet<int> { 0 };
        while (pending.Count > 0)
        {
            int index = pending.Min;
            pending.Remove(index);
            var state = (int[][])known[index].Clone();
            MachineBlock block = _function.Blocks[index];
            foreach (MachineInstruction instruction in block.Instructions)
                Step(instruction, block, state);
            (MachineBlock? first, MachineBlock? second) = block.Successors;
            Flow(state, first);
            Flow(state, second);
        }

        void Flow(int[][] state, MachineBlock? target)
        {
            if (target is null)
                return;
            if (known[target.Index] is not { } old)
            {
                known[target.Index] = (int[][])state.Clone();
                pending.Add(target.Index);
                return;
            }
            bool changed = false;
            for (int place = 0; place < _places; place++)
            {
                int[] meet = Intersect(old[place], state[place]);
                if (meet.Length == old[place].Length)
                    continue;
                old[place] = meet;
                changed = true;
            }
            if (changed)
                pending.Add(target.Index);
        }
    }

    private static int[] Intersect(int[] a, int[] b)
    {
        if (ReferenceEquals(a, b) || a.Length == 0)
            return a;
        int kept = 0;
        foreach (int symbol in a)
            kept += Array.IndexOf(b, symbol) >= 0 ? 1 : 0;
        return kept == a.Length ? a : kept == 0 ? s_nothing : Array.FindAll(a, symbol => Array.IndexOf(b, symbol) >= 0);
    }

    private InternalCompilerException Wrong(MachineInstruction instruction, MachineBlock block, string problem)
        => new("allocation checker", _function.Name, $"{block}: '{instruction}': {problem}");

    private void Step(MachineInstruction instruction, MachineBlock block, int[][] state)
    {
        if (instruction.IsAllocatorMove)
        {
            StepMove(instruction, block, state);
            return;
        }
        if (instruction.IsCoalesced)
        {
            Alias(state, Symbol(instruction.VirtualDst), Symbol(instruction.VirtualSrc));
            return;
        }
        RegisterAccesses.Collect(instruction, _accesses);
        foreach (RegisterAccess access in _accesses)
        {
            if (!access.Register.IsPhysical)
                throw Wrong(instruction, block, $"operand {access.Register} was given no register");
            if (access.Writes && access.Register.Number == EbpfRegisters.R10)
                throw Wrong(instruction, block, "writes the frame pointer");
            if (access.Reads)
                Require(instruction, block, state, access.Register.Number, Symbol(Original(instruction, access)));
            if (!access.IsEarly)
                continue;
            foreach (RegisterAccess other in _accesses)
            {
                if (other.Reads && other.Slot != access.Slot && other.Register == access.Register)
                    throw Wrong(instruction, block, $"an early clobber shares {access.Register} with an input");
            }
        }
        for (int register = 0; register < EbpfRegisters.Count; register++)
        {
            if ((instruction.ImplicitUses >> register & 1) != 0)
                Require(instruction, block, state, register, Fixed(register));
        }
        if (instruction.IsCopy)
        {
            int dst = Symbol(instruction.VirtualDst), src = Symbol(instruction.VirtualSrc);
            int[] held = state[instruction.Src.Number];
            Forget(state, dst);
            held = Array.FindAll(held, symbol => symbol != dst);
            state[instruction.Dst.Number] = held;
            Alias(state, dst, src);
            return;
        }
        for (int register = 0; register < EbpfRegisters.Count; register++)
        {
            if ((instruction.Clobbers >> register & 1) != 0)
                state[register] = s_nothing;
        }
        for (int register = 0; register < EbpfRegisters.Count; register++)
        {
            if ((instruction.ImplicitDefs >> register & 1) != 0)
                Define(state, register, Fixed(register));
        }
        int written = instruction.ImplicitDefs | instruction.Clobbers;
        foreach (RegisterAccess access in _accesses)
        {
            if (!access.Writes)
                continue;
            if ((written >> access.Register.Number & 1) != 0)
                throw Wrong(instruction, block, $"two results in {access.Register}");
            written |= 1 << access.Register.Number;
            Define(state, access.Register.Number, Symbol(Original(instruction, access)));
        }
    }

    private static MachineRegister Original(MachineInstruction instruction, RegisterAccess access) => access.Slot switch
    {
        0 => instruction.VirtualDst,
        1 => instruction.VirtualSrc,
        _ => instruction.Assembly!.VirtualRegisters[access.Slot - 2],
    };

    private void Require(MachineInstruction instruction, MachineBlock block, int[][] state, int place, int symbol)
    {
        if (symbol == Fixed(EbpfRegisters.R10) && place == EbpfRegisters.R10)
            return;
        if (Array.IndexOf(state[place], symbol) < 0)
            throw Wrong(instruction, block, $"r{place} does not hold {(symbol >= 0 ? "%" + symbol : "the code's own r" + (-1 - symbol))}");
    }

    private static void Forget(int[][] state, int symbol)
    {
        for (int place = 0; place < state.Length; place++)
        {
            if (Array.IndexOf(state[place], symbol) >= 0)
                state[place] = Array.FindAll(state[place], other => other != symbol);
        }
    }

    private static void Define(int[][] state, int place, int symbol)
    {
        Forget(state, symbol);
        state[place] = [symbol];
    }

    /// <summary>After a copy the destination's value is wherever the source's is.</summary>
    private static void Alias(int[][] state, int dst, int src)
    {
        if (dst == src)
            return;
        Forget(state, dst);
        for (int place = 0; place < state.Length; place++)
        {
            if (Array.IndexOf(state[place], src) >= 0)
                state[place] = [.. state[place], dst];
        }
    }

    private void StepMove(MachineInstruction move, MachineBlock block, int[][] state)
    {
        if (move.IsRematerializable)
        {
            int symbol = Symbol(move.VirtualDst);
            if (!_definitions.TryGetValue(symbol, out MachineInstruction? definition) || !IsSame(definition, move))
                throw Wrong(move, block, "repeats no definition");
            state[move.Dst.Number] = [symbol];
            return;
        }
        switch (move.Opcode)
        {
            case EbpfOpcode.Mov64Reg:
                state[move.Dst.Number] = state[move.Src.Number];
                break;
            case EbpfOpcode.Load64 when move.Object is { } slot && _slots.TryGetValue(slot, out int place):
                state[move.Dst.Number] = state[place];
                break;
            case EbpfOpcode.StoreReg64 when move.Object is { } slot && _slots.TryGetValue(slot, out int place):
                state[place] = state[move.Src.Number];
                break;
            default:
                throw Wrong(move, block, "is no move");
        }
    }

    private static bool IsSame(MachineInstruction a, MachineInstruction b)
        => a.Opcode == b.Opcode && a.Pseudo == b.Pseudo && a.Immediate == b.Immediate && ReferenceEquals(a.Symbol, b.Symbol)
            && ReferenceEquals(a.Object, b.Object) && ReferenceEquals(a.Core, b.Core);
}
