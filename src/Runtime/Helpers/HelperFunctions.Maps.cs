// Helpers on maps. Every helper takes five 64-bit arguments, used or not, and returns R0.
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Helpers;

/// <summary>The implementations; results and errors are the kernel's.</summary>
internal static unsafe partial class HelperFunctions
{
    private const ulong CurrentCpu = 0xffffffff;

    private static ulong Error(int errno) => (ulong)(long)-errno;

    public static ulong MapLookup(ulong map, ulong key, ulong c, ulong d, ulong e) => (ulong)MapTable.Get(map).Lookup((byte*)key);

    public static ulong MapUpdate(ulong map, ulong key, ulong value, ulong flags, ulong e)
        => (ulong)(long)MapTable.Get(map).Update((byte*)key, (byte*)value, (UpdateMode)flags);

    public static ulong MapDelete(ulong map, ulong key, ulong c, ulong d, ulong e) => (ulong)(long)MapTable.Get(map).Delete((byte*)key);

    public static ulong MapLookupPerCpu(ulong map, ulong key, ulong cpu, ulong d, ulong e)
        => cpu > int.MaxValue ? 0 : (ulong)MapTable.Get(map).LookupPerCpu((byte*)key, (int)cpu);

    public static ulong MapPush(ulong map, ulong value, ulong flags, ulong d, ulong e)
        => MapTable.Get(map) is IValueQueue queue ? (ulong)(long)queue.Push((byte*)value, flags) : Error(Errno.EOPNOTSUPP);

    public static ulong MapPop(ulong map, ulong value, ulong c, ulong d, ulong e)
        => MapTable.Get(map) is IValueQueue queue ? (ulong)(long)queue.Pop((byte*)value) : Error(Errno.EOPNOTSUPP);

    public static ulong MapPeek(ulong map, ulong value, ulong c, ulong d, ulong e)
        => MapTable.Get(map) is IValueQueue queue ? (ulong)(long)queue.Peek((byte*)value) : Error(Errno.EOPNOTSUPP);

    public static ulong GetLocalStorage(ulong map, ulong flags, ulong c, ulong d, ulong e)
        => MapTable.Get(map) is CgroupStorageMap storage ? (ulong)storage.Value : 0;

    /// <summary>Prepares a tail call: the engine finds the target in the context.</summary>
    public static ulong TailCall(ulong ctx, ulong map, ulong index, ulong d, ulong e)
    {
        GuestContext context = GuestContext.Current;
        context.TailCallTarget = null;
        if (context.TailCalls >= GuestContext.TailCallLimit || MapTable.Get(map) is not ProgramArrayMap array || array.Find((uint)index) is not { } target)
            return Error(Errno.ENOENT);
        context.TailCalls++;
        context.TailCallTarget = target;
        return 0;
    }

    public static ulong PerfEventOutput(ulong ctx, ulong map, ulong flags, ulong data, ulong size)
    {
        ulong packetBytes = flags >> 32 & 0xfffff;
        GuestContext context = GuestContext.Current;
        if (MapTable.Get(map) is not PerfEventArrayMap events || (flags & ~0xfffff_ffffffffUL) != 0)
            return Error(Errno.EINVAL);
        if (packetBytes == 0)
            return (ulong)(long)events.Output((uint)flags, new ReadOnlySpan<byte>((void*)data, (int)size));
        if (context.Packet is not { } packet)
            return Error(Errno.EINVAL);
        if (packetBytes > (ulong)packet.Length)
            return Error(Errno.EFAULT);
        byte[] record = new byte[(int)size + (int)packetBytes];
        new ReadOnlySpan<byte>((void*)data, (int)size).CopyTo(record);
        packet.Bytes[..(int)packetBytes].CopyTo(record.AsSpan((int)size));
        return (ulong)(long)events.Output((uint)flags, record);
    }

