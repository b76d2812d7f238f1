// The classic instruction set as the Linux kernel takes it, one row per code: net/core/filter.c and kernel/seccomp.c say which
// codes are allowed, libpcap's bpf_image how they are written. Printer, parser, checkers, converter and the C writer read the
// rows. The code byte has the bit fields of eBPF's:
//
//    7 6 5 4   3        2 1 0                  7 6 5   4 3    2 1 0
//   +-------+--------+-------+                +------+------+-------+
//   | op    | source | class | ALU, JMP       | mode | size | class | loads
//   +-------+--------+-------+                +------+------+-------+
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Ebpf.Classic;

public enum ClassicOperation : byte { LoadConstant, LoadPacket, LoadPacketIndirect, LoadCell, LoadLength, LoadHeaderLength, Store, Alu, Jump, Branch, Return, Transfer }

/// <summary>How the operand is written, and therefore what k means.</summary>
public enum ClassicOperand : byte
{
    None,

    /// <summary><c>#5</c></summary>
    Decimal,

    /// <summary><c>#0x5</c></summary>
    Hexadecimal,

    /// <summary><c>x</c></summary>
    Index,

    /// <summary><c>[14]</c> or the name of an extension, <c>[proto]</c></summary>
    Offset,

    /// <summary><c>[x + 14]</c></summary>
    IndexedOffset,

    /// <summary><c>M[3]</c></summary>
    Cell,

    /// <summary><c>4*([14]&amp;0xf)</c>: the length of an IPv4 header</summary>
    HeaderLength,

    /// <summary><c>#pktlen</c></summary>
    PacketLength,

    /// <summary>The number of the instruction a jump leads to.</summary>
    Target,
}

[Flags]
public enum ClassicRegisters : byte { None = 0, A = 1, X = 2 }

/// <param name="Code">The instruction's code.</param>
/// <param name="Mnemonic">As libpcap writes it.</param>
/// <param name="Width">Bits that a packet load takes; 32 for everything else.</param>
/// <param name="Reads">Registers whose value it uses.</param>
/// <param name="Writes">Registers it sets.</param>
/// <param name="Ebpf">The eBPF operation that does the same, for arithmetic, branches and packet loads.</param>
/// <param name="InSeccomp">Allowed in system call filters.</param>
public sealed record ClassicRow(
    byte Code, ClassicOperation Operation, string Mnemonic, ClassicOperand Operand, int Width, ClassicRegisters Reads, ClassicRegisters Writes,
    EbpfOpcode Ebpf = EbpfOpcode.Invalid, bool InSeccomp = true);

public static class ClassicTable
{
    private const ClassicRegisters A = ClassicRegisters.A, X = ClassicRegisters.X, Neither = ClassicRegisters.None;

    private static readonly ClassicRow?[] s_byCode = Build();

    /// <summary>All rows in the order of their codes.</summary>
    public static IEnumerable<ClassicRow> Rows
    {
        get
        {
            foreach (ClassicRow? row in s_byCode)
            {
                if (row is not null)
                    yield return row;
            }
        }
    }

    /// <summary>The row of a code; null when the kernel knows none.</summary>
    public static ClassicRow? Find(int code) => (uint)code < 256 ? s_byCode[code] : null;

