// The same C as a shared library: what engines are compared with.
using System.Runtime.InteropServices;

namespace Ebpfcc.Cli.Benchmarking;

/// <summary><c>u64 prog(void *mem, u64 len)</c> of a shared library, called with one buffer.</summary>
internal sealed class NativeProgram : IDisposable
{
    private delegate ulong Entry(nint memory, ulong length);

    private readonly Entry _entry;
    private readonly GCHandle _pinned;
    private readonly ulong _length;

    private NativeProgram(Entry entry, byte[] data)
    {
        (_entry, _length) = (entry, (ulong)data.Length);
        _pinned = GCHandle.Alloc(data.Clone(), GCHandleType.Pinned);
    }

    /// <summary>Null when there is no such library, or no such function in it.</summary>
    public static NativeProgram? Open(string library, byte[] data)
        => NativeLibrary.TryLoad(library, out nint handle) && NativeLibrary.TryGetExport(handle, "prog", out nint address)
            ? new NativeProgram(Marshal.GetDelegateForFunctionPointer<Entry>(address), data)
            : null;

    public void Run(int repeat)
    {
        nint memory = _pinned.AddrOfPinnedObject();
        for (int i = 0; i < repeat; i++)
            _entry(memory, _length);
    }

    public void Dispose() => _pinned.Free();
}
