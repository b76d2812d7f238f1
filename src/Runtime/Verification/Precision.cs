// Which numbers matter. Pruning may ignore the value of a number unless some decision on the checkpoint's continuation used it:
// an offset added to a pointer, a size passed to a helper, a branch decided by it. When such a use is met, the path is walked
// backwards, instruction by instruction, to find the registers and stack slots the number came from, and those of every
// checkpoint on the way are marked precise.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

/// <summary>Up to six places that hold linked numbers, packed into one word: count, then frame(3) place(6) isRegister(1) each.</summary>
internal struct LinkedRegisters
{
    public const int Limit = 6;

    private ulong _entries;

    public int Count { get; private set; }

    public bool Add(int frame, int place, bool isRegister)
    {
        if (Count == Limit)
            return false;
        _entries |= (ulong)(uint)(frame | place << 3 | (isRegister ? 1 << 9 : 0)) << (Count++ * 10);
        return true;
    }

    public readonly (int Frame, int Place, bool IsRegister) this[int index]
    {
        get
        {
            int entry = (int)(_entries >> (index * 10)) & 0x3ff;
            return (entry & 7, entry >> 3 & 63, entry >> 9 != 0);
        }
    }

    public readonly ulong Pack() => _entries << 4 | (uint)Count;

    public static LinkedRegisters Unpack(ulong packed) => new() { _entries = packed >> 4, Count = (int)(packed & 15) };
}

/// <summary>One step of a path that is not simply "the next instruction", or that touched the stack.</summary>
internal record struct HistoryEntry(int Slot, int Previous, int Flags, ulong Linked);

/// <summary>The steps of the current path. Pending branches share the prefix: going back to one drops what came after.</summary>
internal sealed class PathHistory
{
    private HistoryEntry[] _entries = new HistoryEntry[64];

    public ref HistoryEntry this[int index] => ref _entries[index];

    public void Reset()
    {
    }

    public void Write(int index, HistoryEntry entry)
    {
        if (index == _entries.Length)
            Array.Resize(ref _entries, index * 2);
        _entries[index] = entry;
    }
}

internal sealed partial class Analysis
{
    private const int HistoryStackAccess = 1 << 12, HistorySourceIsStack = 1 << 13, HistoryTargetIsStack = 1 << 14;
    private const uint ArgumentMask = 0b111110;

    private readonly PathHistory _history = new();
    private int _historyEntry = -1;

    private readonly uint[] _wantedRegisters = new uint[AbstractState.MaxFrames];
    private readonly ulong[] _wantedSlots = new ulong[AbstractState.MaxFrames];
    private int _wantedFrame;

    private static int StackFlags(FrameState frame, int index) => HistoryStackAccess | index << 3 | frame.Number;

    /// <summary>Records the current instruction in the path's history, or adds to its record.</summary>
    private void PushHistory(int flags, ulong linked)
    {
        if (_historyEntry >= 0)
        {
            ref HistoryEntry entry = ref _history[_historyEntry];
            entry.Flags |= flags;
            if (linked != 0)
                entry.Linked = linked;
            return;
        }
        _historyEntry = _state.HistoryEnd++;
        _history.Write(_historyEntry, new HistoryEntry(_slot, _previousSlot, flags, linked));
    }

    /// <summary>The value of this number was used to decide something.</summary>
    private void MarkPrecise(int register)
    {
        if (!_options.IsPrivileged || !_registers[register].IsScalar)
            return;
        _wantedFrame = _state.Depth;
        _wantedRegisters[_wantedFrame] |= 1u << register;
        TracePrecision();
    }

    /// <summary>As above, of a number spilled to the stack.</summary>
    private void MarkSlotPrecise(FrameState frame, int index)
    {
        if (!_options.IsPrivileged)
            return;
        _wantedFrame = _state.Depth;
        _wantedSlots[frame.Number] |= 1UL << index;
        TracePrecision();
    }

    private bool NothingWanted()
    {
        for (int i = 0; i <= _wantedFrame; i++)
        {
            if (_wantedRegisters[i] != 0 || _wantedSlots[i] != 0)
                return false;
        }
        return true;
    }

    private void ClearWanted()
    {
        Array.Clear(_wantedRegisters);
        Array.Clear(_wantedSlots);
    }

