// Map commands: creation, elements, batches, freezing. Rules of bpf(2) itself are here (kernel/bpf/syscall.c describes them), those
// of the map types in their classes.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Syscall;

public sealed partial class BpfSystem
{
    private const ulong Lock = 4;

    /// <summary>BPF_MAP_CREATE.</summary>
    /// <param name="definition">What to make. Of maps of maps the pattern is <paramref name="innerDescriptor"/>'s map.</param>
    /// <param name="innerDescriptor">A map like those inside, or -1.</param>
    /// <returns>A descriptor.</returns>
    public int MapCreate(MapDefinition definition, int innerDescriptor = -1)
    {
        lock (_lock)
        {
            BpfMap? inner = null;
            if (((MapType)definition.Type).IsMapOfMaps())
            {
                inner = Find(innerDescriptor) as BpfMap;
                definition = definition with { Inner = inner?.Target.Definition };
            }
            if (definition.BtfKeyTypeId != 0 && definition.BtfValueTypeId == 0)
                return Fail(Errno.EINVAL, "the key has a type, the value has none");
            if (MapFactory.WhyRefused(definition) is { } refusal)
                return Fail(refusal.Errno, $"map '{definition.Name}': {refusal.Reason}");
            if (definition.Name.Length > 15 || definition.Name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.')))
                return Fail(Errno.EINVAL, "a name has at most 15 letters, digits, dots and underscores");
            if (inner is not null)
                inner.References++;
            Map made;
            try
            {
                made = MapFactory.Create(definition, Environment.Allocator, Environment.CpuCount);
            }
            catch (OutOfMemoryException)
            {
                return Fail(Errno.ENOMEM, $"map '{definition.Name}': there is not enough memory");
            }
            return Open(new BpfMap(NewId(BpfObjectKind.Map), made, inner));
        }
    }

    /// <summary>The map behind a descriptor, or why it cannot be used so.</summary>
    private int Map(int descriptor, bool reads, bool writes, out BpfMap map)
    {
        lock (_lock)
        {
            map = null!;
            switch (Find(descriptor))
            {
                case null:
                    return Fail(Errno.EBADF, $"{descriptor} is no descriptor");
                case BpfMap found:
                    map = found;
                    break;
                default:
                    return Fail(Errno.EINVAL, $"{descriptor} is no map");
            }
        }
        var flags = (MapFlags)map.Target.Definition.Flags;
        if (reads && (flags & MapFlags.WriteOnly) != 0)
            return Fail(Errno.EPERM, $"map '{map.Target.Definition.Name}' may only be written by user space");
        if (writes && ((flags & MapFlags.ReadOnly) != 0 || map.Target.Definition.IsFrozen))
            return Fail(Errno.EPERM, $"map '{map.Target.Definition.Name}' may only be read by user space");
        return 0;
    }

    private static bool HasLock(BpfMap map) => map.Target.Definition.SpinLockOffset >= 0;

    private static bool IsFlagless(BpfMap map, ulong flags) => (flags & ~Lock) == 0 && ((flags & Lock) == 0 || HasLock(map));

    private static int Sizes(BpfMap map, int key, int value)
    {
        if (key >= 0 && key < map.Target.Definition.KeySize)
            return Fail(Errno.EFAULT, $"keys of map '{map.Target.Definition.Name}' have {map.Target.Definition.KeySize} bytes");
        if (value >= 0 && value < map.Target.UserValueSize)
            return Fail(Errno.EFAULT, $"values of map '{map.Target.Definition.Name}' have {map.Target.UserValueSize} bytes for user space");
        return 0;
    }

    private static int Told(int result, BpfMap map, string operation)
        => result >= 0 ? result : Fail(-result, $"{operation} of map '{map.Target.Definition.Name}' ({MapTypes.Name(map.Target.Definition.Type)})");

    /// <summary>BPF_MAP_LOOKUP_ELEM. Bloom filters are asked for the value that is passed.</summary>
    public int MapLookup(int descriptor, ReadOnlySpan<byte> key, Span<byte> value, ulong flags = 0)
    {
        if ((flags & ~Lock) != 0)
            return Fail(Errno.EINVAL, "a lookup takes BPF_F_LOCK only");
        if (Map(descriptor, reads: true, writes: false, out BpfMap map) is < 0 and var error)
            return error;
        if (!IsFlagless(map, flags))
            return Fail(Errno.EINVAL, "the values hold no lock");
        if (Sizes(map, key.Length, value.Length) is < 0 and var size)
            return size;
        int result = Copy(map, key, value, flags);
        GC.KeepAlive(map);
        return Told(result, map, "a lookup");
    }

    private static int Copy(BpfMap map, ReadOnlySpan<byte> key, Span<byte> value, ulong flags)
    {
        MapDefinition definition = map.Target.Definition;
        key = key[..definition.KeySize];
        if ((flags & Lock) == 0)
        {
            int result = map.Target.UserLookup(key, value);
            if (result == 0)
                ClearSpecial(definition, value);
            return result;
        }
        Span<byte> live = map.Target.Find(key);
        if (live.IsEmpty)
            return -Errno.ENOENT;
        ref int gate = ref System.Runtime.InteropServices.MemoryMarshal.AsRef<int>(live[definition.SpinLockOffset..]);
        Acquire(ref gate);
        live.CopyTo(value);
        Volatile.Write(ref gate, 0);
        ClearSpecial(definition, value);
        return 0;
    }

    /// <summary>Locks and timers are nobody's to see.</summary>
    private static void ClearSpecial(MapDefinition definition, Span<byte> value)
    {
        foreach ((int offset, int size) in definition.SpecialFields)
            value.Slice(offset, size).Clear();
    }

    private static void Acquire(ref int gate)
    {
        var wait = new SpinWait();
        while (Interlocked.CompareExchange(ref gate, 1, 0) != 0)
            wait.SpinOnce(sleep1Threshold: -1);
    }

    /// <summary>BPF_MAP_UPDATE_ELEM: flags ANY (0), NOEXIST (1), EXIST (2), with LOCK (4).</summary>
    public int MapUpdate(int descriptor, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags = 0)
    {
        if (Map(descriptor, reads: false, writes: true, out BpfMap map) is < 0 and var error)
            return error;
        if ((flags & Lock) != 0 && !HasLock(map))
            return Fail(Errno.EINVAL, "the values hold no lock");
        if (Sizes(map, key.Length, value.Length) is < 0 and var size)
            return size;
        int result = Put(map, key[..map.Target.Definition.KeySize], value[..map.Target.UserValueSize], flags);
        GC.KeepAlive(map);
        return Told(result, map, "an update");
    }

    private int Put(BpfMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags)
    {
        switch ((MapType)map.Target.Definition.Type)
        {
            case MapType.ProgArray:
                return PutProgram(map, BitConverter.ToUInt32(key), BitConverter.ToInt32(value), flags);
            case MapType.ArrayOfMaps or MapType.HashOfMaps:
                return PutMap(map, key, BitConverter.ToInt32(value), flags);
            case MapType.PerfEventArray:
                // There are no perf events here: a descriptor of -1, as user space opens it for the machine's own, collects records.
                return flags != 0 ? -Errno.EINVAL : BitConverter.ToUInt32(key) >= (uint)map.Target.Definition.MaxEntries ? -Errno.E2BIG
                    : BitConverter.ToInt32(value) != -1 ? -Errno.EBADF : map.Target.UserUpdate(key, value, UpdateMode.Any);
            case MapType.XskMap:
                return flags > 2 ? -Errno.EINVAL : BitConverter.ToUInt32(key) >= (uint)map.Target.Definition.MaxEntries ? -Errno.E2BIG
                    : GuestObject.Find(BitConverter.ToInt32(value)) is null ? -Errno.EBADF : map.Target.UserUpdate(key, value, (UpdateMode)flags);
            default:
                return map.Target.UserUpdate(key, value, (UpdateMode)flags);
        }
    }

    private int PutProgram(BpfMap map, uint index, int descriptor, ulong flags)
    {
        lock (_lock)
        {
            if (flags != 0)
                return -Errno.EINVAL;
            if (index >= (uint)map.Target.Definition.MaxEntries)
                return -Errno.E2BIG;
            if (Find(descriptor) is not { } found)
                return -Errno.EBADF;
            if (found is not BpfProgram program || map.ProgramType is { } type && type != program.Program.ProgramType)
                return -Errno.EINVAL;
            map.ProgramType = program.Program.ProgramType;
            ((ProgramArrayMap)map.Target).Set(index, program.Executable);
            Hold(map, index.ToString(), program);
            return 0;
        }
    }

    private int PutMap(BpfMap map, ReadOnlySpan<byte> key, int descriptor, ulong flags)
    {
        lock (_lock)
        {
            if (map.Target is ArrayOfMaps && flags != 0)
                return -Errno.EINVAL;
            if (map.Target is ArrayOfMaps && BitConverter.ToUInt32(key) >= (uint)map.Target.Definition.MaxEntries)
                return -Errno.E2BIG;
            if (Find(descriptor) is not { } found)
                return -Errno.EBADF;
            if (found is not BpfMap inner || !IsLike(inner.Target.Definition, map.Target.Definition.Inner!))
                return -Errno.EINVAL;
            int result = map.Target is ArrayOfMaps array
                ? array.Set(BitConverter.ToUInt32(key), inner.Target)
                : ((HashOfMaps)map.Target).Set(key, inner.Target, (UpdateMode)flags);
            if (result == 0)
                Hold(map, Convert.ToHexString(key), inner);
            return result;
        }
    }

    /// <summary>Inner maps have the pattern's shape; arrays its size too, unless they say that theirs may differ.</summary>
    private static bool IsLike(MapDefinition inner, MapDefinition pattern)
    {
        const uint Visible = ~(uint)MapFlags.InnerMap;
        return inner.Type == pattern.Type && inner.KeySize == pattern.KeySize && inner.ValueSize == pattern.ValueSize && (inner.Flags & Visible) == (pattern.Flags & Visible)
            && ((inner.Flags & (uint)MapFlags.InnerMap) != 0) == ((pattern.Flags & (uint)MapFlags.InnerMap) != 0)
            && ((MapType)inner.Type is not (MapType.Array or MapType.PerCpuArray) || (pattern.Flags & (uint)MapFlags.InnerMap) != 0 || inner.MaxEntries == pattern.MaxEntries);
    }

    private void Hold(BpfMap map, string slot, BpfObject held)
    {
        held.References++;
        if (map.Slots.Remove(slot, out BpfObject? old))
            Release(old);
        map.Slots[slot] = held;
    }

    /// <summary>BPF_MAP_DELETE_ELEM.</summary>
    public int MapDelete(int descriptor, ReadOnlySpan<byte> key)
    {
        if (Map(descriptor, reads: false, writes: true, out BpfMap map) is < 0 and var error)
            return error;
        if (Sizes(map, key.Length, -1) is < 0 and var size)
            return size;
        return Told(Remove(map, key[..map.Target.Definition.KeySize]), map, "a deletion");
    }

    private int Remove(BpfMap map, ReadOnlySpan<byte> key)
    {
        int result = map.Target.Delete(key);
        if (result == 0 && map.Slots.Count > 0)
        {
            lock (_lock)
            {
                string slot = map.Target is ProgramArrayMap ? BitConverter.ToUInt32(key).ToString() : Convert.ToHexString(key);
                if (map.Slots.Remove(slot, out BpfObject? held))
                    Release(held);
            }
        }
        GC.KeepAlive(map);
        return result;
    }

    /// <summary>BPF_MAP_GET_NEXT_KEY; an empty key asks for the first.</summary>
    public int MapNextKey(int descriptor, ReadOnlySpan<byte> key, Span<byte> next)
    {
        if (Map(descriptor, reads: true, writes: false, out BpfMap map) is < 0 and var error)
            return error;
        if (Sizes(map, key.IsEmpty ? -1 : key.Length, -1) is < 0 and var size || next.Length < map.Target.Definition.KeySize && (size = Sizes(map, next.Length, -1)) < 0)
            return size;
        int result = map.Target.NextKey(key.IsEmpty ? key : key[..map.Target.Definition.KeySize], next);
        GC.KeepAlive(map);
        return Told(result, map, "the next key");
    }

    /// <summary>BPF_MAP_LOOKUP_AND_DELETE_ELEM: queues, stacks and hash tables.</summary>
    public int MapLookupAndDelete(int descriptor, ReadOnlySpan<byte> key, Span<byte> value, ulong flags = 0)
    {
        if ((flags & ~Lock) != 0)
            return Fail(Errno.EINVAL, "taking takes BPF_F_LOCK only");
        if (Map(descriptor, reads: true, writes: true, out BpfMap map) is < 0 and var error)
            return error;
        var type = (MapType)map.Target.Definition.Type;
        if (flags != 0 && type is MapType.Queue or MapType.Stack || !IsFlagless(map, flags))
            return Fail(Errno.EINVAL, "the flags do not fit the map");
        if (Sizes(map, key.Length, value.Length) is < 0 and var size)
            return size;
        if (map.Target is QueueMap queue)
            return Told(queue.Pop(value[..map.Target.Definition.ValueSize]), map, "a pop");
        if (map.Target is StackTraceMap stacks)
        {
            int found = stacks.UserLookup(key, value);
            return Told(found < 0 ? found : Remove(map, key[..4]), map, "taking");
        }
        if (type is not (MapType.Hash or MapType.PerCpuHash or MapType.LruHash or MapType.LruPerCpuHash))
            return Told(-Errno.ENOTSUPP, map, "taking");
        int result = ((HashMap)map.Target).Take(key[..map.Target.Definition.KeySize], value);
        if (result == 0)
            ClearSpecial(map.Target.Definition, value);
        GC.KeepAlive(map);
        return Told(result, map, "taking");
    }

    /// <summary>BPF_MAP_FREEZE: no more writes by user space.</summary>
    public int MapFreeze(int descriptor)
    {
        if (Map(descriptor, reads: false, writes: false, out BpfMap map) is < 0 and var error)
            return error;
        if (((MapFlags)map.Target.Definition.Flags & MapFlags.ReadOnly) != 0)
            return Told(-Errno.EPERM, map, "freezing");
        if ((MapType)map.Target.Definition.Type is MapType.StructOps || map.Target.Definition.SpecialFields.Length > 0)
            return Told(-Errno.ENOTSUPP, map, "freezing");
        lock (_lock)
        {
            if (map.Target.Definition.IsFrozen)
                return Told(-Errno.EBUSY, map, "freezing");
            map.Target.Freeze();
        }
        return 0;
    }

    // ---- batches -----------------------------------------------------------------------------------------------------

    private static bool HasBatches(BpfMap map, bool deletes) => (MapType)map.Target.Definition.Type switch
    {
        MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash or MapType.LpmTrie or MapType.HashOfMaps => true,
        MapType.Array or MapType.PerCpuArray or MapType.ArrayOfMaps => !deletes,
        _ => false,
    };

    /// <summary>
    /// BPF_MAP_LOOKUP_BATCH: copies elements from a position on.
    /// </summary>
    /// <param name="position">Where the batch before ended (its <paramref name="nextPosition"/>); empty at the beginning.</param>
    /// <param name="nextPosition">Where this one ended: as many bytes as a key, at least four.</param>
    /// <param name="count">How many fit; afterwards how many there were.</param>
    /// <returns>0, or -ENOENT when these were the last.</returns>
    public int MapLookupBatch(int descriptor, ReadOnlySpan<byte> position, Span<byte> nextPosition, Span<byte> keys, Span<byte> values, ref int count, ulong elementFlags = 0, ulong flags = 0)
        => Batch(descriptor, position, nextPosition, keys, values, ref count, elementFlags, flags, deletes: false);

    /// <summary>BPF_MAP_LOOKUP_AND_DELETE_BATCH: hash tables.</summary>
    public int MapLookupAndDeleteBatch(int descriptor, ReadOnlySpan<byte> position, Span<byte> nextPosition, Span<byte> keys, Span<byte> values, ref int count, ulong elementFlags = 0, ulong flags = 0)
        => Batch(descriptor, position, nextPosition, keys, values, ref count, elementFlags, flags, deletes: true);

    private int Batch(int descriptor, ReadOnlySpan<byte> position, Span<byte> nextPosition, Span<byte> keys, Span<byte> values, ref int count, ulong elementFlags, ulong flags, bool deletes)
    {
        if (Map(descriptor, reads: true, writes: deletes, out BpfMap map) is < 0 and var error)
            return error;
        if (!HasBatches(map, deletes) || deletes && map.Target is not HashMap)
            return Told(-Errno.ENOTSUPP, map, "a batch");
        if (flags != 0 || !IsFlagless(map, elementFlags))
            return Told(-Errno.EINVAL, map, "a batch");
        (int keySize, int valueSize) = (map.Target.Definition.KeySize, map.Target.UserValueSize);
        int room = count;
        if (room == 0)
            return 0;
        count = 0;
        if (room < 0 || keys.Length < (long)room * keySize || values.Length < (long)room * valueSize)
            return Told(-Errno.EFAULT, map, "a batch");
        // Hash tables count their places, so that a batch goes on although the entry it ended at is gone; the others go by key.
        var table = map.Target as HashMap;
        if (position.Length < (table is null ? position.IsEmpty ? 0 : keySize : position.IsEmpty ? 0 : 4) || nextPosition.Length < (table is null ? keySize : 4))
            return Told(-Errno.EFAULT, map, "a batch");
        int place = table is null || position.IsEmpty ? 0 : BitConverter.ToInt32(position);
        Span<byte> key = stackalloc byte[512], last = stackalloc byte[512];
        if (keySize > key.Length)
        {
            key = new byte[keySize];
            last = new byte[keySize];
        }
        key = key[..keySize];
        last = last[..keySize];
        bool hasLast = !position.IsEmpty && table is null;
        if (hasLast)
            position[..keySize].CopyTo(last);
        int result = 0;
        while (count < room)
        {
            result = table is null ? map.Target.NextKey(hasLast ? last : default, key) : table.NextFrom(ref place, key);
            if (result < 0)
                break;
            Span<byte> value = values.Slice(count * valueSize, valueSize);
            int copied = deletes ? table!.Take(key, value) : Copy(map, key, value, elementFlags);
            if (copied == 0)
                key.CopyTo(keys[(count++ * keySize)..]);
            else if (copied != -Errno.ENOENT)
                return Told(copied, map, "a batch");
            key.CopyTo(last);
            hasLast = true;
        }
        if (table is not null)
        {
            BitConverter.TryWriteBytes(nextPosition, place);
            // As in the kernel the end is told with the last elements, not after them.
            if (result == 0 && !table.HasFrom(place))
                result = -Errno.ENOENT;
        }
        else if (count > 0)
        {
            last.CopyTo(nextPosition);
        }
        GC.KeepAlive(map);
        return Told(result, map, "a batch");
    }

    /// <summary>BPF_MAP_UPDATE_BATCH. <paramref name="count"/> says afterwards how many were written.</summary>
    public int MapUpdateBatch(int descriptor, ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, ref int count, ulong elementFlags = 0, ulong flags = 0)
    {
        if (Map(descriptor, reads: false, writes: true, out BpfMap map) is < 0 and var error)
            return error;
        if (!HasBatches(map, deletes: false))
            return Told(-Errno.ENOTSUPP, map, "a batch");
        if (flags != 0 || !IsFlagless(map, elementFlags))
            return Told(-Errno.EINVAL, map, "a batch");
        (int keySize, int valueSize) = (map.Target.Definition.KeySize, map.Target.UserValueSize);
        int wanted = count;
        count = 0;
        for (; count < wanted; count++)
        {
            if (keys.Length < (count + 1L) * keySize || values.Length < (count + 1L) * valueSize)
                return Told(-Errno.EFAULT, map, "a batch");
            if (Put(map, keys.Slice(count * keySize, keySize), values.Slice(count * valueSize, valueSize), elementFlags) is < 0 and var result)
                return Told(result, map, "a batch");
        }
        return 0;
    }

    /// <summary>BPF_MAP_DELETE_BATCH. <paramref name="count"/> says afterwards how many were removed.</summary>
    public int MapDeleteBatch(int descriptor, ReadOnlySpan<byte> keys, ref int count, ulong elementFlags = 0, ulong flags = 0)
    {
        if (Map(descriptor, reads: false, writes: true, out BpfMap map) is < 0 and var error)
            return error;
        if (!HasBatches(map, deletes: true))
            return Told(-Errno.ENOTSUPP, map, "a batch");
        if (flags != 0 || !IsFlagless(map, elementFlags))
            return Told(-Errno.EINVAL, map, "a batch");
        int keySize = map.Target.Definition.KeySize, wanted = count;
        count = 0;
        for (; count < wanted; count++)
        {
            if (keys.Length < (count + 1L) * keySize)
                return Told(-Errno.EFAULT, map, "a batch");
            if (Remove(map, keys.Slice(count * keySize, keySize)) is < 0 and var result)
                return Told(result, map, "a batch");
        }
        return 0;
    }
}
