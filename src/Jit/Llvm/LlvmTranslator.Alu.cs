// Arithmetic and comparisons (RFC 9669 sections 4.1 to 4.3). 32-bit operations are done on truncated operands and extended.
using Ebpfcc.Core.Diagnostics;
using Ebpfcc.Ebpf.Isa;
using Ebpfcc.Jit.Llvm.Interop;
using static Ebpfcc.Jit.Llvm.Interop.LLVMIntPredicate;
using static Ebpfcc.Jit.Llvm.Interop.LLVMOpcode;

namespace Ebpfcc.Jit.Llvm;

internal sealed partial class LlvmTranslator
{
    private void TranslateAlu(EbpfInstruction instruction, OpcodeRow row)
    {
        int dst = instruction.Dst;
        bool wide = row.Width == 64;
        switch (row.Operation)
        {
            case Operation.Mov when row.IsRegisterForm && wide:
            case Operation.AddrSpaceCast:
                _registers[dst] = _registers[instruction.Src];
                return;
            case Operation.Add when wide && TryDisplace(instruction, row):
            case Operation.Sub when wide && TryDisplace(instruction, row):
                return;
            case Operation.MovSx:
                LLVMValueRef part = _builder.BuildTrunc(Int(instruction.Src), _context.GetIntType((uint)row.DiscriminatorValue));
                LLVMValueRef extended = _builder.BuildSExt(part, wide ? _int64 : _int32);
                SetResult(dst, extended, wide);
                return;
            case Operation.ToLe when wide:
                Set(dst, Int(dst));
                return;
            case Operation.ToLe:
                SetExtended(dst, _builder.BuildTrunc(Int(dst), _context.GetIntType((uint)row.Width)));
                return;
            case Operation.ToBe or Operation.Bswap:
                LLVMTypeRef type = _context.GetIntType((uint)row.Width);
                LLVMValueRef value = wide ? Int(dst) : _builder.BuildTrunc(Int(dst), type);
                value = _builder.BuildCall2(LLVMTypeRef.CreateFunction(type, [type]), _module.GetIntrinsic("llvm.bswap"u8, type), [value]);
                SetResult(dst, value, wide);
                return;
        }
        LLVMValueRef right = row.Operation == Operation.Neg ? default : Second(instruction, row);
        LLVMValueRef left = row.Operation == Operation.Mov ? default : wide ? Int(dst) : Low(dst);
        SetResult(dst, row.Operation switch
        {
            Operation.Mov => right,
            Operation.Add => _builder.BuildAdd(left, right),
            Operation.Sub => _builder.BuildSub(left, right),
            Operation.Mul => _builder.BuildMul(left, right),
            Operation.Or => _builder.BuildBinOp(LLVMOr, left, right),
            Operation.And => _builder.BuildAnd(left, right),
            Operation.Xor => _builder.BuildBinOp(LLVMXor, left, right),
            Operation.Lsh => _builder.BuildBinOp(LLVMShl, left, MaskCount(right, wide)),
            Operation.Rsh => _builder.BuildBinOp(LLVMLShr, left, MaskCount(right, wide)),
            Operation.Arsh => _builder.BuildBinOp(LLVMAShr, left, MaskCount(right, wide)),
            Operation.Neg => _builder.BuildSub(ConstantOf(0, wide), left),
            Operation.Div or Operation.Mod or Operation.SDiv or Operation.SMod => Divide(instruction, row, left, right),
            _ => throw new InternalCompilerException("LLVM translation", null, $"no translation of {row.Opcode}"),
        }, wide);
    }

    private void SetResult(int register, LLVMValueRef value, bool wide)
    {
        if (wide)
            Set(register, value);
        else
            SetExtended(register, value);
    }

    private LLVMValueRef ConstantOf(long value, bool wide) => LLVMValueRef.CreateConstInt(wide ? _int64 : _int32, (ulong)value, signExtend: true);

    /// <summary>The source register or the immediate, in the width of the operation.</summary>
    private LLVMValueRef Second(EbpfInstruction instruction, OpcodeRow row)
        => !row.IsRegisterForm ? ConstantOf(instruction.Immediate, row.Width == 64) : row.Width == 64 ? Int(instruction.Src) : Low(instruction.Src);

    private LLVMValueRef MaskCount(LLVMValueRef count, bool wide) => _builder.BuildAnd(count, ConstantOf(wide ? 63 : 31, wide));

