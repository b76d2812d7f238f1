// BTF: reading as bpftool reads, building without duplicates, the kernel's types, damage.
using System.Diagnostics;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Tests.Object;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Btf;

public class BtfTests
{
    private static BtfReader Read(ReadOnlyMemory<byte> blob)
    {
        var diagnostics = new DiagnosticBag();
        BtfReader? reader = BtfReader.Read(blob, "t", diagnostics);
        Assert.True(reader is not null, string.Join("; ", diagnostics.Items.Select(item => item.Message)));
        return reader;
    }

    [OracleFact(Oracle.Clang, Oracle.Bpftool)]
    public void Raw_dump_is_bpftools()
    {
        byte[] image = Compiled.Clang(Compiled.ManyThings, "-g");
        ElfFile elf = ElfFile.Read(image, "t.o", new DiagnosticBag())!;
        Assert.Equal(Compiled.RunOn(image, Oracle.Bpftool, "btf", "dump", "file", "FILE", "format", "raw"), BtfRawPrinter.Print(Read(elf.Find(".BTF")!.Data)));
    }

    [Fact]
    public void Equal_types_are_one_and_cycles_close()
    {
        var builder = new BtfBuilder();
        int number = builder.AddInt("int", 4, BtfIntEncoding.Signed);
        Assert.Equal(number, builder.AddInt("int", 4, BtfIntEncoding.Signed));
        int node = builder.ReserveStruct("node", false, 16);
        int pointer = builder.AddPointer(node);
        builder.SetMembers(node, [new BtfMember(builder.AddString("next"), pointer, 0, 0), new BtfMember(builder.AddString("value"), number, 64, 5)]);
        Assert.Equal(pointer, builder.AddPointer(node));
        builder.AddEnum("e", 4, true, [new BtfEnumerator(builder.AddString("A"), -1)]);
        builder.AddEnum("big", 8, false, [new BtfEnumerator(builder.AddString("C"), long.MinValue)]);
        int prototype = builder.AddFunctionPrototype(number, [new BtfParameter(builder.AddString("x"), number), default]);
        int function = builder.AddFunction("f", prototype, BtfLinkage.Global);
        BtfReader read = Read(builder.Build());
        Assert.Equal("node", read[read[pointer].TypeId].Name);
        Assert.Equal(5u, read[node].GetMember(1).BitSize);
        Assert.Equal(-1, read[read.Find("e", BtfKind.Enum)].GetEnumerator(0).Value);
        Assert.Equal(long.MinValue, read[read.Find("big", BtfKind.Enum64)].GetEnumerator(0).Value);
        Assert.True(read[prototype].IsVariadic);
        Assert.Equal(BtfLinkage.Global, read[function].Linkage);
        Assert.Equal(16, read.SizeOf(node));
        Assert.Equal(builder.Build(), builder.Build());
    }

    [OracleFact(Oracle.Clang)]
    public void Copying_all_types_gives_the_same_text()
    {
        BtfReader read = Read(ElfFile.Read(Compiled.Clang(Compiled.ManyThings, "-g"), "t.o", new DiagnosticBag())!.Find(".BTF")!.Data);
        var builder = new BtfBuilder(keepDuplicates: true);
        for (int id = 1; id < read.Count; id++)
            Assert.Equal(id, builder.AddCopy(read, id, other => other));
        Assert.Equal(BtfRawPrinter.Print(read), BtfRawPrinter.Print(Read(builder.Build())));
    }

    [OracleFact(Oracle.Kernel)]
    public void The_kernels_types_open_fast_and_are_found()
    {
        const string Path = "/sys/kernel/btf/vmlinux";
        byte[] blob = File.ReadAllBytes(Path);
        Read(blob);
        var watch = Stopwatch.StartNew();
        BtfReader read = Read(blob);
        watch.Stop();
        Assert.InRange(watch.ElapsedMilliseconds, 0, 200);
        int task = read.Find("task_struct", BtfKind.Struct);
        Assert.NotEqual(0, task);
        Assert.Contains(Enumerable.Range(0, read[task].Length), i => read.GetString(read[task].GetMember(i).NameOffset) == "pid");
        Assert.Equal(0, read.Find("no_such_type_anywhere", BtfKind.Struct));
    }

    [Fact]
    public void Damaged_blobs_never_throw()
    {
        var builder = new BtfBuilder();
        int number = builder.AddInt("int", 4, BtfIntEncoding.Signed);
        builder.AddStruct("s", false, 8, [new BtfMember(builder.AddString("a"), number, 0, 0), new BtfMember(builder.AddString("b"), 77, 32, 0)]);
        builder.AddTypedef("loop", 4);
        builder.AddArray(number, number, uint.MaxValue);
        builder.AddDataSection(".data", 4, [new BtfSectionEntry(99, 0, 4)]);
        byte[] original = builder.Build();
        var random = new Random(3);
        for (int round = 0; round < 20000; round++)
        {
            byte[] bytes = [.. original];
            for (int i = random.Next(1, 4); i > 0; i--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (BtfReader.Read(bytes, "t", new DiagnosticBag()) is not { } read)
                continue;
            BtfRawPrinter.Print(read);
            for (int id = 0; id <= read.Count; id++)
                read.SizeOf(id);
            read.Find("int", BtfKind.Int);
        }
    }
}
