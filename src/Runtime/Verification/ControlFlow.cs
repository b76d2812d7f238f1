// The shape of a program before any path is walked: its functions, that every instruction is reachable, that nothing jumps out
// of its function or into a two-slot immediate, where paths meet (prune points), and which registers are live where.
// A depth-first search without recursion; fall-through edges first, as the kernel does, so that messages agree.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

/// <summary>Facts about control flow, computed once a program.</summary>
internal sealed class ControlFlow(InstructionInfo[] code, bool isPrivileged)
{
    public const int MaxSubprograms = 256;

    private const byte Discovered = 0x10, FallthroughDone = 0x11, BranchDone = 0x12, Explored = 0x20;
    private const ushort Arguments = 0b111110, CallerSaved = 0b111111;

    private readonly List<SubprogramInfo> _subprograms = [];
    private byte[] _marks = [];
    private int[] _stack = [];
    private int _top;

    /// <summary>By start slot; the first is the entry.</summary>
    public IReadOnlyList<SubprogramInfo> Subprograms => _subprograms;

    /// <summary>Slots of calls by the helper's number that may put the program to sleep or move packets; read from the helper table.</summary>
    public required Func<int, HelperRow?> FindHelper { get; init; }

    /// <summary>Kernel functions by BTF id; null for those that cannot be called.</summary>
    public required Func<int, Kfunc?> FindKfunc { get; init; }

    public int FindSubprogram(int start)
    {
        int low = 0, high = _subprograms.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            int found = _subprograms[middle].Start;
            if (found == start)
                return middle;
            if (found < start)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return -1;
    }

    public SubprogramInfo Containing(int slot)
    {
        int index = 0;
        while (index + 1 < _subprograms.Count && _subprograms[index + 1].Start <= slot)
            index++;
        return _subprograms[index];
    }

    /// <summary>Finds the functions: slot 0, targets of local calls, functions whose address is taken, and <paramref name="more"/>.</summary>
    public void FindSubprograms(IEnumerable<int> more)
    {
        var starts = new SortedSet<int> { 0 };
        foreach (int start in more)
            starts.Add(start);
        for (int slot = 0; slot < code.Length; slot += code[slot].Slots)
        {
            ref InstructionInfo instruction = ref code[slot];
            if (instruction.Opcode is not (EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction or EbpfOpcode.CallKfunc))
                continue;
            if (!isPrivileged)
                throw new RejectedException("loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN") { Slot = slot };
            if (instruction.Opcode == EbpfOpcode.CallKfunc)
                continue;
            long target = (long)slot + 1 + instruction.Immediate;
            if (target < 0 || target >= code.Length)
                throw new RejectedException("call to invalid destination") { Slot = slot };
            starts.Add((int)target);
            if (starts.Count > MaxSubprograms)
                throw new RejectedException("too many subprograms") { Slot = slot };
        }
        foreach (int start in starts)
            _subprograms.Add(new SubprogramInfo(start));
        for (int i = 0; i < _subprograms.Count; i++)
            _subprograms[i].End = i + 1 < _subprograms.Count ? _subprograms[i + 1].Start : code.Length;
    }

    /// <summary>Jumps stay inside their function, and no function falls through into the next.</summary>
    public void CheckBoundaries()
    {
        foreach (SubprogramInfo subprogram in _subprograms)
        {
            int last = subprogram.Start;
            for (int slot = subprogram.Start; slot < subprogram.End; slot += code[slot].Slots)
            {
                last = slot;
                ref InstructionInfo instruction = ref code[slot];
                if (instruction is { Opcode: EbpfOpcode.CallHelper, Immediate: 12 })
                    subprogram.HasTailCall = true;
                if (instruction.Effect == Effect.PacketLoad)
                    subprogram.HasPacketLoad = true;
                if (instruction.Effect is not (Effect.Branch or Effect.Jump))
                    continue;
                int target = instruction.JumpTarget(slot);
                if (target < subprogram.Start || target >= subprogram.End)
                    throw new RejectedException($"jump out of range from insn {slot} to {target}") { Slot = slot };
            }
            if (code[last].Opcode is not (EbpfOpcode.Exit or EbpfOpcode.Ja or EbpfOpcode.JaLong) && !(code[last].Opcode == EbpfOpcode.CallKfunc))
                throw new RejectedException("last insn is not an exit or jmp") { Slot = last };
        }
    }

