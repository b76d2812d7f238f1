// Test runs on socket buffers: traffic control, cgroups, sockets, tunnels, and the flow dissector.
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Ebpfcc.Ebpf.Abi;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Maps;

namespace Ebpfcc.Runtime.TestRun;

public sealed unsafe partial class TestRunner
{
    private const ushort EthIp = 0x0800, EthIp6 = 0x86dd;
    private const int FlowKeysSize = 56, FlowKeysAt = RawContextSize - 64;

    private ref uint Field(int offset) => ref *(uint*)(_contextMemory + offset);

    /// <summary>Fields that user space may set and gets back.</summary>
    private static readonly (int Offset, int Size)[] s_userFields =
    [
        (SkBuffFields.Mark, 4), (SkBuffFields.Priority, 4), (SkBuffFields.IngressIfindex, 4), (SkBuffFields.Ifindex, 4), (SkBuffFields.Cb, 20),
        (SkBuffFields.DataEnd, 4), (SkBuffFields.Tstamp, 8), (SkBuffFields.WireLen, 4), (SkBuffFields.GsoSegs, 4), (SkBuffFields.GsoSize, 4), (SkBuffFields.Hwtstamp, 8),
    ];

    private bool _isFromPacketSocket;

    private TestRunResult RunSkb(TestRunInput input)
    {
        _isFromPacketSocket = input.IsFromPacketSocket;
        if (input.Data.Length < EthernetHeader || input.Data.Length > MaxSkb || !PlaceSkb(input.Data, input.Context))
            return TestRunResult.Refused(Errno.EINVAL);
        (ulong value, long time) = Execute(input.Repeat, (nint)_contextMemory);
        if (!SeesEthernet)
            RestoreHeader();
        byte[] context = new byte[SkBuffFields.Size];
        foreach ((int offset, int size) in s_userFields)
        {
            if (offset != SkBuffFields.DataEnd)
                new ReadOnlySpan<byte>(_contextMemory + offset, size).CopyTo(context.AsSpan(offset));
        }
        return Result(value, time, _packet.Bytes, context);
    }

    private bool SeesEthernet => (ProgramType)_program.ProgramType switch
    {
        ProgramType.SchedCls or ProgramType.SchedAct => true,
        ProgramType.SocketFilter => _isFromPacketSocket,
        _ => false,
    };

    private bool PlaceSkb(ReadOnlySpan<byte> data, byte[]? context)
    {
        bool seesEthernet = SeesEthernet;
        _packet.HasDirectAccess = (ProgramType)_program.ProgramType is ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.LwtIn or ProgramType.LwtOut or ProgramType.LwtXmit;
        _packet.Fill(data, SkbHeadroom);
        if (!FillDefaults(data) || context is not null && !TakeContext(context))
            return false;
        if (!seesEthernet)
        {
            _packet.Data += EthernetHeader;
            _packet.Meta = _packet.Data;
        }
        _packet.NetworkOffset = seesEthernet ? EthernetHeader : 0;
        _packet.LinkOffset = seesEthernet ? 0 : -EthernetHeader;
        Attach(NativeContextLayout.TotalSize(SkBuffFields.Size), _packet);
        return true;
    }

    /// <summary>The kernel gives room for a link-layer header back, not the header itself.</summary>
    private void RestoreHeader()
    {
        _packet.Data -= EthernetHeader;
        new Span<byte>(_packet.Data, EthernetHeader).Clear();
    }

