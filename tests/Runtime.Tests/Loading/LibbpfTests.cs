// The loader against libbpf: the final instructions of programs are the same, map descriptors aside. Selftests with many
// subprograms, global data and CO-RE relocations of every kind.
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Kernel;
using Ebpfcc.Runtime.Loading;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Loading;

public sealed class LibbpfTests
{
    [OracleTheory(Oracle.Kernel, Oracle.Libbpf, Oracle.Clang, Oracle.LinuxSource61, Oracle.LibbpfHeaders)]
    [InlineData("test_core_reloc_kernel.c")]
    [InlineData("test_core_reloc_misc.c")]
    [InlineData("test_xdp_noinline.c")]
    [InlineData("test_l4lb_noinline.c")]
    [InlineData("test_static_linked1.c")]
    [InlineData("test_global_func1.c")]
    public void InstructionsAreLibbpfs(string file)
    {
        string source = LinuxSource.Selftests("6.1");
        byte[] image = ClangObjects.CompileFile(Path.Combine(source, "progs", file), "-I" + source, "-I" + Path.Combine(source, "..", "..", "..", "include", "uapi"));
        using LoadedObject loaded = ClangObjects.Load(image);
        Assert.NotEmpty(loaded.Programs);
        foreach (LoadedProgram program in loaded.Programs)
        {
            KernelObject kernel;
            try
            {
                kernel = KernelObject.Load(image, [program.Name]);
            }
            catch (KernelRefusalException)
            {
                continue; // what this kernel does not take cannot be compared
            }
            using (kernel)
                AssertSame(program, kernel.Instructions(program.Name));
        }
    }

    private static void AssertSame(LoadedProgram program, EbpfInstruction[] theirs)
    {
        Assert.Equal((program.Name, theirs.Length), (program.Name, program.Instructions.Length));
        for (int slot = 0; slot < theirs.Length; slot++)
        {
            EbpfInstruction ours = program.Instructions[slot];
            bool isMap = ours.IsWide && ours.Src is (int)WideImmediateKind.MapFd or (int)WideImmediateKind.MapValue;
            EbpfInstruction expected = isMap ? theirs[slot].WithImmediate(ours.Immediate) : theirs[slot];
            Assert.True(expected == ours, $"{program.Name}, instruction {slot}: {ours}, libbpf has {theirs[slot]}");
        }
    }
}