    private static ClassicRow?[] Build()
    {
        var rows = new ClassicRow?[256];
        Add(0x00, ClassicOperation.LoadConstant, "ld", ClassicOperand.Hexadecimal, Neither, A);
        Add(0x01, ClassicOperation.LoadConstant, "ldx", ClassicOperand.Hexadecimal, Neither, X);
        Add(0x20, ClassicOperation.LoadPacket, "ld", ClassicOperand.Offset, Neither, A, EbpfOpcode.LoadAbs32, width: 32);
        Add(0x28, ClassicOperation.LoadPacket, "ldh", ClassicOperand.Offset, Neither, A, EbpfOpcode.LoadAbs16, width: 16, inSeccomp: false);
        Add(0x30, ClassicOperation.LoadPacket, "ldb", ClassicOperand.Offset, Neither, A, EbpfOpcode.LoadAbs8, width: 8, inSeccomp: false);
        Add(0x40, ClassicOperation.LoadPacketIndirect, "ld", ClassicOperand.IndexedOffset, X, A, EbpfOpcode.LoadInd32, width: 32, inSeccomp: false);
        Add(0x48, ClassicOperation.LoadPacketIndirect, "ldh", ClassicOperand.IndexedOffset, X, A, EbpfOpcode.LoadInd16, width: 16, inSeccomp: false);
        Add(0x50, ClassicOperation.LoadPacketIndirect, "ldb", ClassicOperand.IndexedOffset, X, A, EbpfOpcode.LoadInd8, width: 8, inSeccomp: false);
        Add(0x60, ClassicOperation.LoadCell, "ld", ClassicOperand.Cell, Neither, A);
        Add(0x61, ClassicOperation.LoadCell, "ldx", ClassicOperand.Cell, Neither, X);
        Add(0x80, ClassicOperation.LoadLength, "ld", ClassicOperand.PacketLength, Neither, A);
        Add(0x81, ClassicOperation.LoadLength, "ldx", ClassicOperand.PacketLength, Neither, X);
        Add(0xb1, ClassicOperation.LoadHeaderLength, "ldxb", ClassicOperand.HeaderLength, Neither, X, EbpfOpcode.LoadAbs8, width: 8, inSeccomp: false);
        Add(0x02, ClassicOperation.Store, "st", ClassicOperand.Cell, A, Neither);
        Add(0x03, ClassicOperation.Store, "stx", ClassicOperand.Cell, X, Neither);
        Alu(0x04, "add", ClassicOperand.Decimal, EbpfOpcode.Add32Imm, EbpfOpcode.Add32Reg);
        Alu(0x14, "sub", ClassicOperand.Decimal, EbpfOpcode.Sub32Imm, EbpfOpcode.Sub32Reg);
        Alu(0x24, "mul", ClassicOperand.Decimal, EbpfOpcode.Mul32Imm, EbpfOpcode.Mul32Reg);
        Alu(0x34, "div", ClassicOperand.Decimal, EbpfOpcode.Div32Imm, EbpfOpcode.Div32Reg);
        Alu(0x44, "or", ClassicOperand.Hexadecimal, EbpfOpcode.Or32Imm, EbpfOpcode.Or32Reg);
        Alu(0x54, "and", ClassicOperand.Hexadecimal, EbpfOpcode.And32Imm, EbpfOpcode.And32Reg);
        Alu(0x64, "lsh", ClassicOperand.Decimal, EbpfOpcode.Lsh32Imm, EbpfOpcode.Lsh32Reg);
        Alu(0x74, "rsh", ClassicOperand.Decimal, EbpfOpcode.Rsh32Imm, EbpfOpcode.Rsh32Reg);
        Alu(0x94, "mod", ClassicOperand.Decimal, EbpfOpcode.Mod32Imm, EbpfOpcode.Mod32Reg, inSeccomp: false);
        Alu(0xa4, "xor", ClassicOperand.Hexadecimal, EbpfOpcode.Xor32Imm, EbpfOpcode.Xor32Reg);
        Add(0x84, ClassicOperation.Alu, "neg", ClassicOperand.None, A, A, EbpfOpcode.Neg32);
        Add(0x05, ClassicOperation.Jump, "ja", ClassicOperand.Target, Neither, Neither);
        Branch(0x15, "jeq", EbpfOpcode.Jeq32Imm, EbpfOpcode.Jeq32Reg);
        Branch(0x25, "jgt", EbpfOpcode.Jgt32Imm, EbpfOpcode.Jgt32Reg);
        Branch(0x35, "jge", EbpfOpcode.Jge32Imm, EbpfOpcode.Jge32Reg);
        Branch(0x45, "jset", EbpfOpcode.Jset32Imm, EbpfOpcode.Jset32Reg);
        Add(0x06, ClassicOperation.Return, "ret", ClassicOperand.Decimal, Neither, Neither);
        Add(0x16, ClassicOperation.Return, "ret", ClassicOperand.None, A, Neither);
        Add(0x07, ClassicOperation.Transfer, "tax", ClassicOperand.None, A, X);
        Add(0x87, ClassicOperation.Transfer, "txa", ClassicOperand.None, X, A);
        return rows;

        void Add(byte code, ClassicOperation operation, string mnemonic, ClassicOperand operand, ClassicRegisters reads, ClassicRegisters writes,
            EbpfOpcode ebpf = EbpfOpcode.Invalid, int width = 32, bool inSeccomp = true)
            => rows[code] = new ClassicRow(code, operation, mnemonic, operand, width, reads, writes, ebpf, inSeccomp);

        void Alu(byte code, string mnemonic, ClassicOperand operand, EbpfOpcode constant, EbpfOpcode register, bool inSeccomp = true)
        {
            Add(code, ClassicOperation.Alu, mnemonic, operand, A, A, constant, inSeccomp: inSeccomp);
            Add((byte)(code | 8), ClassicOperation.Alu, mnemonic, ClassicOperand.Index, A | X, A, register, inSeccomp: inSeccomp);
        }

        void Branch(byte code, string mnemonic, EbpfOpcode constant, EbpfOpcode register)
        {
            Add(code, ClassicOperation.Branch, mnemonic, ClassicOperand.Hexadecimal, A, Neither, constant);
            Add((byte)(code | 8), ClassicOperation.Branch, mnemonic, ClassicOperand.Index, A | X, Neither, register);
        }
    }
}
