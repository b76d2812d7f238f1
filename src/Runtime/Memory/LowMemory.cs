// Memory below four gigabytes: programs that nobody rewrote read packet pointers from 32-bit fields of their context, so the
// addresses must fit. Blocks come from page mappings: MAP_32BIT on x86-64 Linux, hints elsewhere.
using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Memory;

/// <summary>Page-granular memory at addresses that fit into 32 bits.</summary>
public static unsafe partial class LowMemory
{
    private const int ReadWrite = 3, Private = 2, Anonymous = 0x20, Map32Bit = 0x40, FixedNoReplace = 0x100000;
    private const uint CommitReserve = 0x3000, PageReadWrite = 4, Release = 0x8000;

    private static readonly ConcurrentDictionary<nint, nuint> s_blocks = new();
    private static ulong s_hint = 0x1000_0000;

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nuint size, uint type);

    /// <summary>Zeroed memory below 4 GB.</summary>
    /// <exception cref="OutOfMemoryException">The system has none there.</exception>
    public static byte* Allocate(nuint bytes)
    {
        nuint length = (bytes + 4095) & ~(nuint)4095;
        nint address = OperatingSystem.IsWindows() ? OnWindows(length) : OnUnix(length);
        if (address == 0)
            throw new OutOfMemoryException("there is no memory below four gigabytes");
        s_blocks[address] = length;
        return (byte*)address;
    }

    private static nint OnUnix(nuint length)
    {
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64 && OperatingSystem.IsLinux())
        {
            nint mapped = Map(0, length, ReadWrite, Private | Anonymous | Map32Bit, -1, 0);
            if (mapped != -1)
                return mapped;
        }
        for (int attempt = 0; attempt < 4096; attempt++)
        {
            ulong hint = Interlocked.Add(ref s_hint, ((ulong)length + 0xffff) & ~0xfffful);
            if (hint + length > 0xf000_0000)
                return 0;
            nint mapped = Map((nint)hint, length, ReadWrite, Private | Anonymous | FixedNoReplace, -1, 0);
            if (mapped == (nint)hint)
                return mapped;
            if (mapped != -1)
                _ = Unmap(mapped, length);
        }
        return 0;
    }

    private static nint OnWindows(nuint length)
    {
        for (ulong hint = 0x1000_0000; hint + length < 0xf000_0000; hint += Math.Max(((ulong)length + 0xffff) & ~0xfffful, 0x1_0000))
        {
            nint mapped = VirtualAlloc((nint)hint, length, CommitReserve, PageReadWrite);
            if (mapped != 0)
                return mapped;
        }
        return 0;
    }

    public static void Free(byte* address)
    {
        if (!s_blocks.TryRemove((nint)address, out nuint length))
            return;
        if (OperatingSystem.IsWindows())
            VirtualFree((nint)address, 0, Release);
        else
            _ = Unmap((nint)address, length);
    }
}
