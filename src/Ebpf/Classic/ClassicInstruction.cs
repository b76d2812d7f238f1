// One classic BPF instruction (struct sock_filter of linux/filter.h; McCanne and Jacobson, "The BSD Packet Filter", 1993):
//
//   bytes 0-1        byte 2      byte 3      bytes 4-7
//  +----------------+-----------+-----------+--------------------------+
//  | code           | jump true | jump false| k                        |
//  +----------------+-----------+-----------+--------------------------+
//
// The machine has an accumulator A, an index register X, and sixteen 32-bit cells M[0] to M[15]. Jumps only lead forward.
using System.Runtime.InteropServices;

namespace Ebpfcc.Ebpf.Classic;

/// <summary>An instruction of eight bytes. Blittable: a program is a span of these.</summary>
/// <param name="Code">Operation; codes above 255 do not exist.</param>
/// <param name="JumpTrue">Instructions skipped when a condition holds.</param>
/// <param name="JumpFalse">Instructions skipped when it does not.</param>
/// <param name="K">Constant, offset, cell number or distance.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct ClassicInstruction(ushort Code, byte JumpTrue, byte JumpFalse, uint K)
{
    public const int Size = 8;

    /// <summary>BPF_MAXINSNS.</summary>
    public const int MaxLength = 4096;

    /// <summary>BPF_MEMWORDS: cells of M.</summary>
    public const int Cells = 16;

    /// <summary>SKF_NET_OFF: offsets from here on count from the network header.</summary>
    public const int NetworkOffset = -0x100000;

    /// <summary>SKF_LL_OFF: offsets from here on count from the link-layer header.</summary>
    public const int LinkOffset = -0x200000;

    /// <summary>The row of its code; null when there is none.</summary>
    public ClassicRow? Row => ClassicTable.Find(Code);
}
