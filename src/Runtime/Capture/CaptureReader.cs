// Reads captures in pcap format (four magic numbers: both byte orders, micro- and nanoseconds) and pcapng format
// (draft-ietf-opsawg-pcapng: section, interface, enhanced, simple and obsolete packet blocks; others are skipped).
//
//   pcap:    magic | version | - | - | snap length | link type   then per packet: seconds | fraction | captured | original | bytes
//   pcapng:  blocks of  type | length | body | length
using System.Buffers.Binary;
using Ebpfcc.Core.Diagnostics;

namespace Ebpfcc.Runtime.Capture;

/// <summary>Reads whole captures.</summary>
public sealed class CaptureReader
{
    private const int Ethernet = 1, MaxPacket = 1 << 24;

    private readonly byte[] _file;
    private readonly string _subject;
    private readonly DiagnosticBag _diagnostics;
    private readonly List<CapturedPacket> _packets = [];
    private bool _isLittleEndian = true;

    private CaptureReader(byte[] file, string subject, DiagnosticBag diagnostics) => (_file, _subject, _diagnostics) = (file, subject, diagnostics);

    /// <summary>The Ethernet packets of a capture; null after a reported error.</summary>
    public static IReadOnlyList<CapturedPacket>? Read(byte[] file, string subject, DiagnosticBag diagnostics)
    {
        var reader = new CaptureReader(file, subject, diagnostics);
        return reader.Read() ? reader._packets : null;
    }

    private bool Fail(DiagnosticDescriptor descriptor, object argument)
    {
        _diagnostics.Add(descriptor.About(_subject, argument));
        return false;
    }

