// From SSA to the machine form with virtual registers: legalisation and selection in one walk over the blocks.
//
// Every IR value gets one virtual register (two for 128 bits). Conversions that keep the low bits share their operand's
// register, constants and addresses are made where they are used, comparisons move into the branches that ask, and
// constant pointer offsets into the accesses. What the machine lacks is expanded on the spot, new blocks included: the
// machine form is not SSA, so a diamond is two definitions of one register.
//
// Phis become copies on the incoming edges (edges that need code of their own get a block), ordered as parallel moves.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Core.Text;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

/// <summary>Selects instructions for one function. Users' mistakes go to the bag; the result is then unusable.</summary>
public sealed partial class InstructionSelector
{
    private readonly Function _source;
    private readonly BackendOptions _options;
    private readonly DiagnosticBag _diagnostics;
    private readonly MachineFunction _function;
    private readonly WidthAnalysis _widths;
    private readonly List<BasicBlock> _order;
    private readonly Dictionary<BasicBlock, MachineBlock> _blocks = [];
    private readonly Dictionary<Value, MachineRegister> _registers = [];
    private readonly Dictionary<Value, MachineRegister> _highHalves = [];
    private readonly Dictionary<AllocaInstruction, StackObject> _objects = [];
    private readonly Dictionary<(object Key, long Number), MachineRegister> _constants = [];
    private readonly Dictionary<BasicBlock, MachineBlock> _edgeBlocks = [];

    private MachineBlock _current;
    private BasicBlock? _irBlock;
    private SourceLocation _location;

    private InstructionSelector(Function source, BackendOptions options, DiagnosticBag diagnostics)
    {
        _source = source;
        _options = options;
        _diagnostics = diagnostics;
        _function = new MachineFunction(source);
        _order = ReachableBlocks(source);
        _widths = new WidthAnalysis(source, _order, options.HasAlu32);
        _current = _function.NewBlock("entry");
    }

    public static MachineFunction Select(Function function, BackendOptions options, DiagnosticBag diagnostics)
    {
        var selector = new InstructionSelector(function, options, diagnostics);
        selector.Run();
        return selector._function;
    }

    private void Run()
    {
        foreach (BasicBlock block in _order)
            _blocks[block] = ReferenceEquals(block, _source.Entry) && block.Predecessors.Count == 0 ? _current : _function.NewBlock(block.Name);
        SelectParameters();
        if (!ReferenceEquals(_blocks[_source.Entry], _current))
            _current.AppendJump(_blocks[_source.Entry]);
        foreach (BasicBlock block in _order)
        {
            _irBlock = block;
            _edgeBlocks.Clear();
            SwitchTo(_blocks[block]);
            for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
            {
                _location = instruction.Location;
                SelectInstruction(instruction);
            }
        }
    }

    /// <summary>Reverse postorder with the likely or first successor of a branch placed next where possible.</summary>
    private static List<BasicBlock> ReachableBlocks(Function function)
    {
        var order = new List<BasicBlock>();
        var visited = new HashSet<BasicBlock> { function.Entry };
        var stack = new Stack<(BasicBlock Block, int Next)>();
        stack.Push((function.Entry, 0));
        while (stack.TryPop(out (BasicBlock Block, int Next) top))
        {
            IReadOnlyList<BasicBlock> successors = top.Block.Successors;
            if (top.Next == successors.Count)
            {
                order.Add(top.Block);
                continue;
            }
            stack.Push((top.Block, top.Next + 1));
            // The successor visited last comes first in the reverse order.
            bool unlikely = top.Block.Terminator is CondBranchInstruction { Likely: false };
            BasicBlock successor = successors[unlikely ? top.Next : successors.Count - 1 - top.Next];
            if (visited.Add(successor))
                stack.Push((successor, 0));
        }
        order.Reverse();
        return order;
    }