    /// <summary>Walks the path backwards until every wanted register and slot is traced to where its value was made.</summary>
    private void TracePrecision()
    {
        if (NothingWanted())
            return;
        AbstractState? state = _state;
        int first = state.FirstSlot, last = _slot, following = -1;
        bool skip = true;
        while (true)
        {
            int start = state.HistoryStart, end = state.HistoryEnd;
            if (last < 0)
            {
                TraceReachedEntry(state);
                return;
            }
            for (int slot = last; ;)
            {
                bool traced = true;
                if (skip)
                {
                    skip = false;
                }
                else
                {
                    bool recorded = end > start && _history[end - 1].Slot == slot;
                    traced = TraceBack(slot, following, recorded ? _history[end - 1] : default);
                }
                if (!traced)
                {
                    ForceAllPrecise();
                    ClearWanted();
                    return;
                }
                if (NothingWanted())
                {
                    ClearWanted();
                    return;
                }
                following = slot;
                int count = end - start;
                if (slot == state.FirstSlot && (count == 0 || (count == 1 && _history[start].Slot == slot)))
                    break;
                if (count > 0 && _history[end - 1].Slot == slot)
                    slot = _history[--end].Previous;
                else
                    slot--;
                if (slot < 0)
                {
                    // The beginning of the program with something still wanted: be safe.
                    ForceAllPrecise();
                    ClearWanted();
                    return;
                }
            }
            state = state.Parent;
            if (state is null)
                break;
            MarkWanted(state);
            if (NothingWanted())
            {
                ClearWanted();
                return;
            }
            following = first;
            last = state.LastSlot;
            first = state.FirstSlot;
        }
        ForceAllPrecise();
        ClearWanted();
    }

    /// <summary>Marks what is wanted in a checkpoint; what was already marked there needs no further tracing.</summary>
    private void MarkWanted(AbstractState state)
    {
        for (int i = _wantedFrame; i >= 0; i--)
        {
            if (i > state.Depth)
                continue;
            FrameState frame = state.Frames[i]!;
            for (int r = 0; r < 10; r++)
            {
                if ((_wantedRegisters[i] >> r & 1) == 0)
                    continue;
                ref RegisterState register = ref frame.Registers[r];
                if (!register.IsScalar || register.Precise)
                    _wantedRegisters[i] &= ~(1u << r);
                else
                    register.Precise = true;
            }
            for (int s = 0; s < FrameState.MaxSlots && _wantedSlots[i] >> s != 0; s++)
            {
                if ((_wantedSlots[i] >> s & 1) == 0)
                    continue;
                if (s >= frame.SlotCount || !frame.Slot(s).IsScalarSpill || frame.Slot(s).Spill.Precise)
                    _wantedSlots[i] &= ~(1UL << s);
                else
                    frame.Slot(s).Spill.Precise = true;
            }
        }
    }

    private void TraceReachedEntry(AbstractState state)
    {
        // Only a function verified on its own begins with numbers that something may depend on: its arguments.
        for (int r = 1; r <= 5; r++)
        {
            if ((_wantedRegisters[0] >> r & 1) != 0 && state.Frames[0]!.Registers[r].IsScalar)
                state.Frames[0]!.Registers[r].Precise = true;
        }
        bool onlyArguments = state.Depth == 0 && (_wantedRegisters[0] & ~ArgumentMask) == 0 && _wantedSlots[0] == 0;
        if (!onlyArguments)
            ForceAllPrecise();
        ClearWanted();
    }

