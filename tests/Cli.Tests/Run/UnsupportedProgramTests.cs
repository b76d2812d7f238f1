// Programs that a kernel would run and this process cannot: refused with a reason by every engine, never a defect or a crash.
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Cli.Tests.Run;

public class UnsupportedProgramTests
{
    private const string KernelFunctions = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct bpf_iter_num { __u64 opaque; } __attribute__((aligned(8)));
        extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __attribute__((section(".ksyms")));
        extern int *bpf_iter_num_next(struct bpf_iter_num *it) __attribute__((section(".ksyms")));
        extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __attribute__((section(".ksyms")));
        SEC("xdp") int sum(struct xdp_md *ctx)
        {
            struct bpf_iter_num it;
            int *value, total = 0;
            bpf_iter_num_new(&it, 0, 10);
            while ((value = bpf_iter_num_next(&it)))
                total += *value;
            bpf_iter_num_destroy(&it);
            return total;
        }
        char license[] SEC("license") = "GPL";
        """;

    private const string KernelPointers = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct task_struct { int pid; } __attribute__((preserve_access_index));
        SEC("tp_btf/task_newtask") int read_pid(unsigned long long *ctx)
        {
            struct task_struct *task = (void *)ctx[0];
            return task->pid;
        }
        char license[] SEC("license") = "GPL";
        """;

    [OracleTheory(Oracle.Kernel)]
    [InlineData("interp")]
    [InlineData("x64")]
    [InlineData("all")]
    public void Calls_of_kernel_functions_are_refused(string engine)
    {
        using var folder = new TemporaryFolder();
        CliResult run = CliRun.Run("run", folder.Write("sum.c", KernelFunctions), "--engine", engine, "--data-hex", new string('0', 64));
        Assert.Equal(ExitStatus.Refused, run.ExitCode);
        Assert.Contains("kernel functions cannot be called here", run.Error);
        Assert.Contains("EBC7022", run.Error);
    }

    /// <summary>The context holds a wild pointer: reading through it gives zero, and engines that cannot guard the load refuse it.</summary>
    [OracleFact(Oracle.Kernel, Oracle.X64Machine)]
    public void Loads_through_kernel_pointers_never_crash()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("pid.c", KernelPointers);
        string context = folder["context.bin"];
        File.WriteAllBytes(context, [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        foreach (string engine in new[] { "interp", "x64" })
        {
            CliResult guarded = CliRun.Run("run", source, "--engine", engine, "--ctx-in", context);
            Assert.True(guarded.ExitCode == ExitStatus.Done, guarded.Error);
            Assert.Contains("returned 0", guarded.Output + guarded.Error);
        }
    }

    /// <summary>ARM32 code asks for such loads, wherever the pointer leads.</summary>
    [OracleFact(Oracle.Kernel, Oracle.QemuArm)]
    public void Arm32_code_loads_through_kernel_pointers_as_the_interpreter_does()
    {
        using var folder = new TemporaryFolder();
        string source = folder.Write("pid.c", KernelPointers), context = folder["context.bin"];
        byte[] task = GC.AllocateArray<byte>(1 << 16, pinned: true);
        Array.Fill(task, (byte)0x11);
        long readable = System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(task, 0);
        foreach (long pointer in new[] { readable, 0x0000605040302010, 0, -16, 0xfffff000 })
        {
            File.WriteAllBytes(context, [.. BitConverter.GetBytes(pointer), 0, 0, 0, 0, 0, 0, 0, 0]);
            var outputs = new List<string>();
            foreach (string engine in new[] { "interp", "arm32" })
            {
                CliResult run = CliRun.Run(["run", source, "--engine", engine, "--ctx-in", context], "", Environment.GetEnvironmentVariable);
                Assert.True(run.ExitCode == ExitStatus.Done, run.Error);
                outputs.Add(run.Output.Split('\n').First(line => line.Contains("returned")).Split(',')[0]);
            }
            Assert.Equal(outputs[0], outputs[1]);
            Assert.EndsWith(pointer == readable ? $"returned {0x11111111}" : "returned 0", outputs[1]);
        }
    }
}
