// Structural validity of a program, derived from the opcode table: every slot is a known instruction, fields that hold
// nothing are zero, registers exist, R10 is not written, jumps and local calls land on instructions. What values flow is the
// verifier's business, not this file's. Messages are worded as in the kernel (check_cfg, do_check, resolve_pseudo_ldimm64).
namespace Ebpfcc.Ebpf.Isa;

/// <summary>What is wrong at a slot.</summary>
public readonly record struct StructuralError(int Slot, string Message);

public sealed record ValidationOptions
{
    /// <summary>All of the instruction set, the kernel's limits on constants included.</summary>
    public static readonly ValidationOptions Kernel = new();

    /// <summary>As RFC 9669 has it: constant divisors of zero and shifts beyond the width are defined.</summary>
    public static readonly ValidationOptions Rfc = new() { RefuseUndefinedConstants = false };

    /// <summary>Later instructions are unknown.</summary>
    public CpuVersion Cpu { get; init; } = CpuVersion.V4;

    /// <summary>Conformance groups that are known, a bit for each <see cref="ConformanceGroup"/>.</summary>
    public uint Groups { get; init; } = uint.MaxValue;

    /// <summary>Refuse division by the constant zero and shifts by constants of the width or more, as the kernel does.</summary>
    public bool RefuseUndefinedConstants { get; init; } = true;

    /// <summary>Local calls and jumps may leave the slots, because a linker has not put the functions together yet.</summary>
    public bool IsFragment { get; init; }
}

public static class InstructionValidator
{
    /// <summary>The first error of a program; null when it has none. Linear in the program's length.</summary>
    public static StructuralError? Validate(ReadOnlySpan<EbpfInstruction> program, ValidationOptions? options = null)
    {
        options ??= ValidationOptions.Kernel;
        if (program.IsEmpty)
            return new StructuralError(0, "invalid program size 0");
        for (int slot = 0; slot < program.Length; slot++)
        {
            if (CheckSlot(program, slot, options, out OpcodeRow? row) is { } message)
                return new StructuralError(slot, message);
            if (row!.IsWide)
                slot++;
        }
        return options.IsFragment ? null : CheckTargets(program);
    }

    /// <summary>The message for one slot without looking at jumps; null when it is well formed.</summary>
    public static string? CheckSlot(ReadOnlySpan<EbpfInstruction> program, int slot, ValidationOptions options, out OpcodeRow? row)
    {
        EbpfInstruction instruction = program[slot];
        row = OpcodeTable.Find(instruction);
        if (row is null)
            return ExplainUnknown(instruction);
        if (row.Since > options.Cpu || (options.Groups >> (int)row.Group & 1) == 0)
            return $"unknown opcode {instruction.Code:x2}";
        if (row.IsWide)
        {
            if (slot + 1 >= program.Length || program[slot + 1] is not { Code: 0, Dst: 0, Src: 0, Offset: 0 })
                return "invalid bpf_ld_imm64 insn";
        }
        bool sourceIsRegister = row.Src != RegisterUse.None;
        bool sourceIsFree = !sourceIsRegister && row.Discriminator != Discriminator.Source;
        if ((row.Dst == RegisterUse.None && instruction.Dst != 0)
            || (sourceIsFree && instruction.Src != 0)
            || (row.Offset == OffsetUse.Zero && instruction.Offset != 0)
            || (row.Immediate == ImmediateUse.Zero && instruction.Immediate != 0))
            return Family(instruction) + " uses reserved fields";
        if (row.Dst != RegisterUse.None && instruction.Dst >= EbpfRegisters.Count)
            return $"R{instruction.Dst} is invalid";
        if (sourceIsRegister && instruction.Src >= EbpfRegisters.Count)
            return $"R{instruction.Src} is invalid";
        if (((row.Dst & RegisterUse.Write) != 0 && instruction.Dst == EbpfRegisters.R10) || ((row.Src & RegisterUse.Write) != 0 && instruction.Src == EbpfRegisters.R10))
            return "frame pointer is read only";
        if (row.Immediate == ImmediateUse.AddressSpaces && instruction.Immediate is not (1 or 0x10000))
            return "addr_space_cast insn can only convert between address space 1 and 0";
        return options.RefuseUndefinedConstants && !row.IsRegisterForm ? CheckConstant(row, instruction.Immediate) : null;
    }

