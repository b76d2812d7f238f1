// Arithmetic of both widths.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Arm32;

public sealed partial class Arm32Compiler
{
    private static readonly Arm32Condition Always = Arm32Condition.Always;

    /// <summary>d = n op value, through lr when the constant has no encoding.</summary>
    private void AluConstant(Arm32Operation operation, Arm32Register d, Arm32Register n, uint value, bool setFlags = false)
    {
        if (_emit.TryAluImmediate(operation, d, n, value, setFlags))
            return;
        // The same with the opposite operation on the opposite constant, as long as nobody asks for the carry.
        Arm32Operation? opposite = operation switch
        {
            Arm32Operation.Add when !setFlags => Arm32Operation.Sub,
            Arm32Operation.Sub when !setFlags => Arm32Operation.Add,
            _ => null,
        };
        if (opposite is { } other && _emit.TryAluImmediate(other, d, n, unchecked(0 - value)))
            return;
        if (operation == Arm32Operation.And && !setFlags && _emit.TryAluImmediate(Arm32Operation.Bic, d, n, ~value))
            return;
        if (operation == Arm32Operation.And && !setFlags && value == 0xffff)
        {
            _emit.Extend(d, n, 16, isSigned: false);
            return;
        }
        if (operation == Arm32Operation.And && !setFlags && _emit.Features.HasThumb2Moves && System.Numerics.BitOperations.IsPow2(value + 1))
        {
            _emit.ExtractField(d, n, 0, System.Numerics.BitOperations.TrailingZeroCount(value + 1));
            return;
        }
        if (operation == Arm32Operation.Eor && !setFlags && value == uint.MaxValue)
        {
            _emit.Alu(Arm32Operation.Mvn, d, 0, n);
            return;
        }
        _emit.MoveImmediate(Ip, value);
        _emit.Alu(operation, d, n, Ip, setFlags);
    }

    /// <summary>
    /// The register that an operation's left operand is read from: its destination, or, where a move before it was joined with it, the
    /// move's source. The halves of another register than the destination stay intact while the result is written.
    /// </summary>
    private int _left;

    /// <summary>The left operand has no upper half.</summary>
    private bool _leftShort;

    private Arm32Register LeftLow(Arm32Register scratch) => ReadLow(_left, scratch);

    private Arm32Register LeftHigh(Arm32Register scratch) => _leftShort ? Constant(0, scratch) : ReadHalf(_left, 1, scratch);

    /// <summary>The register of the right operand; where a move was joined with  r = r op r,  that too is the move's source.</summary>
    private int Right(EbpfInstruction instruction) => instruction.Src == instruction.Dst ? _left : instruction.Src;

    private bool IsRightShort(EbpfInstruction instruction) => instruction.Src == instruction.Dst ? _leftShort : IsHighZero(instruction.Src);

    private Arm32Register RightLow(EbpfInstruction instruction, Arm32Register scratch) => ReadLow(Right(instruction), scratch);

    private Arm32Register RightHigh(EbpfInstruction instruction, Arm32Register scratch)
        => IsRightShort(instruction) ? Constant(0, scratch) : ReadHalf(Right(instruction), 1, scratch);

    /// <summary>The result has no upper half, whatever the operation says: it is a pointer.</summary>
    private bool IsResultShort(int dst)
        => _slot + 1 < _function.End && _halves.IsZeroBefore(_slot + 1, dst);

    private void TranslateAlu(EbpfInstruction instruction, OpcodeRow row)
    {
        _left = instruction.Dst;
        _leftShort = IsHighZero(instruction.Dst);
        TranslateAluFromLeft(instruction, row);
    }

    private void TranslateAluFromLeft(EbpfInstruction instruction, OpcodeRow row)
    {
        if (row.Width == 32 && row.Operation is not (Operation.ToLe or Operation.ToBe or Operation.Bswap))
            TranslateAlu32(instruction, row);
        else
            TranslateAlu64(instruction, row);
    }

