// Calls, atomics, classic packet loads, bit counting.
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

public sealed partial class InstructionSelector
{
    /// <summary>R1 to R5, which a call destroys; R0 is its result.</summary>
    private const ushort CallClobbers = 0b0011_1110;

    private Parameter? _pinnedContext;
    private bool _pinnedKnown;

    /// <summary>
    /// Classic packet loads read the context from R6. When all of them read the same parameter, it lives in R6 for the
    /// whole function and R6 is not allocated otherwise.
    /// </summary>
    private Parameter? PinnedContext
    {
        get
        {
            if (_pinnedKnown)
                return _pinnedContext;
            _pinnedKnown = true;
            bool mixed = false;
            Parameter? context = null;
            foreach (BasicBlock block in _order)
            {
                for (Instruction? instruction = block.First; instruction is not null; instruction = instruction.Next)
                {
                    if (instruction is not PacketLoadInstruction load)
                        continue;
                    mixed |= load.GetOperand(0) is not Parameter parameter || (context is not null && !ReferenceEquals(context, parameter));
                    context ??= load.GetOperand(0) as Parameter;
                }
            }
            _pinnedContext = mixed ? null : context;
            _function.ReservesR6 = _pinnedContext is not null;
            return _pinnedContext;
        }
    }

    private void SelectCall(CallInstruction call)
    {
        if (call.ArgumentCount > EbpfRegisters.MaxArguments)
        {
            _diagnostics.Report(BackendDiagnostics.TooManyArguments, call.Location.IsNone ? _source.Location : call.Location, call.ArgumentCount);
            return;
        }
        Value callee = Strip(call.Callee);
        if (callee is not (Function or Constant))
        {
            _diagnostics.Report(BackendDiagnostics.IndirectCall, call.Location.IsNone ? _source.Location : call.Location);
            return;
        }
        // Values that need computing come first: once an argument register is set, nothing else may need it.
        int uses = 0;
        for (int i = 0; i < call.ArgumentCount; i++)
        {
            if (call.GetArgument(i).Type == IrType.I128)
            {
                ReportWide(call.Location, "passing");
                return;
            }
            Materialize(MachineRegister.Physical(EbpfRegisters.R1 + i), call.GetArgument(i), free: callee is Function { IsDeclaration: false });
            uses |= 1 << (EbpfRegisters.R1 + i);
        }
        if (call.Type == IrType.I128)
        {
            ReportWide(call.Location, "returning");
            return;
        }
        MachineInstruction instruction = callee is Constant number
            ? new MachineInstruction(EbpfOpcode.CallHelper) { Immediate = number.Signed }
            : new MachineInstruction(EbpfOpcode.CallLocal) { Symbol = (Function)callee };
        instruction.ImplicitUses = (ushort)uses;
        instruction.ImplicitDefs = 1;
        instruction.Clobbers = CallClobbers;
        Emit(instruction);
        _constants.Clear();
        if (call.Type != IrType.Void && call.HasUsers)
            DefineFrom(call, MachineRegister.R0);
    }

    private void SelectPacketLoad(PacketLoadInstruction load)
    {
        Value context = load.GetOperand(0), offset = Strip(load.GetOperand(1));
        int index = load.Width switch { 8 => 0, 16 => 1, 32 => 2, _ => throw Broken($"a packet load of {load.Width} bits") };
        MachineInstruction instruction;
        if (offset is Constant constant && constant.Signed == (int)constant.Signed)
            instruction = new MachineInstruction(EbpfOpcode.LoadAbs8 + index) { Immediate = constant.Signed };
        else
            instruction = new MachineInstruction(EbpfOpcode.LoadInd8 + index) { Src = Use(offset) };
        if (!ReferenceEquals(context, PinnedContext))
            Materialize(MachineRegister.R6, context);
        instruction.ImplicitUses = 1 << EbpfRegisters.R6;
        instruction.ImplicitDefs = 1;
        instruction.Clobbers = CallClobbers;
        Emit(instruction);
        _constants.Clear();
        if (load.HasUsers)
            DefineFrom(load, MachineRegister.R0);
    }

