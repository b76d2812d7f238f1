// C programs compiled by clang for tests, in a scratch folder of their own.
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Object;

internal static class Compiled
{
    public const string ManyThings = """
        typedef unsigned int u32; typedef unsigned long long u64;
        #define SEC(n) __attribute__((section(n), used))
        #define __uint(name, val) int (*name)[val]
        #define __type(name, val) typeof(val) *name
        #define __array(name, val) typeof(val) *name[]
        struct value { int a; unsigned b : 3; long c[4]; enum { A, B = -5 } e; const char *volatile p; };
        struct { __uint(type, 1); __uint(max_entries, 16); __uint(map_flags, 1); __type(key, u32); __type(value, struct value); __uint(pinning, 1); } hash SEC(".maps");
        struct { __uint(type, 27); __uint(max_entries, 4096); } ring SEC(".maps");
        struct inner { __uint(type, 2); __uint(max_entries, 3); __type(key, int); __type(value, u64); } first SEC(".maps");
        struct { __uint(type, 12); __uint(max_entries, 2); __uint(key_size, 4); __array(values, struct inner); } outer SEC(".maps") = { .values = { [1] = &first } };
        int program(void *ctx);
        struct { __uint(type, 3); __uint(max_entries, 8); __uint(key_size, 4); __array(values, int(void *)); } jumps SEC(".maps") = { .values = { [2] = &program } };
        static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
        static long (*bpf_loop)(u32, void *, void *, u64) = (void *)181;
        int counter = 5; static int hidden; const volatile int limit = 7; static const char text[] = "hello"; const char *pointer = text; int (*table[2])(void *) ;
        extern int kernel_function(int x) __attribute__((section(".ksyms")));
        extern const int setting __attribute__((section(".kconfig"))); extern const int weak_one __attribute__((section(".ksyms"), weak));
        static __attribute__((noinline)) int local(int x) { hidden += x; return hidden * limit + text[x & 3]; }
        __attribute__((noinline)) int global(int x) { return local(x) + counter; }
        static int callback(u32 i, void *c) { return i > 5; }
        SEC("xdp") int program(void *ctx) { u32 key = 1; struct value *v = bpf_map_lookup_elem(&hash, &key); if (!v) return 1; bpf_loop(3, callback, ctx, 0); return v->a + global(key) + local(2); }
        SEC("xdp") int second(void *ctx) { return global(3) + (long)&ring + (int)(long)pointer + setting; }
        SEC("tc") int third(void *ctx) { return kernel_function(4) + (&weak_one ? 1 : 2); }
        char _license[] SEC("license") = "GPL";
        """;

    /// <summary>Compiles to an object and returns its bytes.</summary>
    public static byte[] Clang(string source, params string[] options)
    {
        string folder = Directory.CreateTempSubdirectory("ebpfcc-test-").FullName;
        try
        {
            string input = Path.Combine(folder, options.Contains("-x") ? "t.s" : "t.c"), output = Path.Combine(folder, "t.o");
            File.WriteAllText(input, source);
            (int exit, _, string error) = Oracles.Run(Oracles.Program(Oracle.Clang), ["-target", "bpf", "-O2", "-Wno-everything", "-c", .. options, input, "-o", output]);
            Assert.True(exit == 0, error);
            return File.ReadAllBytes(output);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    /// <summary>Runs a tool on a file with these bytes; <c>FILE</c> among the arguments is the file.</summary>
    public static string RunOn(byte[] bytes, Oracle tool, params string[] arguments)
    {
        string folder = Directory.CreateTempSubdirectory("ebpfcc-test-").FullName;
        try
        {
            string file = Path.Combine(folder, "t.o");
            File.WriteAllBytes(file, bytes);
            (int exit, string output, string error) = Oracles.Run(Oracles.Program(tool), arguments.Select(argument => argument == "FILE" ? file : argument));
            Assert.True(exit == 0, error + output);
            return output.Replace(file, "FILE", StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }
}
