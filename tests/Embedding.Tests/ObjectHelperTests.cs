// Helpers on dynptrs, storage, stacks and maps of sockets, under every engine.
using Ebpfcc.Runtime.Maps;
using Ebpfcc.Runtime.Memory;
using Ebpfcc.TestSupport;
using Xunit;

namespace Ebpfcc.Embedding.Tests;

public sealed class ObjectHelperTests
{
    public static TheoryData<EngineKind> Engines() => VmTests.Engines();

    [Theory]
    [MemberData(nameof(Engines))]
    public void Dynptrs_are_read_written_and_bounded(EngineKind engine)
    {
        using var vm = new Vm(new VmOptions { Engine = engine });
        using EbpfModule module = vm.CompileAndLoad(VmTests.Prelude + """
            struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, char[32]); } bytes SEC(".maps");
            struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
            SEC("xdp") int f(struct xdp_md *ctx)
            {
                struct bpf_dynptr memory, event;
                int key = 0, five = 5, read = 0;
                char *value = bpf_map_lookup_elem(&bytes, &key);
                if (!value)
                    return 100;
                if (bpf_dynptr_from_mem(value, 32, 0, &memory))
                    return 101;
                if (bpf_dynptr_write(&memory, 28, &five, 4, 0) || bpf_dynptr_read(&read, 4, &memory, 28, 0) || read != 5)
                    return 102;
                if (bpf_dynptr_write(&memory, 29, &five, 4, 0) != -7 || bpf_dynptr_read(&read, 4, &memory, 29, 0) != -7)
                    return 103;
                int *slice = bpf_dynptr_data(&memory, 28, 4);
                if (!slice || *slice != 5)
                    return 104;
                int failed = bpf_ringbuf_reserve_dynptr(&events, 8, 0, &event);
                bpf_dynptr_write(&event, 0, &five, 4, 0);
                bpf_ringbuf_submit_dynptr(&event, 0);
                return failed ? 105 : 1;
            }
            """);
        Assert.Equal(1ul, module.Program("f").Run(VmTests.Packet));
        Assert.True(module.RingBuffer("events").TryRead(out byte[] record));
        Assert.Equal([5, 0, 0, 0, 0, 0, 0, 0], record);
    }

    private sealed class Socket() : GuestObject(80, GuestHeap.Shared);

    [OracleTheory(Oracle.Kernel)]
    [MemberData(nameof(Engines))]
    public void Sockets_in_maps_are_redirect_targets(EngineKind engine)
    {
        using var vm = new Vm(new VmOptions { Engine = engine });
        using EbpfModule module = vm.CompileAndLoad(VmTests.Prelude + """
            struct { __uint(type, BPF_MAP_TYPE_SOCKMAP); __uint(max_entries, 2); __type(key, int); __type(value, long long); } sockets SEC(".maps");
            SEC("sk_skb/verdict") int f(struct __sk_buff *skb) { return bpf_sk_redirect_map(skb, &sockets, 1, 0); }
            """);
        Program program = module.Program("f");
        Assert.Equal(0ul, program.Run(VmTests.Packet));
        using var socket = new Socket();
        module.Map("sockets").Write([1, 0, 0, 0], BitConverter.GetBytes((long)socket.Id));
        Assert.Equal(1ul, program.Run(VmTests.Packet, default, out _, out var target));
        Assert.Equal((uint)socket.Id, target.InterfaceIndex);
    }

    [Fact]
    public void Storage_lives_with_its_object()
    {
        var types = new MapDefinition("storage", (int)Ebpf.Abi.MapType.SkStorage, 4, 8, 0, 1) { BtfKeyTypeId = 1, BtfValueTypeId = 1 };
        using Runtime.Maps.Map map = MapFactory.Create(types, GuestHeap.Shared);
        byte[] value = new byte[8];
        using (var socket = new Socket())
        {
            byte[] key = BitConverter.GetBytes(socket.Id);
            Assert.Equal(-Errno.ENOENT, map.UserLookup(key, value));
            Assert.Equal(-Errno.ENOENT, map.UserUpdate(key, [9, 0, 0, 0, 0, 0, 0, 0], UpdateMode.Exist));
            Assert.Equal(0, map.UserUpdate(key, [9, 0, 0, 0, 0, 0, 0, 0], UpdateMode.NoExist));
            Assert.Equal(-Errno.EEXIST, map.UserUpdate(key, value, UpdateMode.NoExist));
            Assert.Equal(0, map.UserLookup(key, value));
            Assert.Equal(9, value[0]);
            Assert.Equal(0, map.Delete(key));
            Assert.Equal(-Errno.ENOENT, map.Delete(key));
            Assert.Equal(0, map.UserUpdate(key, value, UpdateMode.Any));
        }
        Assert.Equal(-Errno.EBADF, map.UserLookup([1, 0, 0, 0], value));
    }

    [Fact]
    public void Stacks_are_stored_by_their_hash()
    {
        using var map = (StackTraceMap)MapFactory.Create(new MapDefinition("stacks", (int)Ebpf.Abi.MapType.StackTrace, 4, 64, 16), GuestHeap.Shared);
        Assert.Equal(-Errno.EFAULT, map.Add([], 0));
        int id = map.Add([0x1000, 0x2000, 0x3000], 0);
        Assert.Equal(id, map.Add([0x1000, 0x2000, 0x3000], 0));
        byte[] value = new byte[64];
        Assert.Equal(0, map.UserLookup(BitConverter.GetBytes(id), value));
        Assert.Equal((0x1000ul, 0x3000ul, 0ul), (BitConverter.ToUInt64(value), BitConverter.ToUInt64(value, 16), BitConverter.ToUInt64(value, 24)));
        Assert.Equal(map.Add([0x2000, 0x3000], 1 << 10), map.Add([0x1000, 0x2000, 0x3000], 1 | 1 << 10));
    }
}