    // ---------------------------------------------------------------------------------------------- atomics

    private bool CheckAtomic(Instruction instruction, IrType type, bool needsV3)
    {
        Core.Text.SourceLocation place = instruction.Location.IsNone ? _source.Location : instruction.Location;
        if (type.Bits() is not (32 or 64))
        {
            _diagnostics.Report(BackendDiagnostics.AtomicWidth, place, type.Bits());
            return false;
        }
        if (needsV3 && !_options.HasAlu32)
        {
            _diagnostics.Report(BackendDiagnostics.AtomicVersion, place);
            return false;
        }
        return true;
    }

    private void SelectAtomic(AtomicRmwInstruction atomic)
    {
        bool fetch = atomic.HasUsers;
        bool plainAdd = !fetch && (atomic.Operation is AtomicOperation.Add or AtomicOperation.Sub);
        IrType type = atomic.GetOperand(1).Type;
        if (!CheckAtomic(atomic, type, needsV3: !plainAdd))
            return;
        int width = type.Bits();
        if (atomic.Operation == AtomicOperation.Nand)
        {
            SelectAtomicNand(atomic, width);
            return;
        }
        Address address = AddressOf(atomic.GetOperand(0));
        MachineRegister value = Use(atomic.GetOperand(1));
        if (atomic.Operation == AtomicOperation.Sub)
        {
            value = CopyToNew(value);
            EmitNegation(value, _options.HasAlu32 ? width : 64);
        }
        EbpfOpcode plain = width == 64 ? EbpfOpcode.AtomicAdd64 : EbpfOpcode.AtomicAdd32;
        EbpfOpcode fetching = width == 64 ? EbpfOpcode.AtomicFetchAdd64 : EbpfOpcode.AtomicFetchAdd32;
        int index = atomic.Operation switch
        {
            AtomicOperation.Or => 1,
            AtomicOperation.And => 2,
            AtomicOperation.Xor => 3,
            AtomicOperation.Exchange => 4,
            _ => 0,
        };
        if (!fetch && atomic.Operation != AtomicOperation.Exchange)
        {
            EmitAtomic(plain + index, address, value);
            return;
        }
        MachineRegister old = fetch ? RegisterOf(atomic) : NewRegister();
        EmitCopy(old, value);
        EmitAtomic(fetching + index, address, old);
    }

    private void EmitAtomic(EbpfOpcode opcode, Address address, MachineRegister value, bool throughR0 = false)
        => Emit(new MachineInstruction(opcode)
        {
            Dst = address.Base, Src = value, Offset = address.Offset, Object = address.Object, Core = address.Core,
            ImplicitUses = (ushort)(throughR0 ? 1 : 0), ImplicitDefs = (ushort)(throughR0 ? 1 : 0),
        });

    /// <summary>There is no atomic NAND: retry with compare-and-exchange until nobody came between.</summary>
    private void SelectAtomicNand(AtomicRmwInstruction atomic, int width)
    {
        Address address = BlockAddress(atomic.GetOperand(0));
        MachineRegister value = Use(atomic.GetOperand(1)), expected = NewRegister(), desired = NewRegister(), seen = NewRegister();
        MachineBlock retry = NewBlock(), done = NewBlock();
        EmitLoad(seen, width / 8, address);
        ContinueIn(retry);
        EmitCopy(expected, seen);
        EmitCopy(desired, seen);
        EmitAlu(EbpfOpcode.And64Imm, width, desired, value);
        EmitAlu(EbpfOpcode.Xor64Imm, width, desired, -1);
        EmitCopy(MachineRegister.R0, expected);
        EmitAtomic(width == 64 ? EbpfOpcode.AtomicCmpXchg64 : EbpfOpcode.AtomicCmpXchg32, address, desired, throughR0: true);
        EmitCopy(seen, MachineRegister.R0);
        EmitJump(EbpfOpcode.Jne64Imm, width, seen, expected, retry, done);
        SwitchTo(done);
        if (atomic.HasUsers)
            EmitCopy(RegisterOf(atomic), seen);
    }

