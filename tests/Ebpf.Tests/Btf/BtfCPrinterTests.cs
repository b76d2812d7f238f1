// C declarations of types: declarators inside out, and the kernel's own structures against bpftool.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Btf;
using Ebpfcc.Ebpf.Elf;
using Ebpfcc.Ebpf.Object;
using Ebpfcc.Ebpf.Tests.Object;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Btf;

public class BtfCPrinterTests
{
    [Fact]
    public void Declarators_are_built_inside_out()
    {
        var builder = new BtfBuilder();
        int number = builder.AddInt("int", 4, BtfIntEncoding.Signed), text = builder.AddInt("char", 1, BtfIntEncoding.Signed);
        int prototype = builder.AddFunctionPrototype(number, [new BtfParameter(builder.AddString("s"), builder.AddPointer(builder.AddConst(text))), default]);
        int pointer = builder.AddPointer(prototype), array = builder.AddArray(pointer, number, 4), toArray = builder.AddPointer(builder.AddArray(number, number, 3));
        int constant = builder.AddConst(builder.AddPointer(builder.AddVolatile(text)));
        BtfReader types = BtfReader.Read(builder.Build(), "t", new DiagnosticBag())!;
        Assert.Equal("int (*f)(const char *s, ...)", BtfCPrinter.Declare(types, pointer, "f"));
        Assert.Equal("int (*table[4])(const char *s, ...)", BtfCPrinter.Declare(types, array, "table"));
        Assert.Equal("int (*p)[3]", BtfCPrinter.Declare(types, toArray, "p"));
        Assert.Equal("volatile char * const c", BtfCPrinter.Declare(types, constant, "c"));
    }

    [OracleFact(Oracle.Clang, Oracle.Bpftool)]
    public void Structures_look_as_bpftool_prints_them()
    {
        byte[] image = Compiled.Clang(Compiled.ManyThings, "-g");
        BtfReader types = BtfReader.Read(ElfFile.Read(image, "t.o", new DiagnosticBag())!.Find(".BTF")!.Data, "t.o", new DiagnosticBag())!;
        string dump = Compiled.RunOn(image, Oracle.Bpftool, "btf", "dump", "file", "FILE", "format", "c");
        Assert.Contains(BtfCPrinter.Define(types, types.Find("value", BtfKind.Struct)), dump);
        Assert.Contains(BtfCPrinter.Define(types, types.Find("u32", BtfKind.Typedef)), dump);
    }

    [OracleFact(Oracle.Clang)]
    public void Listings_name_helpers_maps_and_callees()
    {
        EbpfObject read = ObjectReader.Read(Compiled.Clang(Compiled.ManyThings, "-g"), "t.o", new DiagnosticBag())!;
        string listing = ObjectListing.Print(read, new ListingOptions { SourceLines = true, Function = "program" });
        Assert.Contains("call bpf_map_lookup_elem", listing);
        Assert.Contains("= hash ll", listing);
        Assert.Contains("call global", listing);
        Assert.Contains("; SEC(\"xdp\") int program", listing);
        Assert.DoesNotContain("second:", listing);
    }

    [Fact]
    public void Hostile_types_end()
    {
        var builder = new BtfBuilder(keepDuplicates: true);
        int loop = builder.AddPointer(1);
        BtfMember[] members = [.. Enumerable.Range(0, 5000).Select(_ => new BtfMember(0, 2, 0, 0))];
        builder.AddStruct("", false, 8, members);
        builder.AddFunctionPrototype(3, [.. Enumerable.Range(0, 5000).Select(_ => new BtfParameter(0, 3))]);
        BtfReader types = BtfReader.Read(builder.Build(), "t", new DiagnosticBag())!;
        for (int id = loop; id < types.Count; id++)
            Assert.InRange(BtfCPrinter.Define(types, id).Length, 1, 1 << 26);
    }
}
