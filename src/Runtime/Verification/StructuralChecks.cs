// Decoding, and what must hold of every single instruction whatever the program's paths: a known operation, registers that
// exist, unused fields zero. Rules: RFC 9669 and the kernel's opcode table; wording: the kernel's.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal static class StructuralChecks
{
    /// <summary>Decodes all slots; throws at the first malformed instruction.</summary>
    public static InstructionInfo[] Decode(EbpfInstruction[] code, KernelVersion kernel)
    {
        var result = new InstructionInfo[code.Length];
        for (int slot = 0; slot < code.Length; slot++)
        {
            EbpfInstruction instruction = code[slot];
            OpcodeRow? row = OpcodeTable.Find(instruction);
            // What does not concern control flow only matters where some path gets to it.
            if (Check(code, slot, kernel) is { } message)
            {
                if (row is null && !message.StartsWith("unknown", StringComparison.Ordinal) && (instruction.Class is InstructionClass.Alu or InstructionClass.Alu64 or InstructionClass.Stx || instruction.Code == OpcodeTable.Get(EbpfOpcode.CallHelper).Code))
                {
                    // A known code whose other fields say no operation: control would go on behind it.
                    result[slot] = new InstructionInfo { Defect = message, Effect = Effect.Alu };
                    continue;
                }
                if (row is null || row.IsWide && message.EndsWith("bpf_ld_imm64 insn", StringComparison.Ordinal) || message.StartsWith("BPF_LDX", StringComparison.Ordinal)
                    || message.StartsWith("unknown opcode", StringComparison.Ordinal))
                    throw new RejectedException(message) { Slot = slot };
                result[slot].Defect = message;
            }
            result[slot] = new InstructionInfo
            {
                Defect = result[slot].Defect,
                Opcode = row!.Opcode, Operation = row.Operation, Effect = row.Effect, Width = (byte)row.Width, IsRegisterForm = row.IsRegisterForm,
                Dst = (byte)instruction.Dst, Src = (byte)instruction.Src, Offset = instruction.Offset, Immediate = instruction.Immediate,
            };
            if (row.IsWide)
                slot++;
        }
        return result;
    }

    private static string? Check(EbpfInstruction[] code, int slot, KernelVersion kernel)
    {
        EbpfInstruction instruction = code[slot];
        OpcodeRow? row = OpcodeTable.Find(instruction);
        InstructionClass kind = instruction.Class;
        if (instruction.IsWide)
        {
            if (slot == code.Length - 1 || code[slot + 1] is not { Code: 0, Dst: 0, Src: 0, Offset: 0 })
                return "invalid bpf_ld_imm64 insn";
            if (instruction.Offset != 0)
                return "BPF_LD_IMM64 uses reserved fields";
            if (row is null or { Opcode: EbpfOpcode.LoadMapIndex or EbpfOpcode.LoadMapIndexValue } || (row.Opcode == EbpfOpcode.LoadMapFd && code[slot + 1].Immediate != 0))
                return "unrecognized bpf_ld_imm64 insn";
            return Registers(instruction, row);
        }
        if (row is null)
            return Malformed(instruction);
        if (row.Opcode == EbpfOpcode.CallReg)
            return $"unknown opcode {instruction.Code:x2}";
        if (row.Opcode == EbpfOpcode.MayGoto && (instruction.Src != 0 || instruction.Dst != 0 || instruction.Immediate != 0
            || instruction.Offset == 0 && !kernel.Has(KernelRule.MayGotoNowhere)))
            return $"invalid may_goto off {instruction.Offset} imm {instruction.Immediate}";
        if (kernel.Unknown(instruction, row) is { } unknown)
            return unknown;
        if (HasReservedFields(instruction, row))
            return ReservedFields(instruction, kind);
        if (row.Opcode == EbpfOpcode.AddrSpaceCast && instruction.Immediate is not (1 or 1 << 16))
            return "addr_space_cast insn can only convert between address space 1 and 0";
        if (row.Effect == Effect.Alu && !row.IsRegisterForm)
        {
            if (row.Operation is Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod && instruction.Immediate == 0)
                return "div by zero";
            if (row.Operation is Operation.Lsh or Operation.Rsh or Operation.Arsh && (uint)instruction.Immediate >= (uint)row.Width)
                return $"invalid shift {instruction.Immediate}";
        }
        return Registers(instruction, row);
    }

    private static string? Registers(EbpfInstruction instruction, OpcodeRow row)
    {
        if (row.Src != RegisterUse.None && instruction.Src > EbpfRegisters.R10)
            return $"R{instruction.Src} is invalid";
        return row.Dst != RegisterUse.None && instruction.Dst > EbpfRegisters.R10 ? $"R{instruction.Dst} is invalid" : null;
    }

    private static bool HasReservedFields(EbpfInstruction instruction, OpcodeRow row)
        => (row.Dst == RegisterUse.None && instruction.Dst != 0)
        || (row.Src == RegisterUse.None && row.Discriminator != Discriminator.Source && instruction.Src != 0)
        // The kernel does not look at the offset of an exit.
        || (row.Offset == OffsetUse.Zero && instruction.Offset != 0 && row.Effect != Effect.Exit)
        || (row.Immediate == ImmediateUse.Zero && instruction.Immediate != 0);

    private static string ReservedFields(EbpfInstruction instruction, InstructionClass kind)
    {
        int operation = instruction.Code & 0xf0;
        return kind switch
        {
            InstructionClass.Ld => "BPF_LD_[ABS|IND] uses reserved fields",
            InstructionClass.Ldx => "BPF_LDX uses reserved fields",
            InstructionClass.St => "BPF_ST uses reserved fields",
            InstructionClass.Stx => "BPF_STX uses reserved fields",
            InstructionClass.Alu or InstructionClass.Alu64 => operation switch
            {
                0x80 => "BPF_NEG uses reserved fields",
                0xd0 => "BPF_END uses reserved fields",
                0xb0 => "BPF_MOV uses reserved fields",
                _ => "BPF_ALU uses reserved fields",
            },
            _ => operation switch
            {
                0x00 => "BPF_JA uses reserved fields",
                0x80 => "BPF_CALL uses reserved fields",
                0x90 => "BPF_EXIT uses reserved fields",
                _ => "BPF_JMP/JMP32 uses reserved fields",
            },
        };
    }

    /// <summary>No row: either no such operation, or its discriminating field names none.</summary>
    private static string Malformed(EbpfInstruction instruction)
    {
        int operation = instruction.Code & 0xf0;
        bool known = false;
        foreach (OpcodeRow row in OpcodeTable.Rows)
            known |= row.Opcode != EbpfOpcode.Invalid && row.Code == instruction.Code;
        if (!known)
            return instruction.Class == InstructionClass.Ldx ? "BPF_LDX uses reserved fields" : $"unknown opcode {instruction.Code:x2}";
        return instruction.Class switch
        {
            InstructionClass.Stx => $"BPF_ATOMIC uses invalid atomic opcode {instruction.Immediate:x2}",
            InstructionClass.Jmp or InstructionClass.Jmp32 when operation == 0xe0 => $"invalid may_goto off {instruction.Offset} imm {instruction.Immediate}",
            _ => ReservedFields(instruction, instruction.Class),
        };
    }
}
