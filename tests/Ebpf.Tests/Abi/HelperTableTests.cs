// The helper table against its own rules and against the headers it was taken from.
using System.Text.RegularExpressions;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Ebpf.Tests.Abi;

public class HelperTableTests
{
    [Fact]
    public void Rows_are_numbered_without_holes_and_names_are_unique()
    {
        Assert.Equal(211, HelperTable.Rows.Length);
        var names = new HashSet<string>();
        for (int i = 0; i < HelperTable.Rows.Length; i++)
        {
            HelperRow row = HelperTable.Rows[i];
            Assert.Equal(i + 1, row.Id);
            Assert.True(names.Add(row.Name));
            Assert.Same(row, HelperTable.Find(row.Id));
            Assert.Same(row, HelperTable.Find(row.FullName));
            Assert.Same(row, HelperTable.Find(row.Name));
        }
        Assert.Null(HelperTable.Find(0));
        Assert.Null(HelperTable.Find(212));
        Assert.Null(HelperTable.Find(-1));
    }

    [Fact]
    public void Every_row_is_consistent_for_every_program_type_that_may_call_it()
    {
        foreach (HelperRow row in HelperTable.Rows)
        {
            Assert.NotEqual(ProgramTypes.None, row.Programs);
            foreach (ProgramTypeRow program in ProgramTypeTable.Rows)
            {
                HelperRow view = row.For(program.Type);
                Assert.InRange(view.Arguments.Length, 0, 5);
                for (int i = 0; i < view.Arguments.Length; i++)
                {
                    HelperArgument argument = view.Arguments[i];
                    Assert.InRange((int)argument.Kind(), 1, 23);
                    if (argument.Kind() is HelperArgument.Size or HelperArgument.SizeOrZero)
                        Assert.Equal(HelperArgument.Memory, view.Arguments[i - 1].Kind());
                    if (argument.Is(HelperArgument.FixedSize))
                        Assert.True(view.ArgumentSizes[i] > 0, row.Name);
                }
                Assert.Equal(view.Arguments.Count(a => a.Kind() == HelperArgument.BtfPointer), view.ArgumentTypes.Length);
            }
        }
    }

    [Fact]
    public void Packet_changing_helpers_take_the_context_first()
    {
        foreach (HelperRow row in HelperTable.Rows)
        {
            if (row.Has(HelperFlags.ChangesPacketData))
                Assert.Equal(HelperArgument.Context, row.Arguments[0].Kind());
        }
    }

    [OracleFact(Oracle.LibbpfHeaders)]
    public void Signatures_are_those_of_the_installed_header()
    {
        string header = File.ReadAllText("/usr/include/bpf/bpf_helper_defs.h");
        int found = 0;
        foreach (Match match in Regex.Matches(header, @"^static (.*?)\(\*\s*(?:const )?bpf_(\w+)\)\((.*?)\)\s*=\s*\(void \*\) (\d+);", RegexOptions.Multiline))
        {
            HelperRow? row = HelperTable.Find(int.Parse(match.Groups[4].Value));
            if (row is null)
                continue;
            Assert.Equal(match.Groups[2].Value, row.Name);
            found++;
        }
        Assert.InRange(found, 150, 211);
    }

    [Theory]
    [InlineData("xdp", ProgramType.Xdp, AttachType.Xdp)]
    [InlineData("xdp.frags", ProgramType.Xdp, AttachType.Xdp)]
    [InlineData("?xdp", ProgramType.Xdp, AttachType.Xdp)]
    [InlineData("tc", ProgramType.SchedCls, null)]
    [InlineData("tcx/egress", ProgramType.SchedCls, AttachType.TcxEgress)]
    [InlineData("kprobe/do_unlinkat", ProgramType.Kprobe, null)]
    [InlineData("kprobe", ProgramType.Kprobe, null)]
    [InlineData("fentry/tcp_connect", ProgramType.Tracing, AttachType.TraceFentry)]
    [InlineData("cgroup/connect4", ProgramType.CgroupSockAddr, AttachType.CgroupInet4Connect)]
    [InlineData("socket", ProgramType.SocketFilter, null)]
    [InlineData("syscall", ProgramType.Syscall, null)]
    public void Section_names_select_program_types(string section, ProgramType type, AttachType? attach)
    {
        SectionRow row = ProgramTypeTable.FindSection(section)!;
        Assert.Equal(type, row.Type);
        Assert.Equal(attach, row.Attach);
    }

    [Theory]
    [InlineData("xdpx")]
    [InlineData("kprobex")]
    [InlineData("")]
    [InlineData("?")]
    [InlineData("maps")]
    public void Other_section_names_select_nothing(string section) => Assert.Null(ProgramTypeTable.FindSection(section));
}
