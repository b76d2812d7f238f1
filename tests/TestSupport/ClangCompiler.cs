// Objects that clang makes: what ours are compared with, and input for everything behind the compiler.
using Xunit;

namespace Ebpfcc.TestSupport;

public static class ClangCompiler
{
    /// <summary>The bytes of the object that clang makes of a file.</summary>
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
}
