// Whole objects: what readers and the kernel make of them.
using Ebpfcc.Backend.Ebpf.Emission;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;
using Ebpfcc.Ir.Text;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Backend.Ebpf.Tests;

public class ObjectEmissionTests
{
    /// <summary>A packet counter: a map, globals of every kind, a subprogram, a callback, string literals.</summary>
    internal const string Counter = """
        module "counter.c"

        !0 = base "int" size 4 signed
        !1 = base "unsigned int" size 4 unsigned
        !2 = base "long long" size 8 signed
        !3 = struct "xdp_md" size 24 { "data" !1 at 0, "data_end" !1 at 32, "data_meta" !1 at 64, "ingress_ifindex" !1 at 96, "rx_queue_index" !1 at 128, "egress_ifindex" !1 at 160 }
        !4 = pointer !3
        !5 = function !0 ("ctx" !4)
        !6 = array !0 count 2
        !7 = pointer !6
        !8 = pointer !1
        !9 = struct "value" size 24 { "packets" !2 at 0, "next" !12 at 64, "kind" !14 at 128, "flags" !1 at 160 bits 3 }
        !10 = pointer !9
        !11 = struct size 32 { "type" !7 at 0, "max_entries" !15 at 64, "key" !8 at 128, "value" !10 at 192 }
        !12 = pointer !13
        !13 = struct "elsewhere" size 8 { "x" !2 at 0 }
        !14 = enum "kind" size 4 unsigned { "A" = 0, "B" = 7 }
        !15 = pointer !16
        !16 = array !0 count 8
        !17 = base "char" size 1 char
        !18 = array !17 count 4
        !19 = function !0 ("a" !0)
        !20 = pointer void
        !21 = function !2 ("i" !1, "c" !20)

        global @counts size 32 align 8 section ".maps" debug !11
        global @license size 4 align 1 section "license" debug !18 bytes "47504c00"
        global @limit size 4 align 4 debug !0 bytes "05000000"
        global internal @seen size 8 align 8 debug !2
        global internal const @table size 8 align 4 debug !6 bytes "0100000002000000"
        global internal const @.str size 6 align 1 bytes "686920256400"

        define internal noinline i32 @scale(i32 %a) debug !19 {
        entry:
          %t = load i32 @table align 4
          %r = mul i32 %a, %t
          ret i32 %r
        }

        define internal i64 @each(i32 %i, ptr %c) debug !21 {
        entry:
          %o = load i64 @seen align 8
          %w = zext i32 %i to i64
          %n = add i64 %o, %w
          store i64 %n, @seen align 8
          ret i64 0
        }

        define i32 @count(ptr %ctx) section "xdp" debug !5 {
        entry:
          %key = alloca 4 align 4
          store i32 0, %key align 4
          %x = call i64 (i32, ptr, ptr, i64) ptr 181(3, @each, null, 0)
          %y = call i64 (ptr, i32, i32) ptr 6(@.str, 6, 1)
          %v = call ptr (ptr, ptr) ptr 1(@counts, %key)
          %n = cmp eq ptr %v, null
          condbr %n, out, hit
        hit:
          %o = atomicrmw add i64 %v, 1 seqcst
          br out
        out:
          %l = load i32 @limit align 4
          %s = call i32 (i32) @scale(%l)
          %c = cmp sgt i32 %s, 4
          %r = select %c, i32 2, 1
          ret i32 %r
        }
        """;

    internal static byte[] Emit(string text, BackendOptions? options = null)
    {
        var diagnostics = new DiagnosticBag();
        byte[]? bytes = ObjectEmitter.EmitBytes(ModuleParser.Parse(text), options ?? BackendOptions.Default, diagnostics);
        Assert.True(bytes is not null, string.Join("\n", diagnostics.Items.Select(item => item.Message)));
        return bytes;
    }

    private static string Temporary(byte[] bytes)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), "ebpfcc-tests", Guid.NewGuid().ToString("n"))).FullName;
        string path = Path.Combine(folder, "counter.o");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    [Fact]
    public void Equal_modules_give_equal_bytes() => Assert.Equal(Emit(Counter), Emit(Counter));

    [OracleFact(Oracle.Bpftool)]
    public void Bpftool_reads_the_types()
    {
        string path = Temporary(Emit(Counter));
        (int exit, string output, string error) = Oracles.Run(Oracles.Program(Oracle.Bpftool), ["btf", "dump", "file", path]);
        Assert.True(exit == 0, error);
        Snapshot.Verify(output);
    }

    [OracleFact(Oracle.LlvmObjdump)]
    public void Llvm_disassembles_the_code()
    {
        string path = Temporary(Emit(Counter));
        (int exit, string output, string error) = Oracles.Run(Oracles.Program(Oracle.LlvmObjdump), ["-dr", "--no-show-raw-insn", path]);
        Assert.True(exit == 0 && error.Length == 0, error);
        Snapshot.Verify(output.Replace(path, "counter.o", StringComparison.Ordinal));
    }

    [OracleFact(Oracle.Readelf)]
    public void Readelf_has_no_complaint()
    {
        string path = Temporary(Emit(Counter));
        (int exit, string output, string error) = Oracles.Run(Oracles.Program(Oracle.Readelf), ["-SsrW", path]);
        Assert.True(exit == 0 && error.Length == 0, error);
        foreach (string name in new[] { ".text", "xdp", ".relxdp", ".maps", "license", ".data", ".bss", ".rodata", ".BTF", ".BTF.ext" })
            Assert.Contains(name, output, StringComparison.Ordinal);
    }

    [OracleTheory(Oracle.Kernel, Oracle.Libbpf)]
    [InlineData(CpuVersion.V1)]
    [InlineData(CpuVersion.V2)]
    [InlineData(CpuVersion.V3)]
    [InlineData(CpuVersion.V4)]
    public void The_kernel_loads_the_object(CpuVersion cpu)
        => Assert.Null(Libbpf.WhyRefused(Temporary(Emit(Counter, new BackendOptions(cpu)))));
}
