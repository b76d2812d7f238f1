// Descriptors, who holds what, program loading with its errors, links and pins.
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Syscall;
using Ebpfcc.Runtime.TestRun;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Syscall;

public sealed class BpfSystemTests
{
    private static readonly MapDefinition s_array = new("numbers", (int)MapType.Array, 4, 8, 4);

    private static EbpfInstruction Mov(int register, int value) => OpcodeTable.Encode(EbpfOpcode.Mov64Imm, register, immediate: value);

    private static readonly EbpfInstruction s_exit = OpcodeTable.Encode(EbpfOpcode.Exit);

    private static EbpfInstruction[] Returns(int value) => [Mov(0, value), s_exit];

    /// <summary>Reads element 1 of a map: key on the stack, lookup, value or 0.</summary>
    private static EbpfInstruction[] Reads(int map) =>
    [
        OpcodeTable.Encode(EbpfOpcode.StoreImm32, 10, offset: -4, immediate: 1),
        OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 2, 10),
        OpcodeTable.Encode(EbpfOpcode.Add64Imm, 2, immediate: -4),
        new(0x18, 1, (int)WideImmediateKind.MapFd, 0, map), new(0, 0, 0, 0, 0),
        OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: 1),
        OpcodeTable.Encode(EbpfOpcode.Jeq64Imm, 0, offset: 1, immediate: 0),
        OpcodeTable.Encode(EbpfOpcode.Load64, 0, 0),
        s_exit,
    ];

    private static readonly TestRunInput s_packet = new() { Data = new byte[64] };

    [Fact]
    public void A_program_holds_its_maps_and_closing_releases_all()
    {
        using var system = new BpfSystem();
        int map = system.MapCreate(s_array);
        Assert.Equal(0, system.MapUpdate(map, [1, 0, 0, 0], [42, 0, 0, 0, 0, 0, 0, 0]));
        int program = system.ProgramLoad(new ProgramAttributes { Type = ProgramType.SocketFilter, Instructions = Reads(map), License = "GPL", Name = "reads" });
        Assert.True(program >= 0, BpfSystem.LastMessage);
        Assert.Equal(0, system.Close(map));
        Assert.Equal(-Errno.EBADF, system.MapDelete(map, [1, 0, 0, 0]));
        Assert.Equal(0, system.ProgramTestRun(program, s_packet, out TestRunResult result));
        Assert.Equal(42ul, result.ReturnValue);
        Assert.Equal(0, system.GetInfo(program, out BpfObjectInfo? info));
        int again = system.OpenById(BpfObjectKind.Map, info.Uses.Single());
        Assert.True(again >= 0);
        int link = system.LinkCreate(program, "filter:eth0", AttachType.CgroupInetIngress);
        Assert.True(link >= 0, BpfSystem.LastMessage);
        foreach (int descriptor in (int[])[program, again])
            Assert.Equal(0, system.Close(descriptor));
        // The link keeps the program, the program the map.
        Assert.Equal(42ul, system.Trigger("filter:eth0", s_packet).Single().ReturnValue);
        Assert.Equal(3, system.ObjectCount);
        Assert.Equal(0, system.Close(link));
        Assert.Empty(system.Trigger("filter:eth0", s_packet));
        Assert.Equal((0, 0), (system.ObjectCount, system.DescriptorCount));
    }

    [Fact]
    public void Pins_keep_objects()
    {
        using var system = new BpfSystem();
        int map = system.MapCreate(s_array);
        Assert.Equal(0, system.Pin(map, "/maps/numbers"));
        Assert.Equal(-Errno.EEXIST, system.Pin(map, "/maps/numbers"));
        system.Close(map);
        int opened = system.OpenPinned("/maps/numbers");
        Assert.Equal(0, system.MapUpdate(opened, [0, 0, 0, 0], new byte[8]));
        Assert.Equal(-Errno.ENOENT, system.OpenPinned("/maps/other"));
        system.Close(opened);
        Assert.Equal(0, system.Unpin("/maps/numbers"));
        Assert.Equal(0, system.ObjectCount);
    }

    [Fact]
    public void Links_are_updated_detached_and_exclusive_for_xdp()
    {
        using var system = new BpfSystem();
        int Load(ProgramType type, int value) => system.ProgramLoad(new ProgramAttributes { Type = type, Instructions = Returns(value), License = "GPL" });
        int one = Load(ProgramType.Xdp, 1), two = Load(ProgramType.Xdp, 2), filter = Load(ProgramType.SocketFilter, 0);
        int link = system.LinkCreate(one, "xdp:eth0", 0);
        Assert.Equal(-Errno.EBUSY, system.LinkCreate(two, "xdp:eth0", 0));
        Assert.Equal(1ul, system.Trigger("xdp:eth0", s_packet).Single().ReturnValue);
        Assert.Equal(0, system.LinkUpdate(link, two));
        Assert.Equal(2ul, system.Trigger("xdp:eth0", s_packet).Single().ReturnValue);
        Assert.Equal(-Errno.EINVAL, system.LinkUpdate(link, filter));
        Assert.Equal(-Errno.EINVAL, system.LinkUpdate(one, two));
        Assert.Equal(0, system.LinkDetach(link));
        Assert.Equal(-Errno.ENOENT, system.LinkUpdate(link, one));
        // One program at several events; at a traffic control hook the chain ends at the first verdict.
        int next = Load(ProgramType.SchedCls, -1), shot = Load(ProgramType.SchedCls, 2);
        foreach (int program in (int[])[next, next, shot, next])
            Assert.True(system.LinkCreate(program, "tc:eth0", 0) >= 0);
        Assert.True(system.LinkCreate(next, "tc:eth1", 0) >= 0);
        Assert.Equal([-1, -1, 2], system.Trigger("tc:eth0", s_packet).Select(result => (int)result.ReturnValue));
        Assert.Equal([-1], system.Trigger("tc:eth1", s_packet).Select(result => (int)result.ReturnValue));
    }

    [Fact]
    public void Maps_of_maps_and_program_arrays_take_descriptors()
    {
        using var system = new BpfSystem();
        int inner = system.MapCreate(s_array), other = system.MapCreate(s_array with { ValueSize = 16 });
        var outerDefinition = new MapDefinition("outer", (int)MapType.ArrayOfMaps, 4, 4, 2);
        Assert.Equal(-Errno.EBADF, system.MapCreate(outerDefinition));
        int outer = system.MapCreate(outerDefinition, inner);
        Assert.Equal(0, system.MapUpdate(outer, [0, 0, 0, 0], BitConverter.GetBytes(inner)));
        Assert.Equal(-Errno.EINVAL, system.MapUpdate(outer, [0, 0, 0, 0], BitConverter.GetBytes(other)));
        Assert.Equal(-Errno.EBADF, system.MapUpdate(outer, [0, 0, 0, 0], BitConverter.GetBytes(12345)));
        Assert.Equal(-Errno.E2BIG, system.MapUpdate(outer, [2, 0, 0, 0], BitConverter.GetBytes(inner)));
        int programs = system.MapCreate(new MapDefinition("jumps", (int)MapType.ProgArray, 4, 4, 2));
        int xdp = system.ProgramLoad(new ProgramAttributes { Type = ProgramType.Xdp, Instructions = Returns(1), License = "GPL" });
        int filter = system.ProgramLoad(new ProgramAttributes { Type = ProgramType.SocketFilter, Instructions = Returns(1), License = "GPL" });
        Assert.Equal(0, system.MapUpdate(programs, [0, 0, 0, 0], BitConverter.GetBytes(xdp)));
        Assert.Equal(-Errno.EINVAL, system.MapUpdate(programs, [1, 0, 0, 0], BitConverter.GetBytes(filter)));
        foreach (int descriptor in (int[])[inner, other, outer, xdp, filter])
            system.Close(descriptor);
        Assert.Equal(2, system.ObjectCount); // the array and the program in it
        Assert.Equal(0, system.MapDelete(programs, [0, 0, 0, 0]));
        Assert.Equal(1, system.ObjectCount);
    }

    [Fact]
    public void Loading_reports_errno_message_and_log()
    {
        using var system = new BpfSystem();
        byte[] log = new byte[4096];
        EbpfInstruction[] bad = [OpcodeTable.Encode(EbpfOpcode.Load64, 0, 1, 4096), s_exit];
        Assert.Equal(-Errno.EACCES, system.ProgramLoad(new ProgramAttributes { Type = ProgramType.SocketFilter, Instructions = bad, License = "GPL", LogLevel = 1, LogBuffer = log }));
        Assert.Contains("invalid bpf_context access", BpfSystem.LastMessage);
        Assert.Contains("invalid bpf_context access off=4096 size=8", System.Text.Encoding.ASCII.GetString(log));
        Assert.Equal(-Errno.ENOSPC, system.ProgramLoad(new ProgramAttributes { Type = ProgramType.SocketFilter, Instructions = Returns(0), License = "GPL", LogLevel = 1, LogBuffer = new byte[8] }));
        Assert.Equal(-Errno.EBADF, system.ProgramLoad(new ProgramAttributes { Type = ProgramType.SocketFilter, Instructions = Reads(99), License = "GPL" }));
    }

    private static readonly EbpfInstruction[][] s_programs =
    [
        Returns(0),
        [],
        [s_exit],
        [Mov(0, 0)],
        [new(0xff, 0, 0, 0, 0), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.Ja, offset: 5), s_exit],
        [Mov(0, 0), OpcodeTable.Encode(EbpfOpcode.Ja, offset: -1), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: 9999), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: 44), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 1, 10), OpcodeTable.Encode(EbpfOpcode.Add64Imm, 1, immediate: -8), OpcodeTable.Encode(EbpfOpcode.StoreImm64, 10, offset: -8, immediate: 0), Mov(2, 8), OpcodeTable.Encode(EbpfOpcode.CallHelper, immediate: 6), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.Load32, 0, 1, 4000), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 0, 10), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.StoreImm64, 10, offset: -520, immediate: 0), Mov(0, 0), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.StoreImm64, 10, offset: 8, immediate: 0), Mov(0, 0), s_exit],
        [Mov(10, 0), Mov(0, 0), s_exit],
        [OpcodeTable.Encode(EbpfOpcode.Mov64Reg, 0, 5), s_exit],
    ];

    [OracleTheory(Oracle.Kernel)]
    [InlineData("GPL")]
    [InlineData("proprietary")]
    public void Loading_fails_as_in_the_kernel(string license)
    {
        using var kernel = new KernelBpf();
        using var system = new BpfSystem();
        var differences = new List<string>();
        for (int i = 0; i < s_programs.Length; i++)
        {
            int expected = kernel.ProgramLoad(ProgramType.SocketFilter, s_programs[i], license);
            int actual = system.ProgramLoad(new ProgramAttributes { Type = ProgramType.SocketFilter, Instructions = s_programs[i], License = license });
            if (Math.Min(expected, 0) != Math.Min(actual, 0))
                differences.Add($"program {i}: the kernel {Errno.Name(-Math.Min(expected, 0))}, we {Errno.Name(-Math.Min(actual, 0))} {BpfSystem.LastMessage}");
        }
        Assert.True(differences.Count == 0, string.Join("\n", differences));
    }

    [Fact]
    public void Threads_use_and_close_maps_at_once()
    {
        using var system = new BpfSystem();
        int map = system.MapCreate(new MapDefinition("table", (int)MapType.Hash, 4, 8, 64));
        int[] shared = [map];
        var failures = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            try
            {
                byte[] key = new byte[4], value = new byte[8];
                for (int i = 0; i < 20_000; i++)
                {
                    key[0] = (byte)(i * 7 + number);
                    int descriptor = Volatile.Read(ref shared[0]);
                    int result = (i % 3) switch { 0 => system.MapUpdate(descriptor, key, value), 1 => system.MapLookup(descriptor, key, value), _ => system.MapDelete(descriptor, key) };
                    Assert.True(result is 0 or -Errno.ENOENT or -Errno.E2BIG or -Errno.EBADF, Errno.Name(-result));
                    if (number == 0 && i % 100 == 0)
                    {
                        int fresh = system.MapCreate(new MapDefinition("table", (int)MapType.Hash, 4, 8, 64));
                        system.Close(Interlocked.Exchange(ref shared[0], fresh));
                    }
                }
            }
            catch (Exception exception)
            {
                lock (failures)
                    failures.Add(exception);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Empty(failures);
        system.Close(shared[0]);
        Assert.Equal(0, system.ObjectCount);
    }
}
