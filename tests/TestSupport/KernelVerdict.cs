// What the running kernel's verifier says of an object's programs: loads it through libbpf with a log buffer. Nothing is attached.
using System.Runtime.InteropServices;
using System.Text;

namespace Ebpfcc.TestSupport;

/// <summary>The kernel's answer to a load.</summary>
/// <param name="IsAccepted">All programs were loaded.</param>
/// <param name="Log">The verifier's log of level 1 of the program that was refused; empty when none was, or when libbpf refused the object.</param>
public sealed record KernelVerdict(bool IsAccepted, string Log)
{
    private const string Library = "libbpf.so.1";
    private const int LogSize = 1 << 20;

    public static unsafe KernelVerdict Of(byte[] image)
    {
        libbpf_set_print(0);
        fixed (byte* bytes = image)
        {
            nint loaded = bpf_object__open_mem(bytes, (nuint)image.Length, null);
            if (loaded == 0)
                return new KernelVerdict(false, "libbpf cannot open the object");
            byte* log = (byte*)NativeMemory.AllocZeroed(LogSize);
            try
            {
                for (nint program = bpf_object__next_program(loaded, 0); program != 0; program = bpf_object__next_program(loaded, program))
                {
                    bpf_program__set_log_level(program, 1);
                    bpf_program__set_log_buf(program, log, LogSize);
                }
                // Maps that ask to be pinned by name would outlive the load.
                for (nint map = bpf_object__next_map(loaded, 0); map != 0; map = bpf_object__next_map(loaded, map))
                    bpf_map__set_pin_path(map, 0);
                int error = bpf_object__load(loaded);
                int length = new ReadOnlySpan<byte>(log, LogSize).IndexOf((byte)0);
                return new KernelVerdict(error == 0, Encoding.UTF8.GetString(log, Math.Max(length, 0)));
            }
            finally
            {
                bpf_object__close(loaded);
                NativeMemory.Free(log);
            }
        }
    }

    [DllImport(Library)]
    private static extern nint libbpf_set_print(nint function);

    [DllImport(Library)]
    private static extern unsafe nint bpf_object__open_mem(void* bytes, nuint size, void* options);

    [DllImport(Library)]
    private static extern int bpf_object__load(nint loaded);

    [DllImport(Library)]
    private static extern void bpf_object__close(nint loaded);

    [DllImport(Library)]
    private static extern nint bpf_object__next_program(nint loaded, nint program);

    [DllImport(Library)]
    private static extern nint bpf_object__next_map(nint loaded, nint map);

    [DllImport(Library)]
    private static extern int bpf_map__set_pin_path(nint map, nint path);

    [DllImport(Library)]
    private static extern int bpf_program__set_log_level(nint program, uint level);

    [DllImport(Library)]
    private static extern unsafe int bpf_program__set_log_buf(nint program, void* buffer, nuint size);
}
