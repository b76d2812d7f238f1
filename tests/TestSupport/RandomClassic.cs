// Random classic programs that the checker accepts, and packets for them. A program is drawn instruction by instruction; what the
// checker refuses becomes a harmless constant load until it accepts the whole.
using Ebpfcc.Ebpf.Classic;

namespace Ebpfcc.TestSupport;

public static class RandomClassic
{
    private static readonly ClassicRow[] s_rows = [.. ClassicTable.Rows];

    /// <param name="allows">Extensions that may occur.</param>
    public static ClassicFilter Program(Random random, ClassicDialect dialect = ClassicDialect.Socket, Func<ClassicExtension, bool>? allows = null)
    {
        var code = new ClassicInstruction[random.Next(2, 40)];
        for (int i = 0; i < code.Length; i++)
            code[i] = Instruction(random, code.Length - i - 1, dialect, allows);
        code[^1] = new ClassicInstruction(random.Next(3) == 0 ? (ushort)0x16 : (ushort)0x06, 0, 0, Constant(random));
        while (true)
        {
            if (ClassicChecker.Check(code, dialect, out (int Index, string Reason) problem) is { } filter)
                return filter;
            code[problem.Index] = new ClassicInstruction((ushort)random.Next(2), 0, 0, Constant(random));
        }
    }

    private static ClassicInstruction Instruction(Random random, int behind, ClassicDialect dialect, Func<ClassicExtension, bool>? allows)
    {
        ClassicRow row = s_rows[random.Next(s_rows.Length)];
        while (row.Operation == ClassicOperation.Return && random.Next(4) != 0)
            row = s_rows[random.Next(s_rows.Length)];
        uint k = row.Operation switch
        {
            ClassicOperation.LoadPacket when dialect == ClassicDialect.Seccomp => (uint)random.Next(17) * 4,
            ClassicOperation.LoadPacket when random.Next(3) == 0 => Extension(random, allows),
            ClassicOperation.LoadPacket or ClassicOperation.LoadPacketIndirect or ClassicOperation.LoadHeaderLength => Offset(random),
            ClassicOperation.LoadCell or ClassicOperation.Store => (uint)random.Next(5),
            ClassicOperation.Jump => (uint)random.Next(Math.Max(1, Math.Min(behind, 8))),
            ClassicOperation.Alu when row.Mnemonic is "lsh" or "rsh" => (uint)random.Next(32),
            _ => Constant(random),
        };
        return row.Operation == ClassicOperation.Branch
            ? new ClassicInstruction(row.Code, (byte)random.Next(Math.Max(1, Math.Min(behind, 9))), (byte)random.Next(Math.Max(1, Math.Min(behind, 9))), k)
            : new ClassicInstruction(row.Code, 0, 0, k);
    }

    private static uint Extension(Random random, Func<ClassicExtension, bool>? allows)
    {
        ClassicExtension extension = ClassicExtensions.Rows[random.Next(ClassicExtensions.Rows.Count)];
        return allows is null || allows(extension) ? extension.Offset : 12;
    }

    private static uint Offset(Random random) => unchecked(random.Next(8) switch
    {
        0 => (uint)(ClassicInstruction.NetworkOffset + random.Next(-2, 60)),
        1 => (uint)(ClassicInstruction.LinkOffset + random.Next(-2, 30)),
        2 => Constant(random),
        _ => (uint)random.Next(72),
    });

    private static uint Constant(Random random) => random.Next(6) switch
    {
        0 => 0,
        1 => (uint)random.Next(),
        2 => unchecked((uint)-random.Next(1, 20)),
        3 => 1u << random.Next(32),
        _ => (uint)random.Next(64),
    };

    /// <summary>An Ethernet frame, sometimes cut short or of random bytes.</summary>
    public static byte[] Frame(Random random)
    {
        byte[] frame = new byte[random.Next(3) == 0 ? random.Next(14, 40) : random.Next(40, 120)];
        random.NextBytes(frame);
        if (random.Next(4) != 0)
        {
            bool isSix = random.Next(3) == 0;
            (frame[12], frame[13]) = isSix ? ((byte)0x86, (byte)0xdd) : ((byte)0x08, (byte)0x00);
            if (frame.Length > 14)
                frame[14] = isSix ? (byte)0x60 : (byte)0x45;
            if (frame.Length > 23)
                frame[isSix ? 20 : 23] = random.Next(2) == 0 ? (byte)6 : (byte)17;
        }
        return frame;
    }
}
