// One instruction of the machine form: a row of the opcode table with register operands that may still be virtual, and
// what only later stages can turn into numbers (stack objects, symbols, blocks). A few pseudo-instructions stand for
// things that become none, one or several real ones.
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Machine;

/// <summary>What an instruction is when it is not simply a row of the opcode table.</summary>
public enum PseudoOpcode : byte
{
    None,

    /// <summary>dst = address of a stack object; becomes <c>dst = r10; dst += offset</c>.</summary>
    FrameAddress,

    /// <summary>Assembly text with bound operands; see <see cref="InlineAssembly"/>.</summary>
    InlineAssembly,

    /// <summary>The jump inside the assembly text right before it; no code of its own.</summary>
    AssemblyBranch,
}

/// <summary>Assembly text of the user; registers in <see cref="Registers"/> are rewritten by the allocator.</summary>
public sealed class InlineAssembly(InlineAsmInstruction source)
{
    public InlineAsmInstruction Source { get; } = source;

    /// <summary>One entry per register operand: outputs first, then inputs that are in registers.</summary>
    public MachineRegister[] Registers { get; set; } = [];

    /// <summary>The registers as they were before allocation, for the checker.</summary>
    public MachineRegister[] VirtualRegisters { get; set; } = [];

    public RegisterUse[] Uses { get; set; } = [];

    /// <summary>Written before the inputs are read: shares no register with them.</summary>
    public bool[] EarlyClobber { get; set; } = [];

    /// <summary>For each label of an <c>asm goto</c>: its name and the pseudo-instruction that holds its target.</summary>
    public (string Name, MachineInstruction Branch)[] Labels { get; set; } = [];

    /// <summary>For each operand of the template (outputs, then inputs): its text, with register operands as an index.</summary>
    public AssemblyOperand[] Operands { get; set; } = [];
}

/// <summary>How one operand of the template is written: a register, an immediate, or memory at register or frame plus offset.</summary>
public readonly record struct AssemblyOperand(int RegisterIndex, bool IsMemory, long Immediate, StackObject? Object, GlobalValue? Symbol);

public sealed class MachineInstruction
{
    public MachineInstruction(EbpfOpcode opcode) => Opcode = opcode;

    public MachineInstruction(PseudoOpcode pseudo) => Pseudo = pseudo;

    public EbpfOpcode Opcode { get; set; }

    public PseudoOpcode Pseudo { get; }

    public MachineRegister Dst { get; set; }

    public MachineRegister Src { get; set; }

    /// <summary>Bytes added to the base register of a memory access; the object's place is added at the end.</summary>
    public int Offset { get; set; }

    /// <summary>The immediate; up to 64 bits for a wide load. For a symbol's address: the addend in bytes.</summary>
    public long Immediate { get; set; }

    /// <summary>Where a jump goes.</summary>
    public MachineBlock? Target { get; set; }

    /// <summary>The stack object that a memory access or a frame address is relative to.</summary>
    public StackObject? Object { get; set; }

    /// <summary>The variable or function whose address or entry the linker or loader fills in.</summary>
    public GlobalValue? Symbol { get; set; }

    /// <summary>A value the loader patches into this instruction from the kernel's types.</summary>
    public CoreRelocationInstruction? Core { get; set; }

    public InlineAssembly? Assembly { get; set; }

    /// <summary>Machine registers read, written and destroyed without being operands; bit n is Rn.</summary>
    public ushort ImplicitUses { get; set; }

    public ushort ImplicitDefs { get; set; }

    public ushort Clobbers { get; set; }

    public SourceLocation Location { get; set; }

    /// <summary>A copy whose two sides were given one interval: a mark for the checker, no code.</summary>
    public bool IsCoalesced { get; set; }

    /// <summary>Put in by the allocator: a move, spill, reload or repeated definition.</summary>
    public bool IsAllocatorMove { get; init; }

    /// <summary>The operands as they were before allocation, for the checker.</summary>
    public MachineRegister VirtualDst { get; set; }

    public MachineRegister VirtualSrc { get; set; }

    public OpcodeRow Row => OpcodeTable.Get(Opcode);

    public RegisterUse DstUse => Pseudo == PseudoOpcode.FrameAddress ? RegisterUse.Write
        : Pseudo != PseudoOpcode.None || Dst.IsNone ? RegisterUse.None : Row.Dst;

    public RegisterUse SrcUse => Pseudo != PseudoOpcode.None || Src.IsNone ? RegisterUse.None : Row.Src;

    /// <summary>A plain 64-bit register copy.</summary>
    public bool IsCopy => Pseudo == PseudoOpcode.None && Opcode == EbpfOpcode.Mov64Reg;

    public bool IsTerminator => IsConditionalBranch || Pseudo == PseudoOpcode.None && Row.Effect is Effect.Jump or Effect.Exit;

    public bool IsConditionalBranch => Pseudo == PseudoOpcode.AssemblyBranch || (Pseudo == PseudoOpcode.None && Row.Effect == Effect.Branch);

    public bool IsCall => Pseudo == PseudoOpcode.None && Row.Effect == Effect.Call;

    /// <summary>Writes nothing but <see cref="Dst"/> and reads no register: repeating it elsewhere yields the same value.</summary>
    public bool IsRematerializable => Pseudo == PseudoOpcode.FrameAddress
        || (Pseudo == PseudoOpcode.None && Opcode is EbpfOpcode.Mov64Imm or EbpfOpcode.Mov32Imm or EbpfOpcode.LoadImm64);

    /// <summary>A repetition of this definition that writes another register.</summary>
    public MachineInstruction Repeat(MachineRegister dst)
        => Pseudo == PseudoOpcode.None
            ? new MachineInstruction(Opcode) { Dst = dst, Immediate = Immediate, Symbol = Symbol, Core = Core, Location = Location, IsAllocatorMove = true, VirtualDst = VirtualDst }
            : new MachineInstruction(Pseudo) { Dst = dst, Immediate = Immediate, Object = Object, Location = Location, IsAllocatorMove = true, VirtualDst = VirtualDst };

    /// <summary>The same instruction for another place (not for assembly, whose operands are shared).</summary>
    public MachineInstruction Clone() => (MachineInstruction)MemberwiseClone();

    public override string ToString() => MachinePrinter.Print(this);
}
