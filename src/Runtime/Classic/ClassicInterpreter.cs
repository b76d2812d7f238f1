// Runs classic programs as they are: the reference that the converter is measured and tested against, written from the machine's
// description (McCanne and Jacobson 1993; Documentation/networking/filter.rst for Linux's extensions) without a look at eBPF.
using System.Buffers.Binary;
using Ebpfcc.Ebpf.Classic;
using Ebpfcc.Runtime.Execution;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Runtime.Classic;

public sealed class ClassicInterpreter
{
    private readonly ClassicInstruction[] _code;
    private readonly bool _isSeccomp;

    /// <summary>Prepares a checked filter: only such programs stay within their cells and end.</summary>
    public ClassicInterpreter(ClassicFilter filter)
    {
        _code = [.. filter.Instructions];
        _isSeccomp = filter.Dialect == ClassicDialect.Seccomp;
    }

    /// <summary>Runs a packet filter: the bytes of the packet to keep.</summary>
    public uint Run(ClassicPacket packet) => Run(packet.Buffer.AsSpan(packet.DataStart), packet);

    /// <summary>Runs a filter of system calls on a struct seccomp_data of 64 bytes.</summary>
    public uint Run(ReadOnlySpan<byte> seccompData) => Run(seccompData, null);

    private uint Run(ReadOnlySpan<byte> data, ClassicPacket? packet)
    {
        uint a = 0, x = 0;
        Span<uint> cells = stackalloc uint[ClassicInstruction.Cells];
        ClassicInstruction[] code = _code;
        for (int pc = 0; pc < code.Length; pc++)
        {
            ClassicInstruction instruction = code[pc];
            uint k = instruction.K;
            switch (instruction.Code)
            {
                case 0x00: a = k; break;
                case 0x01: x = k; break;
                case 0x02: cells[(int)k] = a; break;
                case 0x03: cells[(int)k] = x; break;
                case 0x60: a = cells[(int)k]; break;
                case 0x61: x = cells[(int)k]; break;
                case 0x80: a = _isSeccomp ? ClassicFilter.SeccompDataSize : (uint)data.Length; break;
                case 0x81: x = _isSeccomp ? ClassicFilter.SeccompDataSize : (uint)data.Length; break;

                case 0x20 or 0x28 or 0x30:
                    if ((int)k >= 0)
                    {
                        if (_isSeccomp)
                            a = BinaryPrimitives.ReadUInt32LittleEndian(data[(int)k..]);
                        else if (!Load(data, (int)k, instruction.Code, ref a))
                            return 0;
                    }
                    else if ((int)k < ClassicExtensions.Base)
                    {
                        if (!LoadRelative(packet!, (int)k, instruction.Code, ref a))
                            return 0;
                    }
                    else if (ClassicExtensions.Find(k) is { Name: "IFINDEX" } && packet!.InterfaceIndex == 0)
                    {
                        return a;
                    }
                    else
                    {
                        a = Extension(k, a, x, packet!);
                    }
                    break;
                case 0x40 or 0x48 or 0x50:
                {
                    int offset = unchecked((int)(x + k));
                    if (!(offset >= 0 ? Load(data, offset, instruction.Code, ref a) : LoadRelative(packet!, offset, instruction.Code, ref a)))
                        return 0;
                    break;
                }
                case 0xb1:
                {
                    uint first = 0;
                    if (!((int)k >= 0 ? Load(data, (int)k, 0x30, ref first) : LoadRelative(packet!, (int)k, 0x30, ref first)))
                        return 0;
                    x = (first & 15) * 4;
                    break;
                }

                case 0x04: a += k; break;
                case 0x0c: a += x; break;
                case 0x14: a -= k; break;
                case 0x1c: a -= x; break;
                case 0x24: a *= k; break;
                case 0x2c: a *= x; break;
                case 0x34: a /= k; break;
                case 0x3c:
                    if (x == 0)
                        return 0;
                    a /= x;
                    break;
                case 0x44: a |= k; break;
                case 0x4c: a |= x; break;
                case 0x54: a &= k; break;
                case 0x5c: a &= x; break;
                case 0x64: a <<= (int)k; break;
                case 0x6c: a <<= (int)x; break;
                case 0x74: a >>= (int)k; break;
                case 0x7c: a >>= (int)x; break;
                case 0x84: a = 0 - a; break;
                case 0x94: a %= k; break;
                case 0x9c:
                    if (x == 0)
                        return 0;
                    a %= x;
                    break;
                case 0xa4: a ^= k; break;
                case 0xac: a ^= x; break;

                case 0x05: pc += (int)k; break;
                case 0x15: pc += a == k ? instruction.JumpTrue : instruction.JumpFalse; break;
                case 0x1d: pc += a == x ? instruction.JumpTrue : instruction.JumpFalse; break;
                case 0x25: pc += a > k ? instruction.JumpTrue : instruction.JumpFalse; break;
                case 0x2d: pc += a > x ? instruction.JumpTrue : instruction.JumpFalse; break;
                case 0x35: pc += a >= k ? instruction.JumpTrue : instruction.JumpFalse; break;
                case 0x3d: pc += a >= x ? instruction.JumpTrue : instruction.JumpFalse; break;
                case 0x45: pc += (a & k) != 0 ? instruction.JumpTrue : instruction.JumpFalse; break;
                case 0x4d: pc += (a & x) != 0 ? instruction.JumpTrue : instruction.JumpFalse; break;

                case 0x06: return k;
                case 0x16: return a;
                case 0x07: x = a; break;
                case 0x87: a = x; break;
            }
        }
        return 0;
    }