    public static ulong RingbufOutput(ulong map, ulong data, ulong size, ulong flags, ulong e)
        => (flags & ~3ul) != 0 ? Error(Errno.EINVAL) : (ulong)(long)((RingBufferMap)MapTable.Get(map)).Output(new ReadOnlySpan<byte>((void*)data, (int)size), flags);

    public static ulong RingbufReserve(ulong map, ulong size, ulong flags, ulong d, ulong e)
        => flags != 0 ? 0 : (ulong)((RingBufferMap)MapTable.Get(map)).Reserve(size);

    public static ulong RingbufSubmit(ulong sample, ulong flags, ulong c, ulong d, ulong e)
    {
        RingBufferMap.Commit(sample, discard: false, flags);
        return 0;
    }

    public static ulong RingbufDiscard(ulong sample, ulong flags, ulong c, ulong d, ulong e)
    {
        RingBufferMap.Commit(sample, discard: true, flags);
        return 0;
    }

    public static ulong RingbufQuery(ulong map, ulong what, ulong c, ulong d, ulong e) => ((RingBufferMap)MapTable.Get(map)).Query(what);

    public static ulong SpinLock(ulong place, ulong b, ulong c, ulong d, ulong e)
    {
        var wait = new SpinWait();
        while (Interlocked.CompareExchange(ref *(int*)place, 1, 0) != 0)
            wait.SpinOnce(sleep1Threshold: -1);
        return 0;
    }

    public static ulong SpinUnlock(ulong place, ulong b, ulong c, ulong d, ulong e)
    {
        Volatile.Write(ref *(int*)place, 0);
        return 0;
    }

    public static ulong KptrExchange(ulong place, ulong pointer, ulong c, ulong d, ulong e) => Interlocked.Exchange(ref *(ulong*)place, pointer);

    /// <summary>The kernel's BPF_MAX_LOOPS.</summary>
    private const uint MaxLoops = 8 * 1024 * 1024;

    public static ulong Loop(ulong count, ulong function, ulong argument, ulong flags, ulong e)
    {
        if (flags != 0)
            return Error(Errno.EINVAL);
        if ((uint)count > MaxLoops)
            return Error(Errno.E2BIG);
        GuestContext context = GuestContext.Current;
        uint i = 0;
        while (i < (uint)count)
        {
            if ((i & 1023) == 1023 && IsCancelled(context))
                break;
            if (context.CallbackInvoker(function, i++, argument, 0, 0, 0) != 0)
                break;
        }
        return i;
    }

    private static bool IsCancelled(GuestContext context)
    {
        if (!context.Cancellation.IsCancellationRequested)
            return false;
        context.HelperFailure ??= new OperationCanceledException(context.Cancellation);
        return true;
    }

    public static ulong ForEachMapElement(ulong map, ulong function, ulong argument, ulong flags, ulong e)
    {
        if (flags != 0)
            return Error(Errno.EINVAL);
        IMap target = MapTable.Get(map);
        GuestContext context = GuestContext.Current;
        int keySize = target.Definition.KeySize;
        // The callback gets the key's address, so that the key lies where the engine's programs can point to.
        byte* key = context.Environment.Allocator.Allocate((nuint)(2 * ((keySize + 7) & ~7)));
        byte* next = key + ((keySize + 7) & ~7);
        ulong visited = 0;
        byte* outerScratch = context.Scratch;
        int outerSize = context.ScratchSize;
        context.Scratch = key;
        context.ScratchSize = keySize;
        try
        {
            for (int result = target.GetNextKey(null, next); result == 0; result = target.GetNextKey(key, next))
            {
                Buffer.MemoryCopy(next, key, keySize, keySize);
                byte* value = target.Lookup(key);
                if (value is null)
                    continue;
                visited++;
                if ((visited & 1023) == 0 && IsCancelled(context))
                    break;
                if (context.CallbackInvoker(function, map, (ulong)key, (ulong)value, argument, 0) != 0)
                    break;
            }
        }
        finally
        {
            context.Scratch = outerScratch;
            context.ScratchSize = outerSize;
            context.Environment.Allocator.Free(key);
        }
        return visited;
    }
}
