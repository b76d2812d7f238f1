// Loads, stores, atomics, wide immediates. Addresses are the low halves of registers; ARMv6 and later load and store
// unaligned words and halfwords by themselves, so only the reach of the offset field matters.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Arm32;

public sealed partial class Arm32Compiler
{
    private void TranslateWide(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        Arm32Register d = Target(dst, 0, T0);
        if (row.Opcode == EbpfOpcode.LoadFunction)
        {
            _emit.LoadAddress(d, _slotLabels[slot + 1 + instruction.Immediate]);
            StoreLow(dst, d);
            ClearHigh(dst);
            return;
        }
        EbpfInstruction second = _shape.Instructions[slot + 1];
        ulong value = row.Opcode == EbpfOpcode.LoadImm64 ? instruction.WideImmediate(second) : _options.ResolveImmediate(instruction, second);
        _emit.MoveImmediate(d, (uint)value);
        StoreLow(dst, d);
        SetHigh(dst, (uint)(value >> 32));
    }

    /// <summary>
    /// Base register and offset of a memory operand, the offset within reach of the accesses that will follow; otherwise the
    /// address is computed into a scratch register.
    /// </summary>
    private (Arm32Register Base, int Offset) Address(int register, int offset, int reach, Arm32Register scratch)
    {
        if (_checkedAddress is { } known)
            return (known, 0);
        if (register == EbpfRegisters.R10 && !IsSandboxed)
        {
            int fromSp = _frameBytes + offset;
            if (Math.Abs(fromSp) <= reach)
                return (Sp, fromSp);
            AluConstant(Arm32Operation.Add, scratch, Sp, (uint)fromSp);
            return (scratch, 0);
        }
        Arm32Register @base = ReadLow(register, scratch);
        if (Math.Abs(offset) <= reach)
            return (@base, offset);
        AluConstant(Arm32Operation.Add, scratch, @base, (uint)offset);
        return (scratch, 0);
    }

    private void TranslateLoad(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        bool isSigned = row.Operation == Operation.LoadSx;
        bool high = NeedsHigh(dst);
        Arm32Register d = Target(dst, 0, T0);
        if (row.Width == 64)
        {
            (Arm32Register b, int o) = Address(instruction.Src, instruction.Offset, 4095 - 4, T2);
            // The half that would overwrite the base is loaded last.
            Arm32Register h = Target(dst, 1, T1);
            if (b != d)
                _emit.Load(32, false, d, b, o);
            if (high)
                _emit.Load(32, false, h, b, o + 4);
            if (b == d)
                _emit.Load(32, false, d, b, o);
            if (high)
                StoreHigh(dst, h);
            StoreLow(dst, d);
        }
        else
        {
            (Arm32Register b, int o) = Address(instruction.Src, instruction.Offset, Arm32Emitter.MaxOffset(row.Width, isSigned && row.Width < 32), T2);
            _emit.Load(row.Width, isSigned && row.Width < 32, d, b, o);
            StoreLow(dst, d);
            if (isSigned && high)
            {
                Arm32Register h = Target(dst, 1, T1);
                _emit.Alu(Arm32Operation.Mov, h, 0, d, false, Always, Arm32Shift.RightArithmetic, 31);
                StoreHigh(dst, h);
            }
            else if (!isSigned)
            {
                ClearHigh(dst);
            }
        }
        OrderAfter(row);
    }

    /// <summary>r0:r1 = address ; r2:r3 = bytes ; call ; r0:r1 = value.</summary>
    private void TranslateProbe(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst, offset = instruction.Offset;
        Arm32Register low = ReadLow(instruction.Src, T0), high = ReadHigh(instruction.Src, T1);
        AluConstant(offset >= 0 ? Arm32Operation.Add : Arm32Operation.Sub, T0, low, (uint)Math.Abs(offset), setFlags: true);
        _emit.TryAluImmediate(offset >= 0 ? Arm32Operation.Adc : Arm32Operation.Sbc, T1, high, 0);
        _emit.MoveImmediate(T2, (uint)row.Width / 8);
        _emit.MoveImmediate(T3, 0);
        _emit.MoveImmediate(Ip, _options.ResolveProbe);
        _emit.BranchLinkExchange(Ip);
        if (row.Width == 64)
        {
            StoreHigh(dst, T1);
        }
        else if (row.Operation == Operation.LoadSx)
        {
            if (row.Width < 32)
                _emit.Extend(T0, T0, row.Width, isSigned: true);
            SpreadSign(dst, T0);
        }
        else
        {
            ClearHigh(dst);
        }
        StoreLow(dst, T0);
    }

    private void TranslateStore(EbpfInstruction instruction, OpcodeRow row)
    {
        if (row.Operation == Operation.StoreRelease)
            _emit.Barrier(Ip);
        int reach = row.Width == 64 ? 4095 - 4 : Arm32Emitter.MaxOffset(row.Width, false);
        (Arm32Register b, int o) = Address(instruction.Dst, instruction.Offset, reach, T2);
        Arm32Register low = row.IsRegisterForm ? ReadLow(instruction.Src, T0) : Constant((uint)instruction.Immediate, T0);
        _emit.Store(Math.Min(row.Width, 32), low, b, o);
        if (row.Width == 64)
        {
            Arm32Register high = row.IsRegisterForm ? ReadHigh(instruction.Src, T1) : Constant(instruction.Immediate < 0 ? uint.MaxValue : 0, T1);
            _emit.Store(32, high, b, o + 4);
        }
    }

