// Comparisons, calls, tail calls and packet loads.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Runtime.Execution.Interpretation;
using Ebpfcc.Runtime.Helpers;

namespace Ebpfcc.Jit.Arm32;

public sealed partial class Arm32Compiler
{
    private static Arm32Condition UnsignedCondition(Operation operation) => operation switch
    {
        Operation.Jeq => Arm32Condition.Equal,
        Operation.Jne or Operation.Jset => Arm32Condition.NotEqual,
        Operation.Jgt or Operation.Jsgt => Arm32Condition.Higher,
        Operation.Jge or Operation.Jsge => Arm32Condition.CarrySet,
        Operation.Jlt or Operation.Jslt => Arm32Condition.CarryClear,
        Operation.Jle or Operation.Jsle => Arm32Condition.LowerOrSame,
        _ => throw new InternalCompilerException("ARM32 compiler", null, $"{operation} is no comparison"),
    };

    private static Arm32Condition SignedCondition(Operation operation) => operation switch
    {
        Operation.Jsgt => Arm32Condition.Greater,
        Operation.Jsge => Arm32Condition.GreaterOrEqual,
        Operation.Jslt => Arm32Condition.Less,
        Operation.Jsle => Arm32Condition.LessOrEqual,
        _ => UnsignedCondition(operation),
    };

    /// <summary>Sets the flags and returns the condition under which the jump is taken.</summary>
    private Arm32Condition EmitCompare(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst, src = instruction.Src;
        bool isRegister = row.IsRegisterForm;
        bool isSigned = row.Operation is Operation.Jsgt or Operation.Jsge or Operation.Jslt or Operation.Jsle;
        bool dstZero = IsHighZero(dst), srcZero = isRegister ? IsHighZero(src) : instruction.Immediate >= 0;
        if (row.Operation == Operation.Jset)
            return EmitTest(instruction, row);
        if (row.Width == 32)
        {
            CompareLow(instruction, row);
            return SignedCondition(row.Operation);
        }
        if (dstZero && srcZero)
        {
            // Numbers without upper halves are not negative: their signed order is the unsigned order of the lower halves.
            CompareLow(instruction, row);
            return UnsignedCondition(row.Operation);
        }
        if (!isSigned)
        {
            // cmp high ; cmpeq low
            Arm32Register low = ReadLow(dst, T0), high = ReadHigh(dst, T1);
            if (isRegister)
            {
                Arm32Register otherLow = ReadLow(src, T2), otherHigh = ReadHigh(src, T3);
                _emit.Alu(Arm32Operation.Cmp, 0, high, otherHigh, setFlags: true);
                _emit.Alu(Arm32Operation.Cmp, 0, low, otherLow, setFlags: true, Arm32Condition.Equal);
            }
            else if (instruction.Immediate == 0 && row.Operation is (Operation.Jeq or Operation.Jne))
            {
                _emit.Alu(Arm32Operation.Orr, Ip, low, high, setFlags: true);
            }
            else
            {
                // A constant without an encoding is loaded first: nothing may come between that changes flags.
                uint value = (uint)instruction.Immediate;
                Arm32Register? constant = CanCompare(value) ? null : Constant(value, T2);
                CompareConstant(high, instruction.Immediate < 0 ? uint.MaxValue : 0, null, Always);
                CompareConstant(low, value, constant, Arm32Condition.Equal);
            }
            return UnsignedCondition(row.Operation);
        }
        return EmitSignedCompare(instruction, row);
    }

    private static bool CanCompare(uint value)
        => Arm32Emitter.EncodeImmediate(value) >= 0 || (value != 0 && value != 0x80000000 && Arm32Emitter.EncodeImmediate(0 - value) >= 0);