    /// <summary>Walks the graph from the entry (and from <paramref name="extraEntry"/> when it is not negative).</summary>
    public void Walk(int extraEntry)
    {
        _marks = new byte[code.Length];
        _stack = new int[code.Length];
        WalkFrom(0);
        if (extraEntry >= 0 && _marks[extraEntry] == 0)
            WalkFrom(extraEntry);
        for (int slot = 0; slot < code.Length; slot++)
        {
            if (_marks[slot] != Explored)
                throw new RejectedException($"unreachable insn {slot}") { Slot = slot };
            if (code[slot].IsWide)
            {
                if (_marks[slot + 1] != 0)
                    throw new RejectedException($"jump into the middle of ldimm64 insn {slot}") { Slot = slot };
                slot++;
            }
        }
        ComputeLiveRegisters();
    }

    private void WalkFrom(int entry)
    {
        _marks[entry] = Discovered;
        _stack[0] = entry;
        _top = 1;
        while (_top > 0)
        {
            int slot = _stack[_top - 1];
            if (!Visit(slot))
            {
                _marks[slot] = Explored;
                _top--;
            }
        }
    }

    /// <summary>Pushes the next unexplored successor; false when there is none.</summary>
    private bool Visit(int slot)
    {
        ref InstructionInfo instruction = ref code[slot];
        switch (instruction.Opcode)
        {
            case EbpfOpcode.Exit:
                return false;
            case EbpfOpcode.LoadFunction:
                return VisitCall(slot, callee: true);
            case EbpfOpcode.CallLocal:
                return VisitCall(slot, callee: true);
            case EbpfOpcode.CallHelper:
                if (FindHelper(instruction.Immediate) is { } helper)
                {
                    if (helper.Has(HelperFlags.AsyncCallback))
                        instruction.IsPrunePoint = true;
                    if (helper.Has(HelperFlags.SyncCallback))
                        instruction.CallsCallback = instruction.ForcesCheckpoint = instruction.IsPrunePoint = instruction.IsJumpPoint = true;
                    if (helper.Has(HelperFlags.ChangesPacketData))
                        Containing(slot).ChangesPacketData = true;
                    if (helper.Has(HelperFlags.MightSleep))
                        Containing(slot).MightSleep = true;
                }
                return VisitCall(slot, callee: false);
            case EbpfOpcode.CallKfunc:
                if (FindKfunc(instruction.Immediate) is { } kfunc)
                {
                    // A checkpoint at every pass is what lets loops over iterators converge.
                    if (kfunc.Has(KfuncFlags.IteratorNext))
                        instruction.IsIteratorNext = instruction.ForcesCheckpoint = instruction.IsPrunePoint = true;
                    if (kfunc.Has(KfuncFlags.MightSleep))
                        Containing(slot).MightSleep = true;
                }
                return VisitCall(slot, callee: false);
            case EbpfOpcode.Ja or EbpfOpcode.JaLong:
                int target = instruction.JumpTarget(slot);
                if (Push(slot, target, FallthroughDone))
                    return true;
                code[target].IsPrunePoint = code[target].IsJumpPoint = true;
                return false;
        }
        if (instruction.Effect != Effect.Branch)
            return Push(slot, slot + instruction.Slots, FallthroughDone);
        instruction.IsPrunePoint = true;
        if (instruction.Opcode == EbpfOpcode.MayGoto)
            instruction.ForcesCheckpoint = true;
        return Push(slot, slot + 1, FallthroughDone) || Push(slot, instruction.JumpTarget(slot), BranchDone);
    }

