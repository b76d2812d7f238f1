// The ordinary allocator: the process's native heap. Zeroed memory comes from calloc, which leaves large blocks to the
// system's zero pages: a map of a million entries costs memory only as it fills.
//
//   block from calloc                      address handed out
//   +----------+---------------------------+--------------------
//   | padding  | address of the block (8)  |  the caller's bytes
//   +----------+---------------------------+--------------------
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Memory;

/// <summary>Native heap memory, zeroed, aligned as asked.</summary>
public sealed unsafe class GuestHeap : IGuestAllocator
{
    public static GuestHeap Shared { get; } = new();

    public byte* Allocate(nuint bytes, nuint alignment = 8)
    {
        alignment = Math.Max(alignment, 8);
        byte* block = (byte*)NativeMemory.AllocZeroed(checked(bytes + alignment + (nuint)sizeof(void*)));
        byte* address = (byte*)(((nuint)block + (nuint)sizeof(void*) + alignment - 1) & ~(alignment - 1));
        ((byte**)address)[-1] = block;
        return address;
    }

    public void Free(byte* address)
    {
        if (address is not null)
            NativeMemory.Free(((byte**)address)[-1]);
    }
}