    private static bool Load(ReadOnlySpan<byte> data, int offset, int code, ref uint value)
    {
        int size = code & 0x18;
        if (size == 0x10)
        {
            if (offset >= data.Length)
                return false;
            value = data[offset];
        }
        else if (size == 0x08)
        {
            if (offset > data.Length - 2)
                return false;
            value = BinaryPrimitives.ReadUInt16BigEndian(data[offset..]);
        }
        else
        {
            if (offset > data.Length - 4)
                return false;
            value = BinaryPrimitives.ReadUInt32BigEndian(data[offset..]);
        }
        return true;
    }

    /// <summary>Offsets that count from the network or link-layer header; both may lie before the data.</summary>
    private static bool LoadRelative(ClassicPacket packet, int offset, int code, ref uint value)
    {
        if (offset >= ClassicInstruction.NetworkOffset)
            offset += packet.NetworkOffset - ClassicInstruction.NetworkOffset;
        else if (offset >= ClassicInstruction.LinkOffset)
            offset += packet.LinkOffset - ClassicInstruction.LinkOffset;
        else
            return false;
        int at = packet.DataStart + offset;
        return at >= 0 && Load(packet.Buffer, at, code, ref value);
    }

    private static uint Extension(uint k, uint a, uint x, ClassicPacket packet)
    {
        ReadOnlySpan<byte> data = packet.Buffer.AsSpan(packet.DataStart);
        return ClassicExtensions.Find(k)!.Name switch
        {
            "PROTOCOL" => packet.Protocol,
            "PKTTYPE" => packet.PacketType,
            "IFINDEX" => packet.InterfaceIndex,
            "NLATTR" => PacketFacts.FindAttribute(data, a, x),
            "NLATTR_NEST" => PacketFacts.FindNestedAttribute(data, a, x),
            "MARK" => packet.Mark,
            "QUEUE" => packet.Queue,
            "HATYPE" => packet.HardwareType,
            "RXHASH" => packet.Hash,
            "CPU" => (uint)GuestContext.Current.Cpu,
            "ALU_XOR_X" => a ^ x,
            "VLAN_TAG" => packet.VlanTag,
            "VLAN_TAG_PRESENT" => packet.HasVlanTag ? 1u : 0,
            "PAY_OFFSET" => PacketFacts.PayloadOffset(data, packet.NetworkOffset, packet.Protocol, packet.HasVlanTag, packet.VlanProtocol),
            "RANDOM" => HelperFunctions.NextRandom(),
            _ => packet.VlanProtocol,
        };
    }
}
