// Addresses, loads and stores.
//
// An access is register + 16-bit offset. Constant offsets are folded into it from any distance, always: the kernel refuses
// an access through a context pointer that was moved, but takes the same offset inside the access.
using System.Numerics;
using Ebpfcc.Backend.Ebpf.Machine;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Core.Numerics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Ir;

namespace Ebpfcc.Backend.Ebpf.Selection;

public sealed partial class InstructionSelector
{
    /// <summary>Where an access goes: a register or a stack object, plus an offset that the loader may patch.</summary>
    private readonly record struct Address(MachineRegister Base, StackObject? Object, int Offset, CoreRelocationInstruction? Core)
    {
        public Address Plus(int bytes) => this with { Offset = Offset + bytes };
    }

    /// <summary>Room kept free so that block operations can add to an offset that was folded.</summary>
    private const int OffsetLimit = short.MaxValue - 4096;

    /// <summary>Follows constant offsets down to the value they start from.</summary>
    private (Value Root, long Offset) AddressRoot(Value pointer)
    {
        long offset = 0;
        pointer = Strip(pointer);
        while (pointer is Instruction { Opcode: IrOpcode.PtrAdd } sum && ConstantStep(sum) is { } step)
        {
            offset = unchecked(offset + step);
            pointer = Strip(sum.GetOperand(0));
        }
        return (pointer, offset);
    }

    /// <summary>The step of a pointer sum when it is a number, also behind conversions; conversions that keep the register extend with zeros.</summary>
    private long? ConstantStep(Instruction sum)
        => Strip(sum.GetOperand(1)) is not Constant step ? null : step.Type.Bits() < 64 ? CanonicalBits(step) : step.Signed;

    /// <summary>A constant distance from a stack object or a global: made anew where it is used, never kept.</summary>
    private bool IsRematerializedAddress(Instruction sum)
    {
        (Value root, long offset) = AddressRoot(sum);
        return root is AllocaInstruction or GlobalValue && IntegerArithmetic.FitsInt32(offset);
    }

    private StackObject ObjectOf(AllocaInstruction alloca)
    {
        if (_objects.TryGetValue(alloca, out StackObject? known))
            return known;
        long size = alloca.Size;
        if (size > EbpfRegisters.StackSize)
        {
            Core.Text.SourceLocation place = alloca.Location.IsNone ? _source.Location : alloca.Location;
            _diagnostics.Report(BackendDiagnostics.FrameVariable, place, alloca.Name ?? "(temporary)", size);
            size = EbpfRegisters.StackSize;
        }
        return _objects[alloca] = _function.NewStackObject((int)Math.Max(size, 1), Math.Clamp(alloca.Alignment, 1, 16), alloca);
    }

    private Address AddressOf(Value pointer)
    {
        (Value root, long offset) = AddressRoot(pointer);
        if (root is Instruction { Opcode: IrOpcode.PtrAdd } field && field.GetOperand(1) is CoreRelocationInstruction { Type: IrType.I64 } core && offset == 0
            && IntegerArithmetic.FitsInt16((long)core.LocalValue))
        {
            return new Address(Use(field.GetOperand(0)), null, (int)core.LocalValue, core);
        }
        if (offset is >= -OffsetLimit and <= OffsetLimit)
        {
            return root is AllocaInstruction alloca
                ? new Address(MachineRegister.R10, ObjectOf(alloca), (int)offset, null)
                : new Address(Use(root), null, (int)offset, null);
        }
        MachineRegister moved = NewRegister();
        Materialize(moved, root);
        if (IntegerArithmetic.FitsInt32(offset))
            EmitAlu(EbpfOpcode.Add64Imm, 64, moved, offset);
        else
            EmitAlu(EbpfOpcode.Add64Imm, 64, moved, UseConstant(offset, narrow: false));
        return new Address(moved, null, 0, null);
    }

    private void EmitLoad(MachineRegister dst, int bytes, Address address)
        => Emit(new MachineInstruction(EbpfOpcode.Load8 + BitOperations.Log2((uint)bytes))
        { Dst = dst, Src = address.Base, Offset = address.Offset, Object = address.Object, Core = address.Core });

