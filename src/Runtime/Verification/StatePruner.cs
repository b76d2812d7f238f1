// When a path need not be walked further: a checkpoint at the same instruction, already walked to the end from a state that
// allowed at least as much, covers it. Also where checkpoints are made, how long they are kept, and how loops are noticed.
//
// Comparison is at one of three strengths. Covered: numbers that never mattered after the checkpoint may differ. WithinRange: the
// checkpoint's continuation is still being walked (a loop), so what matters is not known yet and every value must lie within
// the checkpoint's. Exact: the very same state came back, the loop does not end.
// Loop entries follow T. Wei et al., "A New Algorithm for Identifying Loops in Decompilation" (SAS 2007).
namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private enum Strength { Covered, Exact, WithinRange }

    private const int HistoryLimit = 40;

    private readonly IdMap _idMap = new();

    /// <summary>Decides at a prune point: true when the current path is covered; otherwise perhaps makes a checkpoint.</summary>
    private bool IsCovered()
    {
        ref InstructionInfo instruction = ref _code[_slot];
        AbstractState current = _state;
        bool force = instruction.ForcesCheckpoint || current.HistoryEnd - current.HistoryStart > HistoryLimit;
        bool add = force || (_jumps - _jumpsAtCheckpoint >= 2 && _processed - _processedAtCheckpoint >= 8);
        int seen = 0;
        AbstractState? previous = null;
        for (AbstractState? checkpoint = _checkpoints[_slot]; checkpoint is not null;)
        {
            AbstractState? next = checkpoint.NextAtSlot;
            if (!SameCallSites(checkpoint, current))
            {
                previous = checkpoint;
                checkpoint = next;
                continue;
            }
            seen++;
            if (Covers(checkpoint, ref instruction, force, ref add))
            {
                checkpoint.Hits++;
                PropagateStackReads(checkpoint);
                if (instruction.IsJumpPoint)
                    PushHistory(0, 0);
                PropagatePrecision(checkpoint);
                return true;
            }
            if (add)
                checkpoint.Misses++;
            int patience = instruction.ForcesCheckpoint && checkpoint.Branches > 0 ? 64 : 3;
            if (checkpoint.Misses > checkpoint.Hits * patience + patience)
            {
                // Unlikely to cover anything. The tree may still walk through it; the collector takes it when nothing does.
                if (previous is null)
                    _checkpoints[_slot] = next;
                else
                    previous.NextAtSlot = next;
                checkpoint.NextAtSlot = null;
                _liveStates--;
            }
            else
            {
                previous = checkpoint;
            }
            checkpoint = next;
        }
        _maxStatesPerSlot = Math.Max(_maxStatesPerSlot, seen);
        if (add && (_options.IsPrivileged || seen <= 64))
            MakeCheckpoint();
        return false;
    }

    private bool Covers(AbstractState checkpoint, ref InstructionInfo instruction, bool force, ref bool add)
    {
        AbstractState current = _state;
        if (checkpoint.Branches > 0)
        {
            // The checkpoint is on the path being walked: this is a loop.
            FrameState frame = checkpoint.Current;
            if (!(frame.InAsyncCallback && frame.AsyncEntries != current.Current.AsyncEntries) && IsLoopConverged(checkpoint, ref instruction, out bool isLoop))
            {
                if (isLoop)
                    UpdateLoopEntry(current, checkpoint);
                return true;
            }
            if (!force && _jumps - _jumpsAtCheckpoint < 20 && _processed - _processedAtCheckpoint < 100)
                add = false;
            return false;
        }
        AbstractState? entry = FindLoopEntry(checkpoint);
        bool inOpenLoop = entry is { Branches: > 0 };
        if (!inOpenLoop)
            Clean(checkpoint);
        if (!IsWithin(checkpoint, current, inOpenLoop ? Strength.WithinRange : Strength.Covered))
            return false;
        if (inOpenLoop)
            UpdateLoopEntry(current, entry!);
        return true;
    }

    private void MakeCheckpoint()
    {
        _totalStates++;
        _liveStates++;
        _peakStates = Math.Max(_peakStates, _liveStates);
        _jumpsAtCheckpoint = _jumps;
        _processedAtCheckpoint = _processed;
        if (_options.IsPrivileged)
            ForgetPrecision(_state);
        AbstractState checkpoint = _pool.Rent();
        checkpoint.CopyFrom(_state, _pool);
        checkpoint.AtSlot = _slot;
        checkpoint.Hits = checkpoint.Misses = 0;
        checkpoint.NextAtSlot = _checkpoints[_slot];
        _checkpoints[_slot] = checkpoint;
        _state.Parent = checkpoint;
        _state.Branches = 1;
        _state.FirstSlot = _slot;
        _state.HistoryStart = _state.HistoryEnd;
        _state.TreeDepth = checkpoint.TreeDepth + 1;
        _state.LoopEntry = null;
        _state.IsLoopEntry = false;
        for (int i = 0; i <= _state.Depth; i++)
        {
            checkpoint.Frames[i]!.Read = 0;
            _state.Frames[i]!.Written = 0;
            _state.Frames[i]!.Read = 0;
        }
    }

    /// <summary>A path through this state has ended.</summary>
    private void FinishBranch(AbstractState? state)
    {
        while (state is not null)
        {
            int left = --state.Branches;
            if (left == 0 && state.Parent is { } parent && state.LoopEntry is { } entry)
                UpdateLoopEntry(parent, entry);
            if (left != 0)
                return;
            state = state.Parent;
        }
    }

    private static bool SameCallSites(AbstractState a, AbstractState b)
    {
        if (a.Depth != b.Depth)
            return false;
        for (int i = 0; i <= a.Depth; i++)
        {
            if (a.Frames[i]!.CallSite != b.Frames[i]!.CallSite)
                return false;
        }
        return true;
    }

    private static AbstractState? FindLoopEntry(AbstractState state)
    {
        AbstractState? outermost = state.LoopEntry;
        while (outermost?.LoopEntry is { } further && further != outermost)
            outermost = further;
        for (AbstractState? walk = state; walk is not null && walk.LoopEntry != outermost;)
        {
            AbstractState? next = walk.LoopEntry;
            walk.LoopEntry = outermost;
            walk = next;
        }
        return outermost;
    }

    private static void UpdateLoopEntry(AbstractState state, AbstractState header)
    {
        AbstractState mine = FindLoopEntry(state) ?? state, its = FindLoopEntry(header) ?? header;
        // One loop already: linking its states to each other again would only make a ring of them.
        if (ReferenceEquals(mine, its))
            return;
        if (its.Branches > 0 && its.TreeDepth <= mine.TreeDepth)
        {
            state.LoopEntry = header;
            header.IsLoopEntry = true;
        }
    }

    /// <summary>Everything the current state may be, the checkpoint's state may be.</summary>
    private bool IsWithin(AbstractState old, AbstractState current, Strength strength)
    {
        if (old.Depth != current.Depth || (old.Speculative && !current.Speculative))
            return false;
        _idMap.Reset(_ids);
        if (old.LockOwner != current.LockOwner || (old.LockId != 0) != (current.LockId != 0) || (old.LockId != 0 && !_idMap.Match(old.LockId, current.LockId)))
            return false;
        if (old.RcuDepth != current.RcuDepth || old.PreemptDepth != current.PreemptDepth || old.InSleepable != current.InSleepable)
            return false;
        for (int i = 0; i <= old.Depth; i++)
        {
            FrameState oldFrame = old.Frames[i]!, frame = current.Frames[i]!;
            if (oldFrame.CallSite != frame.CallSite || oldFrame.CallbackDepth > frame.CallbackDepth)
                return false;
            ushort live = LiveRegisters(old, i);
            for (int r = 0; r < 11; r++)
            {
                if (((live | 1 << 10) >> r & 1) != 0 && !IsRegisterWithin(in oldFrame.Registers[r], in frame.Registers[r], strength))
                    return false;
            }
            if (!IsStackWithin(oldFrame, frame, strength))
                return false;
        }
        if (old.ReferenceCount != current.ReferenceCount)
            return false;
        for (int i = 0; i < old.ReferenceCount; i++)
        {
            if (!_idMap.Match(old.References[i].Id, current.References[i].Id))
                return false;
        }
        return true;
    }

    private bool IsSame(in RegisterState old, in RegisterState current)
        => old.SameShape(in current) && old.Value.SameAs(in current.Value) && _idMap.Match(old.Id, current.Id) && _idMap.Match(old.Reference, current.Reference);

    private bool IsRegisterWithin(in RegisterState old, in RegisterState current, Strength strength)
    {
        if (strength == Strength.Exact)
            return IsSame(in old, in current);
        if (old.Kind == RegisterKind.Uninitialized && (strength == Strength.Covered || current.Kind == RegisterKind.Uninitialized))
            return true;
        if (old.Kind != current.Kind)
            return false;
        switch (old.Kind.Base())
        {
            case RegisterKind.Scalar:
                if (!old.Precise && strength == Strength.Covered && _options.IsPrivileged)
                    return true;
                const uint Delta = RegisterState.LinkedWithDelta;
                if (old.Id != 0 && ((old.Id ^ current.Id) & Delta) != 0)
                    return false;
                if ((old.Id & Delta) != 0 && old.Offset != current.Offset)
                    return false;
                return _idMap.MatchScalar(old.Id, current.Id) && old.Value.Includes(in current.Value);
            case RegisterKind.MapKey or RegisterKind.MapValue or RegisterKind.Memory or RegisterKind.Buffer or RegisterKind.TracepointBuffer:
                return old.SameShape(in current) && old.Value.Includes(in current.Value) && _idMap.Match(old.Id, current.Id) && _idMap.Match(old.Reference, current.Reference);
            case RegisterKind.Packet or RegisterKind.PacketMeta:
                if (old.Target < 0 || current.Target < 0 ? old.Target != current.Target : old.Target > current.Target)
                    return false;
                return old.Offset == current.Offset && _idMap.Match(old.Id, current.Id) && old.Value.Includes(in current.Value);
            case RegisterKind.Stack:
                return old.Frame == current.Frame && IsSame(in old, in current);
            case RegisterKind.Arena:
                return true;
            default:
                return IsSame(in old, in current);
        }
    }

    private static readonly RegisterState s_unknown = RegisterState.UnknownScalar;

    private bool IsStackWithin(FrameState old, FrameState current, Strength strength)
    {
        for (int index = 0; index < old.SlotCount; index++)
        {
            ref StackSlot oldSlot = ref old.Slot(index);
            bool exists = index < current.SlotCount;
            if (strength != Strength.Covered && (!exists || oldSlot.Types != current.Slot(index).Types))
                return false;
            if (strength == Strength.Covered && (old.Read >> index & 1) == 0)
                continue;
            if (oldSlot.Types == 0)
                continue;
            if (!exists)
            {
                if (!IsUnwritten(in oldSlot))
                    return false;
                continue;
            }
            ref StackSlot slot = ref current.Slot(index);
            bool oldIsScalar = oldSlot is { IsFullSpill: true, Spill.Kind: RegisterKind.Scalar }, isScalar = slot is { IsFullSpill: true, Spill.Kind: RegisterKind.Scalar };
            if ((oldIsScalar || IsUnwritten(in oldSlot)) && (isScalar || IsUnwritten(in slot)))
            {
                // Eight bytes of data load as some number: compare as numbers.
                if (!IsUnwritten(in oldSlot) || !AllowsUninitializedStack)
                {
                    ref readonly RegisterState oldRegister = ref (oldIsScalar ? ref oldSlot.Spill : ref s_unknown);
                    ref readonly RegisterState register = ref (isScalar ? ref slot.Spill : ref s_unknown);
                    if (!IsRegisterWithin(in oldRegister, in register, strength))
                        return false;
                }
                continue;
            }
            for (int i = 0; i < 8; i++)
            {
                SlotType oldType = oldSlot[i], type = slot[i];
                if (oldType == SlotType.Invalid || (oldType == SlotType.Misc && AllowsUninitializedStack))
                    continue;
                if (oldType == type || (oldType == SlotType.Misc && type == SlotType.Zero))
                    continue;
                return false;
            }
            switch (oldSlot[7])
            {
                case SlotType.Spill:
                    if (!IsRegisterWithin(in oldSlot.Spill, in slot.Spill, strength))
                        return false;
                    break;
                case SlotType.Dynptr:
                    if (oldSlot.Spill.Target != slot.Spill.Target || oldSlot.Spill.Part != slot.Spill.Part || !_idMap.Match(oldSlot.Spill.Reference, slot.Spill.Reference)
                        || !_idMap.Match(oldSlot.Spill.Id, slot.Spill.Id))
                        return false;
                    break;
                case SlotType.Iterator:
                    // The depth only keeps loops apart; it does not change what may happen.
                    if (oldSlot.Spill.Kind != slot.Spill.Kind || oldSlot.Spill.Btf != slot.Spill.Btf || oldSlot.Spill.Target != slot.Spill.Target
                        || oldSlot.Spill.Part != slot.Spill.Part || !_idMap.Match(oldSlot.Spill.Reference, slot.Spill.Reference))
                        return false;
                    break;
            }
        }
        return true;
    }

    /// <summary>Only plain data or (when that may be read) nothing: as a number, anything.</summary>
    private bool IsUnwritten(in StackSlot slot)
    {
        for (int i = 0; i < 8; i++)
        {
            SlotType type = slot[i];
            if (type != SlotType.Misc && !(type == SlotType.Invalid && AllowsUninitializedStack))
                return false;
        }
        return true;
    }

    /// <summary>Pairs of ids: two registers with one id in the old state must have one id in the current state.</summary>
    private sealed class IdMap
    {
        private (uint Old, uint Current)[] _pairs = new (uint, uint)[32];
        private int _count;
        private uint _fresh;

        public void Reset(uint lastId)
        {
            _count = 0;
            _fresh = lastId;
        }

        public bool Match(uint old, uint current)
        {
            if ((old != 0) != (current != 0))
                return false;
            if (old == 0)
                return true;
            for (int i = 0; i < _count; i++)
            {
                if (_pairs[i].Old == old)
                    return _pairs[i].Current == current;
                if (_pairs[i].Current == current)
                    return false;
            }
            if (_count == _pairs.Length)
                Array.Resize(ref _pairs, _count * 2);
            _pairs[_count++] = (old, current);
            return true;
        }

        /// <summary>An unlinked old number asks nothing; an unlinked current one counts as linked to nobody else.</summary>
        public bool MatchScalar(uint old, uint current)
        {
            if (old == 0)
                return true;
            if (current == 0)
                current = ++_fresh;
            if (!Match(old, current))
                return false;
            const uint Delta = RegisterState.LinkedWithDelta;
            return (old & Delta) == 0 || Match(old & ~Delta, current & ~Delta);
        }
    }
}