    private bool VisitCall(int slot, bool callee)
    {
        int next = slot + code[slot].Slots;
        if (Push(slot, next, FallthroughDone))
            return true;
        code[next].IsPrunePoint = code[next].IsJumpPoint = true;
        if (!callee)
            return false;
        int target = slot + 1 + code[slot].Immediate;
        code[slot].IsPrunePoint = true;
        SubprogramInfo caller = Containing(slot), called = Containing(target);
        caller.ChangesPacketData |= called.ChangesPacketData;
        caller.MightSleep |= called.MightSleep;
        return Push(slot, target, BranchDone);
    }

    private bool Push(int from, int to, byte edge)
    {
        if (_marks[from] >= edge)
            return false;
        if (to >= code.Length || to < 0)
            throw new RejectedException($"jump out of range from insn {from} to {to}") { Slot = from };
        if (edge == BranchDone)
            code[to].IsPrunePoint = code[to].IsJumpPoint = true;
        switch (_marks[to])
        {
            case 0:
                _marks[from] = edge;
                _marks[to] = Discovered;
                _stack[_top++] = to;
                return true;
            case Explored:
                _marks[from] = edge;
                return false;
            default:
                if (!isPrivileged)
                    throw new RejectedException($"back-edge from insn {from} to {to}") { Slot = from };
                return false;
        }
    }

    /// <summary>Backward data flow over each function: live before = used here, or live after and not written here.</summary>
    private void ComputeLiveRegisters()
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int slot = code.Length - 1; slot >= 0; slot--)
            {
                ref InstructionInfo instruction = ref code[slot];
                if (instruction.Opcode == EbpfOpcode.Invalid)
                    continue;
                (int used, int written) = Effects(in instruction);
                int after = 0;
                if (instruction.Opcode != EbpfOpcode.Exit && instruction.Effect != Effect.Jump)
                    after = code[slot + instruction.Slots].LiveBefore;
                if (instruction.Effect is Effect.Branch or Effect.Jump)
                    after |= code[instruction.JumpTarget(slot)].LiveBefore;
                var before = (ushort)(used | (after & ~written));
                changed |= before != instruction.LiveBefore;
                instruction.LiveBefore = before;
            }
        }
    }

    private (int Used, int Written) Effects(in InstructionInfo instruction)
    {
        int dst = 1 << instruction.Dst, src = 1 << instruction.Src;
        switch (instruction.Effect)
        {
            case Effect.Alu:
                bool overwrites = instruction.Operation is Operation.Mov or Operation.MovSx or Operation.AddrSpaceCast;
                return ((instruction.IsRegisterForm ? src : 0) | (overwrites ? 0 : dst), dst);
            case Effect.LoadImmediate:
                return (0, dst);
            case Effect.PacketLoad:
                return ((1 << EbpfRegisters.R6) | (instruction.Operation == Operation.LoadPacketIndirect ? src : 0), CallerSaved);
            case Effect.Load:
                return (src, dst);
            case Effect.Store:
                return (dst | (instruction.IsRegisterForm ? src : 0), 0);
            case Effect.Atomic:
                return instruction.Operation switch
                {
                    Operation.AtomicCmpXchg => (dst | src | 1, 1),
                    >= Operation.AtomicFetchAdd and <= Operation.AtomicXchg => (dst | src, src),
                    _ => (dst | src, 0),
                };
            case Effect.Branch:
                return instruction.Opcode == EbpfOpcode.MayGoto ? (0, 0) : (dst | (instruction.IsRegisterForm ? src : 0), 0);
            case Effect.Exit:
                return (1, 0);
            case Effect.Call:
                int used = Arguments;
                if (instruction.Opcode == EbpfOpcode.CallHelper && FindHelper(instruction.Immediate) is { } helper)
                    used = ((1 << helper.Arguments.Length) - 1) << 1;
                if (instruction.Opcode == EbpfOpcode.CallKfunc && FindKfunc(instruction.Immediate) is { } kfunc)
                    used = ((1 << kfunc.Prototype.Length) - 1) << 1;
                return (used, CallerSaved);
            default:
                return (0, 0);
        }
    }
}
