// The kernel's selftests as objects: made by our compiler (through the command line) or by clang, each once per test process.
using System.Collections.Concurrent;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Selftests;

internal static class SelftestObjects
{
    private static readonly ConcurrentDictionary<(string, string, string), Lazy<byte[]>> s_images = new();

    /// <param name="compiler"><c>clang</c>, or <c>ebpfcc</c> with options after a blank.</param>
    /// <param name="version">Of Linux.</param>
    public static byte[] Image(string source, string compiler, string version = "6.12")
        => s_images.GetOrAdd((source, compiler, version), _ => new Lazy<byte[]>(() => Compile(source, compiler, version))).Value;

    public static EbpfObject Read(byte[] image)
    {
        var diagnostics = new DiagnosticBag();
        EbpfObject? read = ObjectReader.Read(image, "selftest.o", diagnostics);
        Assert.True(read is not null, string.Join('\n', diagnostics.Items.Select(item => item.Message)));
        return read;
    }

    private static byte[] Compile(string source, string compiler, string version)
    {
        string folder = LinuxSource.Selftests(version);
        string file = Path.Combine(folder, "progs", source + ".c");
        if (compiler == "clang")
            return ClangCompiler.CompileFile(file, "-I" + folder);
        using var output = new TemporaryFolder();
        CliResult result = CliRun.Run([file, "-I" + folder, .. compiler.Split(' ')[1..], "-o", output["selftest.o"]]);
        Assert.Equal((ExitStatus.Done, "", ""), (result.ExitCode, result.Error, result.Output));
        return File.ReadAllBytes(output["selftest.o"]);
    }
}
