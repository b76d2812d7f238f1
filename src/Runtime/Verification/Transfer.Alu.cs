// Arithmetic: numbers through ScalarArithmetic, pointers plus or minus numbers, and which arithmetic on pointers is refused.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Runtime.Verification;

internal sealed partial class Analysis
{
    private void TransferAlu(ref InstructionInfo instruction)
    {
        switch (instruction.Operation)
        {
            case Operation.Mov:
                TransferMove(ref instruction);
                break;
            case Operation.MovSx:
                TransferSignExtendingMove(ref instruction);
                break;
            case Operation.AddrSpaceCast:
                TransferAddressSpaceCast(ref instruction);
                break;
            case Operation.Neg:
            case Operation.ToLe:
            case Operation.ToBe:
            case Operation.Bswap:
                RequireReadable(instruction.Dst);
                if (IsSecret(instruction.Dst))
                    throw Reject($"R{instruction.Dst} pointer arithmetic prohibited");
                RequireWritable(instruction.Dst);
                ref RegisterState register = ref _registers[instruction.Dst];
                if (instruction.Operation == Operation.Neg && register.IsScalar)
                {
                    ScalarArithmetic.Apply(Operation.Neg, instruction.Width, ref register.Value, ScalarBounds.Const(0));
                    register.Unlink();
                }
                else if (instruction.Operation != Operation.Neg && register.IsScalar)
                {
                    ScalarArithmetic.SwapBytes(instruction.Operation != Operation.ToLe, instruction.Width, ref register.Value);
                    register.Unlink();
                }
                else
                {
                    MarkUnknown(ref register);
                }
                break;
            default:
                if (instruction.IsRegisterForm)
                    RequireReadable(instruction.Src);
                RequireReadable(instruction.Dst);
                RequireWritable(instruction.Dst);
                TransferArithmetic(ref instruction);
                break;
        }
        _log.Touch(instruction.Dst);
    }

    private void RequireReadable(int number)
    {
        _log.Touch(number);
        if (_registers[number].Kind == RegisterKind.Uninitialized)
            throw Reject($"R{number} !read_ok");
    }

    private void RequireWritable(int number)
    {
        _log.Touch(number);
        if (number == EbpfRegisters.R10)
            throw Reject("frame pointer is read only");
    }

    /// <summary>The register holds an address that this program may not learn.</summary>
    private bool IsSecret(int number) => !AllowsPointerLeaks && _registers[number].IsPointer;

    private void MarkUnknown(ref RegisterState register)
    {
        register = RegisterState.UnknownScalar;
        register.Precise = !_options.IsPrivileged;
    }

    /// <summary>Gives a number an id before it is copied, so that a later comparison of one copy teaches the other.</summary>
    private void LinkBeforeCopy(ref RegisterState source)
    {
        if (!source.IsScalar)
            return;
        if ((source.Id & RegisterState.LinkedWithDelta) != 0)
            source.Unlink();
        if (source.Id == 0 && !source.Value.IsConst)
            source.Id = NewId();
    }

    private void TransferMove(ref InstructionInfo instruction)
    {
        if (!instruction.IsRegisterForm)
        {
            RequireWritable(instruction.Dst);
            _registers[instruction.Dst] = RegisterState.Constant(instruction.Width == 64 ? (ulong)(long)instruction.Immediate : (uint)instruction.Immediate);
            return;
        }
        RequireReadable(instruction.Src);
        RequireWritable(instruction.Dst);
        ref RegisterState src = ref _registers[instruction.Src];
        ref RegisterState dst = ref _registers[instruction.Dst];
        if (instruction.Width == 64)
        {
            LinkBeforeCopy(ref src);
            dst = src;
            return;
        }
        if (IsSecret(instruction.Src))
            throw Reject($"R{instruction.Src} partial copy of pointer");
        if (src.IsScalar)
        {
            bool fits = src.Value.Width <= 32;
            if (fits)
                LinkBeforeCopy(ref src);
            dst = src;
            if (!fits)
                dst.Unlink();
        }
        else
        {
            MarkUnknown(ref dst);
        }
        dst.Value.ZeroExtendLow();
        dst.Value.Synchronize();
    }

    private void TransferSignExtendingMove(ref InstructionInfo instruction)
    {
        RequireReadable(instruction.Src);
        RequireWritable(instruction.Dst);
        ref RegisterState src = ref _registers[instruction.Src];
        ref RegisterState dst = ref _registers[instruction.Dst];
        if (IsSecret(instruction.Src))
            throw Reject(instruction.Width == 64 ? $"R{instruction.Src} sign-extension part of pointer" : $"R{instruction.Src} partial copy of pointer");
        if (!src.IsScalar)
        {
            MarkUnknown(ref dst);
        }
        else
        {
            bool unchanged = src.Value.UMax < 1UL << (instruction.Offset - 1);
            if (unchanged)
                LinkBeforeCopy(ref src);
            dst = src;
            if (!unchanged)
                dst.Unlink();
            if (instruction.Width == 64)
                dst.Value.SignExtend(instruction.Offset / 8);
            else
                dst.Value.SignExtendLow(instruction.Offset / 8);
        }
        if (instruction.Width == 32)
        {
            dst.Value.ZeroExtendLow();
            dst.Value.Synchronize();
        }
    }

