// Captures: round trips, both byte orders, both units of time, pcapng, damage.
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Runtime.Capture;
using Xunit;

namespace Ebpfcc.Runtime.Tests.Capture;

public sealed class CaptureTests
{
    private static readonly CapturedPacket[] s_packets =
    [
        new(1_700_000_000_123_456_000, [1, 2, 3, 4, 5], 5), new(1_700_000_001_000_000_000, new byte[64], 1500), new(1_700_000_002_000_001_000, [], 0),
    ];

    private static IReadOnlyList<CapturedPacket> Read(byte[] file)
    {
        var diagnostics = new DiagnosticBag();
        IReadOnlyList<CapturedPacket>? packets = CaptureReader.Read(file, "test.pcap", diagnostics);
        Assert.True(packets is not null, string.Join('\n', diagnostics.Items.Select(d => d.Message)));
        return packets;
    }

    private static void AssertSame(IReadOnlyList<CapturedPacket> actual)
    {
        Assert.Equal(s_packets.Length, actual.Count);
        for (int i = 0; i < actual.Count; i++)
        {
            Assert.Equal(s_packets[i].Data, actual[i].Data);
            Assert.Equal((s_packets[i].Time, s_packets[i].OriginalLength), (actual[i].Time, actual[i].OriginalLength));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatIsWrittenIsRead(bool hasNanoseconds) => AssertSame(Read(CaptureWriter.Write(s_packets, hasNanoseconds)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BigEndianFilesAreRead(bool hasNanoseconds)
    {
        byte[] file = CaptureWriter.Write(s_packets, hasNanoseconds);
        file.AsSpan(0, 4).Reverse();
        file.AsSpan(20, 4).Reverse();
        for (int at = 24; at < file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at + 8));
            for (int word = 0; word < 16; word += 4)
                file.AsSpan(at + word, 4).Reverse();
            at += 16 + length;
        }
        AssertSame(Read(file));
    }

    private static byte[] Blocks(int resolution)
    {
        var file = new MemoryStream();
        void Block(uint type, params byte[] body)
        {
            byte[] padded = [.. body, .. new byte[(4 - body.Length % 4) % 4]];
            file.Write(BitConverter.GetBytes(type));
            file.Write(BitConverter.GetBytes(12 + padded.Length));
            file.Write(padded);
            file.Write(BitConverter.GetBytes(12 + padded.Length));
        }
        byte[] U32(uint value) => BitConverter.GetBytes(value);
        Block(0x0a0d0d0a, [.. U32(0x1a2b3c4d), 1, 0, 0, 0, .. U32(uint.MaxValue), .. U32(uint.MaxValue)]);
        Block(1, [1, 0, 0, 0, .. U32(65536), 9, 0, 1, 0, (byte)resolution, 0, 0, 0, .. U32(0)]);
        Block(0x0bad, [1, 2, 3]);
        foreach (CapturedPacket packet in s_packets)
        {
            ulong time = resolution == 9 ? packet.Time : packet.Time / 1000;
            Block(6, [.. U32(0), .. U32((uint)(time >> 32)), .. U32((uint)time), .. U32((uint)packet.Data.Length), .. U32((uint)packet.OriginalLength), .. packet.Data]);
        }
        return file.ToArray();
    }

    [Theory]
    [InlineData(6)]
    [InlineData(9)]
    public void BlockFilesAreRead(int resolution) => AssertSame(Read(Blocks(resolution)));

    [Fact]
    public void DamageIsDiagnosed()
    {
        var random = new Random(5);
        byte[][] files = [CaptureWriter.Write(s_packets), Blocks(6)];
        for (int round = 0; round < 2000; round++)
        {
            byte[] damaged = (byte[])files[round % 2].Clone();
            for (int i = random.Next(1, 5); i > 0; i--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            if (round % 3 == 0)
                damaged = damaged[..random.Next(damaged.Length)];
            var diagnostics = new DiagnosticBag();
            Assert.Equal(CaptureReader.Read(damaged, "damaged", diagnostics) is null, diagnostics.HasErrors);
        }
    }

    [Fact]
    public void OtherLinksAreRefused()
    {
        byte[] file = CaptureWriter.Write(s_packets);
        file[20] = 101;
        var diagnostics = new DiagnosticBag();
        Assert.Null(CaptureReader.Read(file, "raw.pcap", diagnostics));
        Assert.Equal("EBC7002", diagnostics.Items[0].Id);
    }
}
