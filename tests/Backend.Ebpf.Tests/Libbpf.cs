// Loads objects into the running kernel the way users do; nothing is attached or pinned.
using System.Runtime.InteropServices;
using System.Text;

namespace Ebpfcc.Backend.Ebpf.Tests;

internal static unsafe class Libbpf
{
    private const string Library = "libbpf.so.1";

    [DllImport(Library)]
    private static extern nint bpf_object__open_file([MarshalAs(UnmanagedType.LPUTF8Str)] string path, void* options);

    [DllImport(Library)]
    private static extern int bpf_object__load(nint bpfObject);

    [DllImport(Library)]
    private static extern void bpf_object__close(nint bpfObject);

    [DllImport(Library)]
    private static extern nint libbpf_set_print(delegate* unmanaged<int, byte*, void*, int> print);

    [DllImport("libc")]
    private static extern int vsnprintf(byte* buffer, nuint size, byte* format, void* arguments);

    private static readonly object s_lock = new();
    private static readonly StringBuilder s_log = new();

    /// <summary>Null when the object loads, else libbpf's messages and the verifier's log.</summary>
    public static string? WhyRefused(string path)
    {
        lock (s_lock)
        {
            s_log.Clear();
            libbpf_set_print(&Print);
            nint handle = bpf_object__open_file(path, null);
            long error = handle is < 0 and > -4096 ? handle : handle == 0 ? -1 : 0;
            if (error != 0)
                return $"open failed: {error}\n{s_log}";
            int result = bpf_object__load(handle);
            bpf_object__close(handle);
            return result == 0 ? null : $"load failed: {result}\n{s_log}";
        }
    }

    [UnmanagedCallersOnly]
    private static int Print(int level, byte* format, void* arguments)
    {
        if (level > 1)
            return 0;
        var buffer = new byte[1 << 16];
        fixed (byte* start = buffer)
        {
            int length = vsnprintf(start, (nuint)buffer.Length, format, arguments);
            s_log.Append(Encoding.UTF8.GetString(buffer, 0, Math.Clamp(length, 0, buffer.Length - 1)));
        }
        return 0;
    }
}
