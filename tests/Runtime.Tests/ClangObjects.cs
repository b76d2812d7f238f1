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

    public static byte[] CompileFile(string file, params string[] options) => ClangCompiler.CompileFile(file, options);

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