    private void SelectParameters()
    {
        _location = _source.Location;
        IReadOnlyList<Parameter> parameters = _source.Parameters;
        if (parameters.Count > EbpfRegisters.MaxArguments)
        {
            _diagnostics.Report(BackendDiagnostics.TooManyParameters, _source.Location, _source.Symbol, parameters.Count);
            return;
        }
        _location = SourceLocation.None;
        foreach (Parameter parameter in parameters)
        {
            if (parameter.Type == IrType.I128)
            {
                ReportWide(_source.Location, "passing");
                continue;
            }
            if (!parameter.HasUsers)
                continue;
            MachineRegister incoming = MachineRegister.Physical(EbpfRegisters.R1 + parameter.Index);
            if (ReferenceEquals(parameter, PinnedContext))
            {
                EmitCopy(MachineRegister.R6, incoming);
                continue;
            }
            DefineFrom(parameter, incoming);
        }
    }

    // ---------------------------------------------------------------------------------------------- blocks

    private void SwitchTo(MachineBlock block)
    {
        _current = block;
        _constants.Clear();
    }

    private MachineBlock NewBlock() => _function.NewBlock(_irBlock?.Name);

    /// <summary>Ends the current block with a jump unless it is ended already, and continues in another.</summary>
    private void ContinueIn(MachineBlock block)
    {
        if (!_current.IsTerminated)
            _current.AppendJump(block);
        SwitchTo(block);
    }

    // ---------------------------------------------------------------------------------------------- emission

    private MachineInstruction Emit(MachineInstruction instruction)
    {
        instruction.Location = _location;
        _current.Instructions.Add(instruction);
        return instruction;
    }

    private MachineInstruction Emit(EbpfOpcode opcode, MachineRegister dst, MachineRegister src = default, long immediate = 0, int offset = 0)
        => Emit(new MachineInstruction(opcode) { Dst = dst, Src = src, Immediate = immediate, Offset = offset });

    private void EmitCopy(MachineRegister dst, MachineRegister src)
    {
        if (dst != src)
            Emit(EbpfOpcode.Mov64Reg, dst, src);
    }

    /// <summary>Member of an arithmetic family whose first member is the 64-bit immediate form.</summary>
    private static EbpfOpcode Form(EbpfOpcode family, int width, bool register) => family + (width == 32 ? 2 : 0) + (register ? 1 : 0);

    private void EmitAlu(EbpfOpcode family, int width, MachineRegister dst, MachineRegister src) => Emit(Form(family, width, true), dst, src);

    private void EmitAlu(EbpfOpcode family, int width, MachineRegister dst, long immediate) => Emit(Form(family, width, false), dst, immediate: immediate);

    private MachineRegister NewRegister() => _function.NewRegister();

    private MachineRegister CopyToNew(MachineRegister source)
    {
        MachineRegister copy = NewRegister();
        EmitCopy(copy, source);
        return copy;
    }

    // ---------------------------------------------------------------------------------------------- values

    /// <summary>The operand behind conversions that keep the register.</summary>
    private Value Strip(Value value)
    {
        while (value is Instruction instruction && IsAlias(instruction))
            value = instruction.GetOperand(0);
        return value;
    }

    private bool IsAlias(Instruction instruction) => instruction.Opcode switch
    {
        IrOpcode.PtrToInt or IrOpcode.IntToPtr => true,
        IrOpcode.ZExt => instruction.Type != IrType.I128,
        IrOpcode.Trunc => instruction.GetOperand(0).Type != IrType.I128 && !_widths.NeedsExtension(instruction),
        IrOpcode.SExt => instruction.Type != IrType.I128 && _widths.SignificantBits(instruction.GetOperand(0)) < instruction.GetOperand(0).Type.Bits(),
        _ => false,
    };

    /// <summary>The register of a value that has one of its own (not a constant or an address).</summary>
    private MachineRegister RegisterOf(Value value)
    {
        if (!_registers.TryGetValue(value, out MachineRegister register))
            _registers[value] = register = ReferenceEquals(value, PinnedContext) ? MachineRegister.R6 : NewRegister();
        return register;
    }

