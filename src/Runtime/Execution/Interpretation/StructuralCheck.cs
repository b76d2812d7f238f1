// Are these instructions a program at all? Known operations, reserved fields zero, registers that exist, jumps and local
// calls that land on instructions: what must hold before anything can be decoded. RFC 9669 sections 3 to 5; the messages are
// the kernel's where it has one.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Execution.Interpretation;

public static class StructuralCheck
{
    /// <summary>Refuses what no engine can run unverified.</summary>
    /// <exception cref="GuestFaultException">The instructions are malformed, or use an arena.</exception>
    internal static void RequireSandboxable(ReadOnlySpan<EbpfInstruction> program)
    {
        if (FirstProblem(program) is { } problem)
            throw new GuestFaultException(problem.Message, problem.Slot);
        for (int slot = 0; slot < program.Length; slot++)
        {
            if (OpcodeTable.Classify(program[slot]) == EbpfOpcode.AddrSpaceCast)
                throw new GuestFaultException("addr_space_cast insn can only be used in a program that has an associated arena", slot);
        }
    }

    /// <summary>The first malformed instruction, or null when all are well formed.</summary>
    public static (string Message, int Slot)? FirstProblem(ReadOnlySpan<EbpfInstruction> program)
    {
        if (program.IsEmpty)
            return ("the program has no instructions", 0);
        for (int slot = 0; slot < program.Length; slot++)
        {
            EbpfInstruction instruction = program[slot];
            if (OpcodeTable.Find(instruction) is not { } row)
                return ($"unknown opcode {instruction.Code:x2}", slot);
            if (FieldProblem(instruction, row) is { } problem)
                return (problem, slot);
            if (row.IsWide)
            {
                if (slot + 1 == program.Length || program[slot + 1] is not { Code: 0, Dst: 0, Src: 0, Offset: 0 })
                    return ("invalid bpf_ld_imm64 insn", slot);
                slot++;
            }
        }
        for (int slot = 0; slot < program.Length; slot++)
        {
            EbpfInstruction instruction = program[slot];
            OpcodeRow row = OpcodeTable.Find(instruction)!;
            if (Target(instruction, row, slot) is { } target && !IsStart(program, target))
                return (row.Effect == Effect.Call || row.Effect == Effect.LoadImmediate ? "call to invalid destination" : $"jump out of range from insn {slot} to {target}", slot);
            slot += row.Slots - 1;
        }
        EbpfInstruction last = program[^1];
        if (OpcodeTable.Find(last) is not { Effect: Effect.Exit or Effect.Jump })
            return ("last insn is not an exit or jmp", program.Length - 1);
        return null;
    }

    /// <summary>The slot a jump, local call or function reference leads to; null for others.</summary>
    internal static int? Target(EbpfInstruction instruction, OpcodeRow row, int slot) => row.Opcode switch
    {
        EbpfOpcode.JaLong or EbpfOpcode.CallLocal or EbpfOpcode.LoadFunction => slot + 1 + instruction.Immediate,
        _ when row.Offset == OffsetUse.Jump => slot + 1 + instruction.Offset,
        _ => null,
    };

    private static bool IsStart(ReadOnlySpan<EbpfInstruction> program, int target)
        => (uint)target < (uint)program.Length && !IsSecondHalf(program, target);

    /// <summary>A slot with code 0 is never a whole instruction, so it can only be the second half of a wide one.</summary>
    private static bool IsSecondHalf(ReadOnlySpan<EbpfInstruction> program, int target) => program[target].Code == 0;

    private static string? FieldProblem(EbpfInstruction instruction, OpcodeRow row)
    {
        if (instruction.Dst > EbpfRegisters.R10 || (row.Discriminator != Discriminator.Source && instruction.Src > EbpfRegisters.R10))
            return $"R{Math.Max(instruction.Dst, instruction.Src)} is invalid";
        if ((row.Dst & RegisterUse.Write) != 0 && instruction.Dst == EbpfRegisters.R10 || (row.Src & RegisterUse.Write) != 0 && instruction.Src == EbpfRegisters.R10)
            return "frame pointer is read only";
        bool unused = row.Dst == RegisterUse.None && instruction.Dst != 0
            || row.Src == RegisterUse.None && row.Discriminator != Discriminator.Source && instruction.Src != 0
            || row.Offset == OffsetUse.Zero && instruction.Offset != 0
            || row.Immediate == ImmediateUse.Zero && instruction.Immediate != 0;
        if (unused)
            return $"{row.Effect switch
            {
                Effect.Alu => "BPF_ALU",
                Effect.Load => "BPF_LDX",
                Effect.Store => "BPF_ST",
                Effect.Atomic => "BPF_ATOMIC",
                Effect.Call => "BPF_CALL",
                Effect.Exit => "BPF_EXIT",
                Effect.LoadImmediate => "BPF_LD_IMM64",
                Effect.PacketLoad => "BPF_LD_[ABS|IND]",
                _ => "BPF_JMP",
            }} uses reserved fields";
        return null;
    }
}
