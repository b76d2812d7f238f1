// A packet with room around it, as a driver's buffer or an skb has:
//
//   Start          Meta        Data                  End            Limit
//   +--------------+-----------+---------------------+--------------+
//   |   headroom   | metadata  |  packet             |  tailroom    |
//   +--------------+-----------+---------------------+--------------+
namespace Ebpfcc.Runtime.Contexts;

/// <summary>Packet bytes in native memory that does not move while a program runs. Offsets are bytes from the buffer's start.</summary>
public sealed unsafe class PacketBuffer(byte* start, int capacity)
{
    /// <summary>First byte of the buffer.</summary>
    public byte* Start { get; } = start;

    public int Capacity { get; } = capacity;

    /// <summary>First byte of the metadata; equal to <see cref="Data"/> when there is none.</summary>
    public byte* Meta { get; set; }

    public byte* Data { get; set; }

    public byte* End { get; set; }

    public int Length => (int)(End - Data);

    public byte* Limit => Start + Capacity;

    /// <summary>Offset of the network header from <see cref="Data"/>; what SKF_NET_OFF and BPF_HDR_START_NET count from.</summary>
    public int NetworkOffset { get; set; }

    /// <summary>Offset of the link-layer header from <see cref="Data"/>; zero or negative.</summary>
    public int LinkOffset { get; set; }
}