    /// <summary>
    /// cmp with a constant, as cmn with its opposite where only that has an encoding: the flags are those of cmp, except for 0 and
    /// 0x80000000, which are their own opposites.
    /// </summary>
    private void CompareConstant(Arm32Register n, uint value, Arm32Register? loaded, Arm32Condition condition)
    {
        if (loaded is { } m)
            _emit.Alu(Arm32Operation.Cmp, 0, n, m, setFlags: true, condition);
        else if (!_emit.TryAluImmediate(Arm32Operation.Cmp, 0, n, value, setFlags: true, condition))
            _emit.TryAluImmediate(Arm32Operation.Cmn, 0, n, 0 - value, setFlags: true, condition);
    }

    /// <summary>
    /// cmp low ; sbcs high: the flags of a 64-bit subtraction tell less and not less; the other two swap the operands, or compare with the
    /// next constant. Below zero is what has its sign bit set.
    /// </summary>
    private Arm32Condition EmitSignedCompare(EbpfInstruction instruction, OpcodeRow row)
    {
        bool orEqual = row.Operation is Operation.Jsgt or Operation.Jsle;
        Arm32Condition condition = row.Operation is Operation.Jslt or Operation.Jsgt ? Arm32Condition.Less : Arm32Condition.GreaterOrEqual;
        if (!row.IsRegisterForm)
        {
            long bound = instruction.Immediate + (orEqual ? 1L : 0);
            if (orEqual)
                condition = condition.Negate();
            if (bound == 0)
            {
                _emit.TryAluImmediate(Arm32Operation.Cmp, 0, ReadHigh(instruction.Dst, T1), 0, setFlags: true);
                return condition;
            }
            Arm32Register n = ReadLow(instruction.Dst, T0), m = ReadHigh(instruction.Dst, T1);
            uint value = (uint)bound;
            CompareConstant(n, value, CanCompare(value) ? null : Constant(value, T2), Always);
            if (bound >= 0)
                _emit.TryAluImmediate(Arm32Operation.Sbc, Ip, m, 0, setFlags: true);
            else
                _emit.TryAluImmediate(Arm32Operation.Adc, Ip, m, 0, setFlags: true); // m - ~0 - !C = m + C
            return condition;
        }
        Arm32Register low = ReadLow(instruction.Dst, T0), high = ReadHigh(instruction.Dst, T1), otherLow = ReadLow(instruction.Src, T2), otherHigh = ReadHigh(instruction.Src, T3);
        if (orEqual)
            ((low, high), (otherLow, otherHigh)) = ((otherLow, otherHigh), (low, high));
        _emit.Alu(Arm32Operation.Cmp, 0, low, otherLow, setFlags: true);
        _emit.Alu(Arm32Operation.Sbc, Ip, high, otherHigh, setFlags: true);
        return condition;
    }

    private void CompareLow(EbpfInstruction instruction, OpcodeRow row)
    {
        Arm32Register low = ReadLow(instruction.Dst, T0);
        if (row.IsRegisterForm)
        {
            _emit.Alu(Arm32Operation.Cmp, 0, low, ReadLow(instruction.Src, T2), setFlags: true);
            return;
        }
        uint value = (uint)instruction.Immediate;
        if (!_emit.TryAluImmediate(Arm32Operation.Cmp, 0, low, value, setFlags: true)
            && !(value != 0 && value != 0x80000000 && _emit.TryAluImmediate(Arm32Operation.Cmn, 0, low, 0 - value, setFlags: true)))
            _emit.Alu(Arm32Operation.Cmp, 0, low, Constant(value, Ip), setFlags: true);
    }