    private void SelectCompareExchange(CompareExchangeInstruction exchange)
    {
        IrType type = exchange.GetOperand(1).Type;
        if (!CheckAtomic(exchange, type, needsV3: true))
            return;
        Address address = AddressOf(exchange.GetOperand(0));
        MachineRegister replacement = Use(exchange.GetOperand(2));
        Materialize(MachineRegister.R0, exchange.GetOperand(1));
        EmitAtomic(type.Bits() == 64 ? EbpfOpcode.AtomicCmpXchg64 : EbpfOpcode.AtomicCmpXchg32, address, replacement, throughR0: true);
        if (exchange.HasUsers)
            EmitCopy(RegisterOf(exchange), MachineRegister.R0);
    }

    // ---------------------------------------------------------------------------------------------- bit counting

    /// <summary>
    /// Counting in 64 bits on the zero-extended value (Warren, Hacker's Delight, chapter 5):
    ///   ctz(x) = popcount(~x &amp; (x - 1)),   clz(x) = 64 - popcount(x | x>>1 | x>>2 | ...)
    /// For narrower types a bit above the type stops ctz at the width, and clz counts 64 - width too many.
    /// </summary>
    private void SelectBitCount(Instruction instruction)
    {
        int bits = instruction.Type.Bits();
        MachineRegister dst = RegisterOf(instruction);
        MachineRegister x = CopyToNew(Use(instruction.GetOperand(0)));
        switch (instruction.Opcode)
        {
            case IrOpcode.CountTrailingZeros:
                if (bits < 64)
                    EmitAlu(EbpfOpcode.Or64Imm, 64, x, UseConstant(1L << bits, narrow: bits < 32));
                MachineRegister below = CopyToNew(x);
                EmitAlu(EbpfOpcode.Add64Imm, 64, below, -1);
                EmitAlu(EbpfOpcode.Xor64Imm, 64, x, -1);
                EmitAlu(EbpfOpcode.And64Imm, 64, x, below);
                EmitPopCount(x);
                EmitCopy(dst, x);
                break;
            case IrOpcode.CountLeadingZeros:
                for (int shift = 1; shift < bits; shift *= 2)
                {
                    MachineRegister shifted = CopyToNew(x);
                    EmitAlu(EbpfOpcode.Rsh64Imm, 64, shifted, shift);
                    EmitAlu(EbpfOpcode.Or64Imm, 64, x, shifted);
                }
                EmitPopCount(x);
                EmitConstant(dst, bits, narrow: true);
                EmitAlu(EbpfOpcode.Sub64Imm, 64, dst, x);
                break;
            default:
                EmitPopCount(x);
                EmitCopy(dst, x);
                break;
        }
    }

    /// <summary>Adds neighbouring bits, pairs, nibbles; the multiplication sums the bytes into the top one.</summary>
    private void EmitPopCount(MachineRegister x)
    {
        MachineRegister half = CopyToNew(x);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, half, 1);
        EmitAlu(EbpfOpcode.And64Imm, 64, half, UseConstant(0x5555_5555_5555_5555, narrow: false));
        EmitAlu(EbpfOpcode.Sub64Imm, 64, x, half);
        MachineRegister pairs = UseConstant(0x3333_3333_3333_3333, narrow: false), quarter = CopyToNew(x);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, quarter, 2);
        EmitAlu(EbpfOpcode.And64Imm, 64, quarter, pairs);
        EmitAlu(EbpfOpcode.And64Imm, 64, x, pairs);
        EmitAlu(EbpfOpcode.Add64Imm, 64, x, quarter);
        MachineRegister nibble = CopyToNew(x);
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, nibble, 4);
        EmitAlu(EbpfOpcode.Add64Imm, 64, x, nibble);
        EmitAlu(EbpfOpcode.And64Imm, 64, x, UseConstant(0x0f0f_0f0f_0f0f_0f0f, narrow: false));
        EmitAlu(EbpfOpcode.Mul64Imm, 64, x, UseConstant(0x0101_0101_0101_0101, narrow: false));
        EmitAlu(EbpfOpcode.Rsh64Imm, 64, x, 56);
    }
}