    private void TranslateAlu32(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        uint immediate = (uint)instruction.Immediate;
        bool isRegister = row.IsRegisterForm;
        Arm32Register d = Target(dst, 0, T0);
        switch (row.Operation)
        {
            case Operation.Mov when isRegister:
                d = ReadLow(instruction.Src, d);
                break;
            case Operation.Mov:
                _emit.MoveImmediate(d, immediate);
                break;
            case Operation.MovSx:
                _emit.Extend(d, ReadLow(instruction.Src, T0), row.DiscriminatorValue, isSigned: true);
                break;
            case Operation.Neg:
                _emit.TryAluImmediate(Arm32Operation.Rsb, d, LeftLow(T0), 0);
                break;
            case Operation.Mul:
                EmitMultiply32(d, instruction, row);
                break;
            case Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod:
                EmitDivide32(instruction, row);
                ClearHigh(dst);
                return;
            case Operation.Lsh or Operation.Rsh or Operation.Arsh:
                EmitShift32(d, instruction, row);
                break;
            default:
                Arm32Register n = LeftLow(T0);
                if (isRegister)
                    _emit.Alu(Plain(row.Operation), d, n, RightLow(instruction, T1));
                else
                    AluConstant(Plain(row.Operation), d, n, immediate);
                break;
        }
        StoreLow(dst, d);
        ClearHigh(dst);
    }

    /// <summary>d = left * right, the lower 32 bits; with constants next to powers of two by shifts.</summary>
    private void EmitMultiply32(Arm32Register d, EbpfInstruction instruction, OpcodeRow row)
    {
        Arm32Register n = LeftLow(T0);
        uint factor = (uint)instruction.Immediate;
        if (row.IsRegisterForm)
            _emit.Multiply(d, n, RightLow(instruction, T1));
        else if (System.Numerics.BitOperations.IsPow2(factor))
            ShiftBy(d, n, Arm32Shift.Left, System.Numerics.BitOperations.Log2(factor));
        else if (System.Numerics.BitOperations.IsPow2(factor - 1))
            _emit.Alu(Arm32Operation.Add, d, n, n, false, Always, Arm32Shift.Left, System.Numerics.BitOperations.Log2(factor - 1));
        else if (System.Numerics.BitOperations.IsPow2(factor + 1))
            _emit.Alu(Arm32Operation.Rsb, d, n, n, false, Always, Arm32Shift.Left, System.Numerics.BitOperations.Log2(factor + 1));
        else
            _emit.Multiply(d, n, Constant(factor, T1));
    }

    private Arm32Register Constant(uint value, Arm32Register scratch)
    {
        _emit.MoveImmediate(scratch, value);
        return scratch;
    }

    /// <summary>A shift by a constant of 0 to 31.</summary>
    private void ShiftBy(Arm32Register d, Arm32Register m, Arm32Shift shift, int count)
    {
        if (count == 0)
            Copy(d, m);
        else
            _emit.Alu(Arm32Operation.Mov, d, 0, m, false, Always, shift, count);
    }

    private static Arm32Operation Plain(Operation operation) => operation switch
    {
        Operation.Add => Arm32Operation.Add,
        Operation.Sub => Arm32Operation.Sub,
        Operation.Or => Arm32Operation.Orr,
        Operation.And => Arm32Operation.And,
        Operation.Xor => Arm32Operation.Eor,
        _ => throw new InternalCompilerException("ARM32 compiler", null, $"{operation} is no plain operation"),
    };

    private void EmitShift32(Arm32Register d, EbpfInstruction instruction, OpcodeRow row)
    {
        Arm32Shift shift = ShiftOf(row.Operation);
        Arm32Register n = LeftLow(T0);
        if (!row.IsRegisterForm)
        {
            ShiftBy(d, n, shift, instruction.Immediate & 31);
            return;
        }
        // ARM takes eight bits of the count, eBPF five.
        _emit.TryAluImmediate(Arm32Operation.And, Ip, RightLow(instruction, T1), 31);
        _emit.AluShifted(Arm32Operation.Mov, d, 0, n, shift, Ip);
    }

    private static Arm32Shift ShiftOf(Operation operation) => operation switch
    {
        Operation.Lsh => Arm32Shift.Left,
        Operation.Rsh => Arm32Shift.RightLogical,
        _ => Arm32Shift.RightArithmetic,
    };

