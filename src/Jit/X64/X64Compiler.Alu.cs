// Arithmetic. 32-bit forms need no extra work: a 32-bit x86 instruction clears the upper half of its destination, exactly
// as eBPF demands.
using System.Numerics;
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.X64;

public sealed partial class X64Compiler
{
    private void TranslateAlu(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        X64Register d = Machine(dst);
        X64Register s = row.IsRegisterForm ? Machine(instruction.Src) : d;
        bool wide = row.Width == 64;
        bool zeroUpper = !wide;
        switch (row.Operation)
        {
            case Operation.Mov when row.IsRegisterForm:
                zeroUpper = wide ? IsZeroUpper(instruction.Src) : true;
                if (d != s || (!wide && !IsZeroUpper(dst)))
                    _emit.Move(d, s, wide && !IsZeroUpper(instruction.Src));
                break;
            case Operation.Mov:
                _emit.MoveImmediate(d, wide ? (ulong)(long)instruction.Immediate : (uint)instruction.Immediate);
                zeroUpper = !wide || instruction.Immediate >= 0;
                break;
            case Operation.Add when !row.IsRegisterForm && instruction.Immediate == 0 && wide:
            case Operation.Sub when !row.IsRegisterForm && instruction.Immediate == 0 && wide:
                zeroUpper = IsZeroUpper(dst);
                break;
            case Operation.Add:
                EmitSimple(X64Alu.Add, d, s, instruction, row);
                break;
            case Operation.Sub:
                EmitSimple(X64Alu.Sub, d, s, instruction, row);
                break;
            case Operation.Or:
                zeroUpper |= IsZeroUpper(dst) && (row.IsRegisterForm ? IsZeroUpper(instruction.Src) : instruction.Immediate >= 0);
                EmitSimple(X64Alu.Or, d, s, instruction, row);
                break;
            case Operation.Xor:
                zeroUpper |= IsZeroUpper(dst) && (row.IsRegisterForm ? IsZeroUpper(instruction.Src) : instruction.Immediate >= 0);
                EmitSimple(X64Alu.Xor, d, s, instruction, row);
                break;
            case Operation.And:
                zeroUpper |= IsZeroUpper(dst) || (row.IsRegisterForm ? IsZeroUpper(instruction.Src) : instruction.Immediate >= 0);
                EmitAnd(d, s, instruction, row, zeroUpper);
                break;
            case Operation.Mul:
                EmitMultiply(d, s, instruction, row);
                break;
            case Operation.Div or Operation.Mod or Operation.SDiv or Operation.SMod:
                // Quotient and remainder of unsigned numbers are at most the dividend.
                zeroUpper |= row.Operation is Operation.Div or Operation.Mod && IsZeroUpper(dst);
                EmitDivision(slot, instruction, row);
                break;
            case Operation.Lsh or Operation.Rsh or Operation.Arsh:
                zeroUpper |= row.Operation == Operation.Rsh && (IsZeroUpper(dst) || (!row.IsRegisterForm && (instruction.Immediate & 63) >= 32));
                EmitShift(instruction, row);
                break;
            case Operation.Neg:
                _emit.Negate(d, wide);
                break;
            case Operation.MovSx:
                _emit.SignExtend(d, s, row.DiscriminatorValue, wide);
                break;
            case Operation.ToLe:
                zeroUpper = EmitTruncate(dst, row.Width);
                break;
            case Operation.ToBe or Operation.Bswap:
                zeroUpper = row.Width < 64;
                EmitByteSwap(d, row.Width);
                break;
            case Operation.AddrSpaceCast:
                if (d != s)
                    _emit.Move(d, s, true);
                zeroUpper = false;
                break;
            default:
                throw new InternalCompilerException("x86-64 compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
        SetZeroUpper(dst, zeroUpper);
    }

    private void EmitSimple(X64Alu operation, X64Register d, X64Register s, EbpfInstruction instruction, OpcodeRow row)
    {
        bool wide = row.Width == 64;
        if (row.IsRegisterForm)
            _emit.Alu(operation, d, s, wide);
        else if (instruction.Immediate == 128 && operation is X64Alu.Add or X64Alu.Sub && instruction.Immediate == 128)
            _emit.Alu(operation == X64Alu.Add ? X64Alu.Sub : X64Alu.Add, d, -128, wide); // 128 does not fit a signed byte, -128 does
        else
            _emit.Alu(operation, d, instruction.Immediate, wide);
    }

    /// <summary>Masks of whole bytes are extensions; masks without upper half need no wide operation.</summary>
    private void EmitAnd(X64Register d, X64Register s, EbpfInstruction instruction, OpcodeRow row, bool zeroUpper)
    {
        if (row.IsRegisterForm)
        {
            _emit.Alu(X64Alu.And, d, s, row.Width == 64 && !zeroUpper);
            return;
        }
        switch (instruction.Immediate)
        {
            case 0xff:
                _emit.ZeroExtend(d, d, 8);
                break;
            case 0xffff:
                _emit.ZeroExtend(d, d, 16);
                break;
            default:
                _emit.Alu(X64Alu.And, d, instruction.Immediate, row.Width == 64 && instruction.Immediate < 0);
                break;
        }
    }

    private void EmitMultiply(X64Register d, X64Register s, EbpfInstruction instruction, OpcodeRow row)
    {
        bool wide = row.Width == 64;
        if (row.IsRegisterForm)
        {
            _emit.Multiply(d, s, wide);
            return;
        }
        int factor = instruction.Immediate;
        if (factor > 0 && BitOperations.IsPow2(factor))
        {
            if (factor > 1)
                _emit.Shift(X64Shift.Left, d, BitOperations.Log2((uint)factor), wide);
            else if (!wide)
                _emit.Move(d, d, false);
        }
        else if (factor is 3 or 5 or 9)
        {
            _emit.LoadEffectiveAddress(d, d, d, factor - 1, 0, wide);
        }
        else
        {
            _emit.Multiply(d, d, factor, wide);
        }
    }

    private void EmitShift(EbpfInstruction instruction, OpcodeRow row)
    {
        bool wide = row.Width == 64;
        X64Register d = Machine(instruction.Dst);
        X64Shift operation = row.Operation switch
        {
            Operation.Lsh => X64Shift.Left,
            Operation.Rsh => X64Shift.RightLogical,
            _ => X64Shift.RightArithmetic,
        };
        if (!row.IsRegisterForm)
        {
            int count = instruction.Immediate & (row.Width - 1);
            if (count != 0)
                _emit.Shift(operation, d, count, wide);
            else if (!wide)
                _emit.Move(d, d, false);
            return;
        }
        X64Register count0 = Machine(instruction.Src);
        if (_options.Features.Bmi2)
        {
            _emit.ShiftBy(operation, d, d, count0, wide);
        }
        else if (d != X64Register.Rcx && count0 == X64Register.Rcx)
        {
            _emit.ShiftByCl(operation, d, wide);
        }
        else
        {
            // The count must be in cl: work in r11 and put rcx back.
            _emit.Move(Scratch2, d, true);
            _emit.Move(Scratch0, X64Register.Rcx, true);
            if (count0 != X64Register.Rcx)
                _emit.Move(X64Register.Rcx, count0, true);
            _emit.ShiftByCl(operation, Scratch2, wide);
            _emit.Move(X64Register.Rcx, Scratch0, true);
            _emit.Move(d, Scratch2, true);
        }
    }

    /// <summary>le16, le32, le64 on a little-endian machine only cut. Returns whether the upper half is zero behind it.</summary>
    private bool EmitTruncate(int dst, int width)
    {
        X64Register d = Machine(dst);
        switch (width)
        {
            case 16:
                _emit.ZeroExtend(d, d, 16);
                return true;
            case 32:
                if (!IsZeroUpper(dst))
                    _emit.Move(d, d, false);
                return true;
            default:
                return IsZeroUpper(dst);
        }
    }

    private void EmitByteSwap(X64Register d, int width)
    {
        if (width == 16)
        {
            _emit.SwapLow16(d);
            _emit.ZeroExtend(d, d, 16);
        }
        else
        {
            _emit.ByteSwap(d, width == 64);
        }
    }

    // ---- division -----------------------------------------------------------------------------------------------------

    /// <summary>
    /// x86 divides rdx:rax. Where the mapping keeps these two free that costs nothing; otherwise whichever of them holds a live value
    /// that the instruction does not overwrite is kept in a scratch register:
    ///
    ///   [mov r9, rax] [mov r10, rdx] [mov r11, divisor] mov rax, dividend
    ///   test divisor, divisor ; je zero            (unless the divisor is a constant)
    ///   xor edx, edx  ; div divisor                (64-bit: narrow when both numbers are)
    ///   done: mov dst, rax or rdx ; restore
    ///
    /// Division by zero yields 0, modulo by zero the dividend (RFC 9669 section 4.1); the most negative number divided by -1
    /// would trap and is computed as a negation. Both happen behind the code.
    /// </summary>
    private void EmitDivision(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        bool wide = row.Width == 64;
        bool isModulo = row.Operation is Operation.Mod or Operation.SMod;
        bool isSigned = row.Operation is Operation.SDiv or Operation.SMod;
        X64Register d = Machine(instruction.Dst);
        if (!row.IsRegisterForm && (TryDivideByConstant(instruction, row, d, isModulo, isSigned) || (!isSigned && TryDivideByMagic(slot, instruction, row, d, isModulo))))
            return;
        // Operands with empty upper halves make the short division do.
        if (wide && !isSigned && IsZeroUpper(instruction.Dst) && (row.IsRegisterForm ? IsZeroUpper(instruction.Src) : instruction.Immediate >= 0))
            wide = false;

        bool keepRax = MustKeep(X64Register.Rax, slot, instruction.Dst), keepRdx = MustKeep(X64Register.Rdx, slot, instruction.Dst);
        X64Register divisor = row.IsRegisterForm ? Machine(instruction.Src) : Scratch2;
        if (!row.IsRegisterForm)
            _emit.MoveImmediate(Scratch2, wide ? (ulong)(long)instruction.Immediate : (uint)instruction.Immediate);
        else if (divisor is X64Register.Rax or X64Register.Rdx)
            _emit.Move(divisor = Scratch2, Machine(instruction.Src), true);
        // A kept divisor need not be kept twice.
        X64Register keptRax = divisor == Scratch2 && row.IsRegisterForm && Machine(instruction.Src) == X64Register.Rax ? Scratch2 : Scratch0;
        X64Register keptRdx = divisor == Scratch2 && row.IsRegisterForm && Machine(instruction.Src) == X64Register.Rdx ? Scratch2 : Scratch1;
        if (keepRax && keptRax != Scratch2)
            _emit.Move(keptRax, X64Register.Rax, true);
        if (keepRdx && keptRdx != Scratch2)
            _emit.Move(keptRdx, X64Register.Rdx, true);
        if (d != X64Register.Rax)
            _emit.Move(X64Register.Rax, d, wide);

        Label done = _emit.NewLabel();
        if (row.IsRegisterForm)
            EmitDivisionGuards(divisor, isSigned, wide, done);
        if (isSigned)
        {
            _emit.SignIntoRdx(wide);
            _emit.DivideSigned(divisor, wide);
        }
        else if (wide && row.IsRegisterForm)
        {
            EmitDivisionByWidth(divisor, done);
        }
        else
        {
            _emit.MoveImmediate(X64Register.Rdx, 0);
            _emit.DivideUnsigned(divisor, wide);
        }
        _emit.Bind(done);
        X64Register result = isModulo ? X64Register.Rdx : X64Register.Rax;
        if (d != result)
            _emit.Move(d, result, wide);
        if (keepRax)
            _emit.Move(X64Register.Rax, keptRax, true);
        if (keepRdx)
            _emit.Move(X64Register.Rdx, keptRdx, true);
    }

    /// <summary>
    /// Wide divisions take longer than narrow ones on every x86, and most numbers are small:
    ///   mov rdx, rax ; or rdx, divisor ; shr rdx, 32 ; jnz wide ; div divisor32       rdx is zero where it must be
    /// </summary>
    private void EmitDivisionByWidth(X64Register divisor, Label done)
    {
        Label wide = _emit.NewLabel();
        _emit.Move(X64Register.Rdx, X64Register.Rax, true);
        _emit.Alu(X64Alu.Or, X64Register.Rdx, divisor, true);
        _emit.Shift(X64Shift.RightLogical, X64Register.Rdx, 32, true);
        _emit.JumpIf(X64Condition.NotEqual, wide);
        _emit.DivideUnsigned(divisor, false);
        _stubs.Add(() =>
        {
            _emit.Bind(wide);
            _emit.MoveImmediate(X64Register.Rdx, 0);
            _emit.DivideUnsigned(divisor, true);
            _emit.Jump(done);
        });
    }

    /// <summary>Divisors that the instruction cannot take; the stubs leave quotient and remainder where the division would.</summary>
    private void EmitDivisionGuards(X64Register divisor, bool isSigned, bool wide, Label done)
    {
        Label zero = _emit.NewLabel();
        _emit.Test(divisor, divisor, wide);
        _emit.JumpIf(X64Condition.Equal, zero);
        _stubs.Add(() =>
        {
            _emit.Bind(zero);
            _emit.Move(X64Register.Rdx, X64Register.Rax, wide);
            _emit.MoveImmediate(X64Register.Rax, 0);
            _emit.Jump(done);
        });
        if (!isSigned)
            return;
        Label minusOne = _emit.NewLabel();
        _emit.Alu(X64Alu.Cmp, divisor, -1, wide);
        _emit.JumpIf(X64Condition.Equal, minusOne);
        _stubs.Add(() =>
        {
            _emit.Bind(minusOne);
            _emit.Negate(X64Register.Rax, wide);
            _emit.MoveImmediate(X64Register.Rdx, 0);
            _emit.Jump(done);
        });
    }

    /// <summary>Divisions by 0, 1, -1 and powers of two need no division. Returns false when the general way must be taken.</summary>
    private bool TryDivideByConstant(EbpfInstruction instruction, OpcodeRow row, X64Register d, bool isModulo, bool isSigned)
    {
        bool wide = row.Width == 64;
        long divisor = instruction.Immediate;
        ulong magnitude = wide ? (ulong)divisor : (uint)divisor;
        if (divisor == 0)
        {
            if (!isModulo)
                _emit.MoveImmediate(d, 0);
            else if (!wide)
                _emit.Move(d, d, false);
            return true;
        }
        if (divisor == 1 || (isSigned && divisor == -1))
        {
            if (isModulo)
                _emit.MoveImmediate(d, 0);
            else if (divisor == -1)
                _emit.Negate(d, wide);
            else if (!wide)
                _emit.Move(d, d, false);
            return true;
        }
        if (isSigned || !BitOperations.IsPow2(magnitude))
            return false;
        int shift = BitOperations.Log2(magnitude);
        if (!isModulo)
        {
            _emit.Shift(X64Shift.RightLogical, d, shift, wide);
        }
        else if (magnitude - 1 <= int.MaxValue)
        {
            _emit.Alu(X64Alu.And, d, (int)(magnitude - 1), false);
        }
        else
        {
            return false;
        }
        return true;
    }

    /// <summary>
    /// Unsigned division by any other constant as a multiplication:
    ///   mov r11, M ; mov rax, x ; mul r11 ; [t = (x - rdx) >> 1 + rdx] ; shr rdx, s        quotient in rdx
    ///   imul rdx, divisor ; x - rdx                                                       remainder
    /// x stays in its register; when that is rax or rdx, in the scratch register that would otherwise keep it.
    /// </summary>
    private bool TryDivideByMagic(int slot, EbpfInstruction instruction, OpcodeRow row, X64Register d, bool isModulo)
    {
        bool wide = row.Width == 64;
        if (wide && instruction.Immediate < 0)
            return false; // quotient 0 or 1: a division is as good
        bool isNarrow = !wide || IsZeroUpper(instruction.Dst);
        uint divisor = (uint)instruction.Immediate;
        MagicDivision magic = MagicDivision.For(divisor, isNarrow ? 32 : 64);
        bool keepRax = MustKeep(X64Register.Rax, slot, instruction.Dst), keepRdx = MustKeep(X64Register.Rdx, slot, instruction.Dst);
        X64Register x = d switch { X64Register.Rax => Scratch0, X64Register.Rdx => Scratch1, _ => d };
        bool needsDividend = isModulo || magic.NeedsAdd;
        if (keepRax)
            _emit.Move(Scratch0, X64Register.Rax, true);
        if (keepRdx)
            _emit.Move(Scratch1, X64Register.Rdx, true);
        if (x != d && needsDividend)
            _emit.Move(x, d, wide);
        if (d != X64Register.Rax || !wide)
            _emit.Move(X64Register.Rax, d, wide);
        _emit.MoveImmediate(Scratch2, magic.Multiplier);
        _emit.MultiplyWide(Scratch2);
        if (magic.NeedsAdd)
        {
            _emit.Move(X64Register.Rax, x, true);
            _emit.Alu(X64Alu.Sub, X64Register.Rax, X64Register.Rdx, true);
            _emit.Shift(X64Shift.RightLogical, X64Register.Rax, 1, true);
            _emit.Alu(X64Alu.Add, X64Register.Rdx, X64Register.Rax, true);
        }
        if (magic.Shift > 0)
            _emit.Shift(X64Shift.RightLogical, X64Register.Rdx, magic.Shift, true);
        if (isModulo)
        {
            // The product is at most the dividend: 32 bits suffice for narrow ones, and the remainder is below the divisor.
            _emit.Multiply(X64Register.Rdx, X64Register.Rdx, (int)divisor, !isNarrow);
            _emit.Alu(X64Alu.Sub, x, X64Register.Rdx, !isNarrow);
            if (x != d)
                _emit.Move(d, x, !isNarrow);
        }
        else if (d != X64Register.Rdx)
        {
            _emit.Move(d, X64Register.Rdx, true);
        }
        if (keepRax)
            _emit.Move(X64Register.Rax, Scratch0, true);
        if (keepRdx)
            _emit.Move(X64Register.Rdx, Scratch1, true);
        return true;
    }
}