    /// <summary>A register that holds the value now; it must not be written.</summary>
    private MachineRegister Use(Value value)
    {
        value = Strip(value);
        switch (value)
        {
            case Constant constant:
                return UseConstant(CanonicalBits(constant), narrow: constant.Type.Bits() <= 32);
            case Undef:
                return UseConstant(0, narrow: true);
            case GlobalValue or AllocaInstruction or CoreRelocationInstruction:
                return UseAddress(value);
            case Instruction { Opcode: IrOpcode.PtrAdd } sum when IsRematerializedAddress(sum):
                return UseAddress(value);
            case Instruction { Opcode: IrOpcode.PtrAdd } sum when IsFoldedAddress(sum):
                MachineRegister address = NewRegister();
                Materialize(address, sum);
                return address;
            default:
                return RegisterOf(value);
        }
    }

    private MachineRegister UseConstant(long bits, bool narrow)
    {
        bool word = narrow && _options.HasAlu32;
        if (!_constants.TryGetValue((word ? "word" : "long", bits), out MachineRegister register))
        {
            register = NewRegister();
            EmitConstant(register, bits, narrow);
            _constants[(word ? "word" : "long", bits)] = register;
        }
        return register;
    }

    private MachineRegister UseAddress(Value value)
    {
        (Value root, long offset) = AddressRoot(value);
        bool cached = root is GlobalValue;
        if (cached && _constants.TryGetValue((root, offset), out MachineRegister register))
            return register;
        register = NewRegister();
        Materialize(register, value);
        if (cached)
            _constants[(root, offset)] = register;
        return register;
    }

    /// <summary>The bits a constant has in its register: zero-extended from its width.</summary>
    private static long CanonicalBits(Constant constant) => (long)constant.Unsigned;

    private void EmitConstant(MachineRegister dst, long bits, bool narrow)
    {
        if (narrow && _options.HasAlu32)
            Emit(EbpfOpcode.Mov32Imm, dst, immediate: (int)bits);
        else if (IntegerArithmetic.FitsInt32(bits))
            Emit(EbpfOpcode.Mov64Imm, dst, immediate: bits);
        else if (_options.HasAlu32 && (ulong)bits <= uint.MaxValue)
            Emit(EbpfOpcode.Mov32Imm, dst, immediate: (int)bits);
        else
            Emit(EbpfOpcode.LoadImm64, dst, immediate: bits);
    }

    /// <summary>Puts a value into a given register.</summary>
    /// <param name="free">The reader looks at no more bits than the type has: a negative constant may be sign-extended.</param>
    private void Materialize(MachineRegister dst, Value value, bool free = false)
    {
        value = Strip(value);
        switch (value)
        {
            case Constant constant:
                bool narrow = constant.Type.Bits() <= 32;
                EmitConstant(dst, free && !_options.HasAlu32 ? constant.Signed : CanonicalBits(constant), narrow);
                break;
            case Undef:
                EmitConstant(dst, 0, narrow: true);
                break;
            case CoreRelocationInstruction core:
                EmitCoreValue(dst, core);
                break;
            case GlobalValue or AllocaInstruction:
            case Instruction { Opcode: IrOpcode.PtrAdd } sum when IsRematerializedAddress(sum):
                (Value root, long offset) = AddressRoot(value);
                if (root is AllocaInstruction alloca)
                    Emit(new MachineInstruction(PseudoOpcode.FrameAddress) { Dst = dst, Object = ObjectOf(alloca), Immediate = offset });
                else
                    EmitGlobalAddress(dst, (GlobalValue)root, offset);
                break;
            case Instruction { Opcode: IrOpcode.PtrAdd } sum when IsFoldedAddress(sum):
                EmitPointerSum(dst, sum);
                break;
            default:
                EmitCopy(dst, RegisterOf(value));
                break;
        }
    }

    private void EmitGlobalAddress(MachineRegister dst, GlobalValue symbol, long offset)
    {
        if (!IntegerArithmetic.FitsInt32(offset))
            _diagnostics.Report(BackendDiagnostics.AddressArithmetic, _location, symbol.Symbol, offset);
        Emit(new MachineInstruction(EbpfOpcode.LoadImm64) { Dst = dst, Symbol = symbol, Immediate = offset });
    }