    private void TranslateAlu64(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        bool high = NeedsHigh(dst);
        bool isRegister = row.IsRegisterForm;
        uint low = (uint)instruction.Immediate, highConstant = instruction.Immediate < 0 ? uint.MaxValue : 0;
        switch (row.Operation)
        {
            case Operation.Mov when isRegister:
            case Operation.AddrSpaceCast:
                if (high)
                    StoreHigh(dst, ReadHigh(instruction.Src, Target(dst, 1, T1)));
                StoreLow(dst, ReadLow(instruction.Src, Target(dst, 0, T0)));
                break;
            case Operation.Mov:
                StoreLow(dst, Constant(low, Target(dst, 0, T0)));
                SetHigh(dst, highConstant);
                break;
            case Operation.MovSx:
            {
                Arm32Register d = Target(dst, 0, T0), s = ReadLow(instruction.Src, T0);
                if (row.DiscriminatorValue == 32)
                    Copy(d, s);
                else
                    _emit.Extend(d, s, row.DiscriminatorValue, isSigned: true);
                StoreLow(dst, d);
                SpreadSign(dst, d);
                break;
            }
            case Operation.Add or Operation.Sub:
                EmitAddSubtract(instruction, row, high);
                break;
            case Operation.And or Operation.Or or Operation.Xor:
            {
                Arm32Register d = Target(dst, 0, T0), n = LeftLow(T0);
                if (isRegister)
                    _emit.Alu(Plain(row.Operation), d, n, RightLow(instruction, T1));
                else
                    AluConstant(Plain(row.Operation), d, n, low);
                // Where source and destination are one register, its low half is read above and its upper half below.
                if (high)
                    EmitLogicHigh(instruction, row);
                StoreLow(dst, d);
                break;
            }
            case Operation.Mul:
                EmitMultiply64(instruction, row, high);
                break;
            case Operation.Neg:
            {
                Arm32Register d = Target(dst, 0, T0), n = LeftLow(T0);
                Arm32Register m = high ? LeftHigh(T1) : T1;
                _emit.TryAluImmediate(Arm32Operation.Rsb, d, n, 0, setFlags: high);
                if (high)
                {
                    Arm32Register h = Target(dst, 1, T1);
                    _emit.TryAluImmediate(Arm32Operation.Rsc, h, m, 0);
                    StoreHigh(dst, h);
                }
                StoreLow(dst, d);
                break;
            }
            case Operation.Lsh or Operation.Rsh or Operation.Arsh:
                if (isRegister)
                    EmitShift64ByRegister(instruction, row, high);
                else
                    EmitShift64(dst, row.Operation, instruction.Immediate & 63, high);
                break;
            case Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod:
                EmitDivide64(instruction, row);
                break;
            case Operation.ToLe when row.Width == 64:
                CopyLeft(dst, high);
                break;
            case Operation.ToLe:
            {
                Arm32Register d = Target(dst, 0, T0), n = LeftLow(T0);
                if (row.Width == 16)
                    _emit.Extend(d, n, 16, isSigned: false);
                else
                    Copy(d, n);
                StoreLow(dst, d);
                ClearHigh(dst);
                break;
            }
            case Operation.ToBe or Operation.Bswap:
                EmitByteSwap(dst, row.Width, high);
                break;
            default:
                throw new InternalCompilerException("ARM32 compiler", null, $"slot {_slot}: no translation of {row.Opcode}");
        }
    }

    /// <summary>The upper half becomes copies of the low half's sign.</summary>
    private void SpreadSign(int dst, Arm32Register low)
    {
        if (!NeedsHigh(dst))
            return;
        Arm32Register h = Target(dst, 1, T1);
        _emit.Alu(Arm32Operation.Mov, h, 0, low, false, Always, Arm32Shift.RightArithmetic, 31);
        StoreHigh(dst, h);
    }

    private void CopyLeft(int dst, bool high)
    {
        if (high)
            CopyLeftHigh(dst);
        StoreLow(dst, LeftLow(Target(dst, 0, T0)));
    }

    private void CopyLeftHigh(int dst)
    {
        if (_left != dst || _leftShort)
            StoreHigh(dst, LeftHigh(Target(dst, 1, T2)));
    }

