// Helpers on dynptrs, on storage of objects that a host supplies, on stacks, and on maps of sockets.
//
//   struct bpf_dynptr:   address (8) | size, with bit 31: read-only (4) | offset (4)        a null address: an empty one
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.Helpers;

internal static unsafe partial class HelperFunctions
{
    private const uint DynptrReadOnly = 1u << 31, DynptrMaxSize = (1u << 24) - 1;

    private struct Dynptr
    {
        public ulong Address;
        public uint SizeAndFlags, Offset;

        public readonly uint Size => SizeAndFlags & DynptrMaxSize;

        public readonly bool IsReadOnly => (SizeAndFlags & DynptrReadOnly) != 0;

        /// <summary>0 when so many bytes lie at an offset.</summary>
        public readonly int Check(uint offset, uint length) => length > Size || offset > Size - length ? -Errno.E2BIG : 0;
    }

    public static ulong DynptrFromMemory(ulong data, ulong size, ulong flags, ulong result, ulong e)
    {
        ref Dynptr dynptr = ref *(Dynptr*)result;
        dynptr = default;
        if ((uint)size > DynptrMaxSize)
            return Error(Errno.E2BIG);
        if (flags != 0)
            return Error(Errno.EINVAL);
        dynptr = new Dynptr { Address = data, SizeAndFlags = (uint)size };
        return 0;
    }

    public static ulong DynptrRead(ulong to, ulong length, ulong from, ulong offset, ulong flags)
    {
        ref Dynptr dynptr = ref *(Dynptr*)from;
        if (dynptr.Address == 0 || flags != 0)
            return Error(Errno.EINVAL);
        if (dynptr.Check((uint)offset, (uint)length) is < 0 and var error)
            return (ulong)(long)error;
        Buffer.MemoryCopy((void*)(dynptr.Address + dynptr.Offset + (uint)offset), (void*)to, (uint)length, (uint)length);
        return 0;
    }

    public static ulong DynptrWrite(ulong to, ulong offset, ulong from, ulong length, ulong flags)
    {
        ref Dynptr dynptr = ref *(Dynptr*)to;
        if (dynptr.Address == 0 || dynptr.IsReadOnly || flags != 0)
            return Error(Errno.EINVAL);
        if (dynptr.Check((uint)offset, (uint)length) is < 0 and var error)
            return (ulong)(long)error;
        Buffer.MemoryCopy((void*)from, (void*)(dynptr.Address + dynptr.Offset + (uint)offset), (uint)length, (uint)length);
        return 0;
    }

    public static ulong DynptrData(ulong from, ulong offset, ulong length, ulong d, ulong e)
    {
        ref Dynptr dynptr = ref *(Dynptr*)from;
        return dynptr.Address == 0 || dynptr.IsReadOnly || dynptr.Check((uint)offset, (uint)length) < 0 ? 0 : dynptr.Address + dynptr.Offset + (uint)offset;
    }

    public static ulong RingbufReserveDynptr(ulong map, ulong size, ulong flags, ulong result, ulong e)
    {
        ref Dynptr dynptr = ref *(Dynptr*)result;
        dynptr = default;
        if (flags != 0)
            return Error(Errno.EINVAL);
        if ((uint)size > DynptrMaxSize)
            return Error(Errno.E2BIG);
        byte* sample = ((RingBufferMap)MapTable.Get(map)).Reserve((uint)size);
        if (sample is null)
            return Error(Errno.EINVAL);
        dynptr = new Dynptr { Address = (ulong)sample, SizeAndFlags = (uint)size };
        return 0;
    }

    public static ulong RingbufSubmitDynptr(ulong pointer, ulong flags, ulong c, ulong d, ulong e) => End(pointer, flags, discard: false);

    public static ulong RingbufDiscardDynptr(ulong pointer, ulong flags, ulong c, ulong d, ulong e) => End(pointer, flags, discard: true);

    private static ulong End(ulong pointer, ulong flags, bool discard)
    {
        ref Dynptr dynptr = ref *(Dynptr*)pointer;
        if (dynptr.Address != 0)
            RingBufferMap.Commit(dynptr.Address, discard, flags);
        dynptr = default;
        return 0;
    }

