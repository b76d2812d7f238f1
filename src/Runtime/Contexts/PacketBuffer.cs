// A packet with room around it, as a driver's buffer or an skb has, and the context fields that point into it:
//
//   Start          Meta        Data                  End            Limit
//   +--------------+-----------+---------------------+--------------+
//   |   headroom   | metadata  |  packet             |  tailroom    |
//   +--------------+-----------+---------------------+--------------+
using Ebpfcc.Runtime.Memory;

namespace Ebpfcc.Runtime.Contexts;

/// <summary>Which structure R1 points at.</summary>
public enum ContextShape { Raw, SkBuff, Xdp }

/// <summary>Packet bytes in native memory that does not move while a program runs.</summary>
public sealed unsafe class PacketBuffer(byte* start, int capacity) : IDisposable
{
    private bool _isOwned;
    private IGuestAllocator? _owner;

    /// <summary>First byte of the buffer.</summary>
    public byte* Start { get; private set; } = start;

    public int Capacity { get; private set; } = capacity;

    /// <summary>First byte of the metadata; equal to <see cref="Data"/> when there is none.</summary>
    public byte* Meta { get; set; }

    public byte* Data { get; set; }

    public byte* End { get; set; }

    public int Length => (int)(End - Data);

    public byte* Limit => Start + Capacity;

    public Span<byte> Bytes => new(Data, Length);

    /// <summary>Offset of the network header from <see cref="Data"/>; what SKF_NET_OFF and BPF_HDR_START_NET count from.</summary>
    public int NetworkOffset { get; set; }

    /// <summary>Offset of the link-layer header from <see cref="Data"/>; zero or negative.</summary>
    public int LinkOffset { get; set; }

    public ContextShape Shape { get; set; }

    /// <summary>The program may access the packet through pointers in its context.</summary>
    public bool HasDirectAccess { get; set; } = true;

    /// <summary>A buffer whose addresses fit into 32 bits, so that UAPI fields can hold them; engines with memory of their own give it.</summary>
    public static PacketBuffer Allocate(int capacity, IGuestAllocator allocator) => allocator is GuestHeap
        ? new(LowMemory.Allocate((nuint)capacity), capacity) { _owner = null, _isOwned = true }
        : new(allocator.Allocate((nuint)capacity, 64), capacity) { _owner = allocator, _isOwned = true };

    /// <summary>Makes the buffer stand for other memory, all of it packet. Only for buffers that own none.</summary>
    internal void Rebase(byte* memory, int length)
    {
        Start = memory;
        Capacity = length;
        Meta = Data = memory;
        End = memory + length;
    }

    /// <summary>Puts a packet into the buffer; the room before it is zero, as in the kernel's test runs, whatever an earlier run left there.</summary>
    public void Fill(ReadOnlySpan<byte> packet, int headroom)
    {
        new Span<byte>(Start, headroom).Clear();
        Meta = Data = Start + headroom;
        End = Data + packet.Length;
        packet.CopyTo(new Span<byte>(Data, packet.Length));
    }

    /// <summary>Writes the fields of the context that depend on the packet's place: 32-bit UAPI fields and the pointers behind them.</summary>
    public void UpdateContext(byte* context)
    {
        if (context is null)
            return;
        if (Shape == ContextShape.SkBuff)
        {
            *(uint*)(context + SkBuffFields.Len) = (uint)Length;
            Pointer(context, SkBuffFields.Size, SkBuffFields.Data, Data);
            Pointer(context, SkBuffFields.Size, SkBuffFields.DataEnd, HasDirectAccess ? End : null);
            Pointer(context, SkBuffFields.Size, SkBuffFields.DataMeta, HasDirectAccess ? Meta : null);
        }
        else if (Shape == ContextShape.Xdp)
        {
            Pointer(context, XdpFields.Size, XdpFields.Data, Data);
            Pointer(context, XdpFields.Size, XdpFields.DataEnd, End);
            Pointer(context, XdpFields.Size, XdpFields.DataMeta, Meta);
        }
    }

    internal static void Pointer(byte* context, int size, int offset, byte* value)
    {
        *(uint*)(context + offset) = (uint)(nuint)value;
        *(ulong*)(context + NativeContextLayout.ShadowOffset(size, offset)) = (ulong)value;
    }

    public void Dispose()
    {
        if (_isOwned && _owner is not null)
            _owner.Free(Start);
        else if (_isOwned)
            LowMemory.Free(Start);
        _isOwned = false;
    }
}