    /// <summary>The upper half of and, or, xor; an empty or full half on one side leaves nothing to compute.</summary>
    private void EmitLogicHigh(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        Arm32Register h = Target(dst, 1, T2);
        bool isAnd = row.Operation == Operation.And;
        if (row.IsRegisterForm)
        {
            bool rightShort = IsRightShort(instruction);
            if (isAnd && (_leftShort || rightShort))
                SetHigh(dst, 0);
            else if (rightShort)
                CopyLeftHigh(dst);
            else if (_leftShort)
                StoreHigh(dst, RightHigh(instruction, h));
            else
            {
                _emit.Alu(Plain(row.Operation), h, LeftHigh(T2), RightHigh(instruction, T3));
                StoreHigh(dst, h);
            }
        }
        else if (instruction.Immediate >= 0)
        {
            if (isAnd)
                SetHigh(dst, 0);
            else
                CopyLeftHigh(dst);
        }
        else if (isAnd)
        {
            CopyLeftHigh(dst);
        }
        else if (row.Operation == Operation.Or)
        {
            SetHigh(dst, uint.MaxValue);
        }
        else
        {
            _emit.Alu(Arm32Operation.Mvn, h, 0, LeftHigh(T2));
            StoreHigh(dst, h);
        }
    }

    /// <summary>adds/adc, subs/sbc; a negative constant is the other operation on its magnitude.</summary>
    private void EmitAddSubtract(EbpfInstruction instruction, OpcodeRow row, bool high)
    {
        int dst = instruction.Dst;
        bool isAdd = row.Operation == Operation.Add, isShort = high && IsResultShort(dst), carries = high && !isShort;
        Arm32Register d = Target(dst, 0, T0);
        if (row.IsRegisterForm)
        {
            Arm32Register n = LeftLow(T0), s = RightLow(instruction, T1);
            bool rightShort = IsRightShort(instruction);
            Arm32Register m = carries && !_leftShort ? LeftHigh(T2) : T2, t = carries && !rightShort ? RightHigh(instruction, T3) : T3;
            // The low result must not overwrite a half that is still to be read: homes are distinct, so only scratch could clash.
            _emit.Alu(isAdd ? Arm32Operation.Add : Arm32Operation.Sub, d, n, s, setFlags: carries);
            if (carries)
                EmitCarry(dst, isAdd, _leftShort ? null : m, rightShort ? null : t);
        }
        else
        {
            bool add = isAdd == instruction.Immediate >= 0;
            uint magnitude = instruction.Immediate >= 0 ? (uint)instruction.Immediate : (uint)-(long)instruction.Immediate;
            if (_left == EbpfRegisters.R10 && !IsSandboxed)
            {
                // The frame's place is known in sp: no carry, addresses have no upper half.
                AluConstant(Arm32Operation.Add, d, Sp, (uint)(add ? _frameBytes + (int)magnitude : _frameBytes - (int)magnitude));
                isShort = high;
            }
            else
            {
                Arm32Register n = LeftLow(T0);
                Arm32Register m = carries && !_leftShort ? LeftHigh(T2) : T2;
                AluConstant(add ? Arm32Operation.Add : Arm32Operation.Sub, d, n, magnitude, setFlags: carries);
                if (carries)
                    EmitCarry(dst, add, _leftShort ? null : m, null);
            }
        }
        StoreLow(dst, d);
        if (isShort)
            SetHigh(dst, 0);
    }

    /// <summary>
    /// The upper half of a sum or difference from the carry; null stands for an upper half of zero:
    ///   a + b: adc h, a, b      a - b: sbc h, a, b      0 - b: rsc h, b, #0      0 - 0: sbc h, h, h      0 + 0: mov h, #0 ; adc h, h, #0
    /// </summary>
    private void EmitCarry(int dst, bool isAdd, Arm32Register? left, Arm32Register? right)
    {
        Arm32Register h = Target(dst, 1, T2);
        switch ((left, right))
        {
            case ({ } a, { } b):
                _emit.Alu(isAdd ? Arm32Operation.Adc : Arm32Operation.Sbc, h, a, b);
                break;
            case ({ } a, null):
                _emit.TryAluImmediate(isAdd ? Arm32Operation.Adc : Arm32Operation.Sbc, h, a, 0);
                break;
            case (null, { } b):
                _emit.TryAluImmediate(isAdd ? Arm32Operation.Adc : Arm32Operation.Rsc, h, b, 0);
                break;
            case (null, null) when isAdd:
                _emit.MoveImmediate(h, 0);
                _emit.TryAluImmediate(Arm32Operation.Adc, h, h, 0);
                break;
            case (null, null):
                _emit.Alu(Arm32Operation.Sbc, h, h, h);
                break;
        }
        StoreHigh(dst, h);
    }

