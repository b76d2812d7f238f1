// What compiled code calls back into, apart from helpers.
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Jit.X64;

/// <summary>Native entry points of the engine itself.</summary>
internal static unsafe class X64Runtime
{
    /// <summary>Native address of the tail call resolver.</summary>
    public static nint TailCallAddress => (nint)(delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)&ResolveTailCall;

    /// <summary>Native address of the packet load of a width: (context, offset) to value, or -1 outside the packet.</summary>
    public static nint PacketLoadAddress(int bits) => bits switch
    {
        8 => (nint)(delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)&LoadPacket8,
        16 => (nint)(delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)&LoadPacket16,
        _ => (nint)(delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)&LoadPacket32,
    };

    /// <summary>
    /// bpf_tail_call(context, map, index): the native entry of the program to continue with; 0 when there is none, the limit is
    /// reached, or the program is not native code of this process.
    /// </summary>
    [UnmanagedCallersOnly]
    private static ulong ResolveTailCall(ulong context, ulong map, ulong index, ulong unused4, ulong unused5)
    {
        GuestContext guest = GuestContext.Current;
        HelperImplementation? helper = guest.Environment.Helpers.Find(HelperRegistry.TailCallId);
        if (helper is null)
            return 0;
        helper.Managed(context, map, index, unused4, unused5);
        IExecutable? target = guest.TailCallTarget;
        guest.TailCallTarget = null;
        return target is NativeExecutable executable ? (ulong)executable.Entry : 0;
    }

    [UnmanagedCallersOnly]
    private static ulong LoadPacket8(ulong context, ulong offset, ulong unused3, ulong unused4, ulong unused5) => LoadPacket(offset, 0);

    [UnmanagedCallersOnly]
    private static ulong LoadPacket16(ulong context, ulong offset, ulong unused3, ulong unused4, ulong unused5) => LoadPacket(offset, 1);

    [UnmanagedCallersOnly]
    private static ulong LoadPacket32(ulong context, ulong offset, ulong unused3, ulong unused4, ulong unused5) => LoadPacket(offset, 2);

    private static ulong LoadPacket(ulong offset, int logBytes)
        => PacketLoads.TryLoad((int)offset, logBytes, out ulong value) ? value : ulong.MaxValue;

    /// <summary>Calls a function of a compiled program on behalf of a helper.</summary>
    public static ulong InvokeCallback(ulong function, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5)
        => ((delegate* unmanaged<ulong, ulong, ulong, ulong, ulong, ulong>)function)(r1, r2, r3, r4, r5);
}
