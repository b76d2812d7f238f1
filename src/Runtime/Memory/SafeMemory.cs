// Reads and writes that cannot fault: what the kernel's probe_read does with exception tables is here a system call that
// copies within our own process and reports bad addresses as an error (process_vm_readv/writev, mach_vm_read_overwrite,
// ReadProcessMemory).
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Memory;

/// <summary>Copies from addresses that may not be mapped.</summary>
public static unsafe partial class SafeMemory
{
    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    [LibraryImport("libc", EntryPoint = "process_vm_readv")]
    private static partial nint ProcessVmReadv(int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);

    [LibraryImport("libc", EntryPoint = "process_vm_writev")]
    private static partial nint ProcessVmWritev(int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool ReadProcessMemory(nint process, void* address, void* buffer, nuint size, nuint* read);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool WriteProcessMemory(nint process, void* address, void* buffer, nuint size, nuint* written);

    [LibraryImport("libSystem", EntryPoint = "mach_vm_read_overwrite")]
    private static partial int MachVmReadOverwrite(uint task, ulong address, ulong size, ulong data, ulong* outSize);

    [LibraryImport("libSystem", EntryPoint = "task_self_trap")]
    private static partial uint TaskSelf();

    /// <summary>Copies <paramref name="size"/> bytes from <paramref name="source"/>; false, with nothing promised about the destination, when any byte is unreadable.</summary>
    public static bool TryRead(void* destination, ulong source, nuint size)
    {
        if (size == 0)
            return true;
        if (source < 4096)
            return false;
        if (OperatingSystem.IsLinux() || OperatingSystem.IsAndroid())
        {
            var local = new IoVector { Base = destination, Length = size };
            var remote = new IoVector { Base = (void*)source, Length = size };
            return ProcessVmReadv(System.Environment.ProcessId, &local, 1, &remote, 1, 0) == (nint)size;
        }
        if (OperatingSystem.IsWindows())
        {
            nuint read;
            return ReadProcessMemory(-1, (void*)source, destination, size, &read) && read == size;
        }
        ulong copied;
        return MachVmReadOverwrite(TaskSelf(), source, size, (ulong)destination, &copied) == 0 && copied == size;
    }

    /// <summary>Writes to an address that may not be mapped or writable; false when it is not.</summary>
    public static bool TryWrite(ulong destination, void* source, nuint size)
    {
        if (size == 0)
            return true;
        if (destination < 4096)
            return false;
        if (OperatingSystem.IsLinux() || OperatingSystem.IsAndroid())
        {
            var local = new IoVector { Base = source, Length = size };
            var remote = new IoVector { Base = (void*)destination, Length = size };
            return ProcessVmWritev(System.Environment.ProcessId, &local, 1, &remote, 1, 0) == (nint)size;
        }
        if (OperatingSystem.IsWindows())
        {
            nuint written;
            return WriteProcessMemory(-1, (void*)destination, source, size, &written) && written == size;
        }
        return false;
    }

    /// <summary>A load of 1, 2, 4 or 8 bytes, zero-extended; 0 when the address is bad, as the kernel's probe loads give.</summary>
    public static ulong LoadOrZero(ulong address, int bytes)
    {
        ulong value = 0;
        return TryRead(&value, address, (nuint)bytes) ? value : 0;
    }
}
