// Objects that clang makes from C in tests, and from the kernel's selftests.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests;

internal static class ClangObjects
{
    public const string Prelude = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        #include <bpf/bpf_endian.h>
        #include <bpf/bpf_core_read.h>

        """;

    /// <summary>The bytes of the object that clang makes from a source text.</summary>
    public static byte[] Compile(string source, params string[] options)
    {
        string folder = Directory.CreateTempSubdirectory("ebpfcc-test").FullName;
        try
        {
            string file = Path.Combine(folder, "prog.c");
            File.WriteAllText(file, source);
            return CompileFile(file, options);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static byte[] CompileFile(string file, params string[] options)
    {
        string output = Path.Combine(Path.GetTempPath(), $"ebpfcc-{Guid.NewGuid():N}.o");
        try
        {
            (int code, _, string error) = Oracles.Run(Oracles.Program(Oracle.Clang),
                ["-target", "bpf", "-O2", "-g", "-mcpu=v3", "-w", "-D__TARGET_ARCH_x86", .. options, "-I/usr/include/x86_64-linux-gnu", "-idirafter", Stubs(), "-c", file, "-o", output]);
            Assert.True(code == 0, error);
            return File.ReadAllBytes(output);
        }
        finally
        {
            File.Delete(output);
        }
    }

    /// <summary>The one header of 32-bit libc that 64-bit headers include for targets they do not know.</summary>
    private static string Stubs()
    {
        string folder = Path.Combine(Repository.Cache, "stubs");
        string file = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "gnu")).FullName, "stubs-32.h");
        if (!File.Exists(file))
            File.WriteAllText(file, "");
        return folder;
    }

    public static EbpfObject Read(byte[] image)
    {
        var diagnostics = new DiagnosticBag();
        EbpfObject? read = ObjectReader.Read(image, "prog.o", diagnostics);
        Assert.True(read is not null, string.Join('\n', diagnostics.Items.Select(d => d.Message)));
        return read;
    }

    public static LoadedObject Load(byte[] image, LoadOptions? options = null)
    {
        var diagnostics = new DiagnosticBag();
        LoadedObject? loaded = ProgramLoader.Load(Read(image), options ?? new LoadOptions(), diagnostics);
        Assert.True(loaded is not null && !diagnostics.HasErrors, string.Join('\n', diagnostics.Items.Select(d => d.Message)));
        return loaded;
    }

    public static LoadedObject LoadSource(string source, LoadOptions? options = null) => Load(Compile(Prelude + source), options);
}
