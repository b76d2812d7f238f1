// Where translated code lies and how it is called: executable pages of this process where it is an ARM32 process itself, the
// shared code area of the emulated one elsewhere.
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Ebpfcc.Jit.Memory;
using Ebpfcc.Runtime.Execution;

namespace Ebpfcc.Jit.Arm32;

internal sealed unsafe partial class Arm32CodeSpace : IDisposable
{
    private readonly ExecutableMemory? _memory;
    private readonly uint _start;
    private int _length;

    /// <exception cref="GuestFaultException">The shared code area is full.</exception>
    public Arm32CodeSpace(byte[] code, EmulatedArm? guest)
    {
        (Guest, _length) = (guest, code.Length);
        if (guest is not null)
        {
            _start = guest.Install(code);
            return;
        }
        _memory = CreateHere(code);
        _start = (uint)_memory.Address;
    }

    private static ExecutableMemory CreateHere(byte[] code)
    {
        ExecutableMemory memory = ExecutableMemory.Create(code.Length, (span, _) => code.CopyTo(span));
        const int CacheFlush = 0x0f0002;
        SystemCall(CacheFlush, memory.Address, memory.Address + code.Length, 0);
        return memory;
    }

    private static readonly ConcurrentDictionary<uint, ExecutableMemory> s_stubs = [];

    /// <summary>In this process: the stub that calls a helper with words for arguments (<see cref="Arm32ShortCalls"/>).</summary>
    public static uint StubFor(uint helper, Arm32Features features)
        => (uint)s_stubs.GetOrAdd(helper, target => CreateHere(Arm32ShortCalls.Stub(target, features))).Address;

    /// <summary>The emulated process, or null where the code runs in this one.</summary>
    public EmulatedArm? Guest { get; }

    public uint AddressOf(int offset) => _start + (uint)offset;

    /// <summary>Calls a C function u64 f(u64, u64).</summary>
    public ulong Call(int offset, ulong first, ExecutionEnvironment environment, ulong second = 0)
    {
        uint function = AddressOf(offset);
        if (Guest is not null)
            return Guest.Call(function, first, second, environment);
        ObjectDisposedException.ThrowIf(_memory is null, this);
        _ = _memory.Address; // throws when disposed
        ulong result = ((delegate* unmanaged<ulong, ulong, ulong>)(nint)function)(first, second);
        GC.KeepAlive(this);
        return result;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _length, 0) is var length and > 0)
            Guest?.Uninstall(_start, length);
        _memory?.Dispose();
    }
}