    private void EmitStore(int bytes, Address address, MachineRegister value)
        => Emit(new MachineInstruction(EbpfOpcode.StoreReg8 + BitOperations.Log2((uint)bytes))
        { Dst = address.Base, Src = value, Offset = address.Offset, Object = address.Object, Core = address.Core });

    private void EmitStoreConstant(int bytes, Address address, long bits)
    {
        if (_options.HasStoreImmediate && (bytes < 8 || IntegerArithmetic.FitsInt32(bits)))
        {
            Emit(new MachineInstruction(EbpfOpcode.StoreImm8 + BitOperations.Log2((uint)bytes))
            { Dst = address.Base, Immediate = (int)bits, Offset = address.Offset, Object = address.Object, Core = address.Core });
            return;
        }
        EmitStore(bytes, address, UseConstant(bits, narrow: bytes <= 4));
    }

    /// <summary>Constant steps are folded into the accesses; the sum is computed only for users that are not accesses.</summary>
    private void SelectPointerAdd(Instruction sum)
    {
        if (IsRematerializedAddress(sum) || IsFoldedAddress(sum))
            return;
        EmitPointerSum(RegisterOf(sum), sum);
    }

    private void EmitPointerSum(MachineRegister dst, Instruction sum)
    {
        Value pointer = sum.GetOperand(0), step = sum.GetOperand(1);
        switch (Strip(step))
        {
            case Constant:
                (Value root, long offset) = AddressRoot(sum);
                Materialize(dst, root);
                if (IntegerArithmetic.FitsInt32(offset))
                    EmitAlu(EbpfOpcode.Add64Imm, 64, dst, offset);
                else
                    EmitAlu(EbpfOpcode.Add64Imm, 64, dst, UseConstant(offset, narrow: false));
                break;
            case CoreRelocationInstruction core:
                Materialize(dst, pointer);
                Emit(new MachineInstruction(EbpfOpcode.Add64Imm) { Dst = dst, Immediate = (int)core.LocalValue, Core = core });
                break;
            default:
                MachineRegister source = Use(step);
                if (IsLastUse(step) && !IsLastUse(pointer) && Strip(pointer) is not (AllocaInstruction or GlobalValue))
                {
                    // Adding the pointer to the dying number saves a copy; the sum is the same pointer to the verifier.
                    MachineRegister start = Use(pointer);
                    EmitCopy(dst, source);
                    EmitAlu(EbpfOpcode.Add64Imm, 64, dst, start);
                    break;
                }
                Materialize(dst, pointer);
                EmitAlu(EbpfOpcode.Add64Imm, 64, dst, source);
                break;
        }
    }

    /// <summary>True when every user folds the sum into its access.</summary>
    private bool IsFoldedAddress(Instruction sum)
    {
        bool core = sum.GetOperand(1) is CoreRelocationInstruction { Type: IrType.I64 } relocation && IntegerArithmetic.FitsInt16((long)relocation.LocalValue);
        if (!core && ConstantStep(sum) is null)
            return false;
        foreach (Instruction user in sum.Users)
        {
            bool folded = user switch
            {
                StoreInstruction store => !ReferenceEquals(store.StoredValue, sum),
                LoadInstruction => true,
                AtomicRmwInstruction or CompareExchangeInstruction => !ReferenceEquals(user.GetOperand(1), sum) && !ReferenceEquals(user.GetOperand(user.OperandCount - 1), sum),
                BlockMemoryInstruction => !core,
                { Opcode: IrOpcode.PtrAdd } => !core && ConstantStep(user) is not null,
                _ => false,
            };
            if (!folded)
                return false;
            // Of a longer chain, only one whose total still fits is folded all the way.
            (_, long total) = AddressRoot(user.Opcode == IrOpcode.PtrAdd ? user : sum);
            if (total is < -OffsetLimit or > OffsetLimit)
                return false;
        }
        return true;
    }

    private void SelectLoad(LoadInstruction load)
    {
        MachineRegister dst = RegisterOf(load);
        Address address = AddressOf(load.Pointer);
        int bytes = load.Type.Bytes();
        if (FoldedSignExtension(load) is { } extension)
        {
            EbpfOpcode opcode = EbpfOpcode.LoadSx8 + BitOperations.Log2((uint)bytes);
            Emit(new MachineInstruction(opcode) { Dst = RegisterOf(extension), Src = address.Base, Offset = address.Offset, Object = address.Object, Core = address.Core });
            FinishDefinition(extension, RegisterOf(extension));
            return;
        }
        EmitPossiblyUnaligned(load, bytes, () => EmitLoad(dst, bytes, address), part => EmitLoadParts(dst, bytes, part, address));
        FinishDefinition(load, dst);
    }

