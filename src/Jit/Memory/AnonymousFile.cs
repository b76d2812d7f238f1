// A file without a name, so that nothing is left behind however this process ends: memfd_create(2), or a file that is deleted as
// soon as it is open. Other processes of the same user reach it through this process's table of open files (proc(5)).
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Ebpfcc.Jit.Memory;

/// <summary>An open, empty, nameless file.</summary>
internal sealed partial class AnonymousFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private AnonymousFile(SafeFileHandle handle) => _handle = handle;

    public int Descriptor => (int)_handle.DangerousGetHandle();

    /// <summary>Where another process can open it while this one lives.</summary>
    public string Path => $"/proc/{Environment.ProcessId}/fd/{Descriptor}";

    /// <param name="name">Shown by tools that list memory maps.</param>
    /// <exception cref="IOException">The system gives no memory.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public static AnonymousFile Create(string name, long bytes)
    {
        SafeFileHandle handle = TryMemoryFile(name) ?? CreateDeleted(name);
        RandomAccess.SetLength(handle, bytes);
        return new AnonymousFile(handle);
    }

    private static SafeFileHandle? TryMemoryFile(string name)
    {
        const uint CloseOnExec = 1;
        try
        {
            int descriptor = MemoryFile(name, CloseOnExec);
            return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null; // a C library older than glibc 2.27
        }
    }

    private static SafeFileHandle CreateDeleted(string name)
    {
        string folder = Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();
        string path = System.IO.Path.Combine(folder, $"{name}-{Guid.NewGuid():N}");
        SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        File.Delete(path);
        return handle;
    }

    public void Write(ReadOnlySpan<byte> bytes) => RandomAccess.Write(_handle, bytes, 0);

    public void Dispose() => _handle.Dispose();

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFile(string name, uint flags);
}
