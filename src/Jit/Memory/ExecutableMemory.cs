// Pages for machine code under W^X: written while writable, then executable, at no time both. Pages of programs that are gone are
// kept for the next ones, because asking the system for fresh ones takes longer than translating a small program.
using System.Runtime.InteropServices;

namespace Ebpfcc.Jit.Memory;

/// <summary>One region of executable code. Freed on disposal; whoever holds its address must not outlive it.</summary>
public sealed unsafe partial class ExecutableMemory : IDisposable
{
    private const nuint PageSize = 4096;

    /// <summary>Kept regions have one page each: most programs are that small.</summary>
    private const int MaxKept = 16;

    private static readonly Stack<nint> s_kept = new(MaxKept);

    private nint _address;
    private readonly nuint _size;

    private ExecutableMemory(nint address, nuint size) => (_address, _size) = (address, size);

    public nint Address => _address != 0 ? _address : throw new ObjectDisposedException(nameof(ExecutableMemory));

    /// <summary>
    /// Copies code into fresh pages and makes them executable.
    /// </summary>
    /// <param name="fill">Writes the final bytes, given the address they will run at (for absolute references).</param>
    public static ExecutableMemory Create(int length, SpanWriter fill)
    {
        nuint size = ((nuint)Math.Max(length, 1) + PageSize - 1) & ~(PageSize - 1);
        nint address = size == PageSize ? TakeKept() : 0;
        if (address == 0)
            address = Allocate(size);
        try
        {
            fill(new Span<byte>((void*)address, length), address);
            Seal(address, size);
        }
        catch
        {
            Release(address, size);
            throw;
        }
        return new ExecutableMemory(address, size);
    }

    /// <summary>A kept page, made writable and cleared of the code that was there; 0 when there is none.</summary>
    private static nint TakeKept()
    {
        nint address;
        lock (s_kept)
        {
            if (!s_kept.TryPop(out address))
                return 0;
        }
        if (!Protect(address, PageSize, executable: false))
        {
            Release(address, PageSize);
            return 0;
        }
        new Span<byte>((void*)address, (int)PageSize).Fill(Trap);
        return address;
    }

    /// <summary>What lies behind the code: int3 on x86, an undefined instruction elsewhere.</summary>
    private const byte Trap = 0xcc;

    public delegate void SpanWriter(Span<byte> code, nint address);

    public void Dispose()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0 && !TryKeep(address))
            Release(address, _size);
        GC.SuppressFinalize(this);
    }

    private bool TryKeep(nint address)
    {
        if (_size != PageSize)
            return false;
        lock (s_kept)
        {
            if (s_kept.Count == MaxKept)
                return false;
            s_kept.Push(address);
            return true;
        }
    }

    ~ExecutableMemory() => Dispose();

    // ---- operating systems -------------------------------------------------------------------------------------------

    private const int ProtRead = 1, ProtWrite = 2, ProtExec = 4, MapPrivate = 2;
    private static readonly int s_mapAnonymous = OperatingSystem.IsMacOS() ? 0x1000 : 0x20;
    private const uint MemCommitReserve = 0x3000, MemRelease = 0x8000, PageReadWrite = 0x04, PageExecuteRead = 0x20;

    private static nint Allocate(nuint size)
    {
        nint address = OperatingSystem.IsWindows()
            ? VirtualAlloc(0, size, MemCommitReserve, PageReadWrite)
            : Mmap(0, size, ProtRead | ProtWrite, MapPrivate | s_mapAnonymous, -1, 0);
        return address is 0 or -1 ? throw new OutOfMemoryException($"The system refuses {size} bytes for code.") : address;
    }

    private static void Seal(nint address, nuint size)
    {
        if (!Protect(address, size, executable: true))
            throw new InvalidOperationException("The system refuses to make code pages executable.");
        if (OperatingSystem.IsWindows())
            FlushInstructionCache(-1, address, size);
    }

    /// <summary>Either executable or writable.</summary>
    private static bool Protect(nint address, nuint size, bool executable) => OperatingSystem.IsWindows()
        ? VirtualProtect(address, size, executable ? PageExecuteRead : PageReadWrite, out _) != 0
        : Mprotect(address, size, executable ? ProtRead | ProtExec : ProtRead | ProtWrite) == 0;

    private static void Release(nint address, nuint size)
    {
        if (OperatingSystem.IsWindows())
            VirtualFree(address, 0, MemRelease);
        else
            Munmap(address, size);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(nint address, nuint length);

    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32")]
    private static partial int VirtualProtect(nint address, nuint size, uint protection, out uint previous);

    [LibraryImport("kernel32")]
    private static partial int VirtualFree(nint address, nuint size, uint type);

    [LibraryImport("kernel32")]
    private static partial int FlushInstructionCache(nint process, nint address, nuint size);
}