    /// <summary>Version 4 loads and sign-extends at once when nothing else reads the loaded value.</summary>
    private Instruction? FoldedSignExtension(LoadInstruction load)
        => _options.HasV4 && load.Users.Count == 1 && load.Type.Bits() is 8 or 16 or 32 && load.Alignment >= load.Type.Bytes()
            && load.Users[0] is { Opcode: IrOpcode.SExt, Type: not IrType.I128 } extension && extension.Type.Bits() == 64
            ? extension : null;

    private bool IsFoldedSignedLoad(Instruction extension)
        => extension.GetOperand(0) is LoadInstruction load && ReferenceEquals(FoldedSignExtension(load), extension);

    private void SelectStore(StoreInstruction store)
    {
        Address address = AddressOf(store.Pointer);
        int bytes = store.StoredValue.Type.Bytes();
        if (Strip(store.StoredValue) is Constant constant && (store.Alignment >= bytes || address.Core is null))
        {
            int part = store.IsVolatile ? bytes : Math.Min(bytes, Math.Max(1, store.Alignment));
            ulong bits = (ulong)CanonicalBits(constant);
            for (int at = 0; at < bytes; at += part)
            {
                ulong piece = bits >> (8 * (_options.BigEndian ? bytes - part - at : at));
                EmitStoreConstant(part, address.Plus(at), (long)(part < 8 ? piece & ((1UL << (8 * part)) - 1) : piece));
            }
            return;
        }
        MachineRegister value = Use(store.StoredValue);
        EmitPossiblyUnaligned(store, bytes, () => EmitStore(bytes, address, value), part => EmitStoreParts(value, bytes, part, address));
    }

    /// <summary>Accesses less aligned than they are wide are made of pieces as wide as the alignment.</summary>
    private static void EmitPossiblyUnaligned(MemoryInstruction access, int bytes, Action whole, Action<int> pieces)
    {
        if (access.Alignment >= bytes || access.IsVolatile)
            whole();
        else
            pieces(Math.Max(1, access.Alignment));
    }

    private void EmitLoadParts(MachineRegister dst, int bytes, int part, Address address)
    {
        address = Stable(address, dst);
        for (int at = 0; at < bytes; at += part)
        {
            // Byte 0 is the least significant on a little-endian machine, the most significant on a big-endian one.
            int shift = 8 * (_options.BigEndian ? bytes - part - at : at);
            if (at == 0)
            {
                EmitLoad(dst, part, address);
                if (shift != 0)
                    EmitAlu(EbpfOpcode.Lsh64Imm, 64, dst, shift);
                continue;
            }
            MachineRegister piece = NewRegister();
            EmitLoad(piece, part, address.Plus(at));
            if (shift != 0)
                EmitAlu(EbpfOpcode.Lsh64Imm, 64, piece, shift);
            EmitAlu(EbpfOpcode.Or64Imm, 64, dst, piece);
        }
    }

    private void EmitStoreParts(MachineRegister value, int bytes, int part, Address address)
    {
        for (int at = 0; at < bytes; at += part)
        {
            int shift = 8 * (_options.BigEndian ? bytes - part - at : at);
            MachineRegister piece = value;
            if (shift != 0)
            {
                piece = CopyToNew(value);
                EmitAlu(EbpfOpcode.Rsh64Imm, 64, piece, shift);
            }
            EmitStore(part, address.Plus(at), piece);
        }
    }

    /// <summary>An address that may be used again after <paramref name="written"/> changed; a patched offset cannot grow.</summary>
    private Address Stable(Address address, MachineRegister written)
    {
        if (address.Core is null)
            return address.Base == written ? address with { Base = CopyToNew(address.Base) } : address;
        MachineRegister moved = CopyToNew(address.Base);
        Emit(new MachineInstruction(EbpfOpcode.Add64Imm) { Dst = moved, Immediate = address.Offset, Core = address.Core });
        return new Address(moved, null, 0, null);
    }
}
