// The functions of libbpf (libbpf.so.1) that loading an object into the running kernel and test-running it takes.
using System.Runtime.InteropServices;

namespace Ebpfcc.Runtime.Kernel;

internal static unsafe partial class LibBpf
{
    private const string Library = "libbpf.so.1";

    /// <summary>struct bpf_test_run_opts.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TestRunOptions
    {
        public nuint Size;
        public void* DataIn, DataOut;
        public uint DataSizeIn, DataSizeOut;
        public void* CtxIn, CtxOut;
        public uint CtxSizeIn, CtxSizeOut;
        public uint ReturnValue;
        public int Repeat;
        public uint Duration, Flags, Cpu, BatchSize;
    }

    /// <summary>Null when the library is there, otherwise why not.</summary>
    public static string? WhyMissing()
    {
        if (!OperatingSystem.IsLinux())
            return "the kernel engine needs Linux";
        return NativeLibrary.TryLoad(Library, typeof(LibBpf).Assembly, null, out _) ? null : "libbpf.so.1 is not installed";
    }

    [LibraryImport(Library, EntryPoint = "libbpf_set_print")]
    public static partial nint SetPrint(nint function);

    [LibraryImport(Library, EntryPoint = "bpf_object__open_mem")]
    public static partial nint OpenMemory(void* bytes, nuint size, void* options);

    [LibraryImport(Library, EntryPoint = "bpf_object__load")]
    public static partial int Load(nint loadable);

    [LibraryImport(Library, EntryPoint = "bpf_object__close")]
    public static partial void Close(nint loadable);

    [LibraryImport(Library, EntryPoint = "bpf_object__next_program")]
    public static partial nint NextProgram(nint loadable, nint program);

    [LibraryImport(Library, EntryPoint = "bpf_object__find_program_by_name", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint FindProgram(nint loadable, string name);

    [LibraryImport(Library, EntryPoint = "bpf_object__find_map_by_name", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint FindMap(nint loadable, string name);

    /// <summary>Where libbpf pins the map or finds it pinned; 0 for nowhere.</summary>
    [LibraryImport(Library, EntryPoint = "bpf_map__set_pin_path")]
    public static partial int SetPinPath(nint map, nint path);

    [LibraryImport(Library, EntryPoint = "bpf_object__next_map")]
    public static partial nint NextMap(nint loadable, nint map);

    [LibraryImport(Library, EntryPoint = "bpf_map__name")]
    public static partial nint MapName(nint map);

    [LibraryImport(Library, EntryPoint = "bpf_map__fd")]
    public static partial int MapDescriptor(nint map);

    [LibraryImport(Library, EntryPoint = "bpf_program__fd")]
    public static partial int ProgramDescriptor(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_program__type")]
    public static partial int ProgramType(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_program__insns")]
    public static partial Ebpf.Isa.EbpfInstruction* Instructions(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_program__insn_cnt")]
    public static partial nuint InstructionCount(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_program__set_autoload")]
    public static partial int SetAutoload(nint program, [MarshalAs(UnmanagedType.U1)] bool autoload);

    [LibraryImport(Library, EntryPoint = "bpf_prog_test_run_opts")]
    public static partial int TestRun(int descriptor, TestRunOptions* options);

    [LibraryImport(Library, EntryPoint = "bpf_map_lookup_elem")]
    public static partial int MapLookup(int descriptor, void* key, void* value);

    [LibraryImport(Library, EntryPoint = "bpf_map_update_elem")]
    public static partial int MapUpdate(int descriptor, void* key, void* value, ulong flags);

    [LibraryImport(Library, EntryPoint = "bpf_map_get_next_key")]
    public static partial int MapNextKey(int descriptor, void* key, void* next);
}
