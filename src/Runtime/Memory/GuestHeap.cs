// The ordinary allocator: the process's native heap.
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Memory;

/// <summary>Native heap memory, zeroed, aligned as asked.</summary>
public sealed unsafe class GuestHeap : IGuestAllocator
{
    public static GuestHeap Shared { get; } = new();

    public byte* Allocate(nuint bytes, nuint alignment = 8)
    {
        byte* address = (byte*)NativeMemory.AlignedAlloc(Math.Max(bytes, 1), Math.Max(alignment, 8));
        NativeMemory.Clear(address, Math.Max(bytes, 1));
        return address;
    }

    public void Free(byte* address) => NativeMemory.AlignedFree(address);
}
