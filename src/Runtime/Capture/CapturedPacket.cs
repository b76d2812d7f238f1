// One packet of a capture.
namespace Ebpfcc.Runtime.Capture;

/// <param name="Time">Nanoseconds since 1970.</param>
/// <param name="Data">The captured bytes.</param>
/// <param name="OriginalLength">Bytes on the wire, at least those captured.</param>
public sealed record CapturedPacket(ulong Time, byte[] Data, int OriginalLength);
