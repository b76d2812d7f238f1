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
        _emit.MoveImmediate(Ip, value);
        _emit.Alu(operation, d, n, Ip, setFlags);
    }

    private void TranslateAlu32(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        uint immediate = (uint)instruction.Immediate;
        bool isRegister = row.IsRegisterForm;
        switch (row.Operation)
        {
            case Operation.Mov when isRegister:
                StoreLow(dst, ReadLow(instruction.Src, Target(dst, 0, T0)));
                break;
            case Operation.Mov:
            {
                Arm32Register d = Target(dst, 0, T0);
                _emit.MoveImmediate(d, immediate);
                StoreLow(dst, d);
                break;
            }
            case Operation.MovSx:
            {
                Arm32Register d = Target(dst, 0, T0);
                _emit.Extend(d, ReadLow(instruction.Src, T0), row.DiscriminatorValue, isSigned: true);
                StoreLow(dst, d);
                break;
            }
            case Operation.Neg:
            {
                Arm32Register d = Target(dst, 0, T0);
                _emit.TryAluImmediate(Arm32Operation.Rsb, d, ReadLow(dst, T0), 0);
                StoreLow(dst, d);
                break;
            }
            case Operation.Mul:
            {
                Arm32Register d = Target(dst, 0, T0), n = ReadLow(dst, T0), m = isRegister ? ReadLow(instruction.Src, T1) : Constant(immediate, T1);
                _emit.Multiply(d, n, m);
                StoreLow(dst, d);
                break;
            }
            case Operation.Div or Operation.SDiv or Operation.Mod or Operation.SMod:
                EmitDivide32(instruction, row);
                break;
            case Operation.Lsh or Operation.Rsh or Operation.Arsh:
                EmitShift32(instruction, row);
                break;
            default:
            {
                Arm32Register d = Target(dst, 0, T0), n = ReadLow(dst, T0);
                if (isRegister)
                    _emit.Alu(Plain(row.Operation), d, n, ReadLow(instruction.Src, T1));
                else
                    AluConstant(Plain(row.Operation), d, n, immediate);
                StoreLow(dst, d);
                break;
            }
        }
        ClearHigh(dst);
    }

    private Arm32Register Constant(uint value, Arm32Register scratch)
    {
        _emit.MoveImmediate(scratch, value);
        return scratch;
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

    private void EmitShift32(EbpfInstruction instruction, OpcodeRow row)
    {
        Arm32Shift shift = ShiftOf(row.Operation);
        Arm32Register d = Target(instruction.Dst, 0, T0), n = ReadLow(instruction.Dst, T0);
        if (row.IsRegisterForm)
        {
            // ARM takes eight bits of the count, eBPF five.
            _emit.TryAluImmediate(Arm32Operation.And, Ip, ReadLow(instruction.Src, T1), 31);
            _emit.AluShifted(Arm32Operation.Mov, d, 0, n, shift, Ip);
        }
        else if ((instruction.Immediate & 31) is var count && count != 0)
        {
            _emit.Alu(Arm32Operation.Mov, d, 0, n, false, Always, shift, count);
        }
        else
        {
            Copy(d, n);
        }
        StoreLow(instruction.Dst, d);
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
                if (high)
                    StoreHigh(dst, ReadHigh(instruction.Src, Target(dst, 1, T1)));
                StoreLow(dst, ReadLow(instruction.Src, Target(dst, 0, T0)));
                break;
            case Operation.AddrSpaceCast:
                goto case Operation.Mov;
            case Operation.Mov:
                if (isRegister)
                {
                    if (high)
                        StoreHigh(dst, ReadHigh(instruction.Src, Target(dst, 1, T1)));
                    StoreLow(dst, ReadLow(instruction.Src, Target(dst, 0, T0)));
                    break;
                }
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
                if (high)
                {
                    Arm32Register h = Target(dst, 1, T1);
                    _emit.Alu(Arm32Operation.Mov, h, 0, d, false, Always, Arm32Shift.RightArithmetic, 31);
                    StoreHigh(dst, h);
                }
                break;
            }
            case Operation.Add or Operation.Sub:
                EmitAddSubtract(instruction, row, high);
                break;
            case Operation.And or Operation.Or or Operation.Xor:
            {
                Arm32Register d = Target(dst, 0, T0), n = ReadLow(dst, T0);
                if (isRegister)
                    _emit.Alu(Plain(row.Operation), d, n, ReadLow(instruction.Src, T1));
                else
                    AluConstant(Plain(row.Operation), d, n, low);
                // Where source and destination are one register, its low half is read above and its upper half below.
                if (high)
                {
                    Arm32Register h = Target(dst, 1, T2), m = ReadHigh(dst, T2);
                    if (isRegister)
                        _emit.Alu(Plain(row.Operation), h, m, ReadHigh(instruction.Src, T3));
                    else
                        AluConstant(Plain(row.Operation), h, m, highConstant);
                    StoreHigh(dst, h);
                }
                StoreLow(dst, d);
                break;
            }
            case Operation.Mul:
                EmitMultiply64(instruction, row, high);
                break;
            case Operation.Neg:
            {
                Arm32Register d = Target(dst, 0, T0), n = ReadLow(dst, T0);
                Arm32Register m = high ? ReadHigh(dst, T1) : T1;
                _emit.TryAluImmediate(Arm32Operation.Rsb, d, n, 0, setFlags: true);
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
            case Operation.ToLe:
                if (row.Width == 16)
                {
                    Arm32Register d = Target(dst, 0, T0);
                    _emit.Extend(d, ReadLow(dst, T0), 16, isSigned: false);
                    StoreLow(dst, d);
                }
                if (row.Width < 64)
                    ClearHigh(dst);
                break;
            case Operation.ToBe or Operation.Bswap:
                EmitByteSwap(dst, row.Width, high);
                break;
            default:
                throw new InternalCompilerException("ARM32 compiler", null, $"slot {_slot}: no translation of {row.Opcode}");
        }
    }

    /// <summary>adds/adc, subs/sbc; a negative constant is the other operation on its magnitude.</summary>
    private void EmitAddSubtract(EbpfInstruction instruction, OpcodeRow row, bool high)
    {
        int dst = instruction.Dst;
        bool isAdd = row.Operation == Operation.Add;
        Arm32Register d = Target(dst, 0, T0), n = ReadLow(dst, T0);
        Arm32Register m = high ? ReadHigh(dst, T2) : T2;
        if (row.IsRegisterForm)
        {
            Arm32Register s = ReadLow(instruction.Src, T1);
            Arm32Register t = high ? ReadHigh(instruction.Src, T3) : T3;
            // The low result must not overwrite a half that is still to be read: homes are distinct, so only scratch could clash.
            _emit.Alu(isAdd ? Arm32Operation.Add : Arm32Operation.Sub, d, n, s, setFlags: high);
            if (high)
            {
                Arm32Register h = Target(dst, 1, T2);
                _emit.Alu(isAdd ? Arm32Operation.Adc : Arm32Operation.Sbc, h, m, t);
                StoreHigh(dst, h);
            }
        }
        else
        {
            bool add = isAdd == instruction.Immediate >= 0;
            uint magnitude = instruction.Immediate >= 0 ? (uint)instruction.Immediate : (uint)-(long)instruction.Immediate;
            AluConstant(add ? Arm32Operation.Add : Arm32Operation.Sub, d, n, magnitude, setFlags: high);
            if (high)
            {
                Arm32Register h = Target(dst, 1, T2);
                _emit.TryAluImmediate(add ? Arm32Operation.Adc : Arm32Operation.Sbc, h, m, 0);
                StoreHigh(dst, h);
            }
        }
        StoreLow(dst, d);
    }

    /// <summary>low, high = low(a) * low(b); high += low(a) * high(b) + high(a) * low(b).</summary>
    private void EmitMultiply64(EbpfInstruction instruction, OpcodeRow row, bool high)
    {
        int dst = instruction.Dst;
        Arm32Register a = ReadLow(dst, T0);
        Arm32Register b = row.IsRegisterForm ? ReadLow(instruction.Src, T1) : Constant((uint)instruction.Immediate, T1);
        if (!high)
        {
            Arm32Register d = Target(dst, 0, T0);
            _emit.Multiply(d, a, b);
            StoreLow(dst, d);
            return;
        }
        _emit.MultiplyLong(Ip, T2, a, b);
        if (row.IsRegisterForm ? !IsHighZero(instruction.Src) : instruction.Immediate < 0)
        {
            Arm32Register bHigh = row.IsRegisterForm ? ReadHigh(instruction.Src, T3) : Constant(uint.MaxValue, T3);
            _emit.MultiplyAdd(T2, a, bHigh, T2);
        }
        if (!IsHighZero(dst))
            _emit.MultiplyAdd(T2, ReadHigh(dst, T3), b, T2);
        StoreHigh(dst, T2);
        StoreLow(dst, Ip);
    }

    private void EmitShift64(int dst, Operation operation, int count, bool high)
    {
        if (count == 0)
            return;
        Arm32Shift shift = ShiftOf(operation);
        if (operation == Operation.Lsh)
        {
            Arm32Register low = ReadLow(dst, T0);
            if (high)
            {
                Arm32Register h = Target(dst, 1, T1);
                if (count >= 32)
                {
                    _emit.Alu(Arm32Operation.Mov, h, 0, low, false, Always, Arm32Shift.Left, count - 32);
                }
                else
                {
                    // high = high << n | low >> (32 - n)
                    _emit.Alu(Arm32Operation.Mov, h, 0, ReadHigh(dst, T1), false, Always, Arm32Shift.Left, count);
                    _emit.Alu(Arm32Operation.Orr, h, h, low, false, Always, Arm32Shift.RightLogical, 32 - count);
                }
                StoreHigh(dst, h);
            }
            Arm32Register d = Target(dst, 0, T0);
            if (count >= 32)
                _emit.MoveImmediate(d, 0);
            else
                _emit.Alu(Arm32Operation.Mov, d, 0, low, false, Always, Arm32Shift.Left, count);
            StoreLow(dst, d);
            return;
        }

        Arm32Register highIn = ReadHigh(dst, T1);
        Arm32Register result = Target(dst, 0, T0);
        if (count >= 32)
        {
            if (count == 32)
                Copy(result, highIn);
            else
                _emit.Alu(Arm32Operation.Mov, result, 0, highIn, false, Always, shift, count - 32);
        }
        else
        {
            // low = low >> n | high << (32 - n)
            _emit.Alu(Arm32Operation.Mov, result, 0, ReadLow(dst, T0), false, Always, Arm32Shift.RightLogical, count);
            _emit.Alu(Arm32Operation.Orr, result, result, highIn, false, Always, Arm32Shift.Left, 32 - count);
        }
        if (high)
        {
            Arm32Register h = Target(dst, 1, T1);
            if (count >= 32 && operation == Operation.Rsh)
                _emit.MoveImmediate(h, 0);
            else
                _emit.Alu(Arm32Operation.Mov, h, 0, highIn, false, Always, shift, Math.Min(count, 31));
            StoreHigh(dst, h);
        }
        StoreLow(dst, result);
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
        _emit.TryAluImmediate(Arm32Operation.And, Lr, ReadLow(instruction.Src, T3), 63);
        Copy(T0, ReadLow(dst, T0));
        if (row.Operation == Operation.Lsh)
        {
            if (high)
            {
                Copy(T1, ReadHigh(dst, T1));
                _emit.AluShifted(Arm32Operation.Mov, T1, 0, T1, Arm32Shift.Left, Lr);
                _emit.TryAluImmediate(Arm32Operation.Rsb, Ip, Lr, 32);
                _emit.AluShifted(Arm32Operation.Orr, T1, T1, T0, Arm32Shift.RightLogical, Ip);
                _emit.TryAluImmediate(Arm32Operation.Sub, Ip, Lr, 32);
                _emit.AluShifted(Arm32Operation.Orr, T1, T1, T0, Arm32Shift.Left, Ip);
                StoreHigh(dst, T1);
            }
            _emit.AluShifted(Arm32Operation.Mov, T0, 0, T0, Arm32Shift.Left, Lr);
            StoreLow(dst, T0);
            return;
        }
        Copy(T1, ReadHigh(dst, T1));
        _emit.AluShifted(Arm32Operation.Mov, T0, 0, T0, Arm32Shift.RightLogical, Lr);
        _emit.TryAluImmediate(Arm32Operation.Rsb, Ip, Lr, 32);
        _emit.AluShifted(Arm32Operation.Orr, T0, T0, T1, Arm32Shift.Left, Ip);
        if (row.Operation == Operation.Rsh)
        {
            _emit.TryAluImmediate(Arm32Operation.Sub, Ip, Lr, 32);
            _emit.AluShifted(Arm32Operation.Orr, T0, T0, T1, Arm32Shift.RightLogical, Ip);
        }
        else
        {
            _emit.TryAluImmediate(Arm32Operation.Sub, Ip, Lr, 32, setFlags: true);
            _emit.AluShifted(Arm32Operation.Mov, T0, 0, T1, Arm32Shift.RightArithmetic, Ip, false, Arm32Condition.Plus);
        }
        if (high)
        {
            _emit.AluShifted(Arm32Operation.Mov, T1, 0, T1, ShiftOf(row.Operation), Lr);
            StoreHigh(dst, T1);
        }
        StoreLow(dst, T0);
    }

    private void EmitByteSwap(int dst, int width, bool high)
    {
        Arm32Register d = Target(dst, 0, T0), n = ReadLow(dst, T0);
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
                _emit.Reverse(T1, ReadHigh(dst, T1));
                _emit.Reverse(T0, n);
                StoreLow(dst, T1);
                if (high)
                    StoreHigh(dst, T0);
                break;
        }
    }
}