    /// <summary>tst low ; tsteq high</summary>
    private Arm32Condition EmitTest(EbpfInstruction instruction, OpcodeRow row)
    {
        bool isRegister = row.IsRegisterForm;
        Arm32Register low = ReadLow(instruction.Dst, T0);
        bool highCounts = row.Width == 64 && !IsHighZero(instruction.Dst) && (isRegister ? !IsHighZero(instruction.Src) : instruction.Immediate < 0);
        Arm32Register high = highCounts ? ReadHigh(instruction.Dst, T1) : T1;
        Arm32Register otherHigh = !highCounts ? T3 : isRegister ? ReadHigh(instruction.Src, T3) : Constant(uint.MaxValue, T3);
        if (isRegister)
            _emit.Alu(Arm32Operation.Tst, 0, low, ReadLow(instruction.Src, T2), setFlags: true);
        else if (!_emit.TryAluImmediate(Arm32Operation.Tst, 0, low, (uint)instruction.Immediate, setFlags: true))
            _emit.Alu(Arm32Operation.Tst, 0, low, Constant((uint)instruction.Immediate, T2), setFlags: true);
        if (highCounts)
            _emit.Alu(Arm32Operation.Tst, 0, high, otherHigh, setFlags: true, Arm32Condition.Equal);
        return Arm32Condition.NotEqual;
    }

    // ---- calls ------------------------------------------------------------------------------------------------------------

    private void TranslateCall(int slot, EbpfInstruction instruction, OpcodeRow row)
    {
        switch (row.Opcode)
        {
            case EbpfOpcode.CallLocal:
                int callee = slot + 1 + instruction.Immediate;
                PassArguments(EbpfRegisters.MaxArguments);
                _emit.BranchAndLink(_slotLabels[callee]);
                break;
            case EbpfOpcode.CallReg:
                Copy(Ip, ReadLow(instruction.Dst, Ip));
                Copy(Lr, Ip);
                PassArguments(EbpfRegisters.MaxArguments);
                _emit.Move(Ip, Lr);
                _emit.BranchLinkExchange(Ip);
                break;
            case EbpfOpcode.CallHelper when instruction.Immediate == HelperRegistry.TailCallId:
                EmitTailCall();
                return;
            case EbpfOpcode.CallHelper:
                int arguments = _options.HelperArguments(instruction.Immediate);
                if (_options.IsShortCall(instruction.Immediate))
                    PassWords(arguments);
                else
                    PassArguments(arguments);
                _emit.MoveImmediate(Ip, _options.ResolveHelper(instruction.Immediate));
                _emit.BranchLinkExchange(Ip);
                break;
            default:
                throw new InternalCompilerException("ARM32 compiler", null, $"slot {slot}: no translation of {row.Opcode}");
        }
        StoreLow(EbpfRegisters.R0, T0);
        StoreHigh(EbpfRegisters.R0, T1);
    }

    /// <summary>R1 to r0:r1, R2 to r2:r3, R3 to R5 to the outgoing area. Homes are never r0 to r3, so nothing is overwritten.</summary>
    private void PassArguments(int count)
    {
        for (int argument = count - 1; argument >= 0; argument--)
        {
            int register = EbpfRegisters.R1 + argument;
            if (argument >= 2)
            {
                _emit.Store(32, ReadLow(register, Ip), Sp, 8 * (argument - 2));
                _emit.Store(32, ReadHigh(register, Ip), Sp, 8 * (argument - 2) + 4);
            }
            else
            {
                var low = (Arm32Register)(2 * argument);
                var high = (Arm32Register)(2 * argument + 1);
                Copy(low, ReadLow(register, low));
                Copy(high, ReadHigh(register, high));
            }
        }
    }

    /// <summary>The low halves of R1 to R4 to r0 to r3, that of R5 to the stack.</summary>
    private void PassWords(int count)
    {
        if (count == EbpfRegisters.MaxArguments)
            _emit.Store(32, ReadLow(EbpfRegisters.R5, Ip), Sp, 0);
        for (int argument = 0; argument < Math.Min(count, 4); argument++)
            Copy((Arm32Register)argument, ReadLow(EbpfRegisters.R1 + argument, (Arm32Register)argument));
    }