    private uint U32(int at)
        => _isLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(at)) : BinaryPrimitives.ReadUInt32BigEndian(_file.AsSpan(at));

    private ushort U16(int at)
        => _isLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(at)) : BinaryPrimitives.ReadUInt16BigEndian(_file.AsSpan(at));

    private bool Read()
    {
        if (_file.Length < 12)
            return Fail(CaptureDiagnostics.NotCapture, "the file is too short");
        switch (BinaryPrimitives.ReadUInt32LittleEndian(_file))
        {
            case 0xa1b2c3d4: return ReadClassic(1000);
            case 0xa1b23c4d: return ReadClassic(1);
            case 0xd4c3b2a1: _isLittleEndian = false; return ReadClassic(1000);
            case 0x4d3cb2a1: _isLittleEndian = false; return ReadClassic(1);
            case 0x0a0d0d0a: return ReadBlocks();
            default: return Fail(CaptureDiagnostics.NotCapture, "unknown magic number");
        }
    }

    private bool ReadClassic(ulong unit)
    {
        if (_file.Length < 24)
            return Fail(CaptureDiagnostics.Corrupt, "the header is cut off");
        uint link = U32(20) & 0x0fffffff;
        if (link != Ethernet)
            return Fail(CaptureDiagnostics.WrongLink, link);
        int at = 24;
        while (at < _file.Length)
        {
            if (_file.Length - at < 16)
                return Fail(CaptureDiagnostics.Corrupt, $"packet {_packets.Count + 1} is cut off");
            uint captured = U32(at + 8);
            if (captured > MaxPacket || captured > (uint)(_file.Length - at - 16))
                return Fail(CaptureDiagnostics.Corrupt, $"packet {_packets.Count + 1} has {captured} bytes, more than the file");
            Add((ulong)U32(at) * 1_000_000_000 + U32(at + 4) * unit, at + 16, captured, U32(at + 12));
            at += 16 + (int)captured;
        }
        return true;
    }

    private void Add(ulong time, int at, uint captured, uint original)
        => _packets.Add(new CapturedPacket(time, _file.AsSpan(at, (int)captured).ToArray(), (int)Math.Clamp(original, captured, int.MaxValue)));

    /// <summary>An interface of the current section: link type and nanoseconds per unit of time as a fraction.</summary>
    private readonly record struct Interface(int Link, ulong Numerator, ulong Denominator, uint SnapLength)
    {
        public ulong ToNanoseconds(ulong time) => (ulong)(UInt128.Min((UInt128)time * Numerator / Denominator, ulong.MaxValue));
    }

    private bool ReadBlocks()
    {
        const uint Section = 0x0a0d0d0a, Description = 1, OldPacket = 2, Simple = 3, Enhanced = 6;
        var interfaces = new List<Interface>();
        int at = 0;
        while (at < _file.Length)
        {
            if (_file.Length - at < 12)
                return Fail(CaptureDiagnostics.Corrupt, $"the block at {at} is cut off");
            uint type = U32(at);
            if (type == Section)
            {
                uint order = BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(at + 8));
                if (order is not (0x1a2b3c4d or 0x4d3c2b1a))
                    return Fail(CaptureDiagnostics.Corrupt, $"the section at {at} has no byte order");
                _isLittleEndian = order == 0x1a2b3c4d;
                interfaces.Clear();
            }
            uint length = U32(at + 4);
            if (length < 12 || length % 4 != 0 || length > (uint)(_file.Length - at) || U32(at + (int)length - 4) != length)
                return Fail(CaptureDiagnostics.Corrupt, $"the block at {at} has a wrong length");
            int body = at + 8, end = at + (int)length - 4;
            switch (type)
            {
                case Description when end - body >= 8:
                    interfaces.Add(ReadInterface(body, end));
                    break;
                case Enhanced or OldPacket:
                {
                    if (end - body < 20)
                        return Fail(CaptureDiagnostics.Corrupt, $"the packet at {at} is cut off");
                    uint number = type == Enhanced ? U32(body) : U16(body);
                    uint captured = U32(body + 12);
                    if (number >= interfaces.Count || captured > (uint)(end - body - 20))
                        return Fail(CaptureDiagnostics.Corrupt, $"the packet at {at} has a wrong interface or length");
                    if (interfaces[(int)number].Link != Ethernet)
                        return Fail(CaptureDiagnostics.WrongLink, interfaces[(int)number].Link);
                    Add(interfaces[(int)number].ToNanoseconds((ulong)U32(body + 4) << 32 | U32(body + 8)), body + 20, captured, U32(body + 16));
                    break;
                }
                case Simple:
                {
                    if (end - body < 4 || interfaces.Count == 0)
                        return Fail(CaptureDiagnostics.Corrupt, $"the packet at {at} is cut off");
                    if (interfaces[0].Link != Ethernet)
                        return Fail(CaptureDiagnostics.WrongLink, interfaces[0].Link);
                    uint original = U32(body), captured = Math.Min(original, (uint)(end - body - 4));
                    if (interfaces[0].SnapLength > 0)
                        captured = Math.Min(captured, interfaces[0].SnapLength);
                    Add(0, body + 4, captured, original);
                    break;
                }
            }
            at += (int)length;
        }
        return true;
    }

    /// <summary>Option 9 gives the unit of time: a power of ten or, with the highest bit, of two.</summary>
    private Interface ReadInterface(int at, int end)
    {
        (ulong numerator, ulong denominator) = (1000ul, 1ul);
        int option = at + 8;
        while (end - option >= 4)
        {
            int code = U16(option), length = U16(option + 2);
            if (code == 0 || length > end - option - 4)
                break;
            if (code == 9 && length >= 1)
            {
                int resolution = _file[option + 4];
                int power = resolution & 0x7f;
                if ((resolution & 0x80) != 0)
                    (numerator, denominator) = (1_000_000_000, 1ul << Math.Min(power, 63));
                else if (power <= 9)
                    (numerator, denominator) = ((ulong)Math.Pow(10, 9 - power), 1);
                else
                    (numerator, denominator) = (1, (ulong)Math.Pow(10, Math.Min(power - 9, 18)));
            }
            option += 4 + (length + 3) / 4 * 4;
        }
        return new Interface(U16(at), numerator, denominator, U32(at + 4));
    }
}