    /// <summary>Address arithmetic, when exactly one operand is an address (of a difference, the first).</summary>
    private bool TryDisplace(EbpfInstruction instruction, OpcodeRow row)
    {
        Operand left = _registers[instruction.Dst];
        Operand right = row.IsRegisterForm ? _registers[instruction.Src] : new Operand(Constant((ulong)(long)instruction.Immediate), false);
        if (row.Operation == Operation.Add && !left.IsPointer)
            (left, right) = (right, left);
        if (!left.IsPointer || right.IsPointer)
            return false;
        SetPointer(instruction.Dst, Displace(left.Value, row.Operation == Operation.Add ? right.Value : _builder.BuildSub(_zero, right.Value)));
        return true;
    }

    /// <summary>
    /// Division by zero yields 0 and modulo by zero the dividend; the most negative number divided by -1 is itself with remainder 0.
    /// Neither may reach LLVM's division, which is undefined there:
    ///
    ///   here: divisor == 0 ? done : [divisor == -1 ? done :] divide
    ///   divide: x / y
    ///   done: phi [special values], [x / y]
    /// </summary>
    private LLVMValueRef Divide(EbpfInstruction instruction, OpcodeRow row, LLVMValueRef dividend, LLVMValueRef divisor)
    {
        bool wide = row.Width == 64;
        bool isModulo = row.Operation is Operation.Mod or Operation.SMod;
        bool isSigned = row.Operation is Operation.SDiv or Operation.SMod;
        LLVMOpcode operation = isSigned ? isModulo ? LLVMSRem : LLVMSDiv : isModulo ? LLVMURem : LLVMUDiv;
        LLVMValueRef none = ConstantOf(0, wide);
        LLVMValueRef byZero = isModulo ? dividend : none;
        LLVMValueRef ByMinusOne() => isModulo ? none : _builder.BuildSub(none, dividend);
        if (!row.IsRegisterForm)
            return instruction.Immediate == 0 ? byZero : isSigned && instruction.Immediate == -1 ? ByMinusOne() : _builder.BuildBinOp(operation, dividend, divisor);

        LLVMTypeRef type = wide ? _int64 : _int32;
        LLVMBasicBlockRef done = NewBlock("divided"), divide = NewBlock("divide"), here = _builder.InsertBlock, checkedZero = default;
        LLVMValueRef byMinusOne = default;
        LLVMValueRef isZero = _builder.BuildICmp(LLVMIntEQ, divisor, none);
        if (isSigned)
        {
            _builder.BuildCondBr(isZero, done, checkedZero = NewBlock("nonzero"));
            _builder.PositionAtEnd(checkedZero);
            byMinusOne = ByMinusOne();
            _builder.BuildCondBr(_builder.BuildICmp(LLVMIntEQ, divisor, ConstantOf(-1, wide)), done, divide);
        }
        else
        {
            _builder.BuildCondBr(isZero, done, divide);
        }
        _builder.PositionAtEnd(divide);
        LLVMValueRef quotient = _builder.BuildBinOp(operation, dividend, divisor);
        _builder.BuildBr(done);
        _builder.PositionAtEnd(done);
        LLVMValueRef result = _builder.BuildPhi(type);
        result.AddIncoming(byZero, here);
        if (isSigned)
            result.AddIncoming(byMinusOne, checkedZero);
        result.AddIncoming(quotient, divide);
        return result;
    }

    /// <summary>Whether a conditional jump is taken.</summary>
    private LLVMValueRef Condition(EbpfInstruction instruction, OpcodeRow row)
    {
        if (row.Operation == Operation.MayGoto)
        {
            // Taken once the budget is used up: what ends loops that the verifier let pass because of it.
            Set(Budget, _builder.BuildSub(_registers[Budget].Value, Constant(1)));
            return _builder.BuildICmp(LLVMIntSLT, _registers[Budget].Value, _zero);
        }
        bool wide = row.Width == 64;
        LLVMValueRef left = wide ? Int(instruction.Dst) : Low(instruction.Dst), right = Second(instruction, row);
        if (row.Operation == Operation.Jset)
            return _builder.BuildICmp(LLVMIntNE, _builder.BuildAnd(left, right), ConstantOf(0, wide));
        return _builder.BuildICmp(row.Operation switch
        {
            Operation.Jeq => LLVMIntEQ,
            Operation.Jne => LLVMIntNE,
            Operation.Jgt => LLVMIntUGT,
            Operation.Jge => LLVMIntUGE,
            Operation.Jlt => LLVMIntULT,
            Operation.Jle => LLVMIntULE,
            Operation.Jsgt => LLVMIntSGT,
            Operation.Jsge => LLVMIntSGE,
            Operation.Jslt => LLVMIntSLT,
            Operation.Jsle => LLVMIntSLE,
            _ => throw new InternalCompilerException("LLVM translation", null, $"{row.Operation} is no comparison"),
        }, left, right);
    }
}
