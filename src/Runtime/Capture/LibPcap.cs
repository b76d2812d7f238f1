// The compiler of libpcap: expressions as tcpdump takes them ("tcp port 80") to classic programs. The library is looked for when
// the first expression comes; nothing else needs it.
using System.Runtime.InteropServices;
using System.Text;
using Ebpfcc.Ebpf.Classic;

namespace Ebpfcc.Runtime.Capture;

/// <summary>libpcap, where it is installed.</summary>
public static unsafe class LibPcap
{
    /// <summary>DLT_EN10MB: frames from the Ethernet header on.</summary>
    public const int Ethernet = 1;

    /// <summary>What tcpdump captures of a packet when nothing else is said.</summary>
    public const int DefaultSnapLength = 262144;

    private static readonly string[] s_names = OperatingSystem.IsWindows() ? ["wpcap.dll"]
        : OperatingSystem.IsMacOS() ? ["libpcap.A.dylib", "libpcap.dylib"]
        : ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"];

    private static readonly Lock s_lock = new();
    private static readonly Lazy<nint> s_library = new(() =>
    {
        foreach (string name in s_names)
        {
            if (NativeLibrary.TryLoad(name, typeof(LibPcap).Assembly, null, out nint handle))
                return handle;
        }
        return 0;
    });

    /// <summary>struct bpf_program.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Program
    {
        public uint Length;
        public ClassicInstruction* Instructions;
    }

    /// <summary>Null when the library is there, otherwise why expressions cannot be compiled.</summary>
    public static string? WhyMissing => s_library.Value != 0 ? null : $"libpcap is not installed ({string.Join(", ", s_names)})";

    private static nint Function(string name) => NativeLibrary.GetExport(s_library.Value, name);

    /// <summary>The number of a link type by its name (EN10MB, RAW, LINUX_SLL2, ...); null when there is none.</summary>
    public static int? FindLinkType(string name)
    {
        var find = (delegate* unmanaged<byte*, int>)Function("pcap_datalink_name_to_val");
        fixed (byte* text = Terminated(name))
            return find(text) is >= 0 and var number ? number : null;
    }

    /// <summary>
    /// Compiles an expression. Null, with libpcap's message, when it is refused.
    /// </summary>
    /// <param name="linkType">DLT_* of the packets.</param>
    /// <param name="snapLength">What accepted packets return: the bytes to keep of each.</param>
    public static ClassicInstruction[]? Compile(string expression, int linkType, int snapLength, bool optimize, out string? error)
    {
        error = WhyMissing;
        if (error is not null)
            return null;
        if (expression.Contains('\0'))
        {
            error = "the expression contains a zero byte";
            return null;
        }
        // Versions before 1.8 have one compiler for all threads.
        lock (s_lock)
        {
            nint handle = ((delegate* unmanaged<int, int, nint>)Function("pcap_open_dead"))(linkType, snapLength);
            if (handle == 0)
            {
                error = "pcap_open_dead fails";
                return null;
            }
            try
            {
                Program program = default;
                int result;
                fixed (byte* text = Terminated(expression))
                    result = ((delegate* unmanaged<nint, Program*, byte*, int, uint, int>)Function("pcap_compile"))(handle, &program, text, optimize ? 1 : 0, uint.MaxValue);
                if (result != 0)
                {
                    error = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)Function("pcap_geterr"))(handle)) ?? "unknown error";
                    return null;
                }
                ClassicInstruction[] code = new ReadOnlySpan<ClassicInstruction>(program.Instructions, (int)program.Length).ToArray();
                ((delegate* unmanaged<Program*, void>)Function("pcap_freecode"))(&program);
                return code;
            }
            finally
            {
                ((delegate* unmanaged<nint, void>)Function("pcap_close"))(handle);
            }
        }
    }

    private static byte[] Terminated(string text) => [.. Encoding.UTF8.GetBytes(text), 0];
}
