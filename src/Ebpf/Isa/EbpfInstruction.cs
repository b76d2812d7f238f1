// One eBPF instruction slot, exactly as it lies in memory (RFC 9669 section 3), little endian:
//
//   byte 0      byte 1             bytes 2-3         bytes 4-7
//  +----------+--------+--------+------------------+------------------------------+
//  | code     | dst 3:0| src 7:4| offset (signed)  | immediate (signed)           |
//  +----------+--------+--------+------------------+------------------------------+
//
//  code of ALU and JMP classes:              code of load and store classes:
//    7 6 5 4   3        2 1 0                  7 6 5   4 3    2 1 0
//   +-------+--------+-------+                +------+------+-------+
//   | op    | source | class |                | mode | size | class |
//   +-------+--------+-------+                +------+------+-------+
//
// A 64-bit immediate (LDDW) takes two slots; the second has code 0 and carries the upper half in its immediate.
using System.Runtime.InteropServices;

namespace Ebpfcc.Ebpf.Isa;

/// <summary>An instruction slot of eight bytes. Blittable: a program is a span of these.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly struct EbpfInstruction(byte code, int dst, int src, short offset, int immediate) : IEquatable<EbpfInstruction>
{
    public const int Size = 8;

    public readonly byte Code = code;
    private readonly byte _registers = (byte)((dst & 15) | (src << 4));
    public readonly short Offset = offset;
    public readonly int Immediate = immediate;

    /// <summary>Destination register number, 0 to 15 (validity is checked elsewhere).</summary>
    public int Dst => _registers & 15;

    /// <summary>Source register number or, for calls and 64-bit immediates, a pseudo value; 0 to 15.</summary>
    public int Src => _registers >> 4;

    /// <summary>Instruction class, the low three bits of the code.</summary>
    public InstructionClass Class => (InstructionClass)(Code & 7);

    /// <summary>True for the first slot of a two-slot 64-bit immediate.</summary>
    public bool IsWide => Code == 0x18;

    public EbpfInstruction WithImmediate(int value) => new(Code, Dst, Src, Offset, value);

    public EbpfInstruction WithOffset(short value) => new(Code, Dst, Src, value, Immediate);

    public EbpfInstruction WithSrc(int value) => new(Code, Dst, value, Offset, Immediate);

    public EbpfInstruction WithDst(int value) => new(Code, value, Src, Offset, Immediate);

    public EbpfInstruction WithCode(byte value) => new(value, Dst, Src, Offset, Immediate);

    /// <summary>The 64-bit value of a wide immediate whose second slot is <paramref name="second"/>.</summary>
    public ulong WideImmediate(EbpfInstruction second) => (uint)Immediate | (ulong)(uint)second.Immediate << 32;

    public bool Equals(EbpfInstruction other)
        => Code == other.Code && _registers == other._registers && Offset == other.Offset && Immediate == other.Immediate;

    public override bool Equals(object? obj) => obj is EbpfInstruction other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Code, _registers, Offset, Immediate);

    public static bool operator ==(EbpfInstruction left, EbpfInstruction right) => left.Equals(right);

    public static bool operator !=(EbpfInstruction left, EbpfInstruction right) => !left.Equals(right);

    public override string ToString() => $"{Code:x2} {_registers:x2} {(ushort)Offset:x4} {Immediate:x8}";
}

/// <summary>The low three bits of the code (RFC 9669 table 1).</summary>
public enum InstructionClass : byte { Ld = 0, Ldx = 1, St = 2, Stx = 3, Alu = 4, Jmp = 5, Jmp32 = 6, Alu64 = 7 }

/// <summary>Instruction set versions as <c>-mcpu=</c> names them.</summary>
public enum CpuVersion : byte { V1 = 1, V2 = 2, V3 = 3, V4 = 4 }

/// <summary>What the source field of a wide immediate says about it (RFC 9669 section 5.4).</summary>
public enum WideImmediateKind : byte { Value = 0, MapFd = 1, MapValue = 2, BtfId = 3, Function = 4, MapIndex = 5, MapIndexValue = 6 }

/// <summary>What the source field of a call says (RFC 9669 section 4.3.1, and the kernel's kfunc calls).</summary>
public enum CallKind : byte { Helper = 0, Local = 1, Kfunc = 2 }

/// <summary>Register roles of the calling convention.</summary>
public static class EbpfRegisters
{
    public const int R0 = 0, R1 = 1, R2 = 2, R3 = 3, R4 = 4, R5 = 5, R6 = 6, R7 = 7, R8 = 8, R9 = 9, R10 = 10;
    public const int Count = 11;

    /// <summary>Number of registers a program may write (R10, the frame pointer, is read-only).</summary>
    public const int WritableCount = 10;

    public const int MaxArguments = 5;

    /// <summary>Bytes of stack a frame may use.</summary>
    public const int StackSize = 512;

    /// <summary>Depth of nested local calls, the outermost function included.</summary>
    public const int MaxCallFrames = 8;
}
