// Where the memory that programs can see comes from. Ordinarily the process's heap; for an engine in another process (ARM32
// code under emulation) an arena that both map at the same low address.
namespace Ebpfcc.Runtime.Memory;

public unsafe interface IGuestAllocator
{
    /// <summary>Zeroed memory, aligned to at least 8 and at most a page.</summary>
    byte* Allocate(nuint bytes, nuint alignment = 8);

    void Free(byte* address);
}
