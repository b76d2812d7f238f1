// What a program holds and must give back before it ends: references (sockets, ring buffer records, ...), spin locks, and
// sections without sleep or preemption.
namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private uint AcquireReference()
    {
        uint id = NewId();
        if (_state.ReferenceCount == _state.References.Length)
            Array.Resize(ref _state.References, Math.Max(4, _state.ReferenceCount * 2));
        _state.References[_state.ReferenceCount++] = new HeldReference(id, _slot, _state.Current.InCallback ? _state.Depth : 0);
        return id;
    }

    /// <summary>Removes a reference from the books; false when it is not there (or belongs to the caller of a callback).</summary>
    private static bool ForgetReference(AbstractState state, uint id)
    {
        for (int i = 0; i < state.ReferenceCount; i++)
        {
            if (state.References[i].Id != id)
                continue;
            if (state.Current.InCallback && state.References[i].CallbackFrame != state.Depth)
                return false;
            state.References[i] = state.References[--state.ReferenceCount];
            return true;
        }
        return false;
    }

    /// <summary>Gives a reference back: all pointers that carry it are dead.</summary>
    private bool ReleaseReference(uint id)
    {
        if (!ForgetReference(_state, id))
            return false;
        InvalidateAll(id);
        return true;
    }

    private void InvalidateAll(uint reference)
    {
        for (int frame = 0; frame <= _state.Depth; frame++)
        {
            FrameState f = _state.Frames[frame]!;
            for (int i = 0; i < f.Registers.Length; i++)
            {
                if (f.Registers[i].Reference == reference)
                    Invalidate(ref f.Registers[i]);
            }
            foreach (ref StackSlot slot in f.Slots)
            {
                if (slot.IsSpill && slot.Spill.Reference == reference)
                    Invalidate(ref slot.Spill);
            }
        }
    }

    private bool HasNoReferenceLeak(bool isException)
    {
        FrameState frame = _state.Current;
        if (!isException && frame.Number != 0 && !frame.InCallback)
            return true;
        bool clean = true;
        for (int i = 0; i < _state.ReferenceCount; i++)
        {
            HeldReference held = _state.References[i];
            if (!isException && frame.InCallback && held.CallbackFrame != frame.Number)
                continue;
            Say($"Unreleased reference id={held.Id} alloc_insn={held.Slot}");
            clean = false;
        }
        return clean;
    }

    private void CheckReferenceLeak(bool isException)
    {
        if (!HasNoReferenceLeak(isException))
            throw RejectSaid();
    }

    private void CheckNothingHeld(bool isException)
    {
        if (!isException && _state.Depth != 0)
            return;
        if (_state.LockOwner != 0)
            throw Reject(isException ? "bpf_throw cannot be used inside bpf_spin_lock-ed region" : "bpf_spin_unlock is missing");
        if (_state.RcuDepth != 0)
            throw Reject(isException ? "bpf_throw cannot be used inside bpf_rcu_read_lock-ed region" : "bpf_rcu_read_unlock is missing");
        if (_state.PreemptDepth != 0)
        {
            throw Reject(isException ? "bpf_throw cannot be used inside bpf_preempt_disable-ed region"
                : $"{_state.PreemptDepth} bpf_preempt_enable{(_state.PreemptDepth == 1 ? " is" : "(s) are")} missing");
        }
    }

    /// <summary>bpf_spin_lock and bpf_spin_unlock: one lock at a time, of the object that is used.</summary>
    private void ApplySpinLock(int number, bool isLock)
    {
        ref RegisterState pointer = ref _registers[number];
        if (!pointer.Value.IsConst)
            throw Reject($"R{number} doesn't have constant offset. bpf_spin_lock has to be at the constant offset");
        bool isMap = pointer.Kind == RegisterKind.MapValue;
        if (isMap && !RecordOf(in pointer).HasBtf)
            throw Reject($"map '{MapOf(in pointer).Name}' has to have BTF in order to use bpf_spin_lock");
        MapRecord record = isMap ? RecordOf(in pointer) : ObjectRecord(in pointer);
        if (record.SpinLock < 0)
            throw Reject($"{(isMap ? "map" : "local")} '{(isMap ? MapOf(in pointer).Name : "kptr")}' has no valid bpf_spin_lock");
        long at = pointer.Offset + (long)pointer.Value.Bits.Value;
        if (record.SpinLock != at)
            throw Reject($"off {at} doesn't point to 'struct bpf_spin_lock' that is at {record.SpinLock}");
        int owner = isMap ? 1 + pointer.Target : -1;
        if (isLock)
        {
            if (_state.LockOwner != 0)
                throw Reject("Locking two bpf_spin_locks are not allowed");
            _state.LockOwner = owner;
            _state.LockId = pointer.Id;
            return;
        }
        if (_state.LockOwner == 0)
            throw Reject("bpf_spin_unlock without taking a lock");
        if (_state.LockOwner != owner || _state.LockId != pointer.Id)
            throw Reject("bpf_spin_unlock of different lock");
        InvalidateNonOwning();
        _state.LockOwner = 0;
        _state.LockId = 0;
    }

    private void InvalidateNonOwning()
    {
        for (int frame = 0; frame <= _state.Depth; frame++)
        {
            FrameState f = _state.Frames[frame]!;
            for (int i = 0; i < f.Registers.Length; i++)
            {
                if (f.Registers[i].Kind.Has(RegisterKind.NonOwning))
                    Invalidate(ref f.Registers[i]);
            }
            foreach (ref StackSlot slot in f.Slots)
            {
                if (slot.IsSpill && slot.Spill.Kind.Has(RegisterKind.NonOwning))
                    Invalidate(ref slot.Spill);
            }
        }
    }
}
