// The gate for loads through pointers to kernel objects. The verifier lets a program follow such pointers although they may lead
// anywhere, because the kernel's translators guard each of these loads with its exception table; here a call of the interpreter's
// probe stands in for it. It has the shape of a helper, so that every translator that can call helpers can call it.
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Jit;

internal static unsafe class ProbingLoads
{
    /// <summary>
    /// Native address of <c>u64 probe(u64 address, u64 bytes, u64, u64, u64)</c>: the 1, 2, 4 or 8 bytes there, zero-extended, or 0 when
    /// they cannot be read. Never faults.
    /// </summary>
    public static nint Address => (nint)(delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)&Load;

    [UnmanagedCallersOnly]
    private static ulong Load(ulong address, ulong bytes, ulong unused3, ulong unused4, ulong unused5) => SafeMemory.LoadOrZero(address, (int)bytes);
}