    private void TransferAddressSpaceCast(ref InstructionInfo instruction)
    {
        if (!_hasArena)
            throw Reject("addr_space_cast insn can only be used in a program that has an associated arena");
        RequireReadable(instruction.Src);
        RequireWritable(instruction.Dst);
        ref RegisterState dst = ref _registers[instruction.Dst];
        MarkUnknown(ref dst);
        if (instruction.Immediate == 1)
            dst.Kind = RegisterKind.Arena;
    }

    private void TransferArithmetic(ref InstructionInfo instruction)
    {
        int dstNumber = instruction.Dst;
        ref RegisterState dst = ref _registers[dstNumber];
        RegisterState immediate = instruction.IsRegisterForm ? default : RegisterState.Constant((ulong)(long)instruction.Immediate);
        ref RegisterState src = ref (instruction.IsRegisterForm ? ref _registers[instruction.Src] : ref immediate);
        if (dst.Kind == RegisterKind.Arena || src.Kind == RegisterKind.Arena)
        {
            if (dst.Kind != RegisterKind.Arena)
                dst = src;
            return;
        }
        if (src.IsPointer)
        {
            if (dst.IsPointer)
            {
                if (instruction.Operation != Operation.Sub || !AllowsPointerLeaks)
                    throw Reject($"R{dstNumber} pointer {Symbol(instruction.Operation)} pointer prohibited");
                MarkUnknown(ref dst);
                return;
            }
            MarkPrecise(dstNumber);
            RegisterState offset = dst;
            TransferPointer(ref instruction, in src, in offset);
            return;
        }
        if (dst.IsPointer)
        {
            if (instruction.IsRegisterForm)
                MarkPrecise(instruction.Src);
            RegisterState pointer = dst;
            TransferPointer(ref instruction, in pointer, in src);
            return;
        }
        if (instruction.IsRegisterForm && dst.Precise)
            MarkPrecise(instruction.Src);

        if (instruction.Operation is Operation.And or Operation.Or && src.Value.IsConst)
            SplitAllOrNothing(ref instruction, ref dst);
        // The operands may be one register.
        ScalarBounds operand = src.Value;
        bool addsConstant = instruction is { Operation: Operation.Add, Width: 64 } && _options.IsPrivileged && dst.Id != 0 && operand.IsConst
            && !(instruction.IsRegisterForm && instruction.Src == dstNumber);
        ScalarArithmetic.Apply(instruction.Operation, instruction.Width, ref dst.Value, in operand);
        if (!addsConstant)
        {
            dst.Unlink();
        }
        else if ((dst.Id & RegisterState.LinkedWithDelta) != 0 || operand.Bits.Value > int.MaxValue)
        {
            // Distances do not add up: one constant is followed, not two.
            dst.Unlink();
        }
        else
        {
            dst.Id |= RegisterState.LinkedWithDelta;
            dst.Offset = (int)operand.Bits.Value;
        }
        Repair(ref dst);
        if (instruction.Operation is Operation.Div or Operation.Mod or Operation.SDiv or Operation.SMod)
            dst.Precise = !_options.IsPrivileged;
    }

    /// <summary>A mask of all ones or all zeros (the result of an arithmetic shift by width - 1) is walked as its two values.</summary>
    private void SplitAllOrNothing(ref InstructionInfo instruction, ref RegisterState dst)
    {
        bool low;
        if (dst.Value is { SMin: -1, SMax: 0 })
            low = false;
        else if (dst.Value is { SMin32: -1, SMax32: 0 })
            low = true;
        else
            return;
        AbstractState other = Fork(_slot);
        other.PendingPrevious = _slot;
        ref RegisterState otherDst = ref other.Current.Registers[instruction.Dst];
        if (low)
        {
            otherDst.Value.SetLow(0);
            dst.Value.SetLow(uint.MaxValue);
        }
        else
        {
            otherDst.Value = ScalarBounds.Const(0);
            dst.Value = ScalarBounds.Const(ulong.MaxValue);
        }
    }

    private bool IsSaneOffset(in RegisterState register, RegisterKind kind)
    {
        if (register.Value.IsConst && (long)register.Value.Bits.Value is var value && (value >= MaxVariableOffset || value <= -MaxVariableOffset))
        {
            Say($"math between {kind.Name()} pointer and {value} is not allowed");
            return false;
        }
        if (register.IsPointer && register.Offset is >= MaxVariableOffset or <= -MaxVariableOffset)
        {
            Say($"{kind.Name()} pointer offset {register.Offset} is not allowed");
            return false;
        }
        long min = register.Value.SMin;
        if (min == long.MinValue)
        {
            Say($"math between {kind.Name()} pointer and register with unbounded min value is not allowed");
            return false;
        }
        if (min is >= MaxVariableOffset or <= -MaxVariableOffset)
        {
            Say($"value {min} makes {kind.Name()} pointer be out of bounds");
            return false;
        }
        return true;
    }