    /// <summary>A number that the loader patches: a 64-bit enumerator needs the wide form, all others fit an immediate.</summary>
    private void EmitCoreValue(MachineRegister dst, CoreRelocationInstruction core)
    {
        bool wide = core.Kind is CoreRelocationKind.EnumValue && core.Type.Bits() == 64;
        EbpfOpcode opcode = wide ? EbpfOpcode.LoadImm64 : core.Type.Bits() <= 32 && _options.HasAlu32 ? EbpfOpcode.Mov32Imm : EbpfOpcode.Mov64Imm;
        Emit(new MachineInstruction(opcode) { Dst = dst, Immediate = wide ? (long)core.LocalValue : (int)core.LocalValue, Core = core });
    }

    /// <summary>Defines an instruction's or parameter's register as a copy, extending it where the analysis asks.</summary>
    private void DefineFrom(Value value, MachineRegister source)
    {
        MachineRegister dst = RegisterOf(value);
        if (!_widths.NeedsExtension(value))
        {
            EmitCopy(dst, source);
            return;
        }
        if (value.Type == IrType.I32 && _options.HasAlu32)
        {
            Emit(EbpfOpcode.Mov32Reg, dst, source);
            return;
        }
        EmitCopy(dst, source);
        ExtendInPlace(value, dst);
    }

    /// <summary>Ends a definition: clears the bits above the value's width when a user needs that.</summary>
    private void FinishDefinition(Value value, MachineRegister register)
    {
        if (_widths.NeedsExtension(value))
            ExtendInPlace(value, register);
    }

    private void ExtendInPlace(Value value, MachineRegister register)
        => ZeroExtend(register, value.Type.Bits());

    private void ZeroExtend(MachineRegister register, int bits)
    {
        if (bits >= 64)
            return;
        if (bits < 32)
            EmitAlu(EbpfOpcode.And64Imm, _options.HasAlu32 ? 32 : 64, register, (1L << bits) - 1);
        else if (_options.HasAlu32)
            Emit(EbpfOpcode.Mov32Reg, register, register);
        else
        {
            EmitAlu(EbpfOpcode.Lsh64Imm, 64, register, 32);
            EmitAlu(EbpfOpcode.Rsh64Imm, 64, register, 32);
        }
    }

    /// <summary>A register that holds the value sign-extended to <paramref name="width"/> bits (32 or 64).</summary>
    private MachineRegister UseSigned(Value value, int width)
    {
        int bits = value.Type.Bits();
        if (value is Constant constant)
            return UseConstant(width == 32 ? (uint)constant.Signed : constant.Signed, narrow: width == 32);
        if (bits >= width || _widths.SignificantBits(value) < bits)
            return Use(value);
        MachineRegister extended = NewRegister();
        EmitSignExtension(extended, Use(value), bits, width);
        return extended;
    }

    private void EmitSignExtension(MachineRegister dst, MachineRegister src, int bits, int width)
    {
        if (_options.HasV4 && bits is 8 or 16 or 32 && _options.HasV4)
        {
            EbpfOpcode opcode = (bits, width) switch
            {
                (8, 32) => EbpfOpcode.MovSx8To32,
                (16, 32) => EbpfOpcode.MovSx16To32,
                (8, _) => EbpfOpcode.MovSx8To64,
                (16, _) => EbpfOpcode.MovSx16To64,
                _ => EbpfOpcode.MovSx32To64,
            };
            Emit(opcode, dst, src);
            return;
        }
        EmitCopy(dst, src);
        EmitAlu(EbpfOpcode.Lsh64Imm, width, dst, width - bits);
        EmitAlu(EbpfOpcode.Arsh64Imm, width, dst, width - bits);
    }

    private InternalCompilerException Broken(string problem) => new("instruction selection", _source.Symbol, problem);
}
