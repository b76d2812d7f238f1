// Division. Where the processor has no udiv, and for 64 bits always, routines behind the program do it: shift and subtract
// from the first bit that matters (Hennessy and Patterson, appendix J.2), on magnitudes; signs are put on afterwards.
using Ebpfcc.Ebpf.Isa;

namespace Ebpfcc.Jit.Arm32;

public sealed partial class Arm32Compiler
{
    private readonly ArmLabel _divide32, _divide64;
    private bool _usesDivide32, _usesDivide64;

    /// <summary>
    /// r0 = dividend, r1 = divisor; quotient or remainder to dst. A zero divisor gives 0 or the dividend:
    ///   cmp r1, #0 ; (div) moveq r0, #0 ; beq done ; ...
    /// </summary>
    private void EmitDivide32(EbpfInstruction instruction, OpcodeRow row)
    {
        bool isModulo = row.Operation is Operation.Mod or Operation.SMod;
        bool isSigned = row.Operation is Operation.SDiv or Operation.SMod;
        if (row.IsRegisterForm)
            Copy(T1, RightLow(instruction, T1));
        else
            _emit.MoveImmediate(T1, (uint)instruction.Immediate);
        Copy(T0, LeftLow(T0));
        ArmLabel done = _emit.NewLabel();
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, T1, 0, setFlags: true);
        if (!isModulo)
            _emit.MoveImmediate(T0, 0, Arm32Condition.Equal);
        _emit.Branch(done, Arm32Condition.Equal);
        if (_options.Features.HasDivide)
        {
            _emit.Divide(T2, T0, T1, isSigned);
            if (isModulo)
            {
                // remainder = dividend - quotient * divisor
                _emit.Multiply(T2, T2, T1);
                _emit.Alu(Arm32Operation.Sub, T0, T0, T2);
            }
            else
            {
                _emit.Move(T0, T2);
            }
        }
        else
        {
            if (isSigned)
            {
                // ip bit 31: sign of the result. Magnitudes: x = (x ^ s) - s with s the sign spread over the word.
                if (isModulo)
                    _emit.Move(Ip, T0);
                else
                    _emit.Alu(Arm32Operation.Eor, Ip, T0, T1);
                foreach (Arm32Register x in new[] { T0, T1 })
                {
                    _emit.Alu(Arm32Operation.Eor, T2, x, x, false, Always, Arm32Shift.RightArithmetic, 31);
                    _emit.Alu(Arm32Operation.Sub, x, T2, x, false, Always, Arm32Shift.RightArithmetic, 31);
                }
            }
            _usesDivide32 = true;
            _emit.BranchAndLink(_divide32);
            if (isModulo)
                _emit.Move(T0, T1);
            if (isSigned)
            {
                _emit.TryAluImmediate(Arm32Operation.Cmp, 0, Ip, 0, setFlags: true);
                _emit.TryAluImmediate(Arm32Operation.Rsb, T0, T0, 0, false, Arm32Condition.Minus);
            }
        }
        _emit.Bind(done);
        StoreLow(instruction.Dst, T0);
    }

    /// <summary>r0:r1 by r2:r3; the quotient comes back in r0:r1, the remainder in r2:r3.</summary>
    private void EmitDivide64(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        bool isModulo = row.Operation is Operation.Mod or Operation.SMod;
        bool isSigned = row.Operation is Operation.SDiv or Operation.SMod;
        if (row.IsRegisterForm)
        {
            Copy(T2, RightLow(instruction, T2));
            Copy(T3, RightHigh(instruction, T3));
        }
        else
        {
            _emit.MoveImmediate(T2, (uint)instruction.Immediate);
            _emit.MoveImmediate(T3, instruction.Immediate < 0 ? uint.MaxValue : 0);
        }
        Copy(T0, LeftLow(T0));
        Copy(T1, LeftHigh(T1));
        ArmLabel done = _emit.NewLabel();
        _emit.Alu(Arm32Operation.Orr, Ip, T2, T3, setFlags: true);
        if (!isModulo)
        {
            _emit.MoveImmediate(T0, 0, Arm32Condition.Equal);
            _emit.MoveImmediate(T1, 0, Arm32Condition.Equal);
        }
        _emit.Branch(done, Arm32Condition.Equal);
        if (isSigned)
        {
            // ip bit 31: sign of the result.
            if (isModulo)
                _emit.Move(Ip, T1);
            else
                _emit.Alu(Arm32Operation.Eor, Ip, T1, T3);
            NegateIfMinus(T0, T1);
            NegateIfMinus(T2, T3);
        }
        _usesDivide64 = true;
        _emit.BranchAndLink(_divide64);
        if (isModulo)
        {
            _emit.Move(T0, T2);
            _emit.Move(T1, T3);
        }
        if (isSigned)
        {
            _emit.TryAluImmediate(Arm32Operation.Cmp, 0, Ip, 0, setFlags: true);
            ArmLabel positive = _emit.NewLabel();
            _emit.Branch(positive, Arm32Condition.Plus);
            Negate(T0, T1);
            _emit.Bind(positive);
        }
        _emit.Bind(done);
        StoreLow(dst, T0);
        StoreHigh(dst, T1);
    }

    private void Negate(Arm32Register low, Arm32Register high)
    {
        _emit.TryAluImmediate(Arm32Operation.Rsb, low, low, 0, setFlags: true);
        _emit.TryAluImmediate(Arm32Operation.Rsc, high, high, 0);
    }

    private void NegateIfMinus(Arm32Register low, Arm32Register high)
    {
        ArmLabel positive = _emit.NewLabel();
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, high, 0, setFlags: true);
        _emit.Branch(positive, Arm32Condition.Plus);
        Negate(low, high);
        _emit.Bind(positive);
    }

    private void EmitDivisionRoutines()
    {
        if (_usesDivide64)
            EmitDivide64Routine();
        if (_usesDivide32 || _usesDivide64)
            EmitDivide32Routine();
    }

    /// <summary>
    /// r0 / r1, r1 not zero: quotient r0, remainder r1. Keeps ip; uses r2, r3.
    ///   n = clz(r1) - clz(r0); if n &lt; 0 the quotient is 0
    ///   r1 &lt;&lt;= n; n + 1 times: q = 2q + (r0 >= r1 ? 1 : 0, subtracting); r1 >>= 1
    /// </summary>
    private void EmitDivide32Routine()
    {
        ArmLabel small = _emit.NewLabel(), loop = _emit.NewLabel();
        _emit.Bind(_divide32);
        _emit.CountLeadingZeros(T2, T1);
        _emit.CountLeadingZeros(T3, T0);
        _emit.Alu(Arm32Operation.Sub, T2, T2, T3, setFlags: true);
        _emit.Branch(small, Arm32Condition.Less);
        _emit.AluShifted(Arm32Operation.Mov, T1, 0, T1, Arm32Shift.Left, T2);
        _emit.MoveImmediate(T3, 0);
        _emit.Bind(loop);
        _emit.Alu(Arm32Operation.Cmp, 0, T0, T1, setFlags: true);
        _emit.Alu(Arm32Operation.Sub, T0, T0, T1, false, Arm32Condition.CarrySet);
        _emit.Alu(Arm32Operation.Adc, T3, T3, T3); // q = 2q + carry, and carry says r0 >= r1
        _emit.Alu(Arm32Operation.Mov, T1, 0, T1, false, Always, Arm32Shift.RightLogical, 1);
        _emit.TryAluImmediate(Arm32Operation.Sub, T2, T2, 1, setFlags: true);
        _emit.Branch(loop, Arm32Condition.Plus);
        _emit.Move(T1, T0);
        _emit.Move(T0, T3);
        _emit.BranchExchange(Lr);
        _emit.Bind(small);
        _emit.Move(T1, T0);
        _emit.MoveImmediate(T0, 0);
        _emit.BranchExchange(Lr);
    }

    /// <summary>
    /// r0:r1 / r2:r3, divisor not zero: quotient r0:r1, remainder r2:r3. Keeps ip. Two words fall back to the 32-bit routine; the
    /// rest is the same loop on pairs, quotient in r4:r5, count in r6.
    /// </summary>
    private void EmitDivide64Routine()
    {
        Arm32Register q0 = Arm32Register.R4, q1 = Arm32Register.R5, count = Arm32Register.R6, t = Arm32Register.R7;
        int saved = 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << (int)Ip | 1 << (int)Lr;
        ArmLabel wide = _emit.NewLabel(), loop = _emit.NewLabel(), shiftDone = _emit.NewLabel(), small = _emit.NewLabel(), subtract = _emit.NewLabel(), next = _emit.NewLabel();
        _emit.Bind(_divide64);
        _emit.Push(saved);
        _emit.Alu(Arm32Operation.Orr, t, T1, T3, setFlags: true);
        _emit.Branch(wide, Arm32Condition.NotEqual);
        _emit.Move(T1, T2);
        if (_options.Features.HasDivide)
        {
            _emit.Divide(T2, T0, T1, isSigned: false);
            _emit.Multiply(T3, T2, T1);
            _emit.Alu(Arm32Operation.Sub, T1, T0, T3);
            _emit.Move(T0, T2);
        }
        else
        {
            _usesDivide32 = true;
            _emit.BranchAndLink(_divide32);
        }
        _emit.Move(T2, T1);
        _emit.MoveImmediate(T1, 0);
        _emit.MoveImmediate(T3, 0);
        _emit.Pop(saved & ~(1 << (int)Lr) | 1 << (int)Arm32Register.Pc);

        _emit.Bind(wide);
        CountLeadingZeros64(count, T2, T3, t);
        CountLeadingZeros64(t, T0, T1, q0);
        _emit.Alu(Arm32Operation.Sub, count, count, t, setFlags: true);
        _emit.Branch(small, Arm32Condition.Less);
        // r2:r3 <<= count
        _emit.AluShifted(Arm32Operation.Mov, T3, 0, T3, Arm32Shift.Left, count);
        _emit.TryAluImmediate(Arm32Operation.Rsb, t, count, 32);
        _emit.AluShifted(Arm32Operation.Orr, T3, T3, T2, Arm32Shift.RightLogical, t);
        _emit.TryAluImmediate(Arm32Operation.Sub, t, count, 32);
        _emit.AluShifted(Arm32Operation.Orr, T3, T3, T2, Arm32Shift.Left, t);
        _emit.AluShifted(Arm32Operation.Mov, T2, 0, T2, Arm32Shift.Left, count);
        _emit.MoveImmediate(q0, 0);
        _emit.MoveImmediate(q1, 0);
        _emit.Bind(loop);
        _emit.Alu(Arm32Operation.Add, q0, q0, q0, setFlags: true);
        _emit.Alu(Arm32Operation.Adc, q1, q1, q1);
        _emit.Alu(Arm32Operation.Cmp, 0, T0, T2, setFlags: true);
        _emit.Alu(Arm32Operation.Sbc, t, T1, T3, setFlags: true);
        _emit.Branch(next, Arm32Condition.CarryClear);
        _emit.Bind(subtract);
        _emit.Alu(Arm32Operation.Sub, T0, T0, T2, setFlags: true);
        _emit.Alu(Arm32Operation.Sbc, T1, T1, T3);
        _emit.TryAluImmediate(Arm32Operation.Orr, q0, q0, 1);
        _emit.Bind(next);
        // r2:r3 >>= 1
        _emit.Alu(Arm32Operation.Mov, T2, 0, T2, false, Always, Arm32Shift.RightLogical, 1);
        _emit.Alu(Arm32Operation.Orr, T2, T2, T3, false, Always, Arm32Shift.Left, 31);
        _emit.Alu(Arm32Operation.Mov, T3, 0, T3, false, Always, Arm32Shift.RightLogical, 1);
        _emit.TryAluImmediate(Arm32Operation.Sub, count, count, 1, setFlags: true);
        _emit.Branch(loop, Arm32Condition.Plus);
        _emit.Bind(shiftDone);
        _emit.Move(T2, T0);
        _emit.Move(T3, T1);
        _emit.Move(T0, q0);
        _emit.Move(T1, q1);
        _emit.Pop(saved & ~(1 << (int)Lr) | 1 << (int)Arm32Register.Pc);

        _emit.Bind(small);
        _emit.Move(T2, T0);
        _emit.Move(T3, T1);
        _emit.MoveImmediate(T0, 0);
        _emit.MoveImmediate(T1, 0);
        _emit.Pop(saved & ~(1 << (int)Lr) | 1 << (int)Arm32Register.Pc);
    }

    /// <summary>clz of the upper word, or 32 + clz of the lower when the upper is zero.</summary>
    private void CountLeadingZeros64(Arm32Register d, Arm32Register low, Arm32Register high, Arm32Register scratch)
    {
        _emit.CountLeadingZeros(d, high);
        _emit.CountLeadingZeros(scratch, low);
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, d, 32, setFlags: true);
        _emit.Alu(Arm32Operation.Add, d, d, scratch, false, Arm32Condition.Equal);
    }
}
