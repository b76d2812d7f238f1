// Asks the running kernel whether it lets this process load eBPF programs: loads "r0 = 0; exit" as a socket filter.
using System.Runtime.InteropServices;

namespace Ebpfcc.TestSupport;

internal static unsafe class KernelProbe
{
    private const long SysBpf = 321; // x86-64
    private const int BpfProgLoad = 5;
    private const uint SocketFilter = 1;

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static extern long SysCall(long number, long command, void* attributes, long size);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);

    public static string? WhyMissing()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return "the kernel oracle needs Linux on x86-64";
        ulong* instructions = stackalloc ulong[2] { 0x00000000_0000_00b7, 0x00000000_0000_0095 };
        byte* license = stackalloc byte[4] { (byte)'G', (byte)'P', (byte)'L', 0 };
        byte* attributes = stackalloc byte[128];
        new Span<byte>(attributes, 128).Clear();
        *(uint*)attributes = SocketFilter;
        *(uint*)(attributes + 4) = 2;
        *(ulong**)(attributes + 8) = instructions;
        *(byte**)(attributes + 16) = license;
        long descriptor = SysCall(SysBpf, BpfProgLoad, attributes, 128);
        if (descriptor < 0)
            return $"the kernel refuses bpf(2) here (errno {Marshal.GetLastPInvokeError()})";
        Close((int)descriptor);
        return null;
    }
}