    /// <summary>low, high = low(a) * low(b); high += low(a) * high(b) + high(a) * low(b).</summary>
    private void EmitMultiply64(EbpfInstruction instruction, OpcodeRow row, bool high)
    {
        int dst = instruction.Dst;
        if (!high)
        {
            Arm32Register d = Target(dst, 0, T0);
            EmitMultiply32(d, instruction, row);
            StoreLow(dst, d);
            return;
        }
        if (!row.IsRegisterForm && instruction.Immediate > 0 && System.Numerics.BitOperations.IsPow2(instruction.Immediate))
        {
            EmitShift64(dst, Operation.Lsh, System.Numerics.BitOperations.Log2((uint)instruction.Immediate), high);
            return;
        }
        Arm32Register a = LeftLow(T0);
        Arm32Register b = row.IsRegisterForm ? RightLow(instruction, T1) : Constant((uint)instruction.Immediate, T1);
        bool rightShort = row.IsRegisterForm ? IsRightShort(instruction) : instruction.Immediate >= 0;
        // With both halves in registers that are no operands, the product is made in its place.
        Arm32Register low = Ip, top = T2;
        if (_allocation[dst, 0].Register is { } l && _allocation[dst, 1].Register is { } t && l != a && l != b
            && (_leftShort || _left != dst) && (rightShort || Right(instruction) != dst))
            (low, top) = (l, t);
        _emit.MultiplyLong(low, top, a, b);
        if (!rightShort)
        {
            Arm32Register bHigh = row.IsRegisterForm ? RightHigh(instruction, T3) : Constant(uint.MaxValue, T3);
            _emit.MultiplyAdd(top, a, bHigh, top);
        }
        if (!_leftShort)
        {
            Arm32Register to = _allocation[dst, 1].Register ?? top;
            _emit.MultiplyAdd(to, LeftHigh(T3), b, top);
            top = to;
        }
        StoreHigh(dst, top);
        StoreLow(dst, low);
    }

    private void EmitShift64(int dst, Operation operation, int count, bool high)
    {
        if (count == 0)
        {
            CopyLeft(dst, high);
            return;
        }
        Arm32Shift shift = ShiftOf(operation);
        Arm32Register d = Target(dst, 0, T0), h = Target(dst, 1, T1);
        if (operation == Operation.Lsh)
        {
            Arm32Register low = LeftLow(T0);
            if (high)
            {
                if (count >= 32)
                {
                    ShiftBy(h, low, Arm32Shift.Left, count - 32);
                }
                else if (_leftShort)
                {
                    ShiftBy(h, low, Arm32Shift.RightLogical, 32 - count);
                }
                else
                {
                    // high = high << n | low >> (32 - n)
                    ShiftBy(h, LeftHigh(T1), Arm32Shift.Left, count);
                    _emit.Alu(Arm32Operation.Orr, h, h, low, false, Always, Arm32Shift.RightLogical, 32 - count);
                }
                StoreHigh(dst, h);
            }
            if (count >= 32)
                _emit.MoveImmediate(d, 0);
            else
                ShiftBy(d, low, Arm32Shift.Left, count);
            StoreLow(dst, d);
            return;
        }
        if (_leftShort)
        {
            if (count >= 32)
                _emit.MoveImmediate(d, 0);
            else
                ShiftBy(d, LeftLow(T0), Arm32Shift.RightLogical, count);
            StoreLow(dst, d);
            ClearHigh(dst);
            return;
        }
        Arm32Register highIn = LeftHigh(T1);
        if (count >= 32)
        {
            ShiftBy(d, highIn, shift, count - 32);
        }
        else
        {
            // low = low >> n | high << (32 - n)
            ShiftBy(d, LeftLow(T0), Arm32Shift.RightLogical, count);
            _emit.Alu(Arm32Operation.Orr, d, d, highIn, false, Always, Arm32Shift.Left, 32 - count);
        }
        if (high)
        {
            if (count >= 32 && operation == Operation.Rsh)
                _emit.MoveImmediate(h, 0);
            else
                ShiftBy(h, highIn, shift, Math.Min(count, 31));
            StoreHigh(dst, h);
        }
        StoreLow(dst, d);
    }

