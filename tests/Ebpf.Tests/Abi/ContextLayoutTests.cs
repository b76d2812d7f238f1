// Contexts: offsets are the header's (a C compiler asserts it), access rules by example.
using System.Text;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Tests.Object;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Abi;

public class ContextLayoutTests
{
    [OracleFact(Oracle.Clang, Oracle.UapiHeaders)]
    public void Offsets_and_sizes_are_the_headers()
    {
        var source = new StringBuilder("#include <linux/bpf.h>\n#define S(s, f, o, n) _Static_assert(__builtin_offsetof(struct s, f) == o && sizeof(((struct s *)0)->f) == n, #s \".\" #f);\n");
        foreach (ProgramTypeRow program in ProgramTypeTable.Rows)
        {
            ContextLayout layout = ContextLayout.For(program.Type);
            if (layout.StructName is null or "pt_regs" or "bpf_perf_event_data" or "bpf_nf_ctx" or "bpf_raw_tracepoint_args")
                continue;
            // its last member is newer than some headers
            if (layout.StructName != "bpf_sock_ops")
                source.AppendLine($"_Static_assert(sizeof(struct {layout.StructName}) == {layout.Size}, \"{layout.StructName}\");");
            foreach (ContextField field in layout.Fields)
            {
                // members newer than the installed header, and those whose C shape is a union, are not asserted
                if (field.Name.Length > 0 && field.Name is not ("args" or "hwtstamp" or "tstamp_type" or "skb_hwtstamp" or "migrating_sk"))
                    source.AppendLine($"S({layout.StructName}, {field.Name}, {field.Offset}, {field.Size * field.Count})");
            }
        }
        Compiled.Clang(source.ToString(), "-I/usr/include/x86_64-linux-gnu", "-I/usr/include/" + System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant() + "-linux-gnu");
    }

    [Fact]
    public void Fields_are_ordered_and_do_not_overlap()
    {
        foreach (ProgramTypeRow program in ProgramTypeTable.Rows)
        {
            ContextLayout layout = ContextLayout.For(program.Type);
            int end = 0;
            foreach (ContextField field in layout.Fields)
            {
                Assert.True(field.Offset >= end, $"{program.Name}.{field.Name}");
                end = field.End;
                Assert.NotEqual(ContextAccess.None, field.Access & (ContextAccess.Read | ContextAccess.Write));
            }
            Assert.True(end <= layout.Size);
        }
    }

    [Theory]
    [InlineData(ProgramType.Xdp, 0, 4, false, true)]
    [InlineData(ProgramType.Xdp, 0, 8, false, false)]
    [InlineData(ProgramType.Xdp, 0, 2, false, false)]
    [InlineData(ProgramType.Xdp, 0, 4, true, false)]
    [InlineData(ProgramType.Xdp, 20, 4, false, false)]
    [InlineData(ProgramType.Xdp, 24, 4, false, false)]
    [InlineData(ProgramType.SocketFilter, 76, 4, false, false)]
    [InlineData(ProgramType.SocketFilter, 0, 1, false, true)]
    [InlineData(ProgramType.SocketFilter, 3, 1, false, true)]
    [InlineData(ProgramType.SocketFilter, 1, 2, false, false)]
    [InlineData(ProgramType.SocketFilter, 8, 4, true, false)]
    [InlineData(ProgramType.SocketFilter, 48, 8, true, true)]
    [InlineData(ProgramType.SocketFilter, 64, 8, true, false)]
    [InlineData(ProgramType.SchedCls, 8, 4, true, true)]
    [InlineData(ProgramType.SchedCls, 8, 2, true, false)]
    [InlineData(ProgramType.SchedCls, 180, 1, false, true)]
    [InlineData(ProgramType.SchedCls, 181, 1, false, false)]
    [InlineData(ProgramType.SchedCls, 152, 8, true, true)]
    [InlineData(ProgramType.SchedCls, 152, 4, false, false)]
    [InlineData(ProgramType.SchedCls, 144, 8, false, false)]
    [InlineData(ProgramType.SkLookup, 36, 4, false, true)]
    [InlineData(ProgramType.SkLookup, 36, 2, false, true)]
    [InlineData(ProgramType.CgroupSysctl, 4, 4, true, true)]
    [InlineData(ProgramType.CgroupSysctl, 4, 2, true, false)]
    [InlineData(ProgramType.RawTracepoint, 88, 8, false, true)]
    [InlineData(ProgramType.RawTracepoint, 96, 8, false, false)]
    [InlineData(ProgramType.Tracepoint, 0, 8, false, false)]
    public void Accesses_are_judged_as_the_kernel_judges(ProgramType type, int offset, int size, bool isWrite, bool allowed)
        => Assert.Equal(allowed, ContextLayout.For(type).Access(offset, size, isWrite) is not null);

    [Fact]
    public void Attach_types_and_sign_extension_matter()
    {
        ContextLayout xdp = ContextLayout.For(ProgramType.Xdp), address = ContextLayout.For(ProgramType.CgroupSockAddr);
        Assert.NotNull(xdp.Access(20, 4, false, AttachType.XdpDevmap));
        Assert.Null(xdp.Access(0, 4, false, signExtends: true));
        Assert.NotNull(address.Access(4, 4, true, AttachType.CgroupInet4Connect));
        Assert.Null(address.Access(4, 4, true, AttachType.CgroupInet6Connect));
        Assert.NotNull(address.Access(8, 8, true, AttachType.CgroupInet6Connect));
        Assert.Null(address.Access(12, 8, true, AttachType.CgroupInet6Connect));
        Assert.NotNull(address.Access(48, 8, false, AttachType.CgroupUdp6Sendmsg));
        Assert.Equal(ContextPointer.Packet, xdp.FieldAt(0)!.Pointer);
    }

    [Fact]
    public void Map_types_are_rows_in_order()
    {
        for (int i = 0; i < MapTypeTable.Rows.Length; i++)
            Assert.Equal(i, (int)MapTypeTable.Rows[i].Type);
        Assert.Equal(34, MapTypeTable.Rows.Length);
        Assert.Null(MapTypeTable.Find(MapType.Unspec));
        Assert.Null(MapTypeTable.Find((MapType)34));
        Assert.True(MapTypeTable.Accepts(MapType.Hash, 1));
        Assert.False(MapTypeTable.Accepts(MapType.ProgArray, 1));
        Assert.True(MapTypeTable.Accepts(MapType.ProgArray, 12));
        Assert.False(MapTypeTable.Accepts(MapType.Hash, 12));
        Assert.True(MapTypeTable.Accepts(MapType.RingBuffer, 131));
    }
}