    private void OrderAfter(OpcodeRow row)
    {
        if (row.Operation == Operation.LoadAcquire)
            _emit.Barrier(Ip);
    }

    /// <summary>
    /// A loop around exclusive load and store (ARM ARM A3.4):
    ///   dmb ; lr = address ; again: ldrex old, [lr] ; new = old op operand ; strex ip, new, [lr] ; cmp ip, #0 ; bne again ; dmb
    /// 32 bits: old r0, operand r1, new r2. 64 bits: ldrexd and strexd want an even pair: old r0:r1, new r2:r3, and the operand is
    /// read from its home, or from scratch words behind sp.
    /// </summary>
    private void TranslateAtomic(EbpfInstruction instruction, OpcodeRow row)
    {
        (Arm32Register b, int o) = Address(instruction.Dst, instruction.Offset, int.MaxValue, Lr);
        if (b != Lr || o != 0)
            AluConstant(Arm32Operation.Add, Lr, b, (uint)o);
        _emit.Barrier(Ip);
        if (row.Width == 32)
            EmitAtomic32(instruction, row);
        else
            EmitAtomic64(instruction, row);
        _emit.Barrier(Ip);
        int written = row.Operation == Operation.AtomicCmpXchg ? EbpfRegisters.R0 : (row.Src & RegisterUse.Write) != 0 ? instruction.Src : -1;
        if (written < 0)
            return;
        StoreLow(written, T0);
        if (row.Width == 64)
            StoreHigh(written, T1);
        else
            ClearHigh(written);
    }

    private void EmitAtomic32(EbpfInstruction instruction, OpcodeRow row)
    {
        Arm32Register operand = ReadLow(instruction.Src, T1);
        ArmLabel again = _emit.NewLabel(), done = _emit.NewLabel();
        _emit.Bind(again);
        _emit.LoadExclusive(T0, Lr);
        Arm32Register value = T2;
        switch (AtomicKind(row.Operation))
        {
            case Operation.AtomicXchg:
                value = operand;
                break;
            case Operation.AtomicCmpXchg:
                _emit.Alu(Arm32Operation.Cmp, 0, T0, ReadLow(EbpfRegisters.R0, T3), setFlags: true);
                _emit.Branch(done, Arm32Condition.NotEqual);
                value = operand;
                break;
            case var kind:
                _emit.Alu(AtomicOperation(kind), T2, T0, operand);
                break;
        }
        _emit.StoreExclusive(Ip, value, Lr);
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, Ip, 0, setFlags: true);
        _emit.Branch(again, Arm32Condition.NotEqual);
        _emit.Bind(done);
    }

    private void EmitAtomic64(EbpfInstruction instruction, OpcodeRow row)
    {
        int src = instruction.Src;
        ArmLabel again = _emit.NewLabel(), done = _emit.NewLabel();
        _emit.Bind(again);
        _emit.LoadExclusivePair(T0, Lr);
        switch (AtomicKind(row.Operation))
        {
            case Operation.AtomicXchg:
                Copy(T2, ReadLow(src, T2));
                Copy(T3, ReadHigh(src, T3));
                break;
            case Operation.AtomicCmpXchg:
                _emit.Alu(Arm32Operation.Cmp, 0, T0, ReadLow(EbpfRegisters.R0, T2), setFlags: true);
                // Loading the other half leaves the flags alone.
                Arm32Register expected = ReadHigh(EbpfRegisters.R0, T3);
                _emit.Alu(Arm32Operation.Cmp, 0, T1, expected, setFlags: true, Arm32Condition.Equal);
                _emit.Branch(done, Arm32Condition.NotEqual);
                Copy(T2, ReadLow(src, T2));
                Copy(T3, ReadHigh(src, T3));
                break;
            case Operation.AtomicAdd:
                Copy(T2, ReadLow(src, T2));
                Copy(T3, ReadHigh(src, T3));
                _emit.Alu(Arm32Operation.Add, T2, T0, T2, setFlags: true);
                _emit.Alu(Arm32Operation.Adc, T3, T1, T3);
                break;
            case var kind:
                Copy(T2, ReadLow(src, T2));
                Copy(T3, ReadHigh(src, T3));
                _emit.Alu(AtomicOperation(kind), T2, T0, T2);
                _emit.Alu(AtomicOperation(kind), T3, T1, T3);
                break;
        }
        _emit.StoreExclusivePair(Ip, T2, Lr);
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, Ip, 0, setFlags: true);
        _emit.Branch(again, Arm32Condition.NotEqual);
        _emit.Bind(done);
    }

    /// <summary>The operation without regard to whether the old value is wanted.</summary>
    private static Operation AtomicKind(Operation operation) => operation switch
    {
        Operation.AtomicFetchAdd => Operation.AtomicAdd,
        Operation.AtomicFetchOr => Operation.AtomicOr,
        Operation.AtomicFetchAnd => Operation.AtomicAnd,
        Operation.AtomicFetchXor => Operation.AtomicXor,
        _ => operation,
    };

    private static Arm32Operation AtomicOperation(Operation operation) => operation switch
    {
        Operation.AtomicAdd => Arm32Operation.Add,
        Operation.AtomicOr => Arm32Operation.Orr,
        Operation.AtomicAnd => Arm32Operation.And,
        Operation.AtomicXor => Arm32Operation.Eor,
        _ => throw new InternalCompilerException("ARM32 compiler", null, $"{operation} is no atomic operation"),
    };
}