    /// <summary>
    /// ARM shifts by a register use its low byte, and amounts of 32 to 255 shift everything out; so, for n of 0 to 63,
    ///   left:   high = high &lt;&lt; n | low >> (32 - n) | low &lt;&lt; (n - 32);  low = low &lt;&lt; n
    ///   right:  low = low >> n | high &lt;&lt; (32 - n) | high >> (n - 32);  high = high >> n
    /// works without a branch: of the last two terms one is zero (both are equal for n = 32). Arithmetic shifts replicate the sign
    /// where logical ones give zero, so their last term is taken only for n >= 32.
    /// </summary>
    private void EmitShift64ByRegister(EbpfInstruction instruction, OpcodeRow row, bool high)
    {
        int dst = instruction.Dst;
        _emit.TryAluImmediate(Arm32Operation.And, T2, RightLow(instruction, T3), 63);
        Copy(T0, LeftLow(T0));
        if (row.Operation == Operation.Lsh)
        {
            if (high)
            {
                Copy(T1, LeftHigh(T1));
                _emit.AluShifted(Arm32Operation.Mov, T1, 0, T1, Arm32Shift.Left, T2);
                _emit.TryAluImmediate(Arm32Operation.Rsb, Ip, T2, 32);
                _emit.AluShifted(Arm32Operation.Orr, T1, T1, T0, Arm32Shift.RightLogical, Ip);
                _emit.TryAluImmediate(Arm32Operation.Sub, Ip, T2, 32);
                _emit.AluShifted(Arm32Operation.Orr, T1, T1, T0, Arm32Shift.Left, Ip);
                StoreHigh(dst, T1);
            }
            _emit.AluShifted(Arm32Operation.Mov, T0, 0, T0, Arm32Shift.Left, T2);
            StoreLow(dst, T0);
            return;
        }
        if (_leftShort)
        {
            Arm32Register d = Target(dst, 0, T0);
            _emit.AluShifted(Arm32Operation.Mov, d, 0, T0, Arm32Shift.RightLogical, T2);
            StoreLow(dst, d);
            ClearHigh(dst);
            return;
        }
        Copy(T1, LeftHigh(T1));
        _emit.AluShifted(Arm32Operation.Mov, T0, 0, T0, Arm32Shift.RightLogical, T2);
        _emit.TryAluImmediate(Arm32Operation.Rsb, Ip, T2, 32);
        _emit.AluShifted(Arm32Operation.Orr, T0, T0, T1, Arm32Shift.Left, Ip);
        if (row.Operation == Operation.Rsh)
        {
            _emit.TryAluImmediate(Arm32Operation.Sub, Ip, T2, 32);
            _emit.AluShifted(Arm32Operation.Orr, T0, T0, T1, Arm32Shift.RightLogical, Ip);
        }
        else
        {
            _emit.TryAluImmediate(Arm32Operation.Sub, Ip, T2, 32, setFlags: true);
            _emit.AluShifted(Arm32Operation.Mov, T0, 0, T1, Arm32Shift.RightArithmetic, Ip, false, Arm32Condition.Plus);
        }
        if (high)
        {
            _emit.AluShifted(Arm32Operation.Mov, T1, 0, T1, ShiftOf(row.Operation), T2);
            StoreHigh(dst, T1);
        }
        StoreLow(dst, T0);
    }

    private void EmitByteSwap(int dst, int width, bool high)
    {
        Arm32Register d = Target(dst, 0, T0), n = LeftLow(T0);
        switch (width)
        {
            case 16:
                _emit.Reverse16(d, n);
                _emit.Extend(d, d, 16, isSigned: false);
                StoreLow(dst, d);
                ClearHigh(dst);
                break;
            case 32:
                _emit.Reverse(d, n);
                StoreLow(dst, d);
                ClearHigh(dst);
                break;
            default:
                _emit.Reverse(T1, LeftHigh(T1));
                _emit.Reverse(T0, n);
                StoreLow(dst, T1);
                if (high)
                    StoreHigh(dst, T0);
                break;
        }
    }
}
