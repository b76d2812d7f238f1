// Objects of clang, loaded.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Loading;

public sealed unsafe class ProgramLoaderTests
{
    private static ulong Run(LoadedProgram program)
    {
        using IExecutable executable = new Interpreter().PrepareSandboxed(program, new SandboxOptions(), new ExecutionEnvironment());
        byte* memory = stackalloc byte[64];
        return executable.Run((nint)memory, 64);
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void GlobalsLiveInMaps()
    {
        using LoadedObject loaded = ClangObjects.LoadSource("""
            int counter = 40; int zero; const volatile int step = 2; static long hidden = 5;
            SEC("socket") int f(void *ctx) { counter += step; zero = 7; hidden++; return counter + zero; }
            char _license[] SEC("license") = "GPL";
            """);
        Assert.Equal("GPL", loaded.Programs[0].License);
        Assert.Equal(49ul, Run(loaded.Programs[0]));
        Assert.Equal(51ul, Run(loaded.Programs[0]));
        Assert.Equal(7, BitConverter.ToInt32(((ArrayMap)loaded.FindMap(".bss")!).Values));
        Assert.True(loaded.FindMap(".rodata")!.Definition.IsFrozen);
        Assert.True(loaded.FindMap(".data")!.Definition is { IsGlobalData: true, IsFrozen: false });
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void SubprogramsFollowTheirProgram()
    {
        using LoadedObject loaded = ClangObjects.LoadSource("""
            __attribute__((noinline)) int leaf(int x) { return x * 3; }
            static __attribute__((noinline)) int middle(int x) { return leaf(x) + leaf(x + 1); }
            __attribute__((noinline)) int unused(int x) { return x; }
            SEC("socket") int one(void *ctx) { return middle(1); }
            SEC("xdp") int two(void *ctx) { return leaf(5); }
            SEC("xdp") int three(void *ctx) { return 3; }
            """);
        Assert.Equal(["one", "two", "three"], loaded.Programs.Select(program => program.Name));
        Assert.Equal(["one", "middle", "leaf"], loaded.Programs[0].Subprograms.Select(function => function.Name));
        Assert.Equal([true, false, true], loaded.Programs[0].Subprograms.Select(function => function.IsGlobal));
        Assert.Equal(["two", "leaf"], loaded.Programs[1].Subprograms.Select(function => function.Name));
        Assert.Equal([9ul, 15ul, 3ul], loaded.Programs.Select(Run));
        Assert.Equal([(int)ProgramType.SocketFilter, (int)ProgramType.Xdp, (int)ProgramType.Xdp], loaded.Programs.Select(program => program.ProgramType));
        LineRecord line = loaded.Programs[0].Lines[0];
        Assert.EndsWith("prog.c", line.File);
        Assert.Contains("SEC(\"socket\") int one", line.Text);
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void MapsHaveTheirDefinitions()
    {
        using LoadedObject loaded = ClangObjects.LoadSource("""
            struct value { long a; struct bpf_spin_lock lock; int b; };
            struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 12); __type(key, int); __type(value, struct value); } table SEC(".maps");
            struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 2); __type(key, int); __type(value, long); } first SEC(".maps"), second SEC(".maps");
            struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 3); __type(key, int); __array(values, struct inner); } outer SEC(".maps") =
                { .values = { [0] = &first, [2] = &second } };
            int target(void *ctx);
            struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __uint(key_size, 4); __array(values, int (void *)); } jumps SEC(".maps") =
                { .values = { [1] = (void *)&target } };
            SEC("socket") int target(void *ctx) { return 1; }
            SEC("socket") int entry(void *ctx) { int k = 1; bpf_tail_call(ctx, &jumps, 1); return bpf_map_lookup_elem(&table, &k) != 0; }
            """);
        MapDefinition table = loaded.FindMap("table")!.Definition;
        Assert.Equal(((int)MapType.Hash, 4, 16, 12), (table.Type, table.KeySize, table.ValueSize, table.MaxEntries));
        Assert.Equal([(8, 4)], table.SpecialFields);
        var outer = (ArrayOfMaps)loaded.FindMap("outer")!;
        int key = 2;
        Assert.Equal(loaded.FindMap("second")!.Handle, (nint)outer.Lookup((byte*)&key));
        Assert.NotNull(outer.Definition.Inner);
        Assert.Equal(("target", 1u), (loaded.ProgramSlots[0].Program.Name, loaded.ProgramSlots[0].Index));
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void CoreRelocationsFollowTheTargetsTypes()
    {
        const string Types = """
            struct deep { int z; unsigned short moved; };
            enum which { NONE, SECOND = 5, ADDED = 9 };
            struct sample { long added; struct { int inside; }; char name[20]; struct deep deep; unsigned int bits_before : 3; unsigned int flag : 5; void *ptr; unsigned char wide; };
            struct sample keep; enum which keep2;
            """;
        using LoadedObject target = ClangObjects.Load(ClangObjects.Compile("#define _\n" + Types + "int __attribute__((section(\"socket\"))) f(void *c) { return keep.wide + keep2; }"));
        using LoadedObject loaded = ClangObjects.LoadSource("""
            #define CORE __attribute__((preserve_access_index))
            struct deep___old { unsigned short moved; } CORE;
            enum which___old { SECOND___x = 1, GONE = 2 };
            struct sample___old { int inside; char name[10]; struct deep___old deep; unsigned int flag : 2; unsigned long wide; int missing; } CORE;
            struct absent { int x; } CORE;
            int out[16];
            SEC("socket") int f(struct sample___old *s) {
                out[0] = __builtin_preserve_field_info(s->inside, BPF_FIELD_BYTE_OFFSET);
                out[1] = __builtin_preserve_field_info(s->name[3], BPF_FIELD_BYTE_OFFSET);
                out[2] = __builtin_preserve_field_info(s->deep.moved, BPF_FIELD_BYTE_OFFSET);
                out[3] = __builtin_preserve_field_info(s->missing, BPF_FIELD_EXISTS);
                out[4] = __builtin_preserve_field_info(s->name, BPF_FIELD_BYTE_SIZE);
                out[5] = __builtin_preserve_field_info(s->flag, BPF_FIELD_LSHIFT_U64);
                out[6] = __builtin_preserve_field_info(s->flag, BPF_FIELD_RSHIFT_U64);
                out[7] = bpf_core_type_exists(struct absent);
                out[8] = bpf_core_type_size(struct sample___old);
                out[9] = bpf_core_enum_value_exists(enum which___old, GONE);
                out[10] = bpf_core_enum_value(enum which___old, SECOND___x);
                out[11] = bpf_core_type_exists(struct sample___old);
                out[12] = __builtin_preserve_field_info(s->wide, BPF_FIELD_BYTE_SIZE);
                return 0;
            }
            """, new LoadOptions { KernelTypes = () => target.Btf });
        Run(loaded.Programs[0]);
        var words = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, int>(((ArrayMap)loaded.FindMap(".bss")!).Values);
        Assert.Equal([8, 15, 36, 0, 20, 64 - 8, 64 - 5, 0, 64, 0, 5, 1, 1], words[..13].ToArray());
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void OneBadProgramDoesNotKeepTheOthers()
    {
        using LoadedObject loaded = ClangObjects.LoadSource("""
            SEC("nonsense") int bad(void *ctx) { return 0; }
            SEC("xdp") int good(void *ctx) { return 2; }
            """);
        Assert.Equal(["good"], loaded.Programs.Select(program => program.Name));
        Assert.Equal(("bad", "EBC6200"), (loaded.Failures[0].Name, loaded.Failures[0].Reason.Id));
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void KernelConfigurationIsAMap()
    {
        using LoadedObject loaded = ClangObjects.LoadSource("""
            extern int LINUX_KERNEL_VERSION __kconfig; extern _Bool CONFIG_A __kconfig; extern int CONFIG_HZ __kconfig; extern long CONFIG_NO __kconfig __weak;
            SEC("socket") int f(void *c) { return LINUX_KERNEL_VERSION + CONFIG_A + CONFIG_HZ + CONFIG_NO; }
            """, new LoadOptions { KernelVersion = 0x60100, KernelConfiguration = new Dictionary<string, string> { ["CONFIG_A"] = "y", ["CONFIG_HZ"] = "250" } });
        Assert.Equal(0x60100ul + 1 + 250, Run(loaded.Programs[0]));
    }

    [OracleFact(Oracle.Clang, Oracle.LibbpfHeaders)]
    public void DamagedObjectsAreDiagnosedNeverThrown()
    {
        byte[] image = ClangObjects.Compile(ClangObjects.Prelude + """
            struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 12); __type(key, int); __type(value, long); } table SEC(".maps");
            struct task_struct { int pid; } __attribute__((preserve_access_index));
            static __attribute__((noinline)) int sub(void *p) { int k = 0; return bpf_map_lookup_elem(&table, &k) != 0; }
            SEC("xdp") int f(struct task_struct *ctx) { return sub(ctx) + ctx->pid; }
            """);
        using (LoadedObject whole = ClangObjects.Load(image))
        {
            var random = new Random(1);
            for (int round = 0; round < 400; round++)
            {
                byte[] damaged = (byte[])image.Clone();
                for (int i = random.Next(1, 6); i > 0; i--)
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                if (round % 5 == 0)
                    damaged = damaged[..random.Next(damaged.Length)];
                var diagnostics = new Core.Diagnostics.DiagnosticBag();
                if (Ebpf.Object.ObjectReader.Read(damaged, "damaged.o", diagnostics) is { } read)
                    ProgramLoader.Load(read, new LoadOptions { KernelTypes = () => whole.Btf }, diagnostics)?.Dispose();
                else
                    Assert.True(diagnostics.HasErrors);
            }
        }
    }
}