    /// <summary>
    /// Undoes one instruction: what was wanted after it becomes what is wanted before it. False when that cannot be told.
    /// </summary>
    private bool TraceBack(int slot, int following, HistoryEntry history)
    {
        ref InstructionInfo instruction = ref _code[slot];
        ref uint wanted = ref _wantedRegisters[_wantedFrame];
        uint dst = 1u << instruction.Dst, src = 1u << instruction.Src;
        const uint FramePointer = 1u << EbpfRegisters.R10;
        TraceLinked(history.Linked);
        switch (instruction.Effect)
        {
            case Effect.Alu:
                if ((wanted & dst) == 0)
                    return true;
                switch (instruction.Operation)
                {
                    case Operation.Mov or Operation.MovSx or Operation.AddrSpaceCast:
                        wanted &= ~dst;
                        if (instruction.IsRegisterForm)
                            wanted |= src & ~FramePointer;
                        break;
                    case Operation.Neg or Operation.ToLe or Operation.ToBe or Operation.Bswap:
                        return true;
                    default:
                        if (instruction.IsRegisterForm)
                            wanted |= src & ~FramePointer;
                        break;
                }
                break;
            case Effect.Load:
                if ((wanted & dst) == 0)
                    return true;
                wanted &= ~dst;
                WantSlotOf(history);
                break;
            case Effect.Atomic when instruction.Operation is >= Operation.AtomicFetchAdd and <= Operation.AtomicCmpXchg:
                uint loaded = instruction.Operation == Operation.AtomicCmpXchg ? 1u : src;
                if ((wanted & loaded) == 0)
                    return true;
                wanted &= ~loaded;
                WantSlotOf(history);
                break;
            case Effect.Store or Effect.Atomic:
                if ((wanted & dst) != 0)
                    return false; // a number used as an address: pointers were subtracted
                if ((history.Flags & HistoryStackAccess) == 0)
                    return true;
                int frame = history.Flags & 7;
                ulong place = 1UL << (history.Flags >> 3 & 63);
                if ((_wantedSlots[frame] & place) == 0)
                    return true;
                _wantedSlots[frame] &= ~place;
                if (instruction.IsRegisterForm)
                    wanted |= src;
                break;
            case Effect.Call:
                return TraceCall(slot, following, ref instruction);
            case Effect.Exit:
                return TraceExit(following);
            case Effect.Branch:
                if (!instruction.IsRegisterForm || instruction.Opcode == EbpfOpcode.MayGoto)
                    break;
                if ((wanted & (dst | src)) == 0)
                    return true;
                if ((history.Flags & HistorySourceIsStack) == 0)
                    wanted |= src;
                if ((history.Flags & HistoryTargetIsStack) == 0)
                    wanted |= dst;
                break;
            case Effect.LoadImmediate:
                wanted &= ~dst;
                return true;
            case Effect.PacketLoad:
                if ((wanted & 1) != 0)
                    return false;
                return following == slot + 1 || EnterFrame();
        }
        TraceLinked(history.Linked);
        return true;
    }

    private void WantSlotOf(HistoryEntry history)
    {
        if ((history.Flags & HistoryStackAccess) != 0)
            _wantedSlots[history.Flags & 7] |= 1UL << (history.Flags >> 3 & 63);
    }

    private bool TraceCall(int slot, int following, ref InstructionInfo instruction)
    {
        ref uint wanted = ref _wantedRegisters[_wantedFrame];
        if (instruction.Opcode == EbpfOpcode.CallLocal)
        {
            int callee = _flow.FindSubprogram(slot + 1 + instruction.Immediate);
            if (IsVerifiedAlone(callee) && following == slot + 1)
            {
                if ((wanted & ArgumentMask) != 0)
                    return false;
                wanted &= ~1u;
                return true;
            }
            // Leaving the callee towards its caller: only its arguments can come from there.
            if ((wanted & ~ArgumentMask) != 0 || _wantedSlots[_wantedFrame] != 0 || _wantedFrame == 0)
                return false;
            _wantedRegisters[_wantedFrame - 1] |= wanted & ArgumentMask;
            wanted = 0;
            _wantedFrame--;
            return true;
        }
        if (instruction.CallsCallback && slot != following - 1)
        {
            // Leaving a callback towards the helper that called it; its arguments come from the helper.
            if ((wanted & ~ArgumentMask) != 0 || _wantedSlots[_wantedFrame] != 0 || _wantedFrame == 0)
                return false;
            wanted = 0;
            _wantedFrame--;
            return true;
        }
        wanted &= ~1u;
        return (wanted & ArgumentMask) == 0;
    }

    private bool TraceExit(int following)
    {
        ref uint wanted = ref _wantedRegisters[_wantedFrame];
        bool fromCall = following >= 1 && _code[following - 1].Opcode == EbpfOpcode.CallLocal;
        bool result = fromCall && (wanted & 1) != 0;
        if (fromCall && (wanted & ArgumentMask) != 0)
            return false;
        wanted &= ~1u;
        if (!EnterFrame())
            return false;
        if (result)
            _wantedRegisters[_wantedFrame] |= 1;
        return true;
    }

    private bool EnterFrame()
    {
        if (_wantedFrame == AbstractState.MaxFrames - 1)
            return false;
        _wantedFrame++;
        return true;
    }

    /// <summary>When one of several linked numbers is wanted at the branch that narrowed them together, all are.</summary>
    private void TraceLinked(ulong packed)
    {
        if (packed == 0)
            return;
        LinkedRegisters linked = LinkedRegisters.Unpack(packed);
        bool some = false;
        for (int i = 0; i < linked.Count && !some; i++)
        {
            (int frame, int place, bool isRegister) = linked[i];
            some = isRegister ? (_wantedRegisters[frame] >> place & 1) != 0 : (_wantedSlots[frame] >> place & 1) != 0;
        }
        for (int i = 0; i < linked.Count && some; i++)
        {
            (int frame, int place, bool isRegister) = linked[i];
            if (isRegister)
                _wantedRegisters[frame] |= 1u << place;
            else
                _wantedSlots[frame] |= 1UL << place;
        }
    }

