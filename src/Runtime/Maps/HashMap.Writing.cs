// The writing half of hash tables: insertion, replacement, deletion, eviction. Lock order: a stripe, then the pool.
using Ebpfcc.Runtime.Execution;

namespace Ebpfcc.Runtime.Maps;

public sealed unsafe partial class HashMap
{
    private void Enter(int stripe)
    {
        ref int gate = ref _stripeLocks[stripe * 16];
        var wait = new SpinWait();
        while (Interlocked.CompareExchange(ref gate, 1, 0) != 0)
            wait.SpinOnce(sleep1Threshold: -1);
    }

    private void Leave(int stripe) => Volatile.Write(ref _stripeLocks[stripe * 16], 0);

    private int StripeOf(uint hash) => (int)(hash & (uint)StripeMask);

    public override int Update(byte* key, byte* value, UpdateMode mode) => Update(key, value, mode, allCpus: false);

    public override int UserUpdate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode)
    {
        fixed (byte* keyAddress = key)
        fixed (byte* valueAddress = value)
            return Update(keyAddress, valueAddress, mode, allCpus: _isPerCpu);
    }

    private int Update(byte* key, byte* value, UpdateMode mode, bool allCpus)
    {
        if ((ulong)(mode & ~UpdateMode.Lock) > (ulong)UpdateMode.Exist || (mode & UpdateMode.Lock) != 0 && _isPerCpu)
            return -Errno.EINVAL;
        uint hash = Hash(key);
        int stripe = StripeOf(hash);
        while (true)
        {
            Enter(stripe);
            int old = Find(key, hash);
            int refusal = old >= 0 ? (mode & UpdateMode.NoExist) != 0 ? -Errno.EEXIST : 0 : (mode & UpdateMode.Exist) != 0 ? -Errno.ENOENT : 0;
            if (refusal != 0)
            {
                Leave(stripe);
                return refusal;
            }
            if (old >= 0)
            {
                if (_isPerCpu)
                    WriteValue(old, value, allCpus, isNew: false);
                else if ((mode & UpdateMode.Lock) != 0)
                    CopyValue(Value(old, 0), value);
                else
                    Replace(old, key, hash, value, stripe);
                Leave(stripe);
                return 0;
            }
            if (TryTake(out int index, out int slot))
            {
                Insert(index, slot, key, hash, value, allCpus);
                Leave(stripe);
                return 0;
            }
            Leave(stripe);
            // Eviction locks the victim's stripe, so ours is released meanwhile and everything is looked at again.
            if (!_isLru || !Evict())
                return _isLru ? -Errno.ENOMEM : -Errno.E2BIG;
        }
    }

    private bool TryTake(out int index, out int slot)
    {
        lock (_poolLock)
        {
            slot = NoSlot;
            index = -1;
            if (_count == Definition.MaxEntries)
                return false;
            if (!_freeElements.TryPop(out index))
                index = _freshElement++;
            if (!_freeSlots.TryPop(out slot))
                slot = _freshSlot++;
            _count++;
            return true;
        }
    }

    private void Insert(int index, int slot, byte* key, uint hash, byte* value, bool allCpus)
    {
        Element* element = At(index);
        Buffer.MemoryCopy(key, Key(element), _keySize, _keySize);
        WriteValue(index, value, allCpus, isNew: true);
        element->Hash = hash;
        element->Slot = slot;
        element->Referenced = 0;
        int bucket = (int)(hash & _bucketMask);
        Volatile.Write(ref element->Next, _buckets[bucket]);
        Volatile.Write(ref _buckets[bucket], index);
        Volatile.Write(ref _slots[slot], index);
    }

    private void Replace(int old, byte* key, uint hash, byte* value, int stripe)
    {
        int index = _spares[stripe];
        Element* element = At(index);
        Element* replaced = At(old);
        // Special fields (spin locks, timers) move with the entry.
        Buffer.MemoryCopy(Value(old, 0), Value(index, 0), (long)_valueStride, (long)_valueStride);
        Buffer.MemoryCopy(key, Key(element), _keySize, _keySize);
        CopyValue(Value(index, 0), value);
        element->Hash = hash;
        element->Slot = replaced->Slot;
        element->Referenced = replaced->Referenced;
        // The new element goes in front before the old one goes away; a reader that was past the front sees the counter move.
        int bucket = (int)(hash & _bucketMask);
        Volatile.Write(ref element->Next, _buckets[bucket]);
        Volatile.Write(ref _buckets[bucket], index);
        ref int version = ref Version(stripe);
        Volatile.Write(ref version, version + 1);
        Unlink(old, bucket);
        Volatile.Write(ref _slots[element->Slot], index);
        _spares[stripe] = old;
    }

    private void WriteValue(int index, byte* value, bool allCpus, bool isNew)
    {
        if (!_isPerCpu)
        {
            if (isNew)
                new Span<byte>(Value(index, 0), (int)_valueStride).Clear();
            CopyValue(Value(index, 0), value);
            return;
        }
        int current = CurrentCpu;
        for (int cpu = 0; cpu < _cpus; cpu++)
        {
            if (allCpus)
                Buffer.MemoryCopy(value + (nuint)cpu * _valueStride, Value(index, cpu), (long)_valueStride, (long)_valueStride);
            else if (cpu == current)
                Buffer.MemoryCopy(value, Value(index, cpu), Definition.ValueSize, Definition.ValueSize);
            else if (isNew)
                new Span<byte>(Value(index, cpu), (int)_valueStride).Clear();
        }
    }

    /// <summary>Takes an element out of its chain; its own link stays, for readers that stand on it.</summary>
    private void Unlink(int index, int bucket)
    {
        int next = At(index)->Next;
        int at = _buckets[bucket];
        if (at == index)
        {
            Volatile.Write(ref _buckets[bucket], next);
            return;
        }
        while (At(at)->Next != index)
            at = At(at)->Next;
        Volatile.Write(ref At(at)->Next, next);
    }

    public override int Delete(byte* key)
    {
        uint hash = Hash(key);
        int stripe = StripeOf(hash);
        Enter(stripe);
        int index = Find(key, hash);
        if (index >= 0)
            Remove(index);
        Leave(stripe);
        return index >= 0 ? 0 : -Errno.ENOENT;
    }

    /// <summary>Copies a value out as user space sees it and removes the entry, at once; 0 or -ENOENT.</summary>
    public int Take(ReadOnlySpan<byte> key, Span<byte> value)
    {
        fixed (byte* keyAddress = key)
        {
            uint hash = Hash(keyAddress);
            int stripe = StripeOf(hash);
            Enter(stripe);
            int index = Find(keyAddress, hash);
            if (index >= 0)
            {
                CopyOut(index, value);
                Remove(index);
            }
            Leave(stripe);
            return index >= 0 ? 0 : -Errno.ENOENT;
        }
    }

    private void Remove(int index)
    {
        Element* element = At(index);
        Unlink(index, (int)(element->Hash & _bucketMask));
        Volatile.Write(ref _slots[element->Slot], -1);
        lock (_poolLock)
        {
            _freeElements.Push(index);
            _freeSlots.Push(element->Slot);
            _count--;
        }
    }

    /// <summary>Removes one entry that was not looked up lately; false when all vanished meanwhile.</summary>
    private bool Evict()
    {
        for (int steps = 0; steps < 3 * Definition.MaxEntries; steps++)
        {
            int slot = (int)((uint)(Interlocked.Increment(ref _hand) - 1) % (uint)Definition.MaxEntries);
            int index = Volatile.Read(ref _slots[slot]);
            if (index < 0)
            {
                if (Count < Definition.MaxEntries)
                    return true;
                continue;
            }
            Element* element = At(index);
            if (Interlocked.Exchange(ref element->Referenced, 0) != 0)
                continue;
            int stripe = StripeOf(element->Hash);
            Enter(stripe);
            // The slot may have changed hands before the lock was ours.
            bool same = _slots[slot] == index && StripeOf(element->Hash) == stripe;
            if (same)
                Remove(index);
            Leave(stripe);
            if (same)
                return true;
        }
        return Count < Definition.MaxEntries;
    }
}
