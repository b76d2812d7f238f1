// The helpers behind those extensions of classic filters that Linux computes in functions of its own, out of reach of eBPF
// programs: rows in Ebpf/Classic/ClassicExtension.cs, facts in PacketFacts.
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Ebpfcc.Runtime.Contexts;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Runtime.Classic;

public static unsafe class ClassicHelpers
{
    private static HelperRegistry? s_registry;

    /// <summary>The default helpers and those of converted filters.</summary>
    public static HelperRegistry Registry => s_registry ??= HelperRegistry.Default.With(
        new HelperImplementation { Id = 1001, Managed = &Attribute, Native = &AttributeNative },
        new HelperImplementation { Id = 1002, Managed = &NestedAttribute, Native = &NestedAttributeNative },
        new HelperImplementation { Id = 1003, Managed = &HardwareType, Native = &HardwareTypeNative },
        new HelperImplementation { Id = 1004, Managed = &PayloadOffset, Native = &PayloadOffsetNative });

    private static ulong Attribute(ulong context, ulong a, ulong x, ulong d, ulong e)
        => GuestContext.Current.Packet is { } packet ? PacketFacts.FindAttribute(packet.Bytes, (uint)a, (uint)x) : 0;

    private static ulong NestedAttribute(ulong context, ulong a, ulong x, ulong d, ulong e)
        => GuestContext.Current.Packet is { } packet ? PacketFacts.FindNestedAttribute(packet.Bytes, (uint)a, (uint)x) : 0;

    private static ulong HardwareType(ulong context, ulong b, ulong c, ulong d, ulong e) => GuestContext.Current.HardwareType;

    private static ulong PayloadOffset(ulong context, ulong b, ulong c, ulong d, ulong e)
    {
        GuestContext current = GuestContext.Current;
        if (current.Packet is not { Shape: ContextShape.SkBuff } packet || current.Context is null)
            return 0;
        byte* fields = current.Context;
        return PacketFacts.PayloadOffset(packet.Bytes, packet.NetworkOffset, Swapped(fields + SkBuffFields.Protocol),
            *(uint*)(fields + SkBuffFields.VlanPresent) != 0, Swapped(fields + SkBuffFields.VlanProto));

        static ushort Swapped(byte* field) => BinaryPrimitives.ReverseEndianness(*(ushort*)field);
    }

    [UnmanagedCallersOnly]
    private static ulong AttributeNative(ulong a, ulong b, ulong c, ulong d, ulong e) => Attribute(a, b, c, d, e);

    [UnmanagedCallersOnly]
    private static ulong NestedAttributeNative(ulong a, ulong b, ulong c, ulong d, ulong e) => NestedAttribute(a, b, c, d, e);

    [UnmanagedCallersOnly]
    private static ulong HardwareTypeNative(ulong a, ulong b, ulong c, ulong d, ulong e) => HardwareType(a, b, c, d, e);

    [UnmanagedCallersOnly]
    private static ulong PayloadOffsetNative(ulong a, ulong b, ulong c, ulong d, ulong e) => PayloadOffset(a, b, c, d, e);
}