    private void ForceAllPrecise()
    {
        for (AbstractState? state = _state.Parent; state is not null; state = state.Parent)
        {
            for (int i = 0; i <= state.Depth; i++)
            {
                FrameState frame = state.Frames[i]!;
                for (int r = 0; r < 10; r++)
                    frame.Registers[r].Precise |= frame.Registers[r].IsScalar;
                foreach (ref StackSlot slot in frame.Slots)
                    slot.Spill.Precise |= slot.IsScalarSpill;
            }
        }
    }

    /// <summary>A new checkpoint begins without precision: what comes after it will say what it needs.</summary>
    private static void ForgetPrecision(AbstractState state)
    {
        for (int i = 0; i <= state.Depth; i++)
        {
            FrameState frame = state.Frames[i]!;
            for (int r = 0; r < 10; r++)
                frame.Registers[r].Precise &= !frame.Registers[r].IsScalar;
            foreach (ref StackSlot slot in frame.Slots)
                slot.Spill.Precise &= !slot.IsScalarSpill;
        }
    }

    /// <summary>The current path continues like one that went on from <paramref name="covering"/>: the numbers it needed, this one needs.</summary>
    private void PropagatePrecision(AbstractState covering)
    {
        if (!_options.IsPrivileged)
            return;
        _wantedFrame = _state.Depth;
        for (int i = covering.Depth; i >= 0; i--)
        {
            FrameState frame = covering.Frames[i]!;
            ushort live = LiveRegisters(covering, i);
            for (int r = 0; r < 10; r++)
            {
                if (frame.Registers[r].IsScalar && frame.Registers[r].Precise && (live >> r & 1) != 0)
                    _wantedRegisters[i] |= 1u << r;
            }
            for (int s = 0; s < frame.SlotCount; s++)
            {
                if (frame.Slot(s).IsScalarSpill && frame.Slot(s).Spill.Precise && (frame.Read >> s & 1) != 0)
                    _wantedSlots[i] |= 1UL << s;
            }
        }
        TracePrecision();
    }

    /// <summary>Finds all numbers linked to <paramref name="id"/>; those that do not fit into the record lose their link.</summary>
    private void CollectLinked(uint id, ref LinkedRegisters linked)
    {
        id &= ~RegisterState.LinkedWithDelta;
        for (int i = _state.Depth; i >= 0; i--)
        {
            FrameState frame = _state.Frames[i]!;
            for (int r = 0; r < 10; r++)
            {
                ref RegisterState register = ref frame.Registers[r];
                if (register.IsScalar && (register.Id & ~RegisterState.LinkedWithDelta) == id && !linked.Add(i, r, true))
                    register.Unlink();
            }
            for (int s = 0; s < frame.SlotCount; s++)
            {
                ref StackSlot slot = ref frame.Slot(s);
                if (slot.IsScalarSpill && (slot.Spill.Id & ~RegisterState.LinkedWithDelta) == id && !linked.Add(i, s, false))
                    slot.Spill.Unlink();
            }
        }
    }

    /// <summary>Copies what became known of a number to those linked with it, shifted by their distance.</summary>
    private static void SynchronizeLinked(AbstractState state, in RegisterState known, in LinkedRegisters linked)
    {
        const uint Delta = RegisterState.LinkedWithDelta;
        RegisterState source = known;
        for (int i = 0; i < linked.Count; i++)
        {
            (int frame, int place, bool isRegister) = linked[i];
            ref RegisterState register = ref (isRegister ? ref state.Frames[frame]!.Registers[place] : ref state.Frames[frame]!.Slot(place).Spill);
            if (!register.IsScalar || (register.Id & ~Delta) != (source.Id & ~Delta))
                continue;
            int distance = ((register.Id & Delta) != 0 ? register.Offset : 0) - ((source.Id & Delta) != 0 ? source.Offset : 0);
            (uint id, int offset) = (register.Id, register.Offset);
            bool precise = register.Precise;
            register = source;
            (register.Id, register.Offset) = (id, offset);
            register.Precise = precise || source.Precise;
            if (distance != 0)
            {
                ScalarArithmetic.Apply(Operation.Add, 64, ref register.Value, ScalarBounds.Const((ulong)(long)distance));
                if (!register.Value.IsConsistent)
                    register.Value.ForgetRanges();
            }
        }
    }
}
