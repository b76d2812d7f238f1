// Reservations of ring buffers that programs hold, by address.
namespace Ebpfcc.Runtime.Maps;

internal static class RingBuffers
{
    public static bool IsReservation(ulong address) => false;
}