    /// <summary>The resolver gives the entry to continue at, or 0; the context is passed on in r0:r1.</summary>
    private void EmitTailCall()
    {
        ArmLabel failed = _emit.NewLabel();
        PassArguments(3);
        _emit.MoveImmediate(Ip, _options.ResolveTailCall);
        _emit.BranchLinkExchange(Ip);
        _emit.TryAluImmediate(Arm32Operation.Cmp, 0, T0, 0, setFlags: true);
        _emit.Branch(failed, Arm32Condition.Equal);
        _emit.Move(T2, T0);
        Copy(T0, ReadLow(EbpfRegisters.R1, T0));
        _emit.MoveImmediate(T1, 0);
        // The mask may hold ip as padding: the target waits in r2, which no pop touches.
        EmitTeardown(returns: false);
        _emit.BranchExchange(T2);
        _emit.Bind(failed);
        const int NoEntry = -2;
        _emit.MoveImmediate(T0, unchecked((uint)NoEntry));
        StoreLow(EbpfRegisters.R0, T0);
        SetHigh(EbpfRegisters.R0, uint.MaxValue);
    }

    /// <summary>
    /// The load function takes (context, offset); a negative result ends the program with 0. Where R6 is known to be the context,
    /// bytes from the packet's start are loaded in place (T2 is the offset, T0 the context):
    ///   ldr ip, [T0, length] ; subs ip, ip, bytes ; cmphs ip, T2 ; blo elsewhere ; ldr ip, [T0, address] ; ldrX T0, [ip, T2] ; rev
    /// </summary>
    private void TranslatePacketLoad(EbpfInstruction instruction, OpcodeRow row)
    {
        ArmLabel loaded = _emit.NewLabel(), elsewhere = _emit.NewLabel(), outside = _emit.NewLabel();
        bool isFromStart = !row.IsRegisterForm && instruction.Immediate >= 0;
        if (row.IsRegisterForm)
            AluConstant(Arm32Operation.Add, T2, ReadLow(instruction.Src, T2), (uint)instruction.Immediate);
        else
            _emit.MoveImmediate(T2, (uint)instruction.Immediate);
        Copy(T0, ReadLow(EbpfRegisters.R6, T0));
        if (_options.HasContextInR6 && (row.IsRegisterForm || isFromStart))
        {
            _emit.Load(32, false, Ip, T0, PacketLoads.LengthAt);
            _emit.TryAluImmediate(Arm32Operation.Sub, Ip, Ip, (uint)row.Width / 8, setFlags: true);
            _emit.Alu(Arm32Operation.Cmp, 0, Ip, T2, setFlags: true, Arm32Condition.CarrySet);
            _emit.Branch(isFromStart ? outside : elsewhere, Arm32Condition.CarryClear);
            _emit.Load(32, false, Ip, T0, PacketLoads.AddressAt);
            _emit.LoadIndexed(row.Width, false, T0, Ip, T2, 0);
            if (row.Width == 16)
                _emit.Reverse16(T0, T0);
            else if (row.Width == 32)
                _emit.Reverse(T0, T0);
            _emit.Branch(loaded);
        }
        _emit.Bind(elsewhere);
        if (!_options.HasContextInR6 || !isFromStart)
        {
            _emit.MoveImmediate(T3, 0);
            _emit.MoveImmediate(T1, 0);
            _emit.MoveImmediate(Ip, _options.ResolvePacketLoad(row.Width));
            _emit.BranchLinkExchange(Ip);
            _emit.TryAluImmediate(Arm32Operation.Cmp, 0, T1, 0, setFlags: true);
            _emit.Branch(loaded, Arm32Condition.Plus);
        }
        _emit.Bind(outside);
        _emit.MoveImmediate(T0, 0);
        _emit.MoveImmediate(T1, 0);
        EmitTeardown(returns: true);
        _emit.Bind(loaded);
        StoreLow(EbpfRegisters.R0, T0);
        ClearHigh(EbpfRegisters.R0);
    }
}