    private RejectedException RejectSaid() => new(string.Join('\n', _errors)) { Slot = _slot };

    /// <summary>pointer += number, number += pointer, pointer -= number.</summary>
    private void TransferPointer(ref InstructionInfo instruction, in RegisterState pointer, in RegisterState offset)
    {
        int number = instruction.Dst;
        ref RegisterState dst = ref _registers[number];
        bool pointerIsDst = dst.IsPointer;
        ScalarBounds delta = offset.Value, start = pointer.Value;
        bool known = delta.IsConst;
        if ((known && (delta.SMin != delta.SMax || delta.UMin != delta.UMax)) || delta.SMin > delta.SMax || delta.UMin > delta.UMax)
        {
            // Bounds of a dead branch.
            MarkUnknown(ref dst);
            return;
        }
        if (instruction.Width != 64)
        {
            if (instruction.Operation == Operation.Sub && AllowsPointerLeaks)
            {
                MarkUnknown(ref dst);
                return;
            }
            throw Reject($"R{number} 32-bit pointer arithmetic prohibited");
        }
        if (pointer.Kind.MayBeNull())
            throw Reject($"R{number} pointer arithmetic on {pointer.Kind.Name()} prohibited, null-check it first");
        switch (pointer.Kind.Base())
        {
            case RegisterKind.Context or RegisterKind.MapValue or RegisterKind.MapKey or RegisterKind.Stack or RegisterKind.PacketMeta or RegisterKind.Packet
                or RegisterKind.TracepointBuffer or RegisterKind.Object or RegisterKind.Memory or RegisterKind.Buffer or RegisterKind.Function or RegisterKind.Dynptr:
                break;
            case RegisterKind.FlowKeys when known:
                break;
            case RegisterKind.Map or RegisterKind.FlowKeys when known && delta.SMin == 0 && instruction.Operation == Operation.Add:
                break;
            default:
                throw Reject($"R{number} pointer arithmetic on {pointer.Kind.Name()} prohibited");
        }
        RegisterState result = pointer;
        if (!IsSaneOffset(in offset, pointer.Kind) || !IsSaneOffset(in pointer, pointer.Kind))
            throw RejectSaid();
        result.Value.Forget32();
        switch (instruction.Operation)
        {
            case Operation.Add:
                if (known && (long)pointer.Offset + delta.SMin is var sum && sum == (int)sum)
                {
                    result.Offset = (int)sum;
                    break;
                }
                ScalarBounds added = start;
                ScalarArithmetic.Apply(Operation.Add, 64, ref added, in delta);
                SetVariablePart(ref result, in added, isWidened: true);
                break;
            case Operation.Sub:
                if (!pointerIsDst)
                    throw Reject($"R{number} tried to subtract pointer from scalar");
                if (pointer.Kind == RegisterKind.Stack)
                    throw Reject($"R{number} subtraction from stack pointer prohibited");
                if (known && (long)pointer.Offset - delta.SMin is var difference && difference == (int)difference)
                {
                    result.Offset = (int)difference;
                    break;
                }
                ScalarBounds subtracted = start;
                ScalarArithmetic.Apply(Operation.Sub, 64, ref subtracted, in delta);
                SetVariablePart(ref result, in subtracted, isWidened: delta.SMin < 0);
                break;
            case Operation.And or Operation.Or or Operation.Xor:
                throw Reject($"R{number} bitwise operator {Symbol(instruction.Operation)} on pointer prohibited");
            default:
                throw Reject($"R{number} pointer arithmetic with {Symbol(instruction.Operation)} operator prohibited");
        }
        if (!IsSaneOffset(in result, pointer.Kind))
            throw RejectSaid();
        result.Value.Synchronize();
        dst = result;
        Repair(ref dst);
        if (!_options.IsPrivileged)
            CheckUnprivilegedArithmetic(number, in dst);
    }

    /// <summary>A new variable offset makes a new base; what was known of the bytes after the old one holds only when it moved backwards.</summary>
    private void SetVariablePart(ref RegisterState pointer, in ScalarBounds value, bool isWidened)
    {
        pointer.Value = value;
        pointer.Value.Forget32();
        if (!pointer.Kind.IsPacketData())
            return;
        pointer.Id = NewId();
        if (isWidened)
            pointer.Target = 0;
    }

    private static string Symbol(Operation operation) => operation switch
    {
        Operation.Add => "+=", Operation.Sub => "-=", Operation.Mul => "*=", Operation.Div or Operation.SDiv => "/=", Operation.Or => "|=",
        Operation.And => "&=", Operation.Lsh => "<<=", Operation.Rsh => ">>=", Operation.Neg => "neg", Operation.Mod or Operation.SMod => "%=",
        Operation.Xor => "^=", Operation.Mov => "=", Operation.Arsh => "s>>=", _ => "endian",
    };
}
