// The kernel's rules for classic programs: bpf_check_classic and check_load_and_stores of net/core/filter.c for filters on
// packets, seccomp_check_filter of kernel/seccomp.c in addition for filters on system calls. Jumps lead forward, so that one
// pass knows which cells every path has written:
//
//   valid[target] &= valid        at each jump; behind an unconditional end nothing is known, which counts as everything
namespace Ebpfcc.Ebpf.Classic;

/// <summary>What a program filters, and therefore what its loads read.</summary>
public enum ClassicDialect
{
    /// <summary>Packets: SO_ATTACH_FILTER, tcpdump.</summary>
    Socket,

    /// <summary>System calls: <c>struct seccomp_data</c> in the machine's byte order.</summary>
    Seccomp,
}

/// <summary>A program that the checker accepted; only <see cref="ClassicChecker"/> makes one.</summary>
public sealed class ClassicFilter
{
    /// <summary>sizeof(struct seccomp_data).</summary>
    public const int SeccompDataSize = 64;

    internal ClassicFilter(ClassicInstruction[] instructions, ClassicDialect dialect) => (Instructions, Dialect) = (instructions, dialect);

    public IReadOnlyList<ClassicInstruction> Instructions { get; }

    public ClassicDialect Dialect { get; }

    /// <summary>The extension that a load means in this dialect; null for bytes.</summary>
    public ClassicExtension? ExtensionAt(int index)
        => Dialect == ClassicDialect.Socket && Instructions[index].Row!.Operation == ClassicOperation.LoadPacket ? ClassicExtensions.Find(Instructions[index].K) : null;
}

public static class ClassicChecker
{
    /// <summary>Checks a program; null when it is refused, with the first instruction at fault and the reason.</summary>
    public static ClassicFilter? Check(ReadOnlySpan<ClassicInstruction> program, ClassicDialect dialect, out (int Index, string Reason) problem)
    {
        if (FindProblem(program, dialect) is { } found)
        {
            problem = found;
            return null;
        }
        problem = default;
        return new ClassicFilter(program.ToArray(), dialect);
    }

    private static (int, string)? FindProblem(ReadOnlySpan<ClassicInstruction> program, ClassicDialect dialect)
    {
        if (program.Length == 0)
            return (0, "the program is empty");
        if (program.Length > ClassicInstruction.MaxLength)
            return (ClassicInstruction.MaxLength, $"the program has {program.Length} instructions, {ClassicInstruction.MaxLength} are allowed");
        for (int i = 0; i < program.Length; i++)
        {
            if (InstructionProblem(program[i], program.Length - i - 1, dialect) is { } reason)
                return (i, reason);
        }
        if (program[^1].Row!.Operation != ClassicOperation.Return)
            return (program.Length - 1, "the last instruction does not return");
        return UnwrittenCell(program);
    }

    /// <param name="behind">Instructions that follow.</param>
    private static string? InstructionProblem(ClassicInstruction instruction, int behind, ClassicDialect dialect)
    {
        if (instruction.Row is not { } row)
            return $"no operation has the code 0x{instruction.Code:x2}";
        if (dialect == ClassicDialect.Seccomp && !row.InSeccomp)
            return $"{row.Mnemonic} (0x{row.Code:x2}) is not allowed in filters of system calls";
        uint k = instruction.K;
        switch (row.Operation)
        {
            case ClassicOperation.Alu when row.Operand is not (ClassicOperand.Index or ClassicOperand.None):
                if (k == 0 && row.Mnemonic is "div" or "mod")
                    return "division by zero";
                return row.Mnemonic is "lsh" or "rsh" && k >= 32 ? $"a shift by {k} is more than 31" : null;
            case ClassicOperation.LoadCell or ClassicOperation.Store:
                return k >= ClassicInstruction.Cells ? $"there is no cell M[{k}]" : null;
            case ClassicOperation.Jump:
                return (int)k < 0 ? "the jump leads backwards" : k >= (uint)behind ? "the jump leaves the program" : null;
            case ClassicOperation.Branch:
                return instruction.JumpTrue >= behind || instruction.JumpFalse >= behind ? "the jump leaves the program" : null;
            case ClassicOperation.LoadPacket when dialect == ClassicDialect.Seccomp:
                return k >= ClassicFilter.SeccompDataSize || k % 4 != 0 ? $"struct seccomp_data has no word at {k}" : null;
            case ClassicOperation.LoadPacket:
                return k >= unchecked((uint)ClassicExtensions.Base) && ClassicExtensions.Find(k) is null ? $"no extension has the offset 0x{k:x}" : null;
            default:
                return null;
        }
    }

    private static (int, string)? UnwrittenCell(ReadOnlySpan<ClassicInstruction> program)
    {
        const ushort Everything = ushort.MaxValue;
        var valid = new ushort[program.Length];
        Array.Fill(valid, Everything);
        ushort now = 0;
        for (int i = 0; i < program.Length; i++)
        {
            now &= valid[i];
            ClassicInstruction instruction = program[i];
            switch (instruction.Row!.Operation)
            {
                case ClassicOperation.Store:
                    now |= (ushort)(1 << (int)instruction.K);
                    break;
                case ClassicOperation.LoadCell when (now >> (int)instruction.K & 1) == 0:
                    return (i, $"M[{instruction.K}] is read where it may not have been written");
                case ClassicOperation.Jump:
                    valid[i + 1 + (int)instruction.K] &= now;
                    now = Everything;
                    break;
                case ClassicOperation.Branch:
                    valid[i + 1 + instruction.JumpTrue] &= now;
                    valid[i + 1 + instruction.JumpFalse] &= now;
                    now = Everything;
                    break;
            }
        }
        return null;
    }
}
