// Writes captures in pcap format with nanoseconds.
using System.Buffers.Binary;

namespace Ebpfcc.Runtime.Capture;

public static class CaptureWriter
{
    /// <summary>The file of some Ethernet packets.</summary>
    /// <param name="hasNanoseconds">Times to the nanosecond; otherwise microseconds, which every reader knows.</param>
    public static byte[] Write(IEnumerable<CapturedPacket> packets, bool hasNanoseconds = false)
    {
        using var file = new MemoryStream();
        Span<byte> header = stackalloc byte[24];
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, hasNanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], 262144);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        file.Write(header);
        foreach (CapturedPacket packet in packets)
        {
            Span<byte> record = header[..16];
            BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)(packet.Time / 1_000_000_000));
            BinaryPrimitives.WriteUInt32LittleEndian(record[4..], (uint)(packet.Time % 1_000_000_000 / (hasNanoseconds ? 1u : 1000u)));
            BinaryPrimitives.WriteUInt32LittleEndian(record[8..], (uint)packet.Data.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(record[12..], (uint)Math.Max(packet.OriginalLength, packet.Data.Length));
            file.Write(record);
            file.Write(packet.Data);
        }
        return file.ToArray();
    }
}