    // ---- storage -----------------------------------------------------------------------------------------------------

    private const ulong StorageCreate = 1;

    /// <summary>sk_, task_, inode_ and cgrp_storage_get: the value of an object that the host supplied; null for others.</summary>
    public static ulong StorageGet(ulong map, ulong owner, ulong value, ulong flags, ulong e)
        => (flags & ~StorageCreate) != 0 || MapTable.Get(map) is not LocalStorageMap storage ? 0
            : (ulong)storage.Get(GuestObject.At(owner), (byte*)value, (flags & StorageCreate) != 0);

    public static ulong StorageDelete(ulong map, ulong owner, ulong c, ulong d, ulong e)
    {
        if (MapTable.Get(map) is not LocalStorageMap storage || GuestObject.At(owner) is not { } found)
            return Error(Errno.EINVAL);
        return storage.Remove(found) ? 0 : Error(Errno.ENOENT);
    }

    /// <summary>An object that stands for the current task: storage can be attached to it, its fields read as zeros.</summary>
    public static ulong CurrentTaskObject(ulong a, ulong b, ulong c, ulong d, ulong e) => (ulong)GuestContext.Current.Environment.TaskObject.Memory;

    // ---- stacks ------------------------------------------------------------------------------------------------------

    public static ulong StackId(ulong ctx, ulong map, ulong flags, ulong d, ulong e)
        => MapTable.Get(map) is StackTraceMap stacks ? (ulong)(long)stacks.Add(GuestContext.Current.CallStack, flags) : Error(Errno.EINVAL);

    /// <summary>Copies the run's call stack out; returns the bytes written.</summary>
    public static ulong GetStack(ulong ctx, ulong buffer, ulong size, ulong flags, ulong e)
    {
        const ulong SkipMask = 0xff, UserStack = 0x100, BuildId = 0x800;
        var place = new Span<byte>((void*)buffer, (int)(uint)size);
        place.Clear();
        if ((flags & ~(SkipMask | UserStack | BuildId)) != 0 || (flags & BuildId) != 0 || (uint)size % 8 != 0)
            return Error(Errno.EINVAL);
        ReadOnlySpan<ulong> stack = GuestContext.Current.CallStack;
        int skip = (int)(flags & SkipMask);
        if (stack.Length <= skip)
            return Error(Errno.EFAULT);
        stack = stack[skip..Math.Min(stack.Length, skip + place.Length / 8)];
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(stack).CopyTo(place);
        return (ulong)stack.Length * 8;
    }

    // ---- maps of sockets ---------------------------------------------------------------------------------------------

    private const ulong Drop = 0, Pass = 1, IngressFlag = 1;

    private static ulong RedirectToSocket(ulong map, byte* key, ulong shownKey, ulong flags)
    {
        if ((flags & ~IngressFlag) != 0 || MapTable.Get(map) is not ISocketMap sockets || sockets.FindSocket(key) is not { } socket)
            return Drop;
        GuestContext.Current.Redirect = new RedirectTarget((uint)socket.Id, flags, MapTable.Get(map), shownKey);
        return Pass;
    }

    /// <summary>sk_redirect_map and msg_redirect_map: the verdict, with the target recorded.</summary>
    public static ulong SocketRedirectMap(ulong ctx, ulong map, ulong key, ulong flags, ulong e)
    {
        uint index = (uint)key;
        return RedirectToSocket(map, (byte*)&index, index, flags);
    }

    public static ulong SocketRedirectHash(ulong ctx, ulong map, ulong key, ulong flags, ulong e) => RedirectToSocket(map, (byte*)key, 0, flags);

    public static ulong SelectReuseport(ulong ctx, ulong map, ulong key, ulong flags, ulong e)
    {
        if (flags != 0)
            return Error(Errno.EINVAL);
        if (MapTable.Get(map) is not ISocketMap sockets || sockets.FindSocket((byte*)key) is not { } socket)
            return Error(Errno.ENOENT);
        GuestContext.Current.Redirect = new RedirectTarget((uint)socket.Id, 0, MapTable.Get(map));
        return 0;
    }
}
