// The bpf(2) system call: the few commands that loading, test-running and reading back a program takes, without any library.
//
// union bpf_attr is written field by field at the offsets of the UAPI header; what is not written is zero.
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Kernel;

internal static unsafe partial class KernelCalls
{
    public const int MapCreate = 0, MapLookup = 1, MapUpdate = 2, MapNextKey = 4, ProgramLoad = 5, ProgramTestRun = 10, BtfLoad = 18;

    private const int AttributeSize = 144;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint command, void* attributes, nint size);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);

    /// <summary>The number of bpf(2) on this machine; 0 where there is none.</summary>
    private static int Number => !OperatingSystem.IsLinux() ? 0 : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321, Architecture.Arm64 => 280, Architecture.Arm => 386, Architecture.X86 => 357, Architecture.RiscV64 => 280, _ => 0,
    };

    public static bool Exists => Number != 0;

    /// <summary>The attributes of one command.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Attributes
    {
        private fixed byte _bytes[AttributeSize];

        public void Set(int offset, uint value)
        {
            fixed (byte* bytes = _bytes)
                *(uint*)(bytes + offset) = value;
        }

        public void Set(int offset, void* value)
        {
            fixed (byte* bytes = _bytes)
                *(ulong*)(bytes + offset) = (ulong)value;
        }

        public void SetName(int offset, ReadOnlySpan<byte> name)
        {
            fixed (byte* bytes = _bytes)
                name.CopyTo(new Span<byte>(bytes + offset, 15));
        }

        public uint Get(int offset)
        {
            fixed (byte* bytes = _bytes)
                return *(uint*)(bytes + offset);
        }
    }

    /// <summary>The command's result (a descriptor or 0), or a negative errno.</summary>
    public static int Invoke(int command, ref Attributes attributes)
    {
        fixed (Attributes* address = &attributes)
        {
            nint result = SystemCall(Number, command, address, AttributeSize);
            return result >= 0 ? (int)result : -Marshal.GetLastSystemError();
        }
    }

    public static void Close(int descriptor)
    {
        if (descriptor >= 0)
            _ = CloseDescriptor(descriptor);
    }
}