    private static string? CheckConstant(OpcodeRow row, int immediate) => row.Operation switch
    {
        Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod when immediate == 0 => "div by zero",
        Operation.Lsh or Operation.Rsh or Operation.Arsh when (uint)immediate >= (uint)row.Width => $"invalid shift {immediate}",
        _ => null,
    };

    /// <summary>The kernel's name of an instruction's family, for "uses reserved fields".</summary>
    private static string Family(EbpfInstruction instruction)
    {
        int op = instruction.Code & 0xf0;
        switch (instruction.Class)
        {
            case InstructionClass.Alu or InstructionClass.Alu64:
                return op switch { 0x80 => "BPF_NEG", 0xd0 => "BPF_END", 0xb0 => "BPF_MOV", _ => "BPF_ALU" };
            case InstructionClass.Jmp or InstructionClass.Jmp32:
                return op switch { 0x80 => "BPF_CALL", 0x90 => "BPF_EXIT", 0x00 => "BPF_JA", 0xe0 => "BPF_JCOND", _ => "BPF_JMP/JMP32" };
            case InstructionClass.Ld:
                return instruction.IsWide ? "BPF_LD_IMM64" : "BPF_LD_[ABS|IND]";
            case InstructionClass.Ldx:
                return "BPF_LDX";
            case InstructionClass.St:
                return "BPF_ST";
            default:
                return (instruction.Code & 0xe0) == 0xc0 ? "BPF_ATOMIC" : "BPF_STX";
        }
    }

    /// <summary>The message for a slot that no row describes: an unknown code, or a known one with an unknown discriminator.</summary>
    private static string ExplainUnknown(EbpfInstruction instruction)
    {
        bool isAtomic = instruction.Class == InstructionClass.Stx && (instruction.Code & 0xe0) == 0xc0;
        if (isAtomic && (instruction.Code & 0x18) is 0x00 or 0x18)
            return $"BPF_ATOMIC uses invalid atomic opcode {instruction.Immediate:x2}";
        if (isAtomic)
            return "invalid atomic operand size";
        foreach (OpcodeRow row in OpcodeTable.Rows[1..])
        {
            if (row.Code == instruction.Code)
                return row.IsWide ? "unrecognized bpf_ld_imm64 insn" : Family(instruction) + " uses reserved fields";
        }
        return $"unknown opcode {instruction.Code:x2}";
    }

    private static StructuralError? CheckTargets(ReadOnlySpan<EbpfInstruction> program)
    {
        for (int slot = 0; slot < program.Length; slot++)
        {
            OpcodeRow row = OpcodeTable.Find(program[slot])!;
            if (Distance(row, program[slot]) is { } distance)
            {
                long target = slot + 1L + distance;
                if (target < 0 || target >= program.Length)
                    return new StructuralError(slot, row.Effect == Effect.Call ? $"invalid destination for call insn {slot} to {target}" : $"jump out of range from insn {slot} to {target}");
                // the second slot of a wide immediate is the only one with code 0 in a program whose slots are all known
                if (program[(int)target].Code == 0)
                    return new StructuralError(slot, $"jump into the middle of ldimm64 insn {target}");
            }
            if (row.IsWide)
                slot++;
        }
        EbpfInstruction last = program[^1];
        bool ends = last.Code is 0x95 or 0x05 or 0x06 && (program.Length < 2 || !program[^2].IsWide);
        return ends ? null : new StructuralError(program.Length - 1, "last insn is not an exit or jmp");
    }

    /// <summary>How far an instruction jumps or calls, in slots past the next one; null when it does neither inside the program.</summary>
    public static int? Distance(OpcodeRow row, EbpfInstruction instruction)
        => row.Offset == OffsetUse.Jump ? instruction.Offset
            : row.Immediate is ImmediateUse.Jump || row.Opcode == EbpfOpcode.CallLocal ? instruction.Immediate : null;
}