    /// <summary>What eth_type_trans and the test run set; false when the packet is shorter than its own headers say.</summary>
    private bool FillDefaults(ReadOnlySpan<byte> packet)
    {
        ushort protocol = BinaryPrimitives.ReadUInt16BigEndian(packet[12..]);
        if (protocol < 0x600)
            protocol = packet.Length >= EthernetHeader + 2 && packet[14] == 0xff && packet[15] == 0xff ? (ushort)0x0001 : (ushort)0x0004;
        Field(SkBuffFields.Protocol) = BinaryPrimitives.ReverseEndianness(protocol);
        // The device is loopback, whose address is all zeros, and so is its broadcast address: what looks like a broadcast is multicast.
        Field(SkBuffFields.PacketType) = (packet[0] & 1) != 0 ? 2u : packet[..6].ContainsAnyExcept((byte)0) ? 3u : 0u;
        Field(SkBuffFields.Ifindex) = 1;
        ReadOnlySpan<byte> network = packet[EthernetHeader..];
        if (protocol == EthIp && network.Length < 20 || protocol == EthIp6 && network.Length < 40)
            return false;
        if (protocol == EthIp)
        {
            Field(SkBuffFields.Family) = 2;
            Field(SkBuffFields.LocalIp4) = MemoryMarshal.Read<uint>(network[12..]);
            Field(SkBuffFields.RemoteIp4) = MemoryMarshal.Read<uint>(network[16..]);
        }
        else if (protocol == EthIp6)
        {
            Field(SkBuffFields.Family) = 10;
            network.Slice(8, 16).CopyTo(new Span<byte>(_contextMemory + SkBuffFields.LocalIp6, 16));
            network.Slice(24, 16).CopyTo(new Span<byte>(_contextMemory + SkBuffFields.RemoteIp6, 16));
        }
        return true;
    }

    /// <summary>Takes over what a caller may set; false when it sets anything else.</summary>
    private bool TakeContext(byte[] given)
    {
        Span<byte> rest = stackalloc byte[SkBuffFields.Size];
        given.AsSpan(0, Math.Min(given.Length, rest.Length)).CopyTo(rest);
        if (given.Length > rest.Length && given.AsSpan(rest.Length).ContainsAnyExcept((byte)0))
            return false;
        uint ifindex = MemoryMarshal.Read<uint>(rest[SkBuffFields.Ifindex..]);
        foreach ((int offset, int size) in s_userFields)
        {
            Span<byte> field = rest.Slice(offset, size);
            if (offset != SkBuffFields.DataEnd && !(offset == SkBuffFields.Ifindex && ifindex <= 1))
                field.CopyTo(new Span<byte>(_contextMemory + offset, size));
            field.Clear();
        }
        if (Field(SkBuffFields.WireLen) == 0)
            Field(SkBuffFields.WireLen) = (uint)_packet.Length;
        return ifindex <= 1 && !rest.ContainsAnyExcept((byte)0);
    }

    /// <summary>
    /// The flow dissector gets the packet and, through its context, the keys to fill. Afterwards offsets are limited to the packet, as by the kernel.
    /// </summary>
    private TestRunResult RunFlowDissector(TestRunInput input)
    {
        if (input.Data.Length < EthernetHeader || input.Data.Length > MaxSkb)
            return TestRunResult.Refused(Errno.EINVAL);
        byte* keys = _contextMemory + FlowKeysAt;
        _packet.HasDirectAccess = true;
        ulong value = 0;
        long time = 0;
        for (int i = 0; i < Math.Max(input.Repeat, 1); i++)
        {
            new Span<byte>(_contextMemory, RawContextSize).Clear();
            _packet.Fill(input.Data, SkbHeadroom);
            *(ushort*)keys = *(ushort*)(keys + 2) = EthernetHeader;
            *(ushort*)(keys + 10) = *(ushort*)(_packet.Data + 12);
            *(ulong*)(_contextMemory + SkBuffFields.FlowKeys) = (ulong)keys;
            Attach(RawContextSize, _packet);
            (value, long once) = Execute(1, (nint)_contextMemory);
            time += once;
        }
        *(ushort*)keys = (ushort)Math.Clamp((int)*(ushort*)keys, EthernetHeader, input.Data.Length);
        *(ushort*)(keys + 2) = (ushort)Math.Clamp((int)*(ushort*)(keys + 2), *(ushort*)keys, input.Data.Length);
        return Result(value, time / Math.Max(input.Repeat, 1), new ReadOnlySpan<byte>(keys, FlowKeysSize), []);
    }
}
